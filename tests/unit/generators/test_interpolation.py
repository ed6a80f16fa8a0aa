from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from streamsr.generators.interpolation import Interpolation, InterpolationConfig, Method  # noqa: E402
from streamsr.training.degrade import bicubic_real  # noqa: E402

pytestmark = pytest.mark.torch

SCALES = pytest.mark.parametrize("scale", [1, 2, 3, 4])


def enlarge(image: np.ndarray, method: Method, scale: int, **options: float) -> np.ndarray:
    """`(H, W)` by the generator."""
    model = Interpolation(InterpolationConfig(scale, method, **options)).double()
    return model(torch.from_numpy(image)[None, None])[0, 0].numpy()


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((9, 13))


@SCALES
def test_nearest_repeats_pixels(image: np.ndarray, scale: int) -> None:
    np.testing.assert_array_equal(enlarge(image, "nearest", scale), image.repeat(scale, 0).repeat(scale, 1))


@SCALES
def test_bilinear_is_that_of_torch(image: np.ndarray, scale: int) -> None:
    expected = F.interpolate(torch.from_numpy(image)[None, None], scale_factor=scale, mode="bilinear")[0, 0].numpy()
    np.testing.assert_allclose(enlarge(image, "bilinear", scale), expected, atol=1e-7)


@SCALES
def test_bicubic_is_that_of_the_benchmarks_up_to_the_border(image: np.ndarray, scale: int) -> None:
    np.testing.assert_allclose(enlarge(image, "bicubic", scale), bicubic_real(image, scale), atol=1e-6)


@SCALES
def test_bicubic_reproduces_quadratics(scale: int) -> None:
    def surface(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return 0.1 + 0.02 * x - 0.01 * y + 0.003 * x * x - 0.002 * y * y + 0.001 * x * y

    y, x = np.mgrid[:10, :12]
    inner = slice(3 * scale, -3 * scale)
    fine_y, fine_x = (np.mgrid[: 10 * scale, : 12 * scale] + 0.5) / scale - 0.5
    result = enlarge(surface(y, x), "bicubic", scale)
    np.testing.assert_allclose(result[inner, inner], surface(fine_y, fine_x)[inner, inner], atol=1e-6)


@SCALES
def test_lanczos_is_the_windowed_sinc(image: np.ndarray, scale: int) -> None:
    result = enlarge(image, "lanczos", scale)
    for row, column in [(4 * scale, 6 * scale), (5 * scale - 1, 7 * scale + scale // 2)]:
        weights = []
        for place, length in ((row, 9), (column, 13)):
            distance = (place + 0.5) / scale - 0.5 - np.arange(length)
            taps = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
            weights.append(taps / taps.sum())
        assert result[row, column] == pytest.approx(weights[0] @ image @ weights[1], abs=1e-6)


@SCALES
@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.5])
def test_gaussian_is_opencvs_blur_and_then_bicubic(scale: int, sigma: float) -> None:
    image = np.random.default_rng(0).random((24, 20))
    side = 2 * int(np.ceil(3 * sigma)) + 1
    blurred = cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)
    inner = slice(8 * scale, -8 * scale)
    result, expected = enlarge(image, "gaussian", scale, sigma=sigma), bicubic_real(blurred, scale)
    np.testing.assert_allclose(result[inner, inner], expected[inner, inner], atol=1e-6)


def test_gaussian_removes_noise_that_bicubic_keeps() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (64, 64))
    assert enlarge(noise, "gaussian", 2).std() < 0.5 * enlarge(noise, "bicubic", 2).std()


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "gaussian"])
@SCALES
def test_constants_stay_and_channels_do_not_mix(method: Method, scale: int) -> None:
    x = torch.zeros(1, 3, 5, 4, dtype=torch.float64)
    x[0, 1], x[0, 2] = 0.25, 1.0
    result = Interpolation(InterpolationConfig(scale, method, "rgb")).double()(x)
    expected = torch.tensor([0, 0.25, 1.0]).view(3, 1, 1).expand(3, 5 * scale, 4 * scale)
    torch.testing.assert_close(result[0], expected.double(), atol=1e-6, rtol=0)
