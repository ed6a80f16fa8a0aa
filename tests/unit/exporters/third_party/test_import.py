"""Checkpoints in the community's formats, imported and run by ONNX Runtime, against the networks restated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from exporters.third_party.convert import import_checkpoint  # noqa: E402
from exporters.third_party.reading import read_tensors  # noqa: E402
from exporters.third_party.recognise import recognise  # noqa: E402
from streamsr.errors import ModelError  # noqa: E402
from streamsr.graph.model import load_model  # noqa: E402
from streamsr.spec import ModelSpec  # noqa: E402

from . import official  # noqa: E402

pytestmark = pytest.mark.torch


def difference(network: nn.Module, model: Path, size: tuple[int, int] = (12, 20)) -> float:
    """The largest, over the largest value, between the network's picture and the ONNX model's."""
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(picture).numpy()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    result = session.run(None, {"input": picture.numpy()})[0]
    assert result.shape == expected.shape
    assert np.abs(expected).max() > 0.1
    return float(np.abs(result - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    ("network", "how", "architecture", "scale", "halo"),
    [
        (official.Compact(None), "params", "Compact", 2, 5),
        (official.OldEsrgan(blocks=1), "bare", "ESRGAN", 4, 19),
        (official.NewEsrgan(official.REAL_NAMES, 2, blocks=1), "params_ema", "ESRGAN", 2, 39),
        (official.Span(4), "params_ema", "SPAN", 4, 21),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_file_to_onnx(tmp_path: Path, network: nn.Module, how: str, architecture: str, scale: int, halo: int) -> None:
    official.stirred(network)
    source, target = tmp_path / "theirs.pth", tmp_path / "ours.onnx"
    torch.save(official.wrapped(network.state_dict(), how), source)
    spec = import_checkpoint(source, target, ModelSpec("mine", licence="CC0-1.0"))
    assert (spec.name, spec.licence, spec.scale, spec.color, spec.halo) == ("mine", "CC0-1.0", scale, "rgb", halo)
    assert spec.description.startswith(f"{architecture} x{scale}, 8 channels")
    assert load_model(target).spec == spec
    assert difference(network, target) < 1e-5


@pytest.mark.parametrize("how", ["bare", "params", "params_ema", "state_dict"])
@pytest.mark.parametrize(
    "network",
    [
        official.Compact(None, scale=4, convs=2),
        official.Compact(None, scale=1),
        official.OldEsrgan(doublings=0),
        official.OldEsrgan(doublings=1, blocks=1),
        official.OldEsrgan(doublings=3, blocks=12),
        official.NewEsrgan(official.NEW_NAMES),
        official.NewEsrgan(official.REAL_NAMES, 4),
        official.NewEsrgan(official.REAL_NAMES, 2),
        official.NewEsrgan(official.REAL_NAMES, 1),
        official.Span(2),
        official.Span(3, norm=False),
    ],
)
def test_recognised_generators_compute_the_same(tmp_path: Path, network: nn.Module, how: str) -> None:
    official.stirred(network)
    torch.save(official.wrapped(network.state_dict(), how), tmp_path / "theirs.pth")
    generator = recognise(read_tensors(tmp_path / "theirs.pth")).generator
    picture = torch.rand(1, 3, 8, 12)
    with torch.no_grad():
        expected, result = network(picture), generator(picture)
    torch.testing.assert_close(result, expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-5)


def test_safetensors_and_the_older_form_of_pickle_and_half_precision(tmp_path: Path) -> None:
    network = official.stirred(official.Compact(None)).half().float()
    state = network.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth", _use_new_zipfile_serialization=False)
    torch.save({name: tensor.half() for name, tensor in state.items()}, tmp_path / "c.pth")
    for name in ("a.safetensors", "b.pth", "c.pth"):
        tensors = read_tensors(tmp_path / name)
        assert tensors.keys() == state.keys()
        assert all(torch.equal(tensors[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize(("activation", "kind"), [("relu", nn.ReLU), ("leakyrelu", lambda: nn.LeakyReLU(0.1))])
def test_compact_without_prelu_wants_to_be_told(activation: str, kind: type[nn.Module]) -> None:
    network = official.stirred(official.Compact(kind))
    state = dict(network.state_dict())
    with pytest.raises(ModelError, match="--activation"):
        recognise(state)
    picture = torch.rand(1, 3, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(recognise(state, activation).generator(picture), network(picture))
