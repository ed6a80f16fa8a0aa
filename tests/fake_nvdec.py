"""NVDEC and NVENC on the host, for tests: pictures of a real decoder count as a GPU's, a real encoder takes them so.

What a GPU's decoder gives is nv12 or p010, and lies there until it is downloaded; PyAV hands planes over by DLPack
wherever they lie. So here the memory is the host's, and everything that is done with it is what is done on a GPU.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import av
import pytest

from streamsr import residence
from streamsr.errors import OpenError
from streamsr.media import decoder, encoder, source, surfaces
from streamsr.media import plan as media_plan
from streamsr.media.convert import conform, nearest_layout
from streamsr.media.decoder import Decoder
from streamsr.media.filters import FilterChain
from streamsr.media.hwaccel import device_of

_KIND_OF_HOST = 1


class There:
    """What frames on the device carry, each one of its own: PyAV forgets an object with the first frame that had it."""


class FakeNvdec:
    """Patches the media layer for a test; counts what is fetched from the device that is none."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.downloads = 0
        self.refuses = False
        """Whether pictures cannot stay."""
        self._fetch = surfaces.download
        patch.setitem(residence.KINDS, "cuda", _KIND_OF_HOST)
        patch.setattr(source, "Decoder", partial(_Decoder, self))
        patch.setattr(decoder, "accelerator", lambda name, stay: None)
        for user in (surfaces, decoder):
            patch.setattr(user, "layout_there", _layout_there)
        patch.setattr(surfaces, "download", self._download)
        for user in (encoder, media_plan):
            patch.setattr(user, "fits_there", lambda codec, pix_fmt, *_: pix_fmt in surfaces.LAYOUTS_THERE)

    def decoded(self, frame: av.VideoFrame, *, stay: bool) -> av.VideoFrame:
        """What a GPU would have made of what the CPU decoded."""
        name = "nv12" if nearest_layout(frame.format.name).depth == 8 else "p010le"
        picture = conform(frame, frame.width, frame.height, name)
        if stay:
            picture.opaque = There()
        return picture

    def _download(self, frame: av.VideoFrame, layout: str) -> av.VideoFrame:
        self.downloads += 1
        assert frame.format.name == layout
        copy = FilterChain(frame, ("copy", "")).through(frame)
        copy.opaque = None
        copy.pts, copy.dts, copy.duration, copy.time_base = frame.pts, frame.dts, frame.duration, frame.time_base
        return copy


def _layout_there(frame: av.VideoFrame) -> str | None:
    return frame.format.name if isinstance(frame.opaque, There) else None


class _Decoder(Decoder):
    def __init__(self, fake: FakeNvdec, spec: str | Path, threads: int, hwaccel: str) -> None:
        self._fake = fake
        super().__init__(spec, threads, hwaccel)

    @property
    def device(self) -> str | None:
        return device_of(self._hwaccel)

    def _open(self) -> None:
        if self._stay and self._fake.refuses:
            raise OpenError("the GPU is somebody else's")
        super()._open()

    def _decode(self):
        for frame in super()._decode():
            yield self._fake.decoded(frame, stay=self._stay)
