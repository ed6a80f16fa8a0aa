from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from streamsr.errors import ModelError  # noqa: E402
from streamsr.generators.ecb import Ecb, EcbConfig  # noqa: E402
from streamsr.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint  # noqa: E402

pytestmark = pytest.mark.torch

CONFIG = {"scale": 2, "width": 4, "depth": 1}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, Checkpoint(Ecb(EcbConfig(**CONFIG)).state_dict(), "ecb", CONFIG, {"step": 7}))
    return path


def test_a_checkpoint_rebuilds_its_model(saved: Path) -> None:
    torch.manual_seed(0)
    original = Ecb(EcbConfig(**CONFIG))
    loaded = load_checkpoint(saved)
    x = torch.rand(1, 1, 6, 6)
    assert torch.equal(loaded.build()(x), original(x))
    assert loaded.config == CONFIG
    assert loaded.facts == {"step": 7}
    assert [path.name for path in saved.parent.iterdir()] == [saved.name], "no temporary file is left"


@pytest.mark.parametrize("size", [0, 5, 200, -1])
def test_truncated_files_are_refused_by_name(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"model\.safetensors is not a streamsr checkpoint"):
        load_checkpoint(saved)


class Trap:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("sprung"),))


def test_a_pickle_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "trap.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelError, match="not a streamsr checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "sprung").exists()


def test_a_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelError, match="not a streamsr checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("about", [None, "[]", "{}", json.dumps({"generator": "ecb", "config": 3, "facts": {}})])
def test_safetensors_of_others(tmp_path: Path, about: str | None) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"w": torch.zeros(1)}, path, {} if about is None else {"streamsr": about})
    with pytest.raises(ModelError, match="not a streamsr checkpoint"):
        load_checkpoint(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("config", [{**CONFIG, "depth": 2}, {**CONFIG, "wide": 1}])
def test_weights_of_another_shape(saved: Path, config: dict) -> None:
    loaded = load_checkpoint(saved)
    with pytest.raises(ModelError, match="does not fit generator 'ecb'"):
        Checkpoint(loaded.tensors, "ecb", config).build()
