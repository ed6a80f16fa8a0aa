"""The Python API: a file, an image, or a loop over frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .assembly import EngineOptions
from .chain import Chain
from .errors import ConfigError
from .frame import Frame
from .image import Image, process_image
from .layout import pixel_layout
from .look import StyleOptions
from .pipeline import Pipeline, Progress
from .processing import Processing
from .report import Report
from .zoo.catalog import DEFAULT, STYLIZER

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
    with _as_chain([model], engine, detail=detail) as chain:
        return _process(input, output, on_progress, chain, reading, writing)


@overload
def stylize(input: Image, *, model: ModelLike = ..., upscale: str | Path | None = ..., **options: Any) -> Image: ...
@overload
def stylize(
    input: str | Path,
    output: str | Path,
    *,
    model: ModelLike = ...,
    upscale: str | Path | None = ...,
    on_progress: OnProgress = ...,
    **options: Any,
) -> Report: ...
def stylize(
    input: str | Path | Image,  # noqa: A002
    output: str | Path | None = None,
    *,
    model: ModelLike = STYLIZER,
    upscale: str | Path | None = None,
    on_progress: OnProgress = None,
    **options: Any,
) -> Report | Image:
    """Paint a video or image file in a style into another file, or an image in memory.

        streamsr.stylize("in.mp4", "out.mp4", style="great_wave", upscale="live-x2")

    Args:
        input: what `upscale` reads, and a video is smoothed over time.
        output: where the result goes (for a path).
        model: a stylizer of the zoo, an ONNX file, as `streamsr train style` and `export` make it, or a `Chain`.
        upscale: a model that enlarges the painted pictures.
        on_progress: called after every frame.
        options: fields of `look.StyleOptions` and those of `upscale`.

    Returns:
        A `Report` for a file, an image of the same dtype and channels for an image.

    Raises:
        StreamsrError: see `streamsr.errors`; no partial file is left behind.
        KeyboardInterrupt: on Ctrl-C, after the output has been finished with the frames written so far.
    """
    from .media.options import WriteOptions
    from .media.source import ReadOptions

    reading, writing, engine, style = _share_out(options, ReadOptions, WriteOptions, EngineOptions, StyleOptions)
    models = [model] if upscale is None else [model, upscale]
    with _as_chain(models, engine, style=style) as chain:
        return _process(input, output, on_progress, chain, reading, writing)


def _process(
    input: str | Path | Image,  # noqa: A002
    output: str | Path | None,
    on_progress: OnProgress,
    chain: Chain,
    reading: ReadOptions,
    writing: WriteOptions,
) -> Report | Image:
    """A file or an image through a chain, as the caller wants it."""
    if isinstance(input, np.ndarray):
        if output is not None or (reading, writing) != (type(reading)(), type(writing)()):
            raise ConfigError("an array takes neither an output nor options of files")
        return process_image(input, chain)
    if not isinstance(input, str | Path):
        raise ConfigError(f"a path or a numpy image is needed, not {type(input).__name__}")
    if output is None:
        raise ConfigError(f"{input} needs an output path")
    report = process_file(str(input), str(output), on_progress, chain=chain, reading=reading, writing=writing)
    if report.interrupted:
        raise KeyboardInterrupt
    return report


def process_file(
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
    device = _shared_device(chain, reading)
    source = open_source(input, replace(reading, resident=device is not None))
    return Pipeline(source, chain, sink, on_progress=on_progress, names=(input, output), device=device).run()


def _shared_device(chain: Chain, reading: ReadOptions) -> str | None:
    """The GPU that is asked to decode, if it is the one where the chain computes: frames may stay there."""
    from .media.hwaccel import device_of

    wanted = device_of(reading.hwaccel)
    return wanted if wanted is not None and chain.share(wanted) else None


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
    with _as_chain([model], engine, detail) as chain:
        reading = replace(reading, resident=_shared_device(chain, reading) is not None)
        with closing(open_source(str(path), reading)) as source:
            target = chain.output_info(source.info)
            if pix_fmt is not None:
                target = replace(target, layout=pixel_layout(pix_fmt))
            with Processing(source, chain, target) as results:
                yield iter(results)


@contextmanager
def _as_chain(
    models: Sequence[ModelLike],
    options: EngineOptions,
    detail: float | None = None,
    style: StyleOptions | None = None,
) -> Iterator[Chain]:
    """The caller's chain as it is; one of our own is closed at the end."""
    if isinstance(models[0], Chain):
        if len(models) > 1 or options != EngineOptions() or detail is not None or style not in (None, StyleOptions()):
            raise ConfigError(
                "detail, style, a second model, backend, precision, threads, device, devices, cache and tile "
                "belong to the Chain"
            )
        yield models[0]
        return
    names = [str(model) for model in models]
    with Chain(*names, options=options, detail=detail, style=style) as chain:
        yield chain


def _share_out(options: dict[str, Any], *kinds: type[Any]) -> tuple[Any, ...]:
    """Each option to the dataclass that has a field of that name."""
    known = {name for kind in kinds for name in kind.__dataclass_fields__}
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown option {name!r}; the options are {', '.join(sorted(known))}")
    return tuple(kind(**{k: v for k, v in options.items() if k in kind.__dataclass_fields__}) for kind in kinds)
