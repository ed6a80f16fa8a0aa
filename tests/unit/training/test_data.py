from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, UnsupportedFormatError  # noqa: E402
from streamsr.training.data import Patches  # noqa: E402
from streamsr.training.degrade import bicubic  # noqa: E402
from streamsr.training.images import find_images, read_rgb  # noqa: E402
from streamsr.training.metrics import luma  # noqa: E402
from streamsr.training.pairs import Pair, load_pairs, make_pairs  # noqa: E402
from streamsr.training.recipe import DataSection, Recipe, parse_recipe  # noqa: E402
from tests import clips  # noqa: E402

pytestmark = pytest.mark.torch


def picture(seed: int, rows: int = 40, columns: int = 52) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.integers(0, 256, (rows, columns, 3), dtype=np.uint8), (5, 5), 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / "a" / f"{index}.png"), picture(index)[..., ::-1])
    return tmp_path


def test_globs_choose_images(folder: Path) -> None:
    names = [path.name for path in find_images(folder, ["a/*"], ["a/1*"])]
    assert names == ["0.png", "2.png"]
    with pytest.raises(ConfigError, match=r"no images in .* match b/\* without a/\*"):
        find_images(folder, ["b/*"], ["a/*"])
    with pytest.raises(ConfigError, match="not a glob relative"):
        find_images(folder, ["/etc/*"])


def test_notes_beside_the_pictures_are_not_learned_from(folder: Path) -> None:
    (folder / "a" / "README.txt").write_text("FFmpeg makes a film of this\n" * 30)
    (folder / "a" / ".DS_Store").write_bytes(b"\0" * 100)
    assert [path.name for path in find_images(folder, ["**/*"])] == ["0.png", "1.png", "2.png"]


def recipe(**tables: object) -> Recipe:
    return parse_recipe({"name": "t", "generator": {"config": {"scale": 2}}, **tables})


def pair_of(seed: int, folder: Path) -> Pair:
    path = folder / f"pair{seed}.png"
    cv2.imwrite(str(path), picture(seed)[..., ::-1])
    (pair,) = make_pairs(path, recipe(), "luma")
    return pair


def test_pairs_are_as_the_benchmarks_make_them(folder: Path) -> None:
    (pair,) = make_pairs(folder / "a" / "0.png", recipe(), "luma")
    rgb = picture(0)
    np.testing.assert_array_equal(pair.high[..., 0], luma(rgb))
    np.testing.assert_array_equal(pair.low[..., 0], luma(bicubic(rgb, Fraction(1, 2))))
    (colored,) = make_pairs(folder / "a" / "0.png", recipe(), "rgb")
    np.testing.assert_array_equal(colored.high, rgb)
    np.testing.assert_array_equal(colored.low, bicubic(rgb, Fraction(1, 2)))


def test_sizes_and_variants_multiply(folder: Path) -> None:
    several = recipe(
        data={"sizes": [1, 0.5], "variants": 3}, degrade=[{"kind": "bicubic"}, {"kind": "noise", "sigma": [5.0, 9.0]}]
    )
    pairs = list(make_pairs(folder / "a" / "0.png", several, "rgb"))
    assert [pair.high.shape for pair in pairs] == [(40, 52, 3)] * 3 + [(20, 26, 3)] * 3
    np.testing.assert_array_equal(pairs[0].high, pairs[1].high)
    assert (pairs[0].low != pairs[1].low).any()


def test_degradations_that_end_at_another_size(folder: Path) -> None:
    with pytest.raises(ConfigError, match="52x40 into 52x40, which is not 1/2"):
        list(make_pairs(folder / "a" / "0.png", recipe(degrade=[]), "luma"))


def test_videos_give_pairs_too(folder: Path) -> None:
    clips.make_clip(folder / "clip.mkv", frames=9, width=64, height=48)
    pairs = list(make_pairs(folder / "clip.mkv", recipe(data={"frames": 2}), "luma"))
    assert [pair.high.shape for pair in pairs] == [(48, 64, 1)]


def test_pairs_are_cached_until_a_file_changes(folder: Path) -> None:
    paths, cache = find_images(folder, ["a/*"], []), folder / "cache"
    first = load_pairs(paths, recipe(), "luma", cache)
    again = load_pairs(paths, recipe(), "luma", cache)
    assert len(list(cache.iterdir())) == 1
    for pair, same, index in zip(first, again, range(3), strict=True):
        np.testing.assert_array_equal(pair.high[..., 0], luma(picture(index)))
        np.testing.assert_array_equal(pair.low, same.low)
        np.testing.assert_array_equal(pair.high, same.high)
    cv2.imwrite(str(paths[0]), picture(9)[..., ::-1])
    np.testing.assert_array_equal(load_pairs(paths, recipe(), "luma", cache)[0].high[..., 0], luma(picture(9)))


def test_patches_are_pieces_of_their_images_turned_together() -> None:
    """Low and high carry their own positions as values, so that every turn and crop can be checked."""
    low = np.arange(12 * 14, dtype=np.uint8).reshape(12, 14, 1)
    pair = Pair(low, low.repeat(2, 0).repeat(2, 1))
    patches = Patches([pair], 2, DataSection(patch=6, batch=64), seed=0)
    small, large = patches.batch(3)
    assert small.shape == (64, 1, 6, 6)
    assert large.shape == (64, 1, 12, 12)
    assert torch.equal(small.repeat_interleave(2, 2).repeat_interleave(2, 3), large)
    steps = {tuple((patch[0, 0, 0] * 255 - patch[0] * 255).round().int().flatten()[[1, 6]].tolist()) for patch in small}
    assert steps == {(-1, -14), (1, -14), (-1, 14), (1, 14), (-14, -1), (14, -1), (-14, 1), (14, 1)}


def test_processes_share_a_batch(tmp_path: Path) -> None:
    patches = Patches([pair_of(0, tmp_path)], 2, DataSection(patch=8, batch=6, candidates=2), 0)
    whole, parts = patches.batch(3)[1], [patches.batch(3, rank, 3)[1] for rank in range(3)]
    for rank, part in enumerate(parts):
        assert torch.equal(part, whole[rank::3])


def test_batches_depend_on_seed_and_step_alone(tmp_path: Path) -> None:
    pairs = [pair_of(seed, tmp_path) for seed in range(2)]
    section = DataSection(patch=8, batch=4, candidates=2)
    one, other = Patches(pairs, 2, section, 5), Patches(pairs, 2, section, 5)
    other.batch(0)
    assert torch.equal(one.batch(7)[0], other.batch(7)[0])
    assert not torch.equal(one.batch(7)[0], one.batch(8)[0])
    assert not torch.equal(one.batch(7)[0], Patches(pairs, 2, section, 6).batch(7)[0])


def test_candidates_prefer_contrast() -> None:
    half = np.full((32, 64, 1), 100, np.uint8)
    half[:, 32:] = np.random.default_rng(0).integers(0, 256, (32, 32, 1))
    pair = Pair(half, half.repeat(2, 0).repeat(2, 1))

    def contrast(candidates: int) -> float:
        low, _ = Patches([pair], 2, DataSection(patch=8, batch=64, candidates=candidates), 0).batch(0)
        return float((low.flatten(1).std(1) > 0.01).float().mean())

    assert contrast(4) > 0.9 > contrast(1)


def test_recolored_patches_are_still_pairs() -> None:
    high = picture(0, 64, 64)
    pair = Pair(bicubic(high, Fraction(1, 2)), high)
    section = DataSection(patch=16, batch=64, recolor=True)
    plain, colored = (
        Patches([pair], 2, replace(section, recolor=recolor), seed=3).batch(0) for recolor in (False, True)
    )
    changes = set()
    for low, high_, low_, high__ in zip(*plain, *colored, strict=True):
        found = [
            (order, inverted)
            for order in permutations(range(3))
            for inverted in (False, True)
            if torch.allclose(low_, _recolored(low, order, inverted))
        ]
        assert len(found) == 1
        torch.testing.assert_close(high__, _recolored(high_, *found[0]))
        changes.update(found)
    assert len(changes) == 12


def _recolored(image: torch.Tensor, order: tuple[int, ...], inverted: bool) -> torch.Tensor:
    image = image[list(order)]
    return 1 - image if inverted else image


@pytest.mark.parametrize(("power", "share"), [(1.0, 16 / 17), (0.5, 4 / 5), (0.0, 1 / 2)])
def test_how_often_a_large_picture_is_drawn(power: float, share: float) -> None:
    large, small = np.full((64, 64, 3), 255, np.uint8), np.zeros((16, 16, 3), np.uint8)
    pairs = [Pair(large, large), Pair(small, small)]
    patches = Patches(pairs, 1, DataSection(patch=8, batch=500, area_power=power), seed=0)
    drawn = np.mean([float(patches.batch(step)[0].mean()) for step in range(4)])
    assert drawn == pytest.approx(share, abs=0.03)


def test_images_that_are_too_small(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="64 low-resolution pixels"):
        Patches([pair_of(0, tmp_path)], 2, DataSection(patch=64), 0)


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp"])
def test_lossless_images_are_read_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    image = picture(1, 33, 41)
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == "webp" else [])
    np.testing.assert_array_equal(read_rgb(path), image)


def test_gray_alpha_and_jpeg(tmp_path: Path) -> None:
    image = picture(2, 32, 48)
    cv2.imwrite(str(tmp_path / "gray.png"), image[..., 0])
    np.testing.assert_array_equal(read_rgb(tmp_path / "gray.png"), np.repeat(image[..., :1], 3, axis=2))
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([image[..., ::-1], image[..., 0]]))
    np.testing.assert_array_equal(read_rgb(tmp_path / "alpha.png"), image)
    smooth = cv2.GaussianBlur(image, (0, 0), 6)
    cv2.imwrite(str(tmp_path / "photo.jpg"), smooth[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    assert np.abs(read_rgb(tmp_path / "photo.jpg").astype(int) - smooth).mean() < 1.5


def test_deep_images_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), picture(3).astype(np.uint16) * 257)
    with pytest.raises(UnsupportedFormatError, match="16 bits"):
        read_rgb(tmp_path / "deep.png")
