from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.training.unpaired import Crops, Unpaired  # noqa: E402

pytestmark = pytest.mark.torch


def ramp(rows: int, columns: int, level: int) -> np.ndarray:
    """Every pixel says where it is, and which picture's."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([y, x, np.full_like(x, level)], -1).astype(np.uint8)


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    kinds = [Crops([ramp(40, 50, n), ramp(80, 60, n + 1)], 16, "it") for n in (10, 20)]
    unpaired = Unpaired(*kinds, 4, seed=3)
    first = unpaired.batch(5)
    assert [part.shape for part in first] == [(4, 3, 16, 16)] * 2
    assert all(map(torch.equal, first, unpaired.batch(5)))
    assert not torch.equal(first[0], unpaired.batch(6)[0])
    assert not torch.equal(first[0], Unpaired(*kinds, 4, seed=4).batch(5)[0])
    parts = [unpaired.batch(5, rank, 2) for rank in range(2)]
    assert torch.equal(torch.stack([parts[0][1], parts[1][1]], 1).flatten(0, 1), first[1])


def test_patches_are_parts_of_their_kind_some_mirrored_none_turned() -> None:
    kinds = Crops([ramp(40, 50, 10), ramp(80, 120, 11)], 16, "a"), Crops([ramp(40, 50, 20)], 16, "b")
    levels, mirrored = [], []
    for step in range(60):
        a, b = ((part * 255).round().int() for part in Unpaired(*kinds, 2, seed=0).batch(step))
        assert set(b[:, 2].unique().tolist()) == {20}
        for patch in a:
            levels.append(int(patch[2, 0, 0]))
            assert (patch[0].diff(dim=0) == 1).all(), "rows go down"
            slope = patch[1].diff(dim=1)
            assert slope.unique().tolist() in ([1], [-1])
            mirrored.append(int(slope[0, 0]) < 0)
    assert set(levels) <= {10, 11}
    assert np.mean([level == 11 for level in levels]) == pytest.approx(9600 / 11600, abs=0.1), "by their area"
    assert np.mean(mirrored) == pytest.approx(0.5, abs=0.15)


def test_small_pictures_are_left_out() -> None:
    crops = Crops([ramp(15, 90, 1), ramp(16, 16, 2)], 16, "paintings")
    assert {int(crops.draw(np.random.default_rng(n))[0, 0, 2]) for n in range(20)} == {2}
    with pytest.raises(ConfigError, match="no picture of paintings has 16 pixels on its shorter side"):
        Crops([ramp(15, 90, 1)], 16, "paintings")
