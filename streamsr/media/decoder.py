"""From a file to `av.VideoFrame`s: one video stream decoded, broken packets left out and counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from ..errors import DecodeError, MediaError, OpenError, UnsupportedFormatError
from .demux import called, choose_video, discard_others, open_container, read_packets
from .hwaccel import NONE, accelerator, device_of, on_host, tell_download, tell_fallback
from .surfaces import layout_there

PIXELS_MAX = 1 << 27
"""Larger pictures are refused: a broken header must not take all memory. 16384x8192 still passes."""


class Decoder:
    """The chosen video stream of a file, URL or pipe. Not re-entrant; `close` may come from any thread.

    Raises:
        OpenError, UnsupportedFormatError: see `open_container` and `choose_video`.
    """

    def __init__(self, spec: str | Path, threads: int = 0, hwaccel: str = NONE) -> None:
        self.spec = spec
        self.skipped = 0
        self._threads, self._hwaccel, self._stay = threads, hwaccel, False
        self._lock = threading.Lock()
        self._closed = False
        self._encrypted = False
        self._open()

    def _open(self) -> None:
        gpu = accelerator(self._hwaccel, stay=self._stay)
        self.container = open_container(self.spec, gpu)
        try:
            self.stream = choose_video(self.container, self.spec)
            discard_others(self.container, self.stream)
            context = self.stream.codec_context
            if context.width * context.height > PIXELS_MAX:
                size = f"{context.width}x{context.height}"
                raise UnsupportedFormatError(f"{called(self.spec)}: pictures of {size} are too large")
            if gpu is not None and not context.is_hwaccel:
                tell_fallback(self._hwaccel, context)
            # a GPU decodes one picture at a time: more threads would only hold more of its memory
            context.thread_type, context.thread_count = "AUTO", 1 if context.is_hwaccel else self._threads
            context.options = {**context.options, "max_pixels": str(PIXELS_MAX)}
            context.open(strict=False)
            self._decoding = self._decode()
        except av.FFmpegError as error:
            self.container.close()
            reason = f"the video cannot be decoded: {error.strerror}"
            raise UnsupportedFormatError(f"{called(self.spec)}: {reason}") from error
        except UnsupportedFormatError:
            self.container.close()
            raise

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decoded frames from the current position to the end, in order of presentation; none after `close`."""
        while True:
            with self._lock:
                frame = None if self._closed else next(self._decoding, None)
            if frame is None:
                return
            yield frame

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.EOFError:
                return
            except av.FFmpegError:
                self._encrypted = self._encrypted or packet.has_sidedata("encryption_info")
                self._skip()

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        for packet in read_packets(self.container, self.stream, self._skip):
            if self._closed:
                return
            yield packet

    def _skip(self) -> None:
        self.skipped += 1

    def first(self) -> av.VideoFrame:
        """The first frame that decodes; where a GPU turns out not to, with all the CPU's threads.

        Raises:
            DecodeError: there is none.
        """
        frame = next(self.frames(), None)
        if on_host(self.stream.codec_context, frame):
            tell_fallback(self._hwaccel, self.stream.codec_context)
            if seekable(self.spec):  # what comes through a pipe comes once
                self._hwaccel, self.skipped = NONE, 0
                self.restart()
                frame = next(self.frames(), None)
        if frame is not None:
            return frame
        name = self.stream.codec_context.name
        raise DecodeError(
            f"{called(self.spec)}: nothing can be decoded from stream {self.stream.index} ({name}); {self._why()}"
        )

    def _why(self) -> str:
        context = self.stream.codec_context
        if self._encrypted:
            return "it is encrypted"
        if context.name == "webp":
            return "animated WebP is unknown to this FFmpeg, convert it to GIF or PNG"
        return f"{self.skipped} broken packets were left out"

    @property
    def device(self) -> str | None:
        """The GPU that decodes, `cuda:0`, as far as is known before the first frame; None for the CPU."""
        return device_of(self._hwaccel) if self.stream.codec_context.is_hwaccel else None

    def stay(self) -> av.VideoFrame | None:
        """Begin again, with pictures that stay on the GPU that decodes them.

        FFmpeg may refuse to share the GPU, and leave the work to the CPU as late as with the first packet. That is
        said, and everything is as it was at the beginning.

        Returns:
            The first picture that decodes; None where pictures do not stay, so that it is for `first` to tell it.

        Raises:
            OpenError, UnsupportedFormatError: the file is another one by now.
        """
        self._stay, self.skipped = True, 0
        reason = "it decodes nothing that stays"
        try:
            self.restart()
            frame = next(self.frames(), None)
            if frame is not None and layout_there(frame) is not None:
                return frame
        except MediaError as error:
            reason = str(error)
        tell_download(f"the GPU is not shared with FFmpeg, {reason}")
        self._stay, self.skipped = False, 0
        self.restart()
        return None

    def seek(self, seconds: Fraction) -> None:
        """Go to the key frame at or before a time of the stream's own clock.

        Raises:
            av.FFmpegError: the container cannot.
        """
        with self._lock:
            assert self.stream.time_base is not None
            self.container.seek(int(seconds / self.stream.time_base), stream=self.stream, backward=True)
            self._decoding = self._decode()

    def restart(self) -> None:
        """Open again from the beginning, for what cannot seek."""
        with self._lock:
            self.container.close()
            if not self._closed:
                self._open()

    def close(self) -> None:
        """Release the file. Waits for a packet being decoded in another thread."""
        self._closed = True
        with self._lock:
            self.container.close()


def seekable(spec: str | Path) -> bool:
    """Whether `spec` is a plain file, which can be opened twice and read from the middle."""
    try:
        return Path(spec).is_file()
    except OSError as error:
        raise OpenError(f"{spec} cannot be opened: {error}") from error
