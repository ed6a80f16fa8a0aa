"""A sheet of moments of a video: what was made of what, and what flickers in it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ..sheet import HEAD, WHITE, caption, framed
from .metrics import moved
from .steps import Rgb, Step

ROWS = 6
WIDTH = 320
"""Columns of each picture; smaller ones stay as they are."""
GAIN = 6
"""What differs between frames is shown so many times as bright."""


class Strip:
    """Takes the steps of a video one by one and keeps a few moments, evenly spread over it however long it is.

    A row each: the source, the video without smoothing where it is known, the output; then what is left of each but the
    source when the frame before, moved along, is taken off. What held still is black there, as is what was hidden.
    """

    def __init__(self, rows: int = ROWS) -> None:
        self._rows: list[Rgb] = []
        self._titles: list[str] = []
        self._most, self._every, self._seen = rows, 1, 0

    def add(self, step: Step) -> None:
        """Keep this step if it is its turn; steps without one before, and cuts, are passed over."""
        if step.before is None or step.motion is None:
            return
        if self._seen % self._every == 0:
            if len(self._rows) == 2 * self._most:  # every second one goes, and so will every second one to come
                del self._rows[1::2]
                self._every *= 2
            self._keep(step)
        self._seen += 1

    def _keep(self, step: Step) -> None:
        panels = dict(_panels(step))
        self._titles = list(panels)
        self._rows.append(np.hstack([framed(_small(picture)) for picture in panels.values()]))

    def picture(self) -> Rgb:
        """The sheet, RGB `(H, W, 3)` uint8, white where there is nothing: a heading alone if nothing was kept."""
        if not self._rows:
            return np.full((HEAD, WIDTH, 3), WHITE, np.uint8)
        chosen = np.linspace(0, len(self._rows) - 1, min(self._most, len(self._rows))).round().astype(int)
        width = self._rows[0].shape[1] // len(self._titles)
        heads = [caption(title, width) for title in self._titles]
        return np.vstack([np.hstack(heads), *(self._rows[index] for index in chosen)])


def _panels(step: Step) -> Iterator[tuple[str, Rgb]]:
    names = {"source": "input", "reference": "unsmoothed", "output": "output"}
    shown = {video: title for video, title in names.items() if getattr(step.now, video) is not None}
    for video, title in shown.items():
        yield title, getattr(step.now, video)
    for video, title in shown.items():
        if video != "source":
            yield f"flicker of {title}", _flicker(step, video)


def _flicker(step: Step, video: str) -> Rgb:
    """What changes from one frame to the next that should not, `GAIN` times as bright."""
    if step.before is None or step.motion is None:
        raise ValueError("a first frame and a cut have no frame before them to differ from")
    change = moved(getattr(step.before, video), getattr(step.now, video), step.motion)
    shown = np.abs(change) * step.motion.kept[..., None] * (255 * GAIN)
    return np.asarray(np.rint(np.minimum(shown, 255)), np.uint8)


def _small(picture: Rgb) -> Rgb:
    rows, columns = picture.shape[:2]
    if columns <= WIDTH:
        return picture
    return np.asarray(
        cv2.resize(picture, (WIDTH, round(rows * WIDTH / columns)), interpolation=cv2.INTER_AREA), np.uint8
    )
