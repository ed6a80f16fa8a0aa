from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import UnknownNameError  # noqa: E402
from streamsr.training.backbones import Backbone, load_backbone  # noqa: E402
from streamsr.training.perceptual import PerceptualLoss, feature_distance  # noqa: E402

from .backbone_files import picture, random_arrays, random_backbone, run_by_onnxruntime  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return random_backbone("vgg19", tmp_path_factory.mktemp("vgg"))


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return random_backbone("squeezenet", tmp_path_factory.mktemp("squeezenet"))


class Scaled(Backbone):
    """Two layers one can compute by hand: the normalised input times 2, and times 6."""

    taps = ("twice", "six")

    def __init__(self) -> None:
        layers = [(name, torch.nn.Conv2d(3, 3, 1, groups=3, bias=False)) for name in self.taps]
        for (_, layer), gain in zip(layers, (2.0, 3.0), strict=True):
            torch.nn.init.constant_(layer.weight, gain)
        super().__init__(layers, mean_bgr=(0.0, 0.0, 0.0))


def test_the_loss_of_a_backbone_known_by_heart() -> None:
    output, target = torch.full((1, 3, 2, 2), 0.5), torch.full((1, 3, 2, 2), 0.4)
    # relative to the target's energy, every layer differs by (0.1 / 0.4)^2
    loss = PerceptualLoss(Scaled(), {"twice": 1.0, "six": 0.5})
    assert loss(output, target).item() == pytest.approx(1.5 * (0.1 / 0.4) ** 2, rel=1e-5)


def test_the_loss_is_the_weighted_feature_error_of_onnxruntime(vgg: Backbone) -> None:
    output, target = picture(24, 28, seed=1), picture(24, 28, seed=2)
    arrays = random_arrays("vgg19")
    ours, theirs = (run_by_onnxruntime("vgg19", arrays, image.numpy()) for image in (output, target))
    weights = {"conv2_2": 0.3, "conv3_4": 2.0}
    expected = sum(
        weight * ((ours[name] - theirs[name]) ** 2).mean() / (theirs[name] ** 2).mean()
        for name, weight in weights.items()
    )
    loss = PerceptualLoss(vgg, {name.replace("conv", "relu"): weight for name, weight in weights.items()})
    assert loss(output, target).item() == pytest.approx(float(expected), rel=1e-4)


def test_equal_images_cost_nothing(vgg: Backbone) -> None:
    image = picture(16, 16)
    assert PerceptualLoss(vgg, {"conv3_4": 1.0})(image, image.clone()).item() == 0


def test_gradients_reach_the_output_only(vgg: Backbone) -> None:
    output, target = picture(16, 16, 1).requires_grad_(), picture(16, 16, 2).requires_grad_()
    loss = PerceptualLoss(vgg, {"conv2_1": 1.0})
    loss(output, target).backward()
    assert target.grad is None
    assert all(parameter.grad is None for parameter in loss.parameters())
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
    assert output.grad.abs().max() > 0


def test_the_gradient_is_the_slope() -> None:
    torch.manual_seed(0)
    backbone = Scaled().double()
    target = torch.rand(2, 3, 3, 3, dtype=torch.float64)
    output = torch.rand(2, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    # mean (g o - g t)^2 / mean (g t)^2 = sum (o - t)^2 / sum t^2, whatever the gain g
    PerceptualLoss(backbone, {"six": 1.0})(output, target).backward()
    expected = 2 * (output.detach() - target) / target.square().sum()
    assert output.grad is not None
    torch.testing.assert_close(output.grad, expected, rtol=1e-5, atol=1e-8)


def test_minimising_it_finds_the_target(vgg: Backbone) -> None:
    target = picture(12, 12, 3)
    output = torch.full_like(target, 0.5).requires_grad_()
    loss, optimizer = PerceptualLoss(vgg, {"conv1_2": 1.0}), torch.optim.Adam([output], 0.02)
    first = torch.nn.functional.mse_loss(output, target).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss(output, target).backward()
        optimizer.step()
    assert torch.nn.functional.mse_loss(output, target).item() < first / 10


def test_the_loss_under_autocast_stays_float32(vgg: Backbone) -> None:
    output, target = picture(16, 16, 1), picture(16, 16, 2)
    loss = PerceptualLoss(vgg, {"conv2_2": 1.0})
    with torch.autocast("cpu", torch.bfloat16):
        low = loss(output, target)
    assert low.dtype == torch.float32
    assert low.item() == pytest.approx(loss(output, target).item(), rel=0.05)


def test_a_black_target_divides_by_nothing() -> None:
    loss = PerceptualLoss(Scaled(), {"twice": 1.0})
    assert loss(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)).item() == 0


def test_an_unknown_layer_is_named(vgg: Backbone) -> None:
    with pytest.raises(UnknownNameError, match="conv5_4"):
        PerceptualLoss(vgg, {"conv5_4": 1.0})(picture(8, 8), picture(8, 8))


def test_the_distance_of_a_backbone_known_by_heart() -> None:
    red, green = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    red[:, 0], green[:, 1] = 0.5, 0.9
    green[1, 0] = 0.9
    # right angles differ by 2; (1, 0) and (1, 1) / sqrt 2 by 2 - sqrt 2, however bright
    distance = feature_distance(Scaled(), red, green)
    np.testing.assert_allclose(distance.numpy(), [2, 2 - 2**0.5], rtol=1e-5)


def test_the_distance_is_that_of_numpy(squeezenet: Backbone) -> None:
    image, truth = picture(40, 44, seed=1), picture(40, 44, seed=2)
    arrays = random_arrays("squeezenet")
    sides = [run_by_onnxruntime("squeezenet", arrays, side.numpy()) for side in (image, truth)]
    terms = []
    for name in ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"):
        ours, theirs = (side[name] / np.linalg.norm(side[name], axis=1, keepdims=True) for side in sides)
        terms.append(((ours - theirs) ** 2).sum(1).mean())
    assert feature_distance(squeezenet, image, truth).item() == pytest.approx(np.mean(terms), rel=1e-4)


def test_the_distance_is_symmetric_and_zero_for_equals(squeezenet: Backbone) -> None:
    a, b = picture(40, 40, 1), picture(40, 40, 2)
    torch.testing.assert_close(feature_distance(squeezenet, a, b), feature_distance(squeezenet, b, a))
    assert feature_distance(squeezenet, a, a).item() == 0
    assert 0 < feature_distance(squeezenet, a, b).item() < 2


def blurred(image: torch.Tensor, times: int) -> torch.Tensor:
    for _ in range(times):
        image = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(image, (1, 1, 1, 1), "replicate"), 3, 1)
    return image


@pytest.mark.shared
@pytest.mark.parametrize(
    "file",
    [pytest.param("squeezenet_v1_1.npz", id="squeezenet"), pytest.param("vgg19_conv1_1_to_conv3_4.npz", id="vgg")],
)
def test_the_distance_of_a_photograph_grows_with_every_blur_and_with_noise(shared_data: Path, file: str) -> None:
    images = pytest.importorskip("skimage.data")
    truth = torch.from_numpy(images.chelsea()[50:178, 100:228].astype(np.float32) / 255).permute(2, 0, 1)[None]
    backbone = load_backbone(shared_data / "perceptual" / file)
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    for worse in (lambda k: blurred(truth, k), lambda k: truth + 0.03 * k * noise):
        distances = [feature_distance(backbone, worse(k), truth).item() for k in range(4)]
        assert distances[0] == 0
        assert distances == sorted(distances)
        assert len(set(distances)) == 4
    # a shift in brightness of the same mean squared error looks far less wrong than a blur
    blur = blurred(truth, 2)
    shifted = truth + (blur - truth).square().mean().sqrt()
    assert feature_distance(backbone, shifted, truth) < feature_distance(backbone, blur, truth) / 2
