"""The Python API: a file, an image, or a loop over frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .assembly import EngineOptions
from .chain import Chain
from .errors import ConfigError
from .frame import Frame
from .image import Image, upscale_image
from .layout import pixel_layout
from .pipeline import Pipeline, Progress
from .processing import Processing
from .report import Report
from .zoo.catalog import DEFAULT

if TYPE_CHECKING:
    from .media.options import WriteOptions
    from .media.source import ReadOptions

OnProgress = Callable[[Progress], None] | None
ModelLike = str | Path | Chain


@overload
def upscale(input: Image, *, model: ModelLike = ..., detail: float | None = ...) -> Image: ...
@overload
def upscale(
    input: str | Path,
    output: str | Path,
    *,
    model: ModelLike = ...,
    detail: float | None = ...,
    on_progress: OnProgress = ...,
    **options: Any,
) -> Report: ...
def upscale(
    input: str | Path | Image,  # noqa: A002  # the word the command line uses
    output: str | Path | None = None,
    *,
    model: ModelLike = DEFAULT,
    detail: float | None = None,
    on_progress: OnProgress = None,
    **options: Any,
) -> Report | Image:
    """Upscale a video or image file into another file, or an image in memory.

    Args:
        input: a path, URL, image folder, pattern or `-`; or an image `(H, W)` gray, `(H, W, 3)` RGB or
            `(H, W, 4)` RGBA, uint8 or uint16, full range.
        output: where the result goes (for a path); its suffix selects the container.
        model: a name from `streamsr models`, an ONNX file, or a `Chain`. Many images are faster through one `Chain`,
            which keeps its engine.
        detail: for a model with an adversarial twin, from 0 (faithful) to 1 (the twin: detailed).
        on_progress: called after every frame.
        options: fields of `media.options.WriteOptions`, `media.source.ReadOptions` and `assembly.EngineOptions`:
            `codec="libx265"`, `crf=20`, `overwrite=True`, `frames=100`, `precision="fp32"`, …

    Returns:
        A `Report` for a file, an image of the same dtype and channels for an image.

    Raises:
        StreamsrError: see `streamsr.errors`; no partial file is left behind.
        KeyboardInterrupt: on Ctrl-C, after the output has been finished with the frames written so far.
    """
    from .media.options import WriteOptions
    from .media.source import ReadOptions

    reading, writing, engine = _share_out(options, ReadOptions, WriteOptions, EngineOptions)
    with _as_chain(model, engine, detail) as chain:
        if not isinstance(input, str | Path | np.ndarray):
            raise ConfigError(f"upscale takes a path or a numpy image, not {type(input).__name__}")
        if isinstance(input, np.ndarray):
            if output is not None or options:
                raise ConfigError("upscaling an array takes neither an output nor options; put them in a Chain")
            return upscale_image(input, chain)
        if output is None:
            raise ConfigError(f"upscaling {input} needs an output path")
        report = upscale_file(str(input), str(output), on_progress, chain=chain, reading=reading, writing=writing)
    if report.interrupted:
        raise KeyboardInterrupt
    return report


def upscale_file(
    input: str,  # noqa: A002
    output: str,
    on_progress: OnProgress = None,
    *,
    chain: Chain,
    reading: ReadOptions,
    writing: WriteOptions,
) -> Report:
    """One file through a chain; like `upscale`, but Ctrl-C returns a report marked `interrupted`."""
    from .media.create import create_sink
    from .media.open import open_source
    from .media.output import refuse_same_file

    sink = create_sink(output, writing)
    refuse_same_file(Path(input), Path(output))
    source = open_source(input, reading)
    return Pipeline(source, chain, sink, on_progress=on_progress, names=(input, output)).run()


@contextmanager
def frames(
    path: str | Path,
    *,
    model: ModelLike = DEFAULT,
    detail: float | None = None,
    pix_fmt: str | None = None,
    **options: Any,
) -> Iterator[Iterator[Frame]]:
    """Iterate over upscaled frames, decoding and computing ahead in threads of their own.

        with streamsr.frames("in.mp4", pix_fmt="rgb24") as video:
            for frame in video:
                show(frame.planes[0])  # (H, W, 3) uint8

    Args:
        path: anything `upscale` reads.
        model: a name, an ONNX file, or a `Chain`.
        detail: as for `upscale`.
        pix_fmt: pixel format of the frames, converted inside the engine; None keeps the video's own.
        options: fields of `media.source.ReadOptions` and `assembly.EngineOptions`.

    Raises:
        StreamsrError: when the file cannot be opened or decoded.
    """
    from .media.open import open_source
    from .media.source import ReadOptions

    reading, engine = _share_out(options, ReadOptions, EngineOptions)
    with _as_chain(model, engine, detail) as chain, closing(open_source(str(path), reading)) as source:
        target = chain.output_info(source.info)
        if pix_fmt is not None:
            target = replace(target, layout=pixel_layout(pix_fmt))
        with Processing(source, chain, target) as results:
            yield iter(results)


@contextmanager
def _as_chain(model: ModelLike, options: EngineOptions, detail: float | None) -> Iterator[Chain]:
    """The caller's chain as it is; one of our own is closed at the end."""
    if isinstance(model, Chain):
        if options != EngineOptions() or detail is not None:
            raise ConfigError(
                "detail, backend, precision, threads, device, cache and tile belong to the Chain that is given"
            )
        yield model
        return
    with Chain(model, options=options, detail=detail) as chain:
        yield chain


def _share_out(options: dict[str, Any], *kinds: type[Any]) -> tuple[Any, ...]:
    """Each option to the dataclass that has a field of that name."""
    known = {name for kind in kinds for name in kind.__dataclass_fields__}
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown option {name!r}; the options are {', '.join(sorted(known))}")
    return tuple(kind(**{k: v for k, v in options.items() if k in kind.__dataclass_fields__}) for kind in kinds)
