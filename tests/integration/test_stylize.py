"""Stylization from file to file: looks, schedules, the smoother in its places, and what chains refuse."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

import streamsr
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain, stream_format
from streamsr.engines.runner import stream
from streamsr.errors import ConfigError, UnknownNameError
from streamsr.graph.planes import to_tensors
from streamsr.layout import PixelLayout, pixel_layout
from streamsr.look import FADE, StyleOptions
from streamsr.pipeline import Pipeline
from tests.clips import LOSSLESS, make_clip, picture
from tests.integration.conftest import Run
from tests.stylizers import stylizer_model
from tests.synthetic import EndlessSource, ListSink

pytestmark = pytest.mark.torch

FP32 = EngineOptions(precision="fp32", cache=False)
FFV1 = {"codec": "ffv1", "precision": "fp32", "cache": False, "overwrite": True}
Frames = list[tuple[np.ndarray, ...]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny-style.onnx"
    onnx.save(stylizer_model().proto, path)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    make_clip(tmp_path / "in.mkv", frames=16, **LOSSLESS)
    return tmp_path / "in.mkv"


def painted(clip: Path, model: Path | Chain, **options: object) -> Frames:
    """The frames of a clip after `stylize`, through a lossless file."""
    out = clip.with_name("out.mkv")
    plain = {} if isinstance(model, Chain) else FFV1
    streamsr.stylize(clip, out, model=model, **{"codec": "ffv1", "overwrite": True} | plain | options)
    return frames_of(out)


def frames_of(path: Path) -> Frames:
    with av.open(str(path)) as container:
        return [(frame.to_ndarray(format="rgb24"),) for frame in container.decode(video=0)]


def decibels(a: Frames, b: Frames) -> float:
    """PSNR of the worst frame."""
    errors = [np.mean((np.float64(x) - y) ** 2) for (x,), (y,) in zip(a, b, strict=True)]
    return float(10 * np.log10(255**2 / max(*errors, 1e-9)))


def test_every_frame_is_painted_alike_without_smoothing(clip: Path, model: Path) -> None:
    ink, oil = (painted(clip, model, style=style, smooth=0) for style in ("ink", "oil"))
    assert len(ink) == 16
    assert decibels(ink, oil) < 30
    assert decibels(ink, frames_of(clip)) < 30


def noisy_still(index: int, width: int, height: int, layout: PixelLayout) -> tuple[np.ndarray, ...]:
    """What a camera on a tripod sees."""
    rng = np.random.default_rng(index)
    return tuple(
        np.clip(plane + rng.normal(0, 4, plane.shape), 0, 255).astype(np.uint8)
        for plane in picture(0, width, height, layout)
    )


def test_the_smoother_holds_the_first_frame_and_calms_the_others(model: Path, tmp_path: Path) -> None:
    clip = tmp_path / "in.mkv"
    make_clip(clip, frames=12, picture=noisy_still, **LOSSLESS)
    rough, calm = (painted(clip, model, style="ink", smooth=smooth) for smooth in (0, 0.85))
    assert decibels(rough[:1], calm[:1]) > 60
    assert restlessness(calm) < 0.5 * restlessness(rough)


def restlessness(frames: Frames) -> float:
    """Mean absolute change from frame to frame."""
    return float(np.mean(np.abs(np.diff(np.stack([x for (x,) in frames]).astype(float), axis=0))))


@pytest.mark.parametrize("upscale", [None, "live-x2"])
def test_both_places_of_the_smoother_agree(clip: Path, model: Path, upscale: str | None) -> None:
    host, graph = (
        painted(clip, model, style="ink", smooth_backend=backend, upscale=upscale) for backend in ("host", "graph")
    )
    assert decibels(host, graph) > 30  # chroma is smoothed at another size, and rounded in between


def test_enlarged_pictures_are_those_of_the_small_ones(clip: Path, model: Path) -> None:
    at_once = painted(clip, model, style="ink", upscale="live-x2")
    assert at_once[0][0].shape == (96, 128, 3)
    painted(clip, model, style="ink", pix_fmt="yuv444p")
    small, large = clip.with_name("out.mkv"), clip.with_name("large.mkv")
    streamsr.upscale(small, large, model="live-x2", pix_fmt="yuv420p", **FFV1)
    assert decibels(at_once, frames_of(large)) > 45


def test_a_schedule_ends_where_the_fixed_styles_are(model: Path, tmp_path: Path) -> None:
    clip = tmp_path / "in.mkv"
    make_clip(clip, frames=30, **LOSSLESS)
    fading = painted(clip, model, schedule="0:ink,0.4:oil@0.5", smooth=0)
    ink, oil = painted(clip, model, style="ink", smooth=0), painted(clip, model, style="oil", strength=0.5, smooth=0)
    done = round((0.4 + FADE) * 25) + 1
    assert decibels(fading[:11], ink[:11]) > 45
    assert decibels(fading[done:], oil[done:]) > 45
    assert decibels(fading[16:17], ink[16:17]) < 40
    assert decibels(fading[16:17], oil[16:17]) < 40


def test_strength_0_is_the_identity_row_whatever_the_style(clip: Path, model: Path) -> None:
    assert decibels(*(painted(clip, model, style=style, strength=0, smooth=0) for style in ("ink", "oil"))) > 90


def test_repeated_pictures_are_painted_once_while_the_look_stays(model: Path) -> None:
    for schedule, least in (("0:ink", 20), ("0:ink,0.2:oil", 4)):
        with Chain(str(model), options=FP32, style=StyleOptions(schedule=schedule)) as chain:
            report = Pipeline(EndlessSource(frames=30, held=3), chain, ListSink()).run()
        assert least <= report.duplicates <= 20
        assert report.duplicates == 20 or schedule != "0:ink"


def test_nothing_leaks_from_one_video_into_the_next(model: Path) -> None:
    with Chain(str(model), "live-x2", options=FP32, style=StyleOptions("oil")) as chain:
        first, second = ListSink(), ListSink()
        Pipeline(EndlessSource(frames=7), chain, first).run()
        Pipeline(EndlessSource(frames=7), chain, second).run()
    for one, other in zip(first.frames, second.frames, strict=True):
        for a, b in zip(one.planes, other.planes, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("pix_fmt", ["gray", "yuv420p10le", "yuv444p", "nv12", "bgr0", "yuva420p"])
def test_formats(model: Path, tmp_path: Path, pix_fmt: str) -> None:
    clip = tmp_path / "in.mkv"
    codec = {"codec": "rawvideo"} if pix_fmt == "nv12" else LOSSLESS
    make_clip(clip, frames=4, pix_fmt=pix_fmt, **codec)
    frames = painted(clip, model, style="ink")
    assert len(frames) == 4
    rough = painted(clip, model, style="ink", smooth=0)
    assert decibels(frames[:1], rough[:1]) > 30
    with av.open(str(clip.with_name("out.mkv"))) as container:
        depth = pixel_layout(container.streams.video[0].pix_fmt).depth
    assert depth == pixel_layout(pix_fmt).depth


@pytest.mark.parametrize("size", [(16, 16), (2, 2), (34, 18)])
@pytest.mark.parametrize("frames", [1, 3])
def test_small_and_short_videos(model: Path, tmp_path: Path, size: tuple[int, int], frames: int) -> None:
    clip = tmp_path / "in.mkv"
    make_clip(clip, width=size[0], height=size[1], frames=frames, **LOSSLESS)
    result = painted(clip, model, style="ink")
    assert [x.shape for (x,) in result] == [(size[1], size[0], 3)] * frames


def test_an_image_is_painted_and_not_smoothed(model: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    smoothed, plain = (
        streamsr.stylize(image, model=model, style="ink", smooth=smooth, precision="fp32", cache=False)
        for smooth in (0.85, 0)
    )
    np.testing.assert_array_equal(smoothed, plain)
    assert smoothed.shape == image.shape


def test_tiles_do_not_show(model: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    options = {"model": model, "style": "ink", "precision": "fp32", "cache": False}
    whole, tiles = (streamsr.stylize(image, tile=tile, **options) for tile in (None, 280))
    assert np.abs(whole.astype(int) - tiles).max() <= 1


def test_chains_say_what_is_wrong(model: Path) -> None:
    with pytest.raises(UnknownNameError, match="chalk"):
        Chain(str(model), style=StyleOptions("chalks"))
    with pytest.raises(ConfigError, match="ink, oil, chalk"):
        Chain(str(model))
    with pytest.raises(ConfigError, match="live-x2 has no styles"):
        Chain("live-x2", style=StyleOptions("ink"))
    with pytest.raises(ConfigError, match="one stylizer"):
        Chain(str(model), str(model), style=StyleOptions("ink"))
    with pytest.raises(ConfigError, match="not both"):
        StyleOptions("ink", schedule="0:ink")
    with pytest.raises(ConfigError, match="smooth is 1"):
        StyleOptions("ink", smooth=1)
    with pytest.raises(UnknownNameError, match="graph"):
        StyleOptions("ink", smooth_backend="grap")


def test_the_command(run: Run, clip: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.mp4"
    assert (
        run("stylize", clip, target, "-m", model, "--style", "ink", "--style", "oil=0.5", "--upscale", "live-x2") == 0
    )
    told = capsys.readouterr().err
    assert "ink=0.667, oil=0.333" in told
    assert "16 frames" in told
    with av.open(str(target)) as container:
        assert [(f.width, f.height) for f in container.decode(video=0)] == [(128, 96)] * 16
    assert run("stylize", clip, target, "-m", model, "--style", "inc", "-y") == 1
    assert "did you mean" in capsys.readouterr().err.lower()
    assert run("stylize", clip, tmp_path / "new.mp4", "-m", model, "--style-schedule", "ink") == 1
    assert not (tmp_path / "new.mp4").exists()


def test_a_failure_in_the_middle_leaves_nothing(model: Path, tmp_path: Path) -> None:
    with Chain(str(model), "live-x2", options=FP32, style=StyleOptions("oil")) as chain:
        sink = ListSink()
        with pytest.raises(Exception, match="source"):
            Pipeline(EndlessSource(fail_at=5), chain, sink).run()
        assert sink.aborted
        again = ListSink()
        Pipeline(EndlessSource(frames=3), chain, again).run()
        assert len(again.frames) == 3


def test_a_model_of_the_same_size_after_the_stylizer_runs_too(model: Path, tmp_path: Path) -> None:
    inverse = saved_inverse(tmp_path / "inverse.onnx")
    make_clip(tmp_path / "in.mkv", frames=4, pix_fmt="yuv444p", **LOSSLESS)
    frames = []
    for models in ((model,), (model, inverse)):
        with Chain(*map(str, models), options=FP32, style=StyleOptions("ink")) as chain:
            frames.append(painted(tmp_path / "in.mkv", chain))
    assert decibels(frames[1], [(255 - x,) for (x,) in frames[0]]) > 35


def saved_inverse(path: Path) -> Path:
    """A model that turns black into white."""
    shape = ["n", 3, "h", "w"]
    image, result = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y"))
    one = onnx.numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "one")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Sub", ["one", "x"], ["y"])], "inverse", [image], [result], [one]
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_an_enlarging_model_comes_after_the_stylizer(model: Path) -> None:
    with pytest.raises(ConfigError, match="after the stylizer"):
        Chain("live-x2", str(model), options=FP32, style=StyleOptions("ink"))
    Chain("live-x2", str(model), options=FP32, style=StyleOptions("ink", smooth=0)).close()


def test_an_image_shows_the_first_look_of_a_schedule(model: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    options = {"model": model, "precision": "fp32", "cache": False}
    first = streamsr.stylize(image, schedule="0:oil,1:ink", **options)
    assert np.abs(first.astype(int) - streamsr.stylize(image, style="oil", **options)).max() <= 1


def test_a_fade_over_a_still_picture_arrives(model: Path, tmp_path: Path) -> None:
    clip = tmp_path / "in.mkv"
    make_clip(clip, frames=60, rate=Fraction(10), picture=lambda i, *rest: picture(0, *rest), **LOSSLESS)
    fading = painted(clip, model, schedule="0:ink,0.3:oil", smooth=0.8)
    assert decibels(fading[-1:], painted(clip, model, style="oil", smooth=0)[-1:]) > 38


def test_frames_may_be_collected_in_any_order(model: Path) -> None:
    source = EndlessSource(frames=8)
    frames = list(source)
    with Chain(str(model), "live-x2", options=FP32, style=StyleOptions("oil")) as chain:
        target = stream_format(chain.output_info(source.info))
        with chain.engine(stream_format(source.info), target, frames[:2]) as engine:
            inputs = [to_tensors(frame.planes, frame.layout) for frame in frames[: engine.spec.depth]]
            engine.reset()
            ordered = list(stream(engine, inputs))
            engine.reset()
            tickets = [engine.submit(planes) for planes in inputs]
            backwards = [engine.result(ticket) for ticket in reversed(tickets)]
    for one, other in zip(ordered, reversed(backwards), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_graph_does_not_smooth_tiles(model: Path, clip: Path) -> None:
    with pytest.raises(ConfigError, match="whole pictures"):
        painted(clip, model, style="ink", smooth_backend="graph", tile=300)
