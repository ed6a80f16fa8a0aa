from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from streamsr.analysis.duplicate import same_picture
from streamsr.bench.footage import generated_clip, of_clip, size_of, synthetic
from streamsr.bench.scene import FRAMES_MOST, GeneratedSource, Scene
from streamsr.engines.levels import psnr
from streamsr.errors import MediaError


def test_no_two_frames_are_alike_and_anybody_gets_the_same() -> None:
    frames, again = (list(GeneratedSource(Scene(65, 47), 5)) for _ in range(2))
    assert [frame.pts for frame in frames] == [0, 1, 2, 3, 4]
    assert not any(same_picture(a, b) for a, b in pairwise(frames))
    for a, b in zip(frames, again, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))


def test_pictures_have_content() -> None:
    for plane in Scene(96, 64).frame(3).planes:
        assert plane.std() > 5


def test_a_generated_clip_shows_the_scene(tmp_path: Path) -> None:
    clip = generated_clip(64, 48, tmp_path)
    assert (clip.frames, size_of(clip.clip or Path())) == (FRAMES_MOST, (64, 48))
    (decoded,) = clip.pictures(1)
    true = Scene(64, 48).frame(0)
    assert psnr(*(frame.planes[0].astype(np.float32) for frame in (decoded, true))) > 30
    assert clip.info.color.matrix == "bt709"


def test_synthetic_footage_ends_and_writes_nothing(tmp_path: Path) -> None:
    footage = synthetic(64, 48)
    assert len(list(footage.source(7))) == 7
    assert len(list(footage.source(10 * FRAMES_MOST))) == FRAMES_MOST == footage.frames
    sink = footage.sink(tmp_path)
    sink.open(sink.negotiate(footage.info))
    sink.write(footage.pictures(1)[0])
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nothing"):
        of_clip(tmp_path / "nothing.mp4")
