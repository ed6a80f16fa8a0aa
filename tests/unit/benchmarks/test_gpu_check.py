"""The GPU check, as far as no GPU is needed: the contract of calls, its report, its pure parts."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu import __main__ as check
from benchmarks.gpu import engines, resident, video
from benchmarks.gpu.calls import CONTRACT, Recorder, contract, differences
from benchmarks.gpu.engines import fps
from benchmarks.gpu.networks import COMPACT, compact, frame_graph
from benchmarks.gpu.report import Findings, errors
from benchmarks.gpu.scenarios import GRAPHS, record
from benchmarks.gpu.video import end_to_end, semiplanar
from streamsr.bench.peak import Peaks
from streamsr.engines import available
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.cuda import device_count
from streamsr.engines.plan import FLAVOURS, Flavour
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT
from streamsr.graph.model import check_image, image_input, image_output, load_model
from streamsr.media.source import FileSource
from streamsr.registry import Registry
from tests.clips import make_clip
from tests.fake_cuda import FakeDriver
from tests.fake_nvdec import FakeNvdec
from tests.fake_tensorrt import FakeTensorRT, build_on_fake, plan
from tests.unit.engines import graphs


def recorded(flavour: Flavour, name: str) -> list[str]:
    driver = FakeDriver()
    return record(name, flavour, FakeTensorRT(driver, flavour=flavour), driver, plan)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", GRAPHS)
def test_the_calls_of_an_engine_are_those_of_the_contract(flavour: Flavour, name: str) -> None:
    """`python -m tests.unit.benchmarks.test_gpu_check` writes the contract anew."""
    assert differences(contract(flavour, name), recorded(flavour, name)) == []


def test_what_only_rtx_has_is_asked_of_it_alone() -> None:
    for name in GRAPHS:
        assert not [call for call in contract("tensorrt", name) if call.startswith(("create_runtime", "is_stream"))]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_contract_has_every_scenario(flavour: Flavour) -> None:
    assert json.loads(CONTRACT.read_text("utf-8"))[flavour].keys() == GRAPHS.keys()
    stateless, slow, recurrent, resident, both = (" ".join(contract(flavour, name)) for name in GRAPHS)
    assert "launch(graph0, stream0)" in stateless
    assert "launch" not in slow
    assert "zero(" in recurrent
    assert "stream1" not in recurrent  # one context
    assert "join(stream0, event" in resident
    assert "zero(" in both


def test_another_order_of_calls_is_told_as_a_diff() -> None:
    calls = contract("tensorrt", "stateless")
    swapped = [*calls[:20], calls[21], calls[20], *calls[22:]]
    told = differences(calls, swapped)
    assert {line[1:] for line in told if line[0] in "+-"} & {calls[20], calls[21]}


def test_addresses_are_told_by_name() -> None:
    recorder, driver = Recorder(), FakeDriver()
    watched = recorder.driver(driver)
    watched.activate()
    stream, block = watched.stream(), watched.alloc(1000)
    watched.zero(block + 512, 100, stream)
    watched.free(block)
    again = watched.alloc(10)
    watched.zero(again, 10, stream)
    assert recorder.calls == [
        "stream() -> stream0",
        "alloc(1000) -> device0",
        "zero(device0+512, 100, stream0)",
        "free(device0)",
        "alloc(10) -> device1",
        "zero(device1, 10, stream0)",
    ]


def test_a_section_that_fails_does_not_keep_the_next_from_its_turn(tmp_path: Path) -> None:
    findings = Findings(tmp_path / "deep" / "found.json")

    def fail() -> None:
        raise RuntimeError("no such luck")

    assert findings.section("first", fail) is None
    assert findings.section("second", lambda: {"rows": [{"fps": 3}, {"error": "too big"}]})
    assert findings.section("third", lambda: Peaks({"fp16": 1e15}, 3e12)).copy == 3e12
    written = json.loads(findings.path.read_text())
    assert written["first"]["found"] == {"error": "RuntimeError: no such luck"}
    assert written["second"]["found"]["rows"][0] == {"fps": 3}
    assert written["third"]["found"] == {"flops": {"fp16": 1e15}, "copy": 3e12}
    assert findings.failures == ["first: RuntimeError: no such luck", "second: too big"]
    assert errors({"fine": [1, "two", None]}) == []


def test_a_machine_without_a_gpu_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if device_count():
        pytest.skip("there is one")
    assert check.main(["-o", str(tmp_path / "found.json")]) == 1
    found = json.loads((tmp_path / "found.json").read_text())
    assert found.keys() == {"machine", "gpu"}
    assert "there is no NVIDIA GPU here" in found["gpu"]["found"]["error"]
    assert "there is no NVIDIA GPU here" in capsys.readouterr().err


def test_compact_is_as_large_as_its_namesake_and_keeps_pictures() -> None:
    model = compact()
    weights = sum(int(np.prod(tensor.dims)) for tensor in model.proto.graph.initializer)
    assert 590_000 < weights < 610_000
    for value, what in (
        (image_input(model.proto.graph, model.spec), "in"),
        (image_output(model.proto.graph, model.spec), "out"),
    ):
        check_image(value, what, strict=False)
    source = graphs.stream_format("yuv420p", 32, 24)
    engine = load_backend("onnxruntime").build(frame_graph(COMPACT, source), "fp32", CompileOptions(threads=1))
    picture = graphs.frames(source, 1)[0]
    (result,) = stream(engine, [picture])
    assert np.corrcoef(result[0][::2, ::2].ravel(), picture[0].ravel())[0, 1] > 0.9
    engine.close()


def test_frames_per_second_are_counted_over_the_time_asked_for() -> None:
    graph = graphs.passthrough()
    engine = build_on_fake(graph)
    assert 10 < fps(engine, graphs.frames(graph.input, 2), 0.2) < 100_000
    engine.close()


def fake(flavour: str = "tensorrt", *, graphs: bool = True) -> TensorRT:
    driver = FakeDriver()
    library = FakeTensorRT(driver)
    return TensorRT(flavour, graphs=graphs, module=library, drivers=lambda index: driver, planner=plan)


def test_the_measurements_run_on_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"tensorrt": f"{__name__}:fake", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))
    small = (32, 24)
    changed = {"SIZES": (small,), "GRAPH_SIZES": (small,), "BUILD_SIZE": small, "SECONDS": 0.1, "TensorRT": fake}
    for name, value in changed.items():
        monkeypatch.setattr(engines, name, value)
    monkeypatch.setattr(engines, "MODELS", ("live-x2", COMPACT, "no-such-model"))
    peaks = Peaks({"fp16": 1e12, "fp32": 1e11}, 1e11)
    live, large, absent = engines.speeds("tensorrt", peaks)
    for row in (live, large):
        assert row["psnr"] > 45
        assert row["fps"] > 1
        assert row["contexts"] == 2
        assert row["share_of_peak"] > 0
    assert large["gflop"] > live["gflop"]
    assert "no model named 'no-such-model'" in absent["error"]
    monkeypatch.setattr(engines, "names", lambda task: ("fast-x2", "fast-x2.int8"))
    assert engines.builds("tensorrt").keys() == {"fast-x2"}
    (gain,) = engines.graph_gain("tensorrt")
    assert "error" not in gain, gain
    assert gain["gain"] == pytest.approx(gain["fps_with"] / gain["fps_without"], rel=0.05)


def test_the_whole_pipeline_is_measured_with_any_backend(tmp_path: Path) -> None:
    assert load_model(video.named(COMPACT, tmp_path)).spec.name == COMPACT
    (row,) = end_to_end("onnxruntime", ("fast-x2",), ((32, 24),))
    assert row["fps"] > 0
    assert row["wall_ms"].keys() == {"decode", "infer", "encode", "process"}


def test_a_cpu_that_decodes_is_no_proof_of_nvdec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "SIZE", (64, 48))
    monkeypatch.setattr(video, "FRAMES", 3)
    on_host = video._decoded
    monkeypatch.setattr(video, "_decoded", lambda clip, hwaccel: on_host(clip, "none"))
    found = video.nvdec()
    assert found["frames"] == 3
    assert "the CPU decoded it" in found["error"]

    def as_gpus_do(clip: Path, hwaccel: str) -> list[tuple[np.ndarray, ...]]:
        return [semiplanar(planes) if hwaccel == "cuda" else planes for planes in on_host(clip, "none")]

    monkeypatch.setattr(video, "_decoded", as_gpus_do)
    assert video.nvdec() == {"frames": 3}


def test_planes_that_stay_are_measured_on_a_device_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvdec, driver = FakeNvdec(monkeypatch), FakeDriver()
    driver.foreign = True
    places = {"tensorrt": f"{__name__}:fake", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))
    for name, value in {"CODEC": "rawvideo", "ROUNDS": 1, "FRAMES": 3, "open_driver": lambda index: driver}.items():
        monkeypatch.setattr(resident, name, value)
    (row,) = resident.end_to_end("tensorrt", ("fast-x2",), ((32, 24),))
    assert "error" not in row
    assert row["levels_apart"] == 0
    assert row["gain"] == pytest.approx(row["fps_there"] / row["fps_by_the_host"], rel=0.1)
    clip = write_clip(tmp_path)
    downloads = nvdec.downloads
    found = list(resident.planes_there(clip))
    assert nvdec.downloads == downloads
    host = list(video._decoded(clip, "cuda"))
    assert all(np.array_equal(a, b) for x, y in zip(found, host, strict=False) for a, b in zip(x, y, strict=True))
    nvdec.refuses = True
    with pytest.raises(RuntimeError, match="came to the host"):
        list(resident.planes_there(clip))
    with pytest.raises(RuntimeError, match="do not stay on cuda:0"):
        resident.end_to_end("tensorrt", ("fast-x2",), ((32, 24),))


def test_what_a_decoder_leaves_out_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FakeNvdec(monkeypatch)
    driver, clip = FakeDriver(), write_clip(tmp_path)
    driver.foreign = True
    monkeypatch.setattr(FileSource, "skipped", 2)
    monkeypatch.setattr(resident, "open_driver", lambda index: driver)
    for decode in (resident.planes_there, partial(video._decoded, hwaccel="cuda")):
        with pytest.raises(RuntimeError, match="2 packets or frames were left out"):
            list(decode(clip))


def write_clip(folder: Path) -> Path:
    make_clip(folder / "clip.mp4", frames=3, width=50, height=34)
    return folder / "clip.mp4"


def test_chroma_is_compared_whichever_way_it_comes() -> None:
    luma, u, v = (
        np.arange(size, dtype=np.uint8).reshape(shape) for size, shape in ((16, (4, 4)), (4, (2, 2)), (4, (2, 2)))
    )
    pairs = np.stack([u, v + 9], axis=-1)
    for chroma in (pairs, pairs.reshape(2, 4)):
        both = semiplanar((luma, u, v + 9)), semiplanar((luma, chroma))
        assert all(np.array_equal(a, b) for a, b in zip(*both, strict=True))


if __name__ == "__main__":
    written = {flavour: {name: recorded(flavour, name) for name in GRAPHS} for flavour in FLAVOURS}
    CONTRACT.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
