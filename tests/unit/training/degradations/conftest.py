from __future__ import annotations

import cv2
import numpy as np
import pytest


def textured(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """An RGB picture of soft blobs: `(rows, columns, 3)` uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 2.5)
    return np.clip((soft - soft.mean()) * 6 + 128, 0, 255).astype(np.uint8)


@pytest.fixture
def clip() -> np.ndarray:
    """Five frames `(5, 72, 96, 3)` of a picture that moves by two pixels to the right each."""
    picture = textured(72, 112)
    return np.stack([picture[:, 8 - 2 * index : 104 - 2 * index] for index in range(5)])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
