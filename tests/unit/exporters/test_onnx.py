from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from streamsr.errors import ExportError, ModelError
from streamsr.spec import METADATA_KEY, ModelSpec

pytestmark = pytest.mark.torch


def test_the_graph_is_the_plain_pattern_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    from exporters.onnx import export_onnx

    spec = export_onnx(checkpoint, tmp_path / "tiny.onnx", licence="Apache-2.0")
    proto = onnx.load(tmp_path / "tiny.onnx")
    nodes = proto.graph.node
    assert [node.op_type for node in nodes] == ["Conv", "Relu"] * 3 + ["Conv", "Add", "DepthToSpace"]
    for node, following in pairwise(nodes):
        assert following.input[0] == node.output[0]
    assert nodes[0].input[0] == nodes[-2].input[1] == "input"
    assert nodes[-1].output[0] == "output"
    assert onnx.helper.get_node_attr_value(nodes[-1], "mode") == b"CRD"
    assert proto.opset_import[0].version == 18
    assert {prop.key: prop.value for prop in proto.metadata_props} == {METADATA_KEY: spec.to_json()}
    expected = ModelSpec("tiny", scale=2, color="luma", halo=4, licence="Apache-2.0")
    assert (spec.name, spec.scale, spec.color, spec.halo, spec.licence, spec.multiple_of) == (
        expected.name, expected.scale, expected.color, expected.halo, expected.licence, expected.multiple_of,
    )  # fmt: skip
    assert spec.checkpoint_sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [(1, 1), (17, 5), (90, 160)])
def test_the_file_computes_what_torch_computes(checkpoint: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    import torch

    from exporters.onnx import export_onnx
    from streamsr.training.checkpoint import load_checkpoint

    export_onnx(checkpoint, tmp_path / "tiny.onnx")
    image = np.random.default_rng(0).random((1, 1, *size), dtype=np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "tiny.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = load_checkpoint(checkpoint).build()(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(session.run(None, {"input": image})[0], expected, atol=1e-5)


def test_a_model_that_differs_is_refused(checkpoint: Path) -> None:
    from exporters.onnx import check_parity, plain_model
    from streamsr.training.checkpoint import load_checkpoint

    model = load_checkpoint(checkpoint).build()
    kernels = [(conv.weight.detach().numpy(), conv.bias.detach().numpy()) for conv in model.collapse()]
    spec = ModelSpec("tiny", scale=2, color="luma")
    assert check_parity(plain_model(kernels, spec), model) < 1e-5
    kernels[1] = (kernels[1][0], kernels[1][1] + 0.5)
    with pytest.raises(ExportError, match="differs from torch"):
        check_parity(plain_model(kernels, spec), model)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    from exporters.onnx import export_onnx

    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"no\.safetensors"):
        export_onnx(tmp_path / "no.safetensors", tmp_path / "no.onnx")
    assert not (tmp_path / "no.onnx").exists()
