"""What a user may ask of an output, in ffmpeg's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ConfigError, UnknownNameError

STREAM_KINDS = ("audio", "subtitle", "data", "attachment", "video")
"""What `skip_streams` may name; `video` means a second angle or a cover picture, never the processed stream."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How an output is written. Every default means "what suits the container and the stream".

    Raises:
        ConfigError: a negative number of threads; a crf that is negative or no number.
        UnknownNameError: a kind of stream that is none.
    """

    codec: str | None = None
    """An encoder of FFmpeg's: libx264, libx265, libsvtav1, ffv1, prores_ks, …"""
    crf: float | None = None
    """Constant quality, in the codec's own scale; lower is better."""
    preset: str | None = None
    """The codec's trade of speed for size: `medium` for x264 and x265, a number for SVT-AV1."""
    pix_fmt: str | None = None
    """The layout to write; by default the source's, or the nearest the codec takes."""
    overwrite: bool = False
    """Whether an existing target may be replaced (never when it is the input itself)."""
    skip_streams: frozenset[str] = frozenset()
    """Kinds of streams that are not copied; some of `STREAM_KINDS`."""
    threads: int | None = None
    """Threads of the encoder; by default as many as it likes."""
    codec_options: Mapping[str, str] = field(default_factory=dict)
    """Further options of the codec, handed over as they are; they win over streamsr's own."""

    def __post_init__(self) -> None:
        for kind in self.skip_streams:
            if kind not in STREAM_KINDS:
                raise UnknownNameError("kind of stream", kind, STREAM_KINDS)
        if self.threads is not None and self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 1 or more, or 0 for the codec's own choice")
        if self.crf is not None and not self.crf >= 0:  # so that NaN is refused too
            raise ConfigError(f"crf is {self.crf:g}; it starts at 0")
