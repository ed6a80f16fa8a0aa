"""Pictures side by side, each under its caption."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]

HEAD = 22
"""Rows of a caption."""
GAP = 4
WHITE = 255


def contact_sheet(pictures: Mapping[str, Rgb], columns: int) -> Rgb:
    """Pictures `(h, w, 3)` uint8 of one size, with their names above them, `columns` in a row, on white."""
    panels = [np.vstack([caption(name, picture.shape[1]), picture]) for name, picture in pictures.items()]
    in_rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    rows = [np.hstack([framed(panel) for panel in row]) for row in in_rows]
    width = max(row.shape[1] for row in rows)
    spare = [((0, 0), (0, width - row.shape[1]), (0, 0)) for row in rows]
    return np.vstack([np.pad(row, room, constant_values=WHITE) for row, room in zip(rows, spare, strict=True)])


def caption(text: str, width: int) -> Rgb:
    """Dark text on white, `(HEAD, width, 3)`; what does not fit is cut off."""
    blank = np.full((HEAD, width, 3), WHITE, np.uint8)
    cv2.putText(blank, text, (2, HEAD - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
    return blank


def framed(picture: Rgb) -> Rgb:
    """With a white gap below and to the right."""
    return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=WHITE)
