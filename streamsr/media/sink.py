"""A video file as a `Sink`: frames are encoded, everything else of their source is copied beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import EncodeError
from ..frame import Frame, VideoInfo
from .carry import open_beside, plan_streams, warn_of_empty
from .containers import container_for
from .mux import Muxer
from .options import WriteOptions
from .output import PendingFile, check_target, refuse_same_file
from .plan import VideoPlan, plan_video, warn_of_losses


class FileSink:
    """Writes an mp4, mov, mkv or webm file (`Sink`).

    The other streams of `VideoInfo.container`, its chapters and metadata are copied with it, and of a selected part
    (`start`, `end`) what belongs to the part. The file appears under its name when `close` has completed it.

    Args:
        path: the file; its suffix chooses the container.
        options: codec, quality, layout, what to leave out.

    Raises:
        UnknownNameError: the suffix is none of a container that can be written.
    """

    def __init__(self, path: str | Path, options: WriteOptions | None = None) -> None:
        self.path = Path(path)
        self._options = options or WriteOptions()
        self._container = container_for(self.path)
        self._codec = self._options.codec
        self._file: PendingFile | None = None
        self._muxer: Muxer | None = None
        self._copied = (0, 0)

    @property
    def packets(self) -> int:
        """Packets of other streams copied so far."""
        return self._counts()[0]

    @property
    def skipped(self) -> int:
        """Packets of other streams left out so far because they were damaged."""
        return self._counts()[1]

    def _counts(self) -> tuple[int, int]:
        if self._muxer is not None and self._muxer.remuxer is not None:
            self._copied = (self._muxer.remuxer.packets, self._muxer.remuxer.skipped)
        return self._copied

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        """The stream nearest to `info` that codec and container hold. What is lost on the way is logged as a warning.

        Raises:
            OpenError: the target may not or cannot be written.
            UnsupportedFormatError: no codec for this, or a stream that the container cannot hold.
            UnknownNameError, ConfigError: an option that makes no sense.
        """
        check_target(self.path, overwrite=self._options.overwrite)
        if info.container is not None:
            refuse_same_file(info.container, self.path)
            with open_beside(info.container) as beside:
                plan_streams(beside, info.video_stream, self._container, self._options.skip_streams)
                warn_of_empty(beside, self._options.skip_streams)
        plan = plan_video(info, self._options, self._container)
        self._codec = plan.setup.codec
        warn_of_losses(info, plan)
        return plan.apply(info)

    def open(self, info: VideoInfo) -> None:
        """Begin a stream as `negotiate` returned it: writes the header to a temporary file beside the target.

        Raises:
            OpenError: the target exists by now, or cannot be written.
            EncodeError: the container refuses the streams.
        """
        plan = self._plan(info)
        self._file = PendingFile(self.path, overwrite=self._options.overwrite)
        try:
            self._muxer = Muxer(self._file, self._container, plan.apply(info), plan, self._options)
        except BaseException:
            self._file.discard()
            raise

    def _plan(self, info: VideoInfo) -> VideoPlan:
        """As `negotiate` decided: the layout it returned, the codec it chose."""
        return plan_video(info, replace(self._options, codec=self._codec, pix_fmt=info.layout.name), self._container)

    def write(self, frame: Frame) -> None:
        """Encode one frame, and copy what belongs before it.

        Raises:
            EncodeError: the encoder or the disk refused; call `abort`.
        """
        if self._muxer is None:
            raise EncodeError(f"{self.path} is not open for writing")
        self._muxer.write(frame)

    def close(self, *, truncate: bool = False) -> None:
        """Complete the file and give it its name. Idempotent.

        Args:
            truncate: the run was cut short: what is copied ends with the last frame, rather than with the source.

        Raises:
            EncodeError: nothing was written, or the disk refused; nothing is left then.
            OpenError: a file of that name has appeared meanwhile.
        """
        muxer, file = self._muxer, self._file
        if muxer is None or file is None:
            return
        try:
            if not muxer.frames:
                raise EncodeError(f"no frame was written to {self.path}")
            muxer.finish(truncate=truncate)
        except BaseException:
            self.abort()
            raise
        self._counts()
        self._muxer = self._file = None
        file.publish()

    def abort(self) -> None:
        """Give up and remove what was written. Idempotent; after `close` it does nothing."""
        muxer, file = self._muxer, self._file
        self._counts()
        self._muxer = self._file = None
        if muxer is not None:
            muxer.drop()
        if file is not None:
            file.discard()
