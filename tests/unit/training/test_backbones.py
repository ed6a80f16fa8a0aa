from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import UnknownNameError  # noqa: E402
from streamsr.training.backbones import BACKBONES, SqueezeNet, Vgg19, load_backbone  # noqa: E402

from .backbone_files import picture, random_arrays, random_backbone, run_by_onnxruntime  # noqa: E402

pytestmark = pytest.mark.torch

FILES = {"vgg19": "vgg19_conv1_1_to_conv3_4.npz", "squeezenet": "squeezenet_v1_1.npz"}


def activation_of(kind: str, name: str) -> str:
    """Our name of what ONNX Runtime's chain calls `name`: there, every activation is behind its ReLU."""
    return name.replace("conv", "relu") if kind == "vgg19" or name.startswith("conv") else name


def compare(kind: str, path: Path, arrays: dict[str, np.ndarray], image: torch.Tensor) -> None:
    backbone = load_backbone(path)
    expected = run_by_onnxruntime(kind, arrays, image.numpy())
    found = backbone.features(image, [activation_of(kind, name) for name in expected])
    for name, values in expected.items():
        ours = found[activation_of(kind, name)].numpy()
        np.testing.assert_allclose(ours, values, rtol=1e-4, atol=1e-5 * np.abs(values).max(), err_msg=name)


@pytest.mark.parametrize("kind", sorted(FILES))
@pytest.mark.parametrize("size", [(48, 61), (67, 50)])
def test_every_layer_agrees_with_onnxruntime(tmp_path: Path, kind: str, size: tuple[int, int]) -> None:
    arrays = random_arrays(kind)
    np.savez(tmp_path / "random.npz", **arrays)
    compare(kind, tmp_path / "random.npz", arrays, picture(*size))


@pytest.mark.shared
@pytest.mark.parametrize("kind", sorted(FILES))
def test_every_layer_of_the_real_weights_agrees_with_onnxruntime(shared_data: Path, kind: str) -> None:
    path = shared_data / "perceptual" / FILES[kind]
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    compare(kind, path, arrays, picture(64, 72))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("photo", "words"), [("chelsea", "cat"), ("coffee", "espresso"), ("camera", "tripod"), ("coins", "golf ball")]
)
def test_squeezenet_knows_photographs(shared_data: Path, photo: str, words: str) -> None:
    images = pytest.importorskip("skimage.data")
    image = torch.from_numpy(np.atleast_3d(getattr(images, photo)()).astype(np.float32) / 255).permute(2, 0, 1)[None]
    side = min(image.shape[2:])
    top, left = (image.shape[2] - side) // 2, (image.shape[3] - side) // 2
    square = image[:, :, top : top + side, left : left + side]
    small = torch.nn.functional.interpolate(square, (227, 227), mode="bilinear", antialias=True)
    classes = (shared_data / "perceptual" / "imagenet_synset_words.txt").read_text("utf-8").splitlines()
    scores = load_backbone(shared_data / "perceptual" / FILES["squeezenet"]).features(small, ["relu10"])["relu10"]
    best = scores.mean((2, 3)).argmax().item()
    assert words in classes[int(best)]


def test_parameter_counts() -> None:
    # 1,235,496 is SqueezeNet 1.1's published count; VGG-19's first 8 convolutions by hand
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 256]
    expected = sum(9 * a * b + b for a, b in pairwise(widths))
    assert sum(p.numel() for p in Vgg19().parameters()) == expected
    assert sum(p.numel() for p in SqueezeNet().parameters()) == 1_235_496


def test_a_loaded_backbone_is_frozen_and_draws_no_random_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "random.npz", **random_arrays("squeezenet"))
    before = torch.get_rng_state()
    backbone = load_backbone(tmp_path / "random.npz")
    assert torch.equal(torch.get_rng_state(), before)
    assert not backbone.training
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert all(tensor.device.type == "cpu" for tensor in [*backbone.parameters(), *backbone.buffers()])


@pytest.mark.parametrize("kind", sorted(BACKBONES))
def test_luma_is_gray(tmp_path: Path, kind: str) -> None:
    backbone = random_backbone(kind, tmp_path)
    luma = picture(40, 40)[:, :1]
    name = backbone.taps[-1]
    gray = luma.repeat(1, 3, 1, 1)
    torch.testing.assert_close(backbone.features(luma, [name])[name], backbone.features(gray, [name])[name])


def test_layers_come_in_the_networks_order_and_before_their_relu(tmp_path: Path) -> None:
    backbone = random_backbone("vgg19", tmp_path)
    found = backbone.features(picture(16, 24), ["relu2_2", "conv1_1", "conv2_2"])
    assert list(found) == ["conv1_1", "conv2_2", "relu2_2"]
    assert [tuple(value.shape) for value in found.values()] == [(1, 64, 16, 24), (1, 128, 8, 12), (1, 128, 8, 12)]
    assert found["conv2_2"].min() < 0
    assert torch.equal(found["conv2_2"].relu(), found["relu2_2"])


def test_a_backbone_runs_no_further_than_asked(tmp_path: Path) -> None:
    backbone = random_backbone("vgg19", tmp_path)
    ran: list[str] = []
    for name, layer in backbone.named_children():
        layer.register_forward_hook(lambda *_, name=name: ran.append(name))
    backbone.features(picture(8, 8), ["relu1_1"])
    assert ran == ["conv1_1", "relu1_1"]


def test_an_unknown_layer_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no layer of Vgg19 named 'conv5_4'"):
        random_backbone("vgg19", tmp_path).features(picture(8, 8), ["relu1_1", "conv5_4"])


def test_features_flow_back_to_the_image(tmp_path: Path) -> None:
    backbone = random_backbone("squeezenet", tmp_path)
    image = picture(40, 40).requires_grad_()
    backbone.features(image, ["fire4"])["fire4"].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 0
