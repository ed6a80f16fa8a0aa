"""The smoother on the host: stills what flickers, follows what moves, forgets what is over."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from streamsr.analysis.flow import FlowPlanes
from streamsr.analysis.flowblend import FlowBlend
from streamsr.errors import ConfigError, MismatchError, UnsupportedFormatError
from streamsr.layout import pixel_layout
from tests.flicker import Planes, luma_of, pan, posterized, psnr, scene, yuv_planes

LAYOUTS = ["yuv420p", "nv12", "nv21", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p", "gray"]
DEEP = ["yuv420p10le", "p010le", "yuv444p12le", "yuv420p16le", "gray10le"]
SIZES = [(34, 22), (37, 23), (16, 16), (5, 3), (1, 1), (10, 9)]
GRAY = pixel_layout("gray")


def film(layout: str, frames: list[np.ndarray]) -> list[tuple[np.ndarray, Planes]]:
    """(luma of the input, planes of what the flickering stylizer makes of it)."""
    found = pixel_layout(layout)
    return [(luma_of(rgb), yuv_planes(posterized(rgb, i), found)) for i, rgb in enumerate(frames)]


def smoothed(layout: str, shown: list[tuple[np.ndarray, Planes]], strength: float = 0.85) -> list[Planes]:
    height, width = shown[0][0].shape
    blend = FlowBlend(pixel_layout(layout), width, height, strength)
    return [blend(*moment) for moment in shown]


def equal(a: Planes, b: Planes) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def flicker(frames: list[np.ndarray]) -> float:
    return float(np.mean(np.square(np.diff(np.array(frames, np.float64), axis=0))))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [*LAYOUTS, *DEEP])
def test_every_layout_and_size(layout: str, size: tuple[int, int]) -> None:
    shown = film(layout, pan(3, size[1], size[0]))
    results = smoothed(layout, shown)
    assert equal(results[0], shown[0][1]), "the first frame has no past"
    for (_, given), result in zip(shown, results, strict=True):
        for before, after in zip(given, result, strict=True):
            assert (after.shape, after.dtype) == (before.shape, before.dtype)
            assert after.flags.c_contiguous
            assert after.flags.writeable
            assert not np.shares_memory(after, before)
            assert after.max() <= pixel_layout(layout).peak << pixel_layout(layout).shift


@pytest.mark.parametrize("layout", ["yuv420p", "p010le"])
def test_without_strength_nothing_changes(layout: str) -> None:
    shown = film(layout, pan(4, 40, 50))
    for (_, given), result in zip(shown, smoothed(layout, shown, 0), strict=True):
        assert equal(given, result)
        assert not any(np.shares_memory(a, b) for a, b in zip(given, result, strict=True))


def test_a_still_scene_holds_still() -> None:
    shown = film("yuv420p", [scene(96, 128)] * 16)
    results = smoothed("yuv420p", shown)
    for plane, limit in enumerate((8, 30, 30)):
        before = flicker([given[plane] for _, given in shown][6:])
        after = flicker([result[plane] for result in results][6:])
        assert after < before / limit, f"plane {plane}"


def test_what_moves_is_followed() -> None:
    frames = pan(12, 96, 128)
    planes = [yuv_planes(rgb, pixel_layout("yuv420p")) for rgb in frames]
    results = smoothed("yuv420p", [(luma_of(rgb), given) for rgb, given in zip(frames, planes, strict=True)])
    for given, result in zip(planes[1:], results[1:], strict=True):
        for plane, inner in enumerate((8, 4, 4)):
            cut = np.s_[inner:-inner, inner:-inner]
            assert psnr(given[plane][cut], result[plane][cut]) > 36


def test_local_contrast_is_kept() -> None:
    random = np.random.default_rng(0)
    still = luma_of(scene(96, 128))
    grain = [np.clip(still + random.normal(0, 12, still.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    results = smoothed("gray", [(still, (frame,)) for frame in grain])

    def detail(frame: np.ndarray) -> float:
        return float(np.abs(np.diff(frame.astype(np.float64))).mean())

    assert 0.75 < detail(results[-1][0]) / detail(grain[-1]) < 1
    assert flicker([result[0] for result in results][6:]) < flicker(grain[6:]) / 4


def test_small_steps_do_not_stick() -> None:
    still = luma_of(scene(48, 64))
    levels = [np.full((48, 64), level, np.uint8) for level in [100] * 3 + [102] * 40]
    results = smoothed("gray", [(still, (level,)) for level in levels])
    assert np.unique(results[-1][0]) == [102], "in 8 bits it would stay within three levels of the past"


def test_interleaved_chroma_is_chroma() -> None:
    frames = pan(4, 36, 50)
    planar = smoothed("yuv420p", film("yuv420p", frames))
    packed = smoothed("nv12", film("nv12", frames))
    for (y, u, v), (luma, chroma) in zip(planar, packed, strict=True):
        assert equal((y, u, v), (luma, chroma[..., 0], chroma[..., 1]))


def test_padding_bits_stay_empty() -> None:
    frames = pan(4, 36, 50)
    planar = smoothed("yuv420p10le", film("yuv420p10le", frames))
    high = smoothed("p010le", film("p010le", frames))
    for (y, _, _), (luma, _) in zip(planar, high, strict=True):
        assert np.array_equal(y << 6, luma)


def test_depth_does_not_matter() -> None:
    shown = film("gray", pan(6, 48, 64))
    deep = [(luma, (given[0].astype(np.uint16) << 8,)) for luma, given in shown]
    for (result,), (wide,) in zip(smoothed("gray", shown), smoothed("gray16le", deep), strict=True):
        assert np.abs(wide / 256 - result).max() < 1


def test_another_scene_leaves_no_ghost() -> None:
    shown = film("yuv420p", [*pan(6, 72, 96, seed=1), *pan(3, 72, 96, seed=2)])
    results = smoothed("yuv420p", shown)
    assert not equal(results[5], shown[5][1])
    assert equal(results[6], shown[6][1]), "the first frame of the new scene is as it would be alone"
    alone = smoothed("yuv420p", shown[6:])
    assert equal(results[8], alone[2]), "and so is what follows"


def test_reset_forgets_everything() -> None:
    first, second = film("yuv420p", pan(5, 48, 64, seed=1)), film("yuv420p", pan(5, 48, 64, seed=1)[::-1])
    blend = FlowBlend(pixel_layout("yuv420p"), 64, 48)
    for moment in first:
        blend(*moment)
    blend.reset()
    assert all(
        equal(blend(*moment), result) for moment, result in zip(second, smoothed("yuv420p", second), strict=True)
    )


def test_frames_belong_to_the_caller() -> None:
    shown = film("yuv420p", pan(5, 48, 64))
    wanted = smoothed("yuv420p", shown)
    blend = FlowBlend(pixel_layout("yuv420p"), 64, 48)
    for (luma, given), result in zip(shown, wanted, strict=True):
        mine = luma.copy(), tuple(plane.copy() for plane in given)
        found = blend(*mine)
        assert equal(found, result)
        for plane in (mine[0], *mine[1], *found):
            plane[...] = 77


def test_strides_do_not_matter() -> None:
    def strided(plane: np.ndarray) -> np.ndarray:
        wide = np.zeros((plane.shape[0] + 2, plane.shape[1] + 7, *plane.shape[2:]), plane.dtype)
        wide[1:-1, 3:-4] = plane
        return wide[1:-1, 3:-4]

    shown = film("nv12", pan(3, 48, 64))
    mangled = [(strided(luma), tuple(map(strided, given))) for luma, given in shown]
    assert all(map(equal, smoothed("nv12", shown), smoothed("nv12", mangled)))


def test_a_given_flow_is_followed() -> None:
    luma = np.full((40, 60), 99, np.uint8)
    past, blank = luma_of(scene(40, 60)), np.full((40, 60), 128, np.uint8)
    blend = FlowBlend(GRAY, 60, 40, 0.95)
    blend(luma, (past,))
    flow = FlowPlanes(np.full((20, 30), 2, np.float32), np.full((20, 30), -1, np.float32))
    (result,) = blend(luma, (blank,), flow)
    expected = 0.95 * np.roll(past, (2, -4), (0, 1))[8:-8, 8:-8] + 0.05 * 128
    assert np.abs(result[8:-8, 8:-8] - expected).max() <= 1, "twice as far in a picture twice as large"


def test_memory_is_flat() -> None:
    shown = film("yuv420p", pan(4, 72, 96)) * 25
    blend = FlowBlend(pixel_layout("yuv420p"), 96, 72)
    one_frame = sum(plane.nbytes for plane in shown[0][1])
    tracemalloc.start()
    blend(*shown[0])
    before = tracemalloc.get_traced_memory()[0]
    for moment in shown:
        blend(*moment)
    growth = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert growth < 4 * one_frame, f"of {len(shown)} frames"


@pytest.mark.parametrize("strength", [-0.1, 1, 1.5, float("nan")])
def test_strengths_have_limits(strength: float) -> None:
    with pytest.raises(ConfigError, match="not within 0 and 1"):
        FlowBlend(GRAY, 64, 48, strength)


@pytest.mark.parametrize("layout", ["rgb24", "gbrp", "yuva420p", "ya8"])
def test_only_luma_and_chroma(layout: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=layout):
        FlowBlend(pixel_layout(layout), 64, 48)


def test_what_does_not_fit_is_told() -> None:
    luma = np.zeros((48, 64), np.uint8)
    blend = FlowBlend(GRAY, 64, 48)
    with pytest.raises(MismatchError, match="shapes"):
        blend(luma, (luma[1:],))
    with pytest.raises(MismatchError, match="shapes"):
        blend(luma[1:], (luma,))
    with pytest.raises(MismatchError, match="uint16"):
        blend(luma, (luma.astype(np.uint16),))
