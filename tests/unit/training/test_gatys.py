from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.training.gatys import paint  # noqa: E402
from streamsr.training.painting import PaintingConfig  # noqa: E402
from tests.unit.training.backbone_files import picture, random_backbone  # noqa: E402

pytestmark = pytest.mark.torch

CONFIG = PaintingConfig(style_layers={"relu1_1": 1.0, "relu2_1": 1.0}, content_layers={"relu2_2": 1.0})


def test_the_loss_falls_and_the_picture_stays_one(tmp_path: Path) -> None:
    backbone, photo, artwork = random_backbone("vgg19", tmp_path), picture(48, 48), picture(64, 40, 1)
    told: list[tuple[int, float]] = []
    painted = paint(backbone, photo, artwork, CONFIG, 12, lambda step, loss: told.append((step, loss)))
    assert [step for step, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][1] < 0.2 * told[0][1]
    assert painted.shape == photo.shape
    assert 0 <= painted.min() < painted.max() <= 1
    assert not painted.requires_grad
    assert torch.equal(photo, picture(48, 48)), "the caller's photo is left alone"


def test_without_style_nothing_changes(tmp_path: Path) -> None:
    backbone, photo = random_backbone("vgg19", tmp_path), picture(48, 48)
    painted = paint(backbone, photo, picture(48, 48, 1), PaintingConfig(style=0.0, content=1.0), 3)
    torch.testing.assert_close(painted, photo)
