"""Layers as the inspector's JSON tells them: the format of TensorRT 10 and 11."""

from __future__ import annotations

from streamsr.engines.plan_layers import LayerTensor, parse_inspection, parse_listing

DETAILED = {
    "Layers": [
        {
            "Name": "model0/conv1 + model0/relu1",
            "LayerType": "CaskConvolution",
            "Inputs": [
                {
                    "Name": "model0/relu0",
                    "Location": "Device",
                    "Dimensions": [1, 16, 360, 640],
                    "Format/Datatype": "Channel major FP16 format where channel % 8 == 0",
                }
            ],
            "Outputs": [
                {"Name": "model0/relu1", "Dimensions": [1, 16, 360, 640], "Format/Datatype": "Row major linear FP32"}
            ],
            "TacticName": "sm80_xmma_fprop_implicit_gemm_f16",
            "TacticValue": "0x0",
            "StreamId": 0,
            "Metadata": "[ONNX Layer: model0/conv1]\u001e[ONNX Layer: model0/relu1]",
        }
    ],
    "Bindings": ["plane.0", "out.0"],
}


def test_a_detailed_report() -> None:
    (layer,) = parse_inspection(DETAILED)
    assert (layer.kind, layer.precision) == ("CaskConvolution", "Float")
    assert layer.tactic == "sm80_xmma_fprop_implicit_gemm_f16"
    assert layer.inputs == (LayerTensor("model0/relu0", "Half", (1, 16, 360, 640)),)
    assert layer.nodes == ("model0/conv1", "model0/relu1")


def test_a_report_of_names_alone() -> None:
    first, second = parse_inspection({"Layers": ["Reformatting CopyNode", "conv + relu"]})
    assert (first.name, second.name, second.precision) == ("Reformatting CopyNode", "conv + relu", "")


def test_a_log_without_layers_has_none() -> None:
    assert parse_listing("Layers:\n\nI/O Tensors:\n Name: x, IOMode: Input") == ()
