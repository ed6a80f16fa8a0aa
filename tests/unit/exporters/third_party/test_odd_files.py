"""Files that are malicious, damaged, absurd, or something else."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from exporters.third_party import reading  # noqa: E402
from exporters.third_party.convert import import_checkpoint  # noqa: E402
from exporters.third_party.reading import read_tensors  # noqa: E402
from exporters.third_party.recognise import recognise  # noqa: E402
from streamsr.errors import MissingDependencyError, ModelError, OpenError  # noqa: E402

from . import official  # noqa: E402

pytestmark = pytest.mark.torch


class Malicious:
    """What it is unpickled to is the result of a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    torch.save({"params": Malicious(trap)}, tmp_path / "new.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Malicious(trap)))
    for name in ("new.pth", "old.pth"):
        with pytest.raises(ModelError, match=name):
            import_checkpoint(tmp_path / name, tmp_path / "out.onnx")
    assert not trap.exists()
    assert not (tmp_path / "out.onnx").exists()
    with pytest.raises(ModelError, match="never run"):
        read_tensors(tmp_path / "new.pth")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(60)])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"no{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="no"):
        read_tensors(path)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9, 0.999])
def test_truncated(tmp_path: Path, kept: float) -> None:
    state = official.Compact(None).state_dict()
    torch.save(state, tmp_path / "new.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "st.safetensors")
    for name in ("new.pth", "old.pth", "st.safetensors"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(ModelError, match=name):
            read_tensors(tmp_path / name)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match=r"gone\.pth: No such file"):
        import_checkpoint(tmp_path / "gone.pth", tmp_path / "out.onnx")


@pytest.mark.parametrize("content", [3, [torch.zeros(3)], {}, {"params": {"step": 7}}, {"epoch": 1}])
def test_no_named_tensors(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=r"odd\.pth holds"):
        read_tensors(tmp_path / "odd.pth")


def test_a_small_file_cannot_promise_large_tensors(tmp_path: Path) -> None:
    torch.save({"body.0.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, tmp_path / "huge.pth")
    assert (tmp_path / "huge.pth").stat().st_size < 10_000
    with pytest.raises(ModelError, match="more than a real-time network has"):
        read_tensors(tmp_path / "huge.pth")


def test_a_small_archive_cannot_unpack_to_a_large_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BYTES_MAX", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2 << 20))
    assert (tmp_path / "bomb.pth").stat().st_size < 10_000
    with pytest.raises(ModelError, match="unpacks to 2097152 bytes"):
        read_tensors(tmp_path / "bomb.pth")
    (tmp_path / "large.pth").write_bytes(bytes(2 << 20))
    with pytest.raises(ModelError, match="2097152 bytes is more"):
        read_tensors(tmp_path / "large.pth")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor([1.0, float("nan")]), "not finite"),
        (torch.eye(3).to_sparse(), "plain array"),
        (torch.zeros(3, device="meta"), "plain array"),
    ],
)
def test_tensors_that_are_no_weights(tmp_path: Path, tensor: torch.Tensor, message: str) -> None:
    torch.save({"body.0.weight": tensor}, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=message):
        read_tensors(tmp_path / "odd.pth")


def damaged(name: str, tensor: torch.Tensor | None, network: torch.nn.Module) -> dict[str, torch.Tensor]:
    state = dict(network.state_dict())
    state.pop(name, None)
    return state if tensor is None else state | {name: tensor}


@pytest.mark.parametrize(
    ("name", "tensor", "network", "message"),
    [
        ("body.2.weight", None, official.Compact(None), "its tensors differ"),
        ("body.2.weight", torch.zeros(9, 8, 3, 3), official.Compact(None), "its tensors differ"),
        ("body.0.weight", torch.zeros(8, 3), official.Compact(None), "4 numbers from 1"),
        ("body.0.weight", torch.zeros(0, 3, 3, 3), official.Compact(None), "4 numbers from 1"),
        ("body.0.weight", torch.zeros(8, 4, 3, 3), official.Compact(None), "4 channels, not 1 or 3"),
        ("body.8.weight", torch.zeros(13, 8, 3, 3), official.Compact(None), "13 channels do not shuffle"),
        ("body.100000.bias", torch.zeros(1), official.Compact(None), "more than 1000"),
        ("body.90.weight", torch.zeros(12, 8, 3, 3), official.Compact(None), "its tensors differ"),
        ("conv_first.weight", None, official.NewEsrgan(official.REAL_NAMES), "'conv_first.weight' is missing"),
        ("conv_first.weight", torch.zeros(8, 7, 3, 3), official.NewEsrgan(official.REAL_NAMES), "not one we know"),
        ("conv_last.weight", torch.zeros(2, 8, 3, 3), official.NewEsrgan(official.NEW_NAMES), "2 channels"),
        ("body.1.rdb2.conv3.weight", None, official.NewEsrgan(official.REAL_NAMES), "its tensors differ"),
        ("model.1.sub.1.RDB2.conv3.0.weight", None, official.OldEsrgan(), "its tensors differ"),
        ("model.3.weight", None, official.OldEsrgan(), "its tensors differ"),
        ("conv_1.sk.weight", torch.zeros(8, 1, 1, 1), official.Span(), "pictures of 1 channels"),
        ("conv_1.conv.0.weight", torch.zeros(1, 3, 1, 1), official.Span(), "its tensors differ"),
        ("block_4.c2_r.conv.1.bias", None, official.Span(), "its tensors differ"),
        ("block_20.c2_r.sk.bias", torch.zeros(8), official.Span(), "its tensors differ"),
    ],
)
def test_tensors_that_do_not_fit_together(
    name: str, tensor: torch.Tensor | None, network: torch.nn.Module, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        recognise(damaged(name, tensor, network))


def test_our_own_checkpoints_and_onnx_files_are_sent_elsewhere(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="streamsr export"):
        import_checkpoint(checkpoint, tmp_path / "out.onnx")
    with pytest.raises(ModelError, match="--model"):
        import_checkpoint(tmp_path / "net.onnx", tmp_path / "out.onnx")


def test_unknown_architecture_names_what_would_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "spandrel", None)  # as where the extra is not installed
    torch.save({"encoder.weight": torch.zeros(3, 3)}, tmp_path / "new.pth")
    with pytest.raises(MissingDependencyError, match=r"not Compact, ESRGAN, SPAN needs spandrel.*streamsr\[import\]"):
        import_checkpoint(tmp_path / "new.pth", tmp_path / "out.onnx")
