from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.training.image_pool import ImagePool  # noqa: E402

pytestmark = pytest.mark.torch


def pictures(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)


def numbers(batch: torch.Tensor) -> list[int]:
    return [int(picture.mean()) for picture in batch]


def test_while_it_fills_the_fresh_ones_come_back() -> None:
    pool, rng = ImagePool(3, (3, 2, 2)), np.random.default_rng(0)
    assert numbers(pool.exchange(pictures(1, 2), rng)) == [1, 2]
    assert numbers(pool.exchange(pictures(3), rng)) == [3]
    assert numbers(pool.pictures) == [1, 2, 3]


def test_then_every_other_one_is_changed_for_an_old_one() -> None:
    """No picture comes back twice or is lost: what has been given is what came back and what is kept."""
    pool, rng = ImagePool(50, (3, 2, 2)), np.random.default_rng(0)
    given, back = [], []
    for start in range(0, 1000, 2):
        given += [start, start + 1]
        back += numbers(pool.exchange(pictures(start, start + 1), rng))
    late = list(zip(given, back, strict=True))[50:]
    older = [fresh - old for fresh, old in late if fresh != old]
    assert len(older) / len(late) == pytest.approx(0.5, abs=0.05)
    assert all(age > 0 for age in older)
    assert np.mean(older) == pytest.approx(100, rel=0.25), "each of 50 places is renewed once in 100 pictures"
    handed_once = back[:50] + [old for fresh, old in late]
    assert len(set(back[50:])) == len(back[50:])
    assert set(handed_once) | set(numbers(pool.pictures)) == set(given)


def test_an_empty_pool_returns_what_it_is_given() -> None:
    pool = ImagePool(0, (3, 2, 2))
    assert numbers(pool.exchange(pictures(7, 8), np.random.default_rng(0))) == [7, 8]


def test_what_comes_back_is_detached_and_does_not_change_later() -> None:
    pool, rng = ImagePool(1, (3, 2, 2)), np.random.default_rng(0)
    fresh = pictures(1).clone().requires_grad_()
    assert not pool.exchange(fresh, rng).requires_grad
    old = next(back for n in range(2, 50) if numbers(back := pool.exchange(pictures(n), rng)) != [n])
    before = old.clone()
    for n in range(50, 60):
        pool.exchange(pictures(n), rng)
    assert torch.equal(old, before)


def test_its_state_is_all_of_it() -> None:
    one, other = ImagePool(4, (3, 2, 2)), ImagePool(4, (3, 2, 2))
    one.exchange(pictures(1, 2, 3), np.random.default_rng(0))
    other.load_state_dict(one.state_dict())
    rngs = [np.random.default_rng(5) for _ in range(2)]
    for n in range(10, 40):
        assert torch.equal(*(pool.exchange(pictures(n), rng) for pool, rng in zip((one, other), rngs, strict=True)))
