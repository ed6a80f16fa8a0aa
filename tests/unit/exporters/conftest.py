from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small untrained generator, its residual large enough to see."""
    torch = pytest.importorskip("torch")
    from streamsr.generators.ecb import Ecb, EcbConfig
    from streamsr.training.checkpoint import Checkpoint, save_checkpoint

    torch.manual_seed(0)
    config = {"scale": 2, "width": 8, "depth": 2}
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, Checkpoint(Ecb(EcbConfig(**config)).state_dict(), "ecb", config, {}))
    return path


@pytest.fixture(scope="session")
def calibration() -> list[np.ndarray]:
    """Smooth luma pictures of several sizes, float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    images = []
    for rows, columns in ((48, 40), (40, 56), (64, 64), (33, 47)):
        y, x = np.mgrid[:rows, :columns] / 9
        waves = 0.5 + 0.4 * np.sin(x + rng.random()) * np.cos(y * rng.random())
        images.append((waves + rng.normal(0, 0.02, waves.shape)).clip(0, 1)[None, None].astype(np.float32))
    return images
