from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.training.comparisons import Comparisons  # noqa: E402
from streamsr.training.images import find_images  # noqa: E402
from streamsr.training.lessons import Lessons  # noqa: E402
from streamsr.training.style_data import read_artworks, read_photos  # noqa: E402
from streamsr.training.style_recipe import StyleRecipe  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = pytest.mark.torch


def lessons(studio: Studio, recipe: StyleRecipe) -> Lessons:
    return Lessons(read_photos(find_images(studio.photos, ["*"]), recipe.data.heights), recipe)


def test_a_batch_is_what_it_says(studio: Studio) -> None:
    photo, styles, strength, field, gain, noise = lessons(studio, studio.recipe(data={"batch": 3})).batch(4)
    assert photo.shape == noise.shape == (3, 3, 32, 32)
    assert 0 <= photo.min() < photo.max() <= 1
    assert styles.shape == (3, 2)
    torch.testing.assert_close(styles.sum(1), torch.ones(3))
    assert strength.shape == (3, 1)
    assert field.shape == (3, 32, 32, 2)
    assert gain.shape == (3, 1, 1, 1)
    assert all(part.dtype == torch.float32 for part in (photo, styles, strength, field, gain, noise))


def test_it_depends_on_seed_and_step_and_processes_share_it(studio: Studio) -> None:
    recipe = studio.recipe(data={"batch": 4})
    whole, again = (lessons(studio, recipe).batch(7) for _ in range(2))
    halves = [lessons(studio, recipe).batch(7, rank, 2) for rank in range(2)]
    for index, part in enumerate(whole):
        assert torch.equal(part, again[index])
        assert torch.equal(part[0::2], halves[0][index])
        assert torch.equal(part[1::2], halves[1][index])
    assert not torch.equal(whole[0], lessons(studio, recipe).batch(8)[0])
    assert not torch.equal(whole[0], lessons(studio, studio.recipe(data={"batch": 4}, run={"seed": 1})).batch(7)[0])


def test_shares_of_the_tasks(studio: Studio) -> None:
    """Styles come round evenly; plain, faint and mixed ones as often as the recipe says, mixed ones only late."""
    shares = {"plain": 0.25, "faint": 0.25, "mixed": 0.25}
    recipe = studio.recipe(data={"batch": 4}, lessons=shares, optim={"steps": 200}, steady={"start": 0.5, "end": 0.6})
    drawn = [lessons(studio, recipe).batch(step)[1:3] for step in range(200)]
    strength = torch.cat([each[1] for each in drawn])[:, 0]
    styles = torch.cat([each[0] for each in drawn])
    assert (strength == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
    assert ((strength > 0) & (strength < 1)).float().mean().item() == pytest.approx(0.25, abs=0.05)
    pure = styles.max(1).values == 1
    assert pure[:400].all()
    assert (~pure[400:]).float().mean().item() == pytest.approx(0.125, abs=0.05), "half of the pairs are of one style"
    assert styles[:400].mean(0).tolist() == [0.5, 0.5]


def test_disturbances_keep_the_recipes_bounds(studio: Studio) -> None:
    movement = {"shift": 3.0, "turn": 0.0, "zoom": 0.0, "bend": 0.0}
    recipe = studio.recipe(data={"batch": 8}, steady={"noise": 0.1, "gain": 0.2, "movement": movement})
    fields, gains, noise = zip(*(lessons(studio, recipe).batch(step)[3:] for step in range(12)), strict=True)
    field, gain = torch.cat(fields), torch.cat(gains)
    size = field.flatten(1).abs().amax(1)
    assert (size == 0).any(), "some rest"
    assert ((size > 0) & (size <= 1)).any()
    assert 1 < size.max() <= 3
    assert 0.8 <= gain.min() < 0.9
    assert 1.1 < gain.max() <= 1.2
    deviation = torch.cat(noise).flatten(1).std(1)
    assert deviation.max() < 0.11
    assert deviation.min() < 0.02


def test_photographs_must_be_large_enough(studio: Studio) -> None:
    with pytest.raises(ConfigError, match="no photograph has 32 pixels on its shorter side"):
        lessons(studio, studio.recipe(data={"heights": [20]}))


def test_what_paintings_are_compared_with(studio: Studio) -> None:
    """A patch of the style's artwork, mirrored or not; of what is to be plain, the photograph."""
    recipe = studio.recipe(data={"batch": 6}, lessons={"plain": 0.5, "faint": 0.0, "mixed": 0.0})
    artworks = read_artworks(studio.art, recipe.art)
    compared = Comparisons(lessons(studio, recipe), artworks, recipe)
    kinds = set()
    for step in range(3):
        photo, styles, strength, *_, real = compared.batch(step)
        assert torch.equal(real[1::2], compared.batch(step, 1, 2)[-1])
        for index in range(6):
            kinds.add((strength[index].item(), int(styles[index].argmax())))
            if strength[index] == 0:
                assert torch.equal(real[index], photo[index])
            else:
                assert found(real[index], artworks[int(styles[index].argmax())][0])
    assert len(kinds) == 4
    with pytest.raises(ConfigError, match=r"the artwork of 'waves' is 64x80, smaller than data\.patch"):
        Comparisons(lessons(studio, recipe), artworks, studio.recipe(data={"patch": 72}))


def found(patch: torch.Tensor, artwork: torch.Tensor) -> bool:
    places = artwork.unfold(1, 32, 1).unfold(2, 32, 1)
    either = [(places == each[:, None, None]).all(-1).all(-1).all(0).any() for each in (patch, patch.flip(2))]
    return bool(np.any(either))
