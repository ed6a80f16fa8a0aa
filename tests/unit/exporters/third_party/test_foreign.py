"""The hand-over to spandrel, by its documented interface: `ModelLoader().load_from_state_dict` -> a descriptor."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from exporters.third_party.convert import import_checkpoint  # noqa: E402
from streamsr.errors import ModelError  # noqa: E402
from streamsr.spec import HALO_MAX  # noqa: E402

pytestmark = pytest.mark.torch


class Descriptor(SimpleNamespace):
    """The attributes of spandrel's `ImageModelDescriptor` that are read."""


@pytest.fixture
def spandrel(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A spandrel that knows one architecture: a convolution and a pixel shuffle; one with `even` wants even sizes."""

    class ModelLoader:
        def __init__(self, device: str) -> None:
            assert device == "cpu"

        def load_from_state_dict(self, state: dict[str, torch.Tensor]) -> Descriptor:
            if "odd.0.weight" not in state:
                raise LookupError("unsupported model")
            network = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.PixelShuffle(2))
            weights = {name.removeprefix("odd."): tensor for name, tensor in state.items() if name.startswith("odd.")}
            network.load_state_dict(weights)
            return Descriptor(
                model=network,
                architecture=SimpleNamespace(name="Odd"),
                scale=2,
                input_channels=3,
                output_channels=1 if "gray" in state else 3,
                size_requirements=SimpleNamespace(multiple_of=2 if "even" in state else 1),
            )

    module = ModuleType("spandrel")
    module.ModelLoader, module.ImageModelDescriptor = ModelLoader, Descriptor
    monkeypatch.setitem(sys.modules, "spandrel", module)
    return module


def saved(path: Path, *flags: str) -> torch.nn.Conv2d:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 12, 3, padding=1)
    weights = {f"odd.0.{name}": tensor for name, tensor in layer.state_dict().items()}
    torch.save(weights | {flag: torch.zeros(1) for flag in flags}, path)
    return layer


@pytest.mark.parametrize(("flags", "halo"), [((), 1), (("even",), HALO_MAX)], ids=["any size", "even sizes"])
def test_what_spandrel_knows_is_imported(
    spandrel: ModuleType, tmp_path: Path, flags: tuple[str, ...], halo: int
) -> None:
    layer = saved(tmp_path / "odd.pth", *flags)
    spec = import_checkpoint(tmp_path / "odd.pth", tmp_path / "odd.onnx")
    assert (spec.scale, spec.color, spec.description) == (2, "rgb", "Odd x2, imported from odd.pth")
    assert spec.halo == halo  # that of a padded network is not followed
    session = onnxruntime.InferenceSession(tmp_path / "odd.onnx", providers=["CPUExecutionProvider"])
    picture = torch.rand(1, 3, 7, 9)
    padded = torch.nn.functional.pad(picture, (0, 1, 0, 1), mode="replicate") if flags else picture
    expected = torch.pixel_shuffle(layer(padded), 2)[..., :14, :18].detach().numpy()
    np.testing.assert_allclose(session.run(None, {"input": picture.numpy()})[0], expected, atol=1e-6)


def test_what_does_more_than_make_one_picture_of_another(spandrel: ModuleType, tmp_path: Path) -> None:
    saved(tmp_path / "odd.pth", "gray")
    with pytest.raises(ModelError, match="kind Odd does more"):
        import_checkpoint(tmp_path / "odd.pth", tmp_path / "odd.onnx")


def test_what_spandrel_does_not_know_either(spandrel: ModuleType, tmp_path: Path) -> None:
    torch.save({"encoder.weight": torch.zeros(3, 3)}, tmp_path / "new.pth")
    with pytest.raises(ModelError, match=r"new\.pth: it is not Compact, ESRGAN, SPAN, and spandrel .*unsupported"):
        import_checkpoint(tmp_path / "new.pth", tmp_path / "new.onnx")
