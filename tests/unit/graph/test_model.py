"""Reading model files: ours, other people's, and what is none."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamsr.errors import ModelError
from streamsr.graph import Model, build_frame_graph, load_model
from streamsr.graph.receptive import receptive_radius
from streamsr.spec import METADATA_KEY, ModelSpec
from tests.nets import Net, identity, model, nearest, small

from .running import noise, run, stream


def saved(proto: onnx.ModelProto, folder, name: str = "theirs.onnx"):
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def stripped(given: Model) -> onnx.ModelProto:
    del given.proto.metadata_props[:]
    return given.proto


def graph_of(nodes, inputs, outputs, constants=()) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "theirs", inputs, outputs, list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def value(name: str, shape, kind=TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def test_our_own_files_bring_their_spec(tmp_path):
    given = small("luma", layers=4)
    loaded = load_model(saved(given.proto, tmp_path))
    assert loaded.spec == given.spec


@pytest.mark.parametrize("color", ["luma", "rgb"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_foreign_network_is_examined(tmp_path, color, scale):
    spec = load_model(saved(stripped(small(color, scale, layers=4)), tmp_path, "their-net.onnx")).spec
    assert (spec.name, spec.color, spec.scale, spec.multiple_of) == ("their-net", color, scale, 1)
    assert spec.task == ("sr" if scale > 1 else "restore")
    assert spec.halo == 4


def test_granularity_is_found(tmp_path):
    net = Net("rgb")
    net.op("SpaceToDepth", net.x, blocksize=4)
    net.op("DepthToSpace", net.x, blocksize=4)
    spec = load_model(saved(net.proto(), tmp_path)).spec
    assert spec.multiple_of == 4
    source = stream("yuv420p", (37, 23))
    planes = noise(source.layout, (37, 23))
    ours = run(build_frame_graph([Model(spec, net.proto())], source), planes)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(ours, planes, strict=True)) <= 1


def test_sizes_computed_inside_the_network_are_followed(tmp_path):
    """Resize to twice the Shape, as exporters write it."""
    net = Net("rgb")
    shape = net.op("Shape", "image")
    factor = net.const(np.array([1, 1, 2, 2], np.int64))
    sizes = net.op("Mul", shape, factor)
    net.op("Resize", "image", "", "", sizes, mode="linear")
    assert load_model(saved(net.proto(), tmp_path)).spec.scale == 2


@pytest.mark.parametrize("opset", [13, 16, 17, 19, 20])
def test_other_operator_sets_are_brought_together(opset):
    net = Net("rgb", opset=opset)
    net.conv(12, 3)
    net.op("DepthToSpace", net.x, blocksize=2, mode="CRD")
    graph = build_frame_graph([model(net, "other", 2), small("luma")], stream("yuv420p"))
    assert graph.proto.opset_import[0].version == max(18, opset)
    assert run(graph, noise(graph.input.layout, (34, 22)))[0].shape == (88, 136)


def test_half_precision_networks_fit_in():
    net = Net("rgb")
    net.op("Identity", net.x)
    proto = net.proto()
    for info in (*proto.graph.input, *proto.graph.output):
        info.type.tensor_type.elem_type = TensorProto.FLOAT16
    source = stream("rgb24")
    planes = noise(source.layout, (34, 22))
    ours = run(build_frame_graph([Model(ModelSpec("half"), proto)], source), planes)
    np.testing.assert_array_equal(ours[0], planes[0])


def test_functions_and_branches_keep_apart():
    """The same model twice, with a local function and an If that reads from outside: no name may clash."""
    double = helper.make_function("local", "Double", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                  [helper.make_opsetid("", 18)])  # fmt: skip
    halves = [
        helper.make_graph([helper.make_node("Mul", ["twice", "half"], [out])], out, [], [value(out, None)])
        for out in ("then_out", "else_out")
    ]
    nodes = [
        helper.make_node("Double", ["image"], ["twice"], domain="local"),
        helper.make_node("If", ["yes"], ["result"], then_branch=halves[0], else_branch=halves[1]),
    ]
    constants = [
        numpy_helper.from_array(np.array(0.5, np.float32), "half"),
        numpy_helper.from_array(np.array(True), "yes"),
    ]
    shape = [1, 3, "h", "w"]
    proto = graph_of(nodes, [value("image", shape)], [value("result", shape)], constants)
    proto.functions.append(double)
    proto.opset_import.append(helper.make_opsetid("local", 1))
    twice = [Model(ModelSpec("same"), proto)] * 2
    source = stream("rgb24")
    planes = noise(source.layout, (34, 22))
    np.testing.assert_array_equal(run(build_frame_graph(twice, source), planes)[0], planes[0])


def test_state_becomes_inputs_and_outputs_of_the_graph():
    shape = [1, 3, "h", "w"]
    nodes = [
        helper.make_node("Mul", ["before", "keep"], ["kept"]),
        helper.make_node("Add", ["image", "kept"], ["result"]),
        helper.make_node("Identity", ["result"], ["after"]),
        helper.make_node("Sub", ["one", "reset"], ["keep"]),
    ]
    nodes = [nodes[3], *nodes[:3]]
    inputs = [value("image", shape), value("before", shape), value("reset", [])]
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    proto = graph_of(nodes, inputs, [value("result", shape), value("after", shape)], [one])
    recurrent = Model(ModelSpec("recurrent", state=(("before", "after"),)), proto)
    graph = build_frame_graph([recurrent, recurrent], stream("rgb24"))
    assert graph.state == (("state.0", "state.0.next"), ("state.1", "state.1.next"))
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.proto.graph.input}
    assert shapes == {"plane.0": [22, 34, 3], "state.0": [1, 3, 22, 34], "state.1": [1, 3, 22, 34], "reset": []}
    assert [v.name for v in graph.proto.graph.output] == ["state.0.next", "state.1.next", "out.0"]
    onnx.checker.check_model(graph.proto, full_check=True)


BAD_FILES = {
    "empty": (b"", "without a single node"),
    "text": (b"this is no network, but it is long enough to look at\n" * 20, "not a valid ONNX file"),
    "truncated": (small("rgb").proto.SerializeToString()[:-200], "not a valid ONNX file"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_are_no_model(tmp_path, name):
    content, message = BAD_FILES[name]
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "nowhere.onnx")


def test_external_data_outside_the_folder_is_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(64))
    proto = stripped(small("rgb"))
    outside = proto.graph.initializer[0]
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../secret")
    folder = tmp_path / "models"
    folder.mkdir()
    with pytest.raises(ModelError):
        load_model(saved(proto, folder))


IMAGE = [1, 3, "h", "w"]
ECHO = helper.make_node("Identity", ["image"], ["result"])
ADD = helper.make_node("Add", ["image", "other"], ["result"])
FOREIGN = {
    "two inputs": ([ADD], [value("image", IMAGE), value("other", IMAGE)], [value("result", IMAGE)], "2 inputs"),
    "two outputs": (
        [ECHO, helper.make_node("Neg", ["image"], ["more"])],
        [value("image", IMAGE)],
        [value("result", IMAGE), value("more", IMAGE)],
        "2 outputs",
    ),
    "uint8": (
        [ECHO],
        [value("image", IMAGE, TensorProto.UINT8)],
        [value("result", IMAGE, TensorProto.UINT8)],
        "is uint8",
    ),
    "a vector": ([ECHO], [value("image", [1, 10])], [value("result", [1, 10])], "shape"),
    "a batch": ([ECHO], [value("image", [8, 3, 64, 64])], [value("result", [8, 3, 64, 64])], "shape"),
    "four channels": ([ECHO], [value("image", [1, 4, "h", "w"])], [value("result", [*"abcd"])], "4 channels"),
    "any channels": ([ECHO], [value("image", [1, "c", "h", "w"])], [value("result", [*"abcd"])], "unknown number"),
    "huge": ([ECHO], [value("image", [1, 3, 100000, 100000])], [value("result", [*"abcd"])], "16384"),
    "a classifier": (
        [helper.make_node("GlobalAveragePool", ["image"], ["result"])],
        [value("image", IMAGE)],
        [value("result", [*"abcd"])],
        "no whole scale",
    ),
    "a half": (
        [helper.make_node("SpaceToDepth", ["image"], ["result"], blocksize=2)],
        [value("image", IMAGE)],
        [value("result", [*"abcd"])],
        "no whole scale",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_networks_that_cannot_be_used_say_why(tmp_path, name):
    nodes, inputs, outputs, message = FOREIGN[name]
    with pytest.raises(ModelError, match=message):
        load_model(saved(graph_of(nodes, inputs, outputs), tmp_path))


@pytest.mark.parametrize(
    ("factor", "message"), [(255.0, r"'theirs' returns values from 102 to 153; .*\[0, 1\]"), (np.nan, "no numbers")]
)
def test_values_that_are_no_picture_are_refused(tmp_path, factor, message):
    net = Net("rgb")
    net.op("Mul", net.x, net.const(np.float32(factor)))
    with pytest.raises(ModelError, match=message):
        load_model(saved(net.proto(), tmp_path))


def test_what_only_another_runtime_knows_is_said_once(tmp_path):
    foo = helper.make_node("Foo", ["image"], ["result"], domain="bar")
    proto = graph_of([foo], [value("image", IMAGE)], [value("result", [*"abcd"])])
    proto.opset_import.append(helper.make_opsetid("bar", 1))
    with pytest.raises(ModelError, match=r"23x23 fails with: .*Foo") as caught:
        load_model(saved(proto, tmp_path))
    assert str(caught.value).count("fails") == 1


def test_a_fixed_size_names_the_size_and_the_way_out(tmp_path):
    net = Net("rgb")
    net.conv(3, 3)
    fixed = load_model(saved(net.proto((64, 96)), tmp_path))
    assert build_frame_graph([fixed], stream("rgb24", (96, 64))).output.width == 96
    assert build_frame_graph([fixed], stream("rgb24", (34, 22))).output.width == 34  # extended, and cut back
    with pytest.raises(ModelError, match=r"96x64, not 100x22.*--tile 64"):
        build_frame_graph([fixed], stream("rgb24", (100, 22)))


def test_metadata_that_lies_is_found_out(tmp_path):
    given = nearest("rgb", 2)
    wrong = Model(ModelSpec("liar", scale=3), given.proto)
    with pytest.raises(ModelError, match=r"liar.*metadata is wrong"):
        build_frame_graph([wrong], stream("rgb24"))
    del given.proto.metadata_props[:]
    helper.set_model_props(given.proto, {METADATA_KEY: ModelSpec("liar", color="luma").to_json()})
    with pytest.raises(ModelError, match="says luma, but its input has 3 channels"):
        load_model(saved(given.proto, tmp_path))


def test_reach():
    assert receptive_radius(small("rgb", layers=5).proto) == 5
    assert receptive_radius(identity("rgb").proto) == 0
    strided = Net("rgb")
    weight, bias = strided.kernel(8, 3)
    strided.op("Conv", strided.x, strided.const(weight), strided.const(bias), pads=[1] * 4, strides=[2, 2])
    strided.conv(12, 8)
    strided.op("DepthToSpace", strided.x, blocksize=2)
    assert receptive_radius(strided.proto()) == 1 + 2
    everywhere = Net("rgb")
    scale = everywhere.const(np.ones(3, np.float32))
    everywhere.op("InstanceNormalization", everywhere.x, scale, scale)
    assert receptive_radius(everywhere.proto()) > 10**6
