"""Chains of models on real engines: several models, third-party ones, tiles, precisions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest

import streamsr
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.color import Color
from streamsr.errors import ConfigError, ModelError, UnknownNameError
from streamsr.frame import VideoInfo
from streamsr.layout import pixel_layout
from tests.clips import LOSSLESS, make_clip
from tests.nets import Net, small

FP32 = EngineOptions(precision="fp32", cache=False)


def picture(height: int, width: int) -> np.ndarray:
    """Smooth, with some texture, (H, W, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 7) + np.cos(y / 5), np.sin((x + y) / 9), np.cos((x - 2 * y) / 11)]
    noise = np.random.default_rng(0).normal(0, 6, (height, width, 3))
    return np.clip(128 + 50 * np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)


def saved(proto: onnx.ModelProto, path: Path) -> Path:
    onnx.save(proto, path)
    return path


def test_models_apply_one_after_the_other() -> None:
    image = picture(20, 30)
    with Chain("live-x2", options=FP32) as once, Chain("live-x2", "live-x2", options=FP32) as twice:
        assert (twice.scale, twice.name) == (4, "live-x2+live-x2")
        step_by_step = streamsr.upscale(streamsr.upscale(image, model=once), model=once)
        at_once = streamsr.upscale(image, model=twice)
    assert at_once.shape == (80, 120, 3)
    assert np.abs(at_once.astype(int) - step_by_step).max() <= 4  # the step in between is not rounded to 8 bits


def test_a_third_party_model_of_a_fixed_size_runs_in_tiles(tmp_path: Path) -> None:
    net = Net("rgb")
    net.conv(8, 3)
    net.op("Relu", net.x)
    net.conv(3, 8)
    free, fixed = (saved(net.proto(size), tmp_path / f"{size[0]}.onnx") for size in (("h", "w"), (64, 64)))
    image = picture(70, 100)
    with Chain(free, options=FP32) as chain:
        whole = streamsr.upscale(image, model=chain)
    with Chain(fixed, options=FP32) as chain, pytest.raises(ModelError, match="--tile 64"):
        streamsr.upscale(image, model=chain)
    with Chain(fixed, options=EngineOptions(precision="fp32", cache=False, tile=64)) as chain:
        tiled = streamsr.upscale(image, model=chain)
    # what extends a tile to the fixed size is seen from the picture's last two rows and columns, and from nowhere else
    assert np.abs(whole.astype(int) - tiled)[:-2, :-2].max() <= 1


def test_tiles_do_not_show() -> None:
    image = picture(130, 170)
    with Chain("live-x2", options=FP32) as chain:
        whole = streamsr.upscale(image, model=chain)
    with Chain("live-x2", options=EngineOptions(precision="fp32", cache=False, tile=64)) as chain:
        tiled = streamsr.upscale(image, model=chain)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(("name", "precision"), [("live-x2", "fp32"), ("live-x2", "int8"), ("live-x2.int8", "auto")])
def test_precisions_and_backends_agree(backend: str, name: str, precision: str) -> None:
    image = picture(40, 60)
    with Chain("live-x2", options=FP32) as chain:
        reference = streamsr.upscale(image, model=chain).astype(float)
    with Chain(name, options=EngineOptions(backend=backend, precision=precision, cache=False)) as chain:
        found = streamsr.upscale(image, model=chain)
    error = np.mean((found - reference) ** 2)
    assert error <= (0.5 if precision == "fp32" else 255**2 / 10**3.8)


def test_an_engine_is_kept_for_the_next_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    with Chain("live-x2", options=FP32) as chain:
        compile_ = chain._compile
        monkeypatch.setattr(chain, "_compile", lambda *a: compiled.append(a) or compile_(*a))
        for size in [(16, 16), (16, 16), (16, 18), (16, 16)]:
            streamsr.upscale(picture(*size), model=chain)
    assert len(compiled) == 2


def test_runs_that_share_a_chain_do_not_meet(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", frames=20, **LOSSLESS)
    image = picture(30, 40)
    with Chain("live-x2", options=FP32) as chain:
        alone = streamsr.upscale(image, model=chain)
        with (
            streamsr.frames(tmp_path / "in.mkv", model=chain) as a,
            streamsr.frames(tmp_path / "in.mkv", model=chain) as b,
        ):
            for index, (x, y) in enumerate(zip(a, b, strict=True)):
                np.testing.assert_array_equal(x.planes[0], y.planes[0])
                streamsr.upscale(picture(16 + index, 16), model=chain)  # evicts engines, never one that is in use
        with ThreadPoolExecutor(4) as pool:
            for large in pool.map(lambda _: streamsr.upscale(image, model=chain), range(12)):
                np.testing.assert_array_equal(large, alone)


def test_a_matrix_left_open_is_written_down_where_players_would_guess_another() -> None:
    info = VideoInfo(640, 360, pixel_layout("yuv420p"), Fraction(1, 25))
    with Chain("live-x2", options=FP32) as chain:
        assert chain.output_info(info).color == Color(matrix="smpte170m")
        tagged = Color(matrix="bt709")
        assert chain.output_info(VideoInfo(640, 360, info.layout, info.time_base, tagged)).color == tagged
        small_one = VideoInfo(320, 180, info.layout, info.time_base)
        assert chain.output_info(small_one).color == Color()


def test_impossible_wishes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one model"):
        Chain()
    with pytest.raises(UnknownNameError, match="did you mean 'int8'"):
        EngineOptions(precision="int9")
    with Chain("live-x2") as chain, pytest.raises(ConfigError, match="belong to the Chain"):
        streamsr.upscale("in.mp4", "out.mp4", model=chain, precision="fp32")
    own = saved(small("rgb").proto, tmp_path / "own.onnx")
    with Chain(own, options=EngineOptions(precision="int8")) as chain, pytest.raises(ConfigError, match="int8"):
        streamsr.upscale(picture(16, 16), model=chain)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07garbage")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        Chain(broken)
