from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, ModelError, UnknownNameError  # noqa: E402
from streamsr.training import style  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.lessons import Lessons  # noqa: E402
from streamsr.training.practice import disturbed, sway  # noqa: E402
from streamsr.training.run import MODEL_NAME, STATE_NAME  # noqa: E402
from tests.unit.training.backbone_files import picture  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = pytest.mark.torch


def log_of(out: Path, key: str) -> list[float]:
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [entry[key] for entry in entries if key in entry]


QUIET = {"checkpoint_every": 1000}


@pytest.fixture(scope="module")
def taught(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in the first phase alone: the folder of what it wrote."""
    lessons = {"warmup": 0.1, "freeze": 1.0, "plain": 0.2}
    recipe = studio.recipe(optim={"steps": 80}, lessons=lessons, steady={"weight": 0.0}, run=QUIET)
    return style.train(recipe, studio.photos, studio.art, tmp_path_factory.mktemp("taught") / "out").parent


@pytest.mark.parametrize("dies_at", [7, 9, 11], ids=["before freezing", "after, saved before", "after"])
def test_a_resumed_run_ends_with_the_same_bits(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """It saves after 5 steps and after 10, and freezes after 8."""
    recipe, batch, out = studio.recipe(), Lessons.batch, tmp_path / "parts"
    assert recipe.freeze_at == 8
    whole = load_checkpoint(style.train(recipe, studio.photos, studio.art, tmp_path / "whole"))

    def dies(self: Lessons, step: int, *place: int) -> tuple:
        if step == dies_at and place:  # in the loop: the statistics are taken from the same lessons, of all processes
            raise OSError("power cut")
        return batch(self, step, *place)

    monkeypatch.setattr(Lessons, "batch", dies)
    with pytest.raises(OSError, match="power cut"):
        style.train(recipe, studio.photos, studio.art, out)
    monkeypatch.setattr(Lessons, "batch", batch)
    assert load_checkpoint(out / STATE_NAME).facts["step"] == dies_at // 5 * 5
    parts = load_checkpoint(style.train(recipe, studio.photos, studio.art, out))
    states = [load_checkpoint(folder / STATE_NAME) for folder in (tmp_path / "whole", out)]
    for one, other in ((whole, parts), tuple(states)):
        assert one.facts["step"] == other.facts["step"] == 12
        assert one.tensors.keys() == other.tensors.keys()
        for name, tensor in one.tensors.items():
            assert torch.equal(tensor, other.tensors[name]), name


def test_the_losses_fall_and_the_network_obeys(taught: Path) -> None:
    """Style gets better, strength 0 comes nearer to the photograph than any style, and styles differ."""
    figures = log_of(taught, "style")
    assert sum(figures[-15:]) < 0.6 * sum(figures[:15])
    assert not log_of(taught, "sway"), "nothing to hold still was asked for"
    cpu = log_of(taught, "cpu")
    assert cpu == sorted(cpu)
    saved = load_checkpoint(taught / MODEL_NAME)
    assert saved.generator == "style"
    assert saved.config["styles"] == ["waves", "blots"]
    model, photo = saved.build(), picture(32, 48, 0)
    with torch.no_grad():
        styled = [model(photo, row[None]) for row in torch.eye(2)]
        plain = model(photo, strength=torch.zeros(1, 1))
    assert (styled[0] - styled[1]).abs().mean() > 0.02
    assert (plain - photo).abs().mean() < min((each - photo).abs().mean() for each in styled)


def test_the_second_phase_recovers_and_steadies(studio: Studio, taught: Path, tmp_path: Path) -> None:
    """What freezing spoils is learned again; with the twins, holding still is learned as well."""
    errors = []
    for weight in (0.0, 300.0):
        recipe = studio.recipe(
            generator={"config": {"widths": [8, 8, 8], "blocks": 1}, "start": str(taught / MODEL_NAME)},
            optim={"steps": 60, "lr": 6e-3},
            # one style at full strength in nearly every picture, so that losses of different steps compare
            lessons={"warmup": 0.0, "freeze": 0.0, "frozen_rate": 1.0, "plain": 0.05, "faint": 0.0, "mixed": 0.0},
            steady={"weight": weight, "start": 0.0, "end": 0.0},
            run=QUIET,
        )
        out = tmp_path / f"{weight}"
        model = load_checkpoint(style.train(recipe, studio.photos, studio.art, out)).build()
        assert model.frozen
        errors.append(swaying(model))
    figures = log_of(tmp_path / "0.0", "style")
    assert sum(figures[-15:]) < 0.75 * sum(figures[:15])
    assert errors[1] < 0.7 * errors[0]


def swaying(model: torch.nn.Module) -> float:
    photo = torch.cat([picture(64, 64, seed) for seed in range(4)])
    noise = 0.03 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    field, gain = torch.full((4, 64, 64, 2), 0.4), torch.full((4, 1, 1, 1), 1.03)
    with torch.no_grad():
        output, twin = model(photo), model(disturbed(photo, field, gain, noise))
    return sway(output, twin, photo, field, gain, noise).mean().item()


def test_a_brighter_twin_may_be_brighter() -> None:
    """A network that does nothing is steady but for the noise."""
    photo, noise = picture(32, 32), 0.1 * torch.randn(1, 3, 32, 32)
    field, gain = torch.zeros(1, 32, 32, 2), torch.full((1, 1, 1, 1), 1.2)
    gray = photo.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    for added, expected in ((torch.zeros_like(noise), 0.0), (noise, noise[..., 4:-4, 4:-4].square().mean().item())):
        twin = disturbed(gray, field, gain, added)
        assert sway(gray, twin, gray, field, gain, added).item() == pytest.approx(expected, abs=1e-8, rel=1e-3)


def test_clear_errors(studio: Studio, tmp_path: Path) -> None:
    def fail(error: type[Exception], message: str, **changes: dict) -> None:
        with pytest.raises(error, match=message):
            style.train(studio.recipe(**changes), studio.photos, studio.art, tmp_path / "out")

    fail(ModelError, r"nowhere\.npz cannot be read", perceptual={"file": "nowhere.npz"})
    fail(ConfigError, r"there is no artwork .*dots\.png for style 'dots'", art={"files": {"dots": "dots.png"}})
    fail(ConfigError, "no images in", data={"include": ["*.jpg"]})
    fail(UnknownNameError, "relu9_1", loss={"style_layers": {"relu9_1": 1.0}})
    fail(UnknownNameError, "relu9_2", loss={"content_layers": {"relu9_2": 1.0}})
    fail(ConfigError, "write relu1_1@2", loss={"style_layers": {"relu1_1@x": 1.0}})
    fail(ConfigError, "unknown key 'depth'", generator={"config": {"depth": 3}})
    fail(ConfigError, "'identity'", art={"files": {"identity": "waves.png"}})
    assert not (tmp_path / "out").exists()
