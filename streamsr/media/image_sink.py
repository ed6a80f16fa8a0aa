"""Pictures as sinks: one image file, or numbered ones in a folder."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from av import Packet
from av.stream import Stream

from ..errors import EncodeError, OpenError
from ..frame import Frame, VideoInfo
from .encoder import VideoEncoder, new_context
from .image_plan import image_codec, plan_image
from .options import WriteOptions
from .output import PendingFile, PendingFolder, check_target, refuse_same_file
from .pattern import is_pattern, numbered_files, numbered_name
from .plan import VideoPlan, warn_of_losses
from .retime import Retimer

_NUMBERED = "frame_%06d.png"


class ImageSink:
    """Writes one picture to a PNG, JPEG, WebP or TIFF file (`Sink`).

    Raises:
        UnknownNameError: the suffix of `path` is none of an image that can be written.
    """

    skipped = 0  # nothing is copied beside the pictures

    def __init__(self, path: str | Path, options: WriteOptions | None = None) -> None:
        self.path = Path(path)
        self._options = options or WriteOptions()
        self._encoder: VideoEncoder | None = None
        self._file: PendingFile | None = None
        image_codec(self.path)

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        """The picture nearest to `info` that the file can hold.

        Raises:
            OpenError: the target may not or cannot be written.
            UnsupportedFormatError, ConfigError, UnknownNameError: see `image_plan.plan_image`.
        """
        check_target(self.path, overwrite=self._options.overwrite)
        if info.container is not None:
            refuse_same_file(info.container, self.path)
        plan = plan_image(self.path, info, self._options)
        warn_of_losses(info, plan)
        return plan.apply(info)

    def open(self, info: VideoInfo) -> None:
        """Begin a picture as `negotiate` returned it."""
        self._encoder = image_encoder(plan_image(self.path, info, _exactly(info, self._options)), info)
        self._file = PendingFile(self.path, overwrite=self._options.overwrite)

    def write(self, frame: Frame) -> None:
        """Take the picture.

        Raises:
            EncodeError: it is the second one, or the encoder or the disk refused.
        """
        if self._encoder is None or self._file is None:
            raise EncodeError(f"{self.path} is not open for writing")
        if self._encoder.frames:
            name = self.path.with_name(f"{self.path.stem}_%05d{self.path.suffix}")
            raise EncodeError(f"{self.path} holds one picture, but the input has more; write {name}, or a folder")
        for packet in [*self._encoder.encode(frame), *self._encoder.flush()]:
            _save(self._file.path, packet, self.path)

    def close(self, *, truncate: bool = False) -> None:
        """Give the file its name. Idempotent.

        Raises:
            EncodeError: there was no picture.
            OpenError: a file of that name has appeared meanwhile.
        """
        del truncate  # nothing is copied beside the pictures
        encoder, file = self._encoder, self._file
        self._encoder = self._file = None
        if encoder is None or file is None:
            return
        if not encoder.frames:
            file.discard()
            raise EncodeError(f"no picture was written to {self.path}")
        file.publish()

    def abort(self) -> None:
        """Give up and remove what was written. Idempotent; after `close` it does nothing."""
        file = self._file
        self._encoder = self._file = None
        if file is not None:
            file.discard()


class ImageFolderSink:
    """Writes pictures as `out/frame_%06d.png`, or by any other pattern with one `%d` (`Sink`). Numbers start at 1.

    Args:
        spec: a folder, which is made if it is missing, or a pattern such as `out/shot_%05d.jpg`.
        options: layout, codec options, whether files may be replaced.
        names: file names in the order of the frames, instead of numbers.

    Raises:
        UnknownNameError: the suffix is none of an image that can be written.
    """

    skipped = 0  # nothing is copied beside the pictures

    def __init__(
        self, spec: str | Path, options: WriteOptions | None = None, names: Sequence[str] | None = None
    ) -> None:
        path = Path(spec)
        self._pattern = path if is_pattern(path) else path / (names[0] if names else _NUMBERED)
        self._folder = self._pattern.parent
        self._names = deque(names or ())
        self._options = options or WriteOptions()
        self._encoder: VideoEncoder | None = None
        self._files: PendingFolder | None = None
        self._due: deque[str] = deque()
        image_codec(self._pattern)

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        """The stream nearest to `info` that such files can hold.

        Raises:
            OpenError: files of these names exist and may not be replaced.
            UnsupportedFormatError, ConfigError, UnknownNameError: see `image_plan.plan_image`.
        """
        self._check_free()
        plan = plan_image(self._pattern, info, self._options)
        warn_of_losses(info, plan)
        return plan.apply(info)

    def _check_free(self) -> None:
        if self._folder.exists() and not self._folder.is_dir():
            raise OpenError(f"{self._folder} is a file, not a folder; choose another name")
        if self._options.overwrite:
            return
        taken = [self._folder / name for name in self._names if (self._folder / name).exists()]
        if not self._names:
            with contextlib.suppress(OpenError):
                taken = numbered_files(self._pattern)
        if taken:
            raise OpenError(f"{taken[0]} exists; add --overwrite to replace it, or choose another folder")

    def open(self, info: VideoInfo) -> None:
        """Begin a stream as `negotiate` returned it."""
        self._encoder = image_encoder(plan_image(self._pattern, info, _exactly(info, self._options)), info)
        self._files = PendingFolder(self._folder, overwrite=self._options.overwrite)

    def write(self, frame: Frame) -> None:
        """Encode one picture.

        Raises:
            EncodeError: the encoder or the disk refused.
        """
        if self._encoder is None:
            raise EncodeError(f"{self._folder} is not open for writing")
        self._due.append(self._name(self._encoder.frames))
        self._save(self._encoder.encode(frame))

    def _name(self, index: int) -> str:
        if self._names:
            return self._names.popleft()
        return numbered_name(self._pattern.name, index + 1)

    def _save(self, packets: Iterable[Packet[Stream]]) -> None:
        """Encoders with threads give pictures back late, but in order."""
        assert self._files is not None
        for packet in packets:
            name = self._due.popleft()
            _save(self._files.path / name, packet, self._folder / name)

    def close(self, *, truncate: bool = False) -> None:
        """Move the pictures into the folder. Idempotent.

        Raises:
            EncodeError: the disk refused; nothing is left then.
            OpenError: a file of one of the names has appeared meanwhile.
        """
        del truncate  # nothing is copied beside the pictures
        if self._encoder is None or self._files is None:
            return
        try:
            self._save(self._encoder.flush())
        except BaseException:
            self.abort()
            raise
        files = self._files
        self._encoder = self._files = None
        files.publish()

    def abort(self) -> None:
        """Give up and remove what was written. Idempotent; after `close` it does nothing."""
        files = self._files
        self._encoder = self._files = None
        if files is not None:
            files.discard()


def image_encoder(plan: VideoPlan, info: VideoInfo) -> VideoEncoder:
    """An encoder for pictures, without a container around it."""
    return VideoEncoder(new_context(plan.setup.codec), plan.setup, Retimer(info.time_base, info.time_base))


def _exactly(info: VideoInfo, options: WriteOptions) -> WriteOptions:
    return replace(options, pix_fmt=info.layout.name)


def _save(path: Path, packet: Packet[Stream], target: Path) -> None:
    """Write a picture to `path`, which is to become `target`."""
    try:
        path.write_bytes(bytes(packet))
    except OSError as error:
        raise EncodeError(f"cannot write {target}: {error.strerror}") from error
