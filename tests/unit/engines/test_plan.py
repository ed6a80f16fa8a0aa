"""Building plans: options, progress, errors that name what is wrong; with the real library, which needs no GPU."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from streamsr.engines.cuda import device_count
from streamsr.engines.plan import PlanOptions, build_plan, load_flavour
from streamsr.engines.plan_build import Build
from streamsr.engines.plan_layers import Layer, layer_report
from streamsr.engines.plan_log import recorder, refusal
from streamsr.engines.plan_timing import MAGIC, read_timings
from streamsr.errors import BuildError, ConfigError, DeviceMemoryError, EngineError, MissingDependencyError
from streamsr.graph import FrameGraph
from streamsr.graph.precision import half
from streamsr.graph.tensorrt_form import tensorrt_form
from tests.unit.engines import graphs

RTX = "tensorrt-rtx"


@pytest.fixture(scope="module")
def graph() -> FrameGraph:
    return half(graphs.upscaling("nv12"))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings"):
        monkeypatch.setitem(sys.modules, name, None)
    for flavour in ("tensorrt", "tensorrt-rtx"):
        with pytest.raises(MissingDependencyError, match=rf"pip install 'streamsr\[{flavour}\]'"):
            load_flavour(flavour)


@pytest.mark.parametrize(
    "wrong", [{"level": 6}, {"level": -1}, {"workspace": 0}, {"capabilities": ("89",)}, {"capabilities": ("sm89",)}]
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        PlanOptions(**wrong)


def test_a_graph_that_breaks_a_rule_is_refused_before_it_is_built() -> None:
    graph = graphs.upscaling("nv12")
    broken = replace(graph, proto=onnx.ModelProto.FromString(graph.proto.SerializeToString()))
    relu = next(node for node in broken.proto.graph.node if node.op_type == "Relu")
    relu.op_type = "DeformConv"
    with pytest.raises(BuildError, match="TensorRT cannot compile this graph: DeformConv"):
        build_plan(broken, RTX)


@pytest.mark.tensorrt_rtx
class TestBuild:
    def test_a_plan_is_bytes(self, graph: FrameGraph) -> None:
        plan = build_plan(graph, RTX, PlanOptions(level=0))
        assert isinstance(plan, bytes)
        assert len(plan) > 10_000

    def test_a_bare_model_will_do(self, graph: FrameGraph) -> None:
        assert build_plan(graph.proto, RTX)

    def test_layers_tell_types_shapes_and_nodes(self, graph: FrameGraph) -> None:
        told: list[tuple[Layer, ...]] = []
        build_plan(graph, RTX, layers=told.append)
        (layers,) = told
        nodes = {node for layer in layers for node in layer.nodes}
        assert {node.name for node in graph.proto.graph.node if node.op_type == "Conv"} - {""} <= nodes
        by_kind = {layer.kind: layer for layer in layers if layer.precision == "Half"}
        assert by_kind["correlation"].outputs[0].shape == (1, 8, 32, 48)
        assert {layer.precision for layer in layers if layer.outputs} == {"Half", "Float", "UInt8"}
        assert any(len(layer.nodes) > 1 for layer in layers)

    def test_progress_is_told_in_steps(self, graph: FrameGraph) -> None:
        seen: list[tuple[str, int, int]] = []
        build_plan(graph, RTX, progress=lambda *step: seen.append(step))
        assert all(1 <= done <= steps for _, done, steps in seen)
        assert ("Building engine", 1) in {(phase, done) for phase, done, _ in seen}

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_what_progress_raises_ends_the_build(self, graph: FrameGraph, error: type[BaseException]) -> None:
        def stop(*_: object) -> None:
            raise error

        with pytest.raises(error):
            build_plan(graph, RTX, progress=stop)
        assert build_plan(graph, RTX)

    def test_capabilities_change_the_plan(self, graph: FrameGraph) -> None:
        turing, ada = (build_plan(graph, RTX, PlanOptions(capabilities=(each,))) for each in ("7.5", "8.9"))
        assert turing != ada
        with pytest.raises(ConfigError, match=r"does not build for compute capability 9\.0 \(but for 7\.5"):
            build_plan(graph, RTX, PlanOptions(capabilities=("9.0",)))

    def test_a_workspace_that_is_too_small_is_a_build_error(self, graph: FrameGraph) -> None:
        with pytest.raises(BuildError, match=r"tensorrt-rtx does not compile the graph: .*workspace") as caught:
            build_plan(graph, RTX, PlanOptions(workspace=1000))
        assert "/_src/" not in str(caught.value)

    def test_free_sizes_need_a_profile_that_fits(self, graph: FrameGraph) -> None:
        free = onnx.ModelProto.FromString(graph.proto.SerializeToString())
        free.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "height"
        shape = (32, 48)
        with pytest.raises(BuildError, match=r"plane\.0"):
            build_plan(free, RTX, profiles=[{"plane.0": (shape, (8, 8), shape)}])

    def test_the_parsers_refusal_names_node_and_operator(self, graph: FrameGraph) -> None:
        proto = tensorrt_form(graph.proto)
        relu = next(node for node in proto.graph.node if node.op_type == "Relu")
        relu.op_type = "Det"
        with pytest.raises(BuildError, match=f"does not read the graph: Det '{relu.name}'"):
            Build(load_flavour(RTX), RTX, PlanOptions()).plan(proto, (), None, None)

    def test_portability_is_for_the_other_flavour(self, graph: FrameGraph, caplog: pytest.LogCaptureFixture) -> None:
        assert build_plan(graph, RTX, PlanOptions(portable=True))
        assert "for every GPU from Ampere on" in caplog.text
        form = tensorrt_form(graph.proto)
        # RTX has none of what plans for later versions need, and says so: the flag arrives
        with pytest.raises(BuildError, match="nvinfer_lean"):
            Build(load_flavour(RTX), "tensorrt", PlanOptions(portable=True)).plan(form, (), None, None)
        with pytest.raises(ConfigError, match="for the GPU it runs on"):
            Build(load_flavour(RTX), "tensorrt", PlanOptions(capabilities=("8.9",))).plan(form, (), None, None)

    def test_a_plan_is_inspected_on_a_gpu_or_not_at_all(self, graph: FrameGraph) -> None:
        plan = build_plan(graph, RTX, PlanOptions(detailed=True))
        if device_count():
            assert layer_report(plan, RTX)
        else:
            with pytest.raises(EngineError, match="cannot load the plan to inspect it: cudaError"):
                layer_report(plan, RTX)

    def test_what_a_build_rules_out(self, graph: FrameGraph) -> None:
        trt: Any = load_flavour(RTX)
        builder = trt.Builder(recorder(trt))
        assert builder.create_builder_config().get_flag(trt.BuilderFlag.TF32)
        config = Build(trt, RTX, PlanOptions())._config(builder, (), detailed=False)
        assert not config.get_flag(trt.BuilderFlag.TF32)
        assert config.get_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)  # or frames could not be captured
        assert builder.create_builder_config().max_aux_streams != 0
        assert config.max_aux_streams == 0


@pytest.mark.tensorrt_rtx
class TestTimingCache:
    """TensorRT's timing cache, in the hands of RTX, which still has the calls: what is in it means nothing there."""

    @pytest.fixture(autouse=True)
    def deprecated(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield

    def build(self, graph: FrameGraph, path: Path) -> bytes:
        options = PlanOptions(timing_cache=path)
        return Build(load_flavour(RTX), "tensorrt", options).plan(tensorrt_form(graph.proto), (), None, None)

    def test_it_is_kept_and_used_again(self, graph: FrameGraph, tmp_path: Path) -> None:
        path = tmp_path / "new" / "timings"
        assert self.build(graph, path)
        blob = read_timings(path)
        assert blob
        assert path.read_bytes().startswith(MAGIC)
        assert self.build(graph, path)
        assert read_timings(path) == blob
        assert [each.name for each in path.parent.iterdir()] == ["timings"]

    def test_a_broken_one_is_dropped_and_replaced(
        self, graph: FrameGraph, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "timings"
        assert self.build(graph, path)
        good = path.read_bytes()
        for damage in (good[:-3], good[:40], b"", good[:-1] + bytes([good[-1] ^ 1]), b"\x00" * 400):
            caplog.clear()
            path.write_bytes(damage)
            assert self.build(graph, path)
            assert "is damaged: timing anew" in caplog.text
            assert path.read_bytes() == good

    def test_trouble_with_the_file_costs_a_warning(
        self, graph: FrameGraph, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert self.build(graph, tmp_path)
        assert "cannot be read" in caplog.text
        assert "cannot be written" in caplog.text
        assert list(tmp_path.iterdir()) == []


SAID = [
    "Thread context has not been set! Using global log stream.",
    "IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any implementation for node "
    "{ForeignNode[frame/Cast.1...model0/conv1]}. In computeCosts at /_src/optimizer/tacticOptimizer.cpp:4118)",
    "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (cudaError 35: CUDA driver version)",
]


def test_errors_name_the_layer_and_not_the_source() -> None:
    error = refusal("it fails", SAID, ["frame/Cast.1", "model0/conv1", "model0/conv2"])
    assert isinstance(error, BuildError)
    assert str(error) == (
        "it fails: Could not find any implementation for node {ForeignNode[frame/Cast.1...model0/conv1]}."
    )
    hidden = refusal("it fails", ["[tactic.cpp:12: select] Error Code 1: Myelin (no tactic)", "at conv3"], ["conv3"])
    assert str(hidden) == "it fails at 'conv3': no tactic"
    assert str(refusal("it fails", SAID[:1])) == "it fails: TensorRT gives no reason"


def test_missing_memory_is_an_error_of_its_own() -> None:
    error = refusal("it fails", ["Error Code 2: OutOfMemory (Requested size was 123 bytes.)"])
    assert isinstance(error, DeviceMemoryError)
