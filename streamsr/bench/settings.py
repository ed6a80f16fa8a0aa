"""What a benchmark is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..media.options import WriteOptions
from ..media.read_options import ReadOptions
from .footage import ENCODING
from .plan import Effort


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every row."""

    effort: Effort = field(default_factory=Effort)
    clip: Path | None = None
    """A video instead of generated frames; rows have its size then."""
    codecs: bool = True
    """Whether frames are decoded and encoded; without, they are generated and dropped."""
    writing: WriteOptions = ENCODING
    reading: ReadOptions = field(default_factory=ReadOptions)
    threads: int | None = None
    """CPU threads of the engines; None lets the backends use every core."""
    device: str | None = None
    """The backends' name of the device; None for each one's usual one."""
    suite: str | None = None
    """What the cases are called, if they have a name."""

    def to_dict(self) -> dict[str, object]:
        """As plain JSON types."""
        effort = {"rounds": self.effort.rounds, "seconds": self.effort.seconds, "budget": self.effort.budget}
        codec = {name: getattr(self.writing, name) for name in ("codec", "crf", "preset")}
        footage = "synthetic" if not self.codecs else "generated clip" if self.clip is None else self.clip.name
        encoding = codec if self.codecs else None
        how = {"suite": self.suite, "threads": self.threads, "device": self.device, "hwaccel": self.reading.hwaccel}
        return {**effort, **how, "footage": footage, "encoding": encoding}
