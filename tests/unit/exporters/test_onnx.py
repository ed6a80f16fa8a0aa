from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from exporters.onnx import check_parity, export_generator, read_checkpoint, to_onnx, write_model
from exporters.tidy import tidied
from streamsr.errors import ExportError, ModelError
from streamsr.graph.model import load_model
from streamsr.spec import METADATA_KEY, ModelSpec

pytestmark = pytest.mark.torch


def test_the_graph_is_the_plain_pattern_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    generator, known = read_checkpoint(checkpoint)
    spec = export_generator(generator, tmp_path / "tiny.onnx", replace(known, licence="Apache-2.0"))
    proto = onnx.load(tmp_path / "tiny.onnx")
    nodes = proto.graph.node
    assert [node.op_type for node in nodes] == ["Conv", "Relu"] * 3 + ["Conv", "Add", "DepthToSpace"]
    for node, following in pairwise(nodes):
        assert following.input[0] == node.output[0]
    assert nodes[0].input[0] == nodes[-2].input[1] == "input"
    assert nodes[-1].output[0] == "output"
    assert onnx.helper.get_node_attr_value(nodes[-1], "mode") == b"CRD"
    assert [node.name for node in nodes][:3] == ["conv0", "relu0", "conv1"]
    assert [tensor.name for tensor in proto.graph.initializer][:3] == ["conv0.weight", "conv0.bias", "conv1.weight"]
    assert proto.opset_import[0].version == 18
    assert {prop.key: prop.value for prop in proto.metadata_props} == {METADATA_KEY: spec.to_json()}
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    about = {"description": known.description, "exporter": spec.exporter, "checkpoint_sha256": digest}
    assert spec == ModelSpec("tiny", scale=2, color="luma", halo=4, licence="Apache-2.0", **about)


def test_the_file_says_nothing_about_where_it_was_made(checkpoint: Path) -> None:
    proto, _ = to_onnx(read_checkpoint(checkpoint)[0], ModelSpec("tiny"))
    text = proto.SerializeToString()
    for word in (b".py", b"torch", str(Path.home()).encode(), str(Path(__file__).parents[3]).encode()):
        assert word not in text, word


@pytest.mark.parametrize("size", [(1, 1), (17, 5), (90, 160)])
def test_the_file_computes_what_torch_computes(checkpoint: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    import torch

    generator, spec = read_checkpoint(checkpoint)
    export_generator(generator, tmp_path / "tiny.onnx", spec)
    image = np.random.default_rng(0).random((1, 1, *size), dtype=np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "tiny.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = generator(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(session.run(None, {"input": image})[0], expected, atol=1e-5)


def test_names_and_structure_do_not_depend_on_the_weights(checkpoint: Path) -> None:
    """The tracer merges equal constants and drops biases of zero."""
    import torch

    generator, spec = read_checkpoint(checkpoint)
    usual, _ = to_onnx(generator, spec)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            parameter.fill_(0.0 if "bias" in name or "edge" in name else 0.01)
    odd, _ = to_onnx(generator, spec)
    assert [(tensor.name, tensor.dims) for tensor in usual.graph.initializer] == [
        (tensor.name, tensor.dims) for tensor in odd.graph.initializer
    ]
    assert [list(node.input) for node in usual.graph.node] == [list(node.input) for node in odd.graph.node]
    assert check_parity(odd, generator) < 1e-3


def test_a_model_that_differs_is_refused(checkpoint: Path) -> None:
    generator, spec = read_checkpoint(checkpoint)
    proto, _ = to_onnx(generator, spec)
    assert check_parity(proto, generator) < 1e-5
    bias = next(tensor for tensor in proto.graph.initializer if tensor.name == "conv1.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.5), bias.name))
    with pytest.raises(ExportError, match="differs from torch"):
        check_parity(proto, generator)


def test_a_network_that_cannot_be_traced(tmp_path: Path) -> None:
    import torch

    from streamsr.generators.interpolation import Interpolation, InterpolationConfig

    class Moody(Interpolation):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) if float(x.mean()) > 0.5 else super().forward(x) * 2

    with pytest.raises(ExportError, match=r"Moody cannot be traced: .+"):
        export_generator(Moody(InterpolationConfig()), tmp_path / "moody.onnx", ModelSpec("moody"))
    assert not list(tmp_path.iterdir())


def test_a_network_that_branches_is_refused() -> None:
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, None, None])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, None, None])
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["z"])], "g", [], [image.__class__(name="z")])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    constant = numpy_helper.from_array(np.array(True), "c")
    proto = helper.make_model(helper.make_graph([branch], "branching", [image], [result], [constant]))
    with pytest.raises(ExportError, match="has a If"):
        tidied(proto, "branching")


def test_a_file_appears_whole_or_not_at_all(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto, _ = to_onnx(*read_checkpoint(checkpoint))
    target = tmp_path / "out" / "tiny.onnx"
    target.parent.mkdir()
    write_model(proto, target)
    assert load_model(target).spec.name == "tiny"
    before = target.read_bytes()

    def full(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_model(proto, target)
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]
    monkeypatch.setattr("exporters.onnx.MODEL_BYTES_MAX", 1000)
    with pytest.raises(ExportError, match="more than a model file can have"):
        write_model(proto, target)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"no\.safetensors"):
        read_checkpoint(tmp_path / "no.safetensors")
