"""Which inputs become which outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from .options import UsageError


@dataclass(frozen=True, slots=True)
class Job:
    """One run."""

    input: str
    output: str


def plan_jobs(paths: list[str], output_dir: Path | None) -> tuple[list[Job], Path | None]:
    """`INPUT OUTPUT`, or any number of inputs with an output folder; a folder of images becomes a folder of images.

    Returns:
        The runs, and the folder they need, if any: it may have to be made.

    Raises:
        UsageError: the wrong number of paths, or an empty one.
        ConfigError: two inputs that would become the same file.
        OpenError: a folder without images, or one that cannot be looked into.
    """
    if not all(paths):
        raise UsageError("an empty path was given")
    if output_dir is None:
        if len(paths) != 2:
            raise UsageError(
                f"expected INPUT OUTPUT, got {len(paths)} path(s); for many inputs add --output-dir FOLDER"
            )
        source, target = paths
        if not (is_folder(target) and _is_pictures(source)):
            return [Job(source, target)], None
        inputs, output_dir = _expand(source), Path(target)
    else:
        inputs = [image for path in paths for image in _expand(path)]
    jobs = [Job(path, str(output_dir / _name_for(Path(path)))) for path in inputs]
    _refuse_collisions(jobs)
    return jobs, output_dir


def is_folder(target: str) -> bool:
    """Whether an output names a folder of images."""
    from ..media.create import sink_kind

    return sink_kind(target) == "folder"


def _is_pictures(source: str) -> bool:
    """Whether an input is an image or a folder of them."""
    from ..media.images import IMAGE_SUFFIXES

    return Path(source).is_dir() or Path(source).suffix.lower() in IMAGE_SUFFIXES


def _expand(path: str) -> list[str]:
    return _images_of(Path(path)) if Path(path).is_dir() else [path]


def _images_of(folder: Path) -> list[str]:
    from ..media.images import image_files

    return [str(file) for file in image_files(folder)]


def _name_for(source: Path) -> str:
    """The input's name; what cannot be written becomes PNG (an image) or Matroska (a video)."""
    from ..media.create import SINKS
    from ..media.images import IMAGE_SUFFIXES

    suffix = source.suffix.lower()
    if suffix[1:] in SINKS:
        return source.name
    return f"{source.stem}.png" if suffix in IMAGE_SUFFIXES else f"{source.stem}.mkv"


def _refuse_collisions(jobs: list[Job]) -> None:
    seen: dict[str, str] = {}
    for job in jobs:
        if job.output in seen:
            raise ConfigError(f"{seen[job.output]} and {job.input} would both become {job.output}; run them separately")
        seen[job.output] = job.input
