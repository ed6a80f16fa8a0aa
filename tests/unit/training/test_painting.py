"""The loss of a painting beside one that is computed by other means: features by ONNX Runtime, the rest by numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, UnknownNameError  # noqa: E402
from streamsr.training import painting  # noqa: E402
from streamsr.training.backbones import load_backbone  # noqa: E402
from streamsr.training.painting import PaintingConfig, PaintingLoss  # noqa: E402
from streamsr.training.views import check_views, look  # noqa: E402
from tests.unit.training.backbone_files import (  # noqa: E402
    picture,
    random_arrays,
    random_backbone,
    run_by_onnxruntime,
)

pytestmark = pytest.mark.torch

CONFIG = PaintingConfig(
    content=2.0,
    content_layers={"relu2_2": 0.5},
    style=3.0,
    style_layers={"relu1_1": 1.0, "relu2_1@2": 0.25},
    moments=0.5,
    variation=0.1,
)


def half(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (image[..., ::2, ::2] + image[..., 1::2, ::2] + image[..., ::2, 1::2] + image[..., 1::2, 1::2]) / 4


def statistics(features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    flat = features[0].reshape(features.shape[1], -1).astype(np.float64)
    return flat @ flat.T / flat.shape[1], np.stack([flat.mean(1), flat.std(1)])


def relative(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    return float(((ours - theirs) ** 2).sum() / (theirs**2).sum())


def test_it_is_what_an_independent_computation_says(tmp_path: Path) -> None:
    arrays = random_arrays("vgg19")
    np.savez(tmp_path / "vgg.npz", **arrays)
    backbone = load_backbone(tmp_path / "vgg.npz")
    output, photo, first, second = (picture(32, 48, seed) for seed in range(4))
    style, content = PaintingLoss(backbone, CONFIG, [first, second])(output, photo, torch.tensor([[0.25, 0.75]]))

    def see(image: torch.Tensor, layer: str, shrink: int) -> npt.NDArray[np.float32]:
        array = image.numpy()
        return run_by_onnxruntime("vgg19", arrays, half(array) if shrink == 2 else array)[layer.replace("relu", "conv")]

    wanted = 0.0
    for layer, shrink, share in (("relu1_1", 1, 1.0), ("relu2_1", 2, 0.25)):
        ours = statistics(see(output, layer, shrink))
        one, other = (statistics(see(artwork, layer, shrink)) for artwork in (first, second))
        theirs = [0.25 * a + 0.75 * b for a, b in zip(one, other, strict=True)]
        wanted += share * (relative(ours[0], theirs[0]) + 0.5 * relative(ours[1], theirs[1]))
    pixels = output.numpy()
    rough = np.abs(np.diff(pixels, axis=2)).mean() + np.abs(np.diff(pixels, axis=3)).mean()
    assert style.tolist() == [pytest.approx(3 * wanted + 0.1 * rough, rel=1e-3)]
    size = np.mean([(see(artwork, "relu2_2", 1) ** 2).mean() for artwork in (first, second)])
    distance = ((see(output, "relu2_2", 1) - see(photo, "relu2_2", 1)) ** 2).mean() / size
    assert content.tolist() == [pytest.approx(2 * 0.5 * distance, rel=1e-3)]


def test_an_artwork_is_painted_right_by_itself(tmp_path: Path) -> None:
    backbone = random_backbone("vgg19", tmp_path)
    artwork = picture(32, 32)
    config = PaintingConfig(variation=0.0)
    loss = PaintingLoss(backbone, config, [artwork])
    style, content = loss(artwork, artwork, torch.ones(1, 1))
    assert style.item() == pytest.approx(0, abs=1e-5)
    assert content.item() == 0


def test_statistics_are_float32_where_the_backbone_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the backbone kept out of autocast, nothing else is left to be rounded."""
    loss = PaintingLoss(random_backbone("vgg19", tmp_path), CONFIG, [picture(32, 32)])
    given = picture(32, 48, 1), picture(32, 48, 2), torch.ones(1, 1)
    expected = loss(*given)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss(*given)
    monkeypatch.setattr(painting, "look", torch.autocast("cpu", enabled=False)(look))
    with torch.autocast("cpu", torch.bfloat16):
        exact = loss(*given)
    for index in range(2):
        assert torch.equal(exact[index], expected[index])
        assert not torch.equal(rounded[index], expected[index])
        torch.testing.assert_close(rounded[index], expected[index], rtol=0.02, atol=0)


def test_every_picture_has_its_own_figures_and_only_the_output_learns(tmp_path: Path) -> None:
    backbone = random_backbone("vgg19", tmp_path)
    loss = PaintingLoss(backbone, CONFIG, [picture(32, 32, 5), picture(40, 32, 6)])
    output = torch.cat([picture(32, 32, seed) for seed in (1, 2)]).requires_grad_()
    photo = torch.cat([picture(32, 32, seed) for seed in (3, 4)]).requires_grad_()
    together = loss(output, photo, torch.eye(2))
    for index in range(2):
        alone = loss(output[index : index + 1], photo[index : index + 1], torch.eye(2)[index : index + 1])
        for ours, theirs in zip(together, alone, strict=True):
            assert ours[index].item() == pytest.approx(theirs.item(), rel=1e-4)
    torch.stack(together).sum().backward()
    assert photo.grad is None
    assert output.grad is not None
    assert output.grad.flatten(1).abs().sum(1).min() > 0


def test_names_of_layers(tmp_path: Path) -> None:
    backbone = random_backbone("vgg19", tmp_path)
    image = picture(16, 16)
    seen = look(backbone, image, ["relu2_1@2", "relu1_1", "relu1_1@2"])
    assert {name: tuple(value.shape) for name, value in seen.items()} == {
        "relu2_1@2": (1, 128, 4, 4),
        "relu1_1": (1, 64, 16, 16),
        "relu1_1@2": (1, 64, 8, 8),
    }
    for wrong in ("relu1_1@", "relu1_1@0", "relu1_1@half"):
        with pytest.raises(ConfigError, match="write relu1_1@2 for relu1_1 of the picture at half its size"):
            look(backbone, image, [wrong])
    for see in (lambda names: look(backbone, image, names), lambda names: check_views(backbone, names)):
        with pytest.raises(UnknownNameError, match="relu2_1"):
            see(["relu2_11@2"])
