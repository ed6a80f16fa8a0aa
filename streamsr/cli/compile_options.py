"""The options of `streamsr compile`, and how their text becomes values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from ..errors import UnknownNameError
from .options import UsageError, parse_size

if TYPE_CHECKING:
    from ..engines.plan import Flavour, PlanOptions

_SIZES, _BUILD = "Sizes and formats", "Build"

Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="Names or ONNX files; several make a chain.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where the plan goes.")]
Backend = Annotated[
    str, typer.Option(help="tensorrt-rtx, which needs no GPU to build; tensorrt, for the GPU that is here.")
]
Precision = Annotated[str, typer.Option(help="fp16, fp32 or int8.")]
Report = Annotated[bool, typer.Option("--report", help="Print the plan's layers.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object in place of text.")]

Size = Annotated[
    str | None,
    typer.Option(
        help="Input size; of a range the one to be fastest at.  [default: 640x360; the largest]", rich_help_panel=_SIZES
    ),
]
Dynamic = Annotated[
    str | None,
    typer.Option(help="One plan for a range of sizes: 360p:1080p, or 320x180:1280x720.", rich_help_panel=_SIZES),
]
PixFmt = Annotated[str, typer.Option(help="Input pixel format, as ffmpeg spells it.", rich_help_panel=_SIZES)]
OutputPixFmt = Annotated[
    str | None, typer.Option(help="Output pixel format.  [default: the input's]", rich_help_panel=_SIZES)
]

Level = Annotated[int, typer.Option(min=0, max=5, help="Effort of the builder.", rich_help_panel=_BUILD)]
Workspace = Annotated[
    int | None, typer.Option(min=1, help="MiB of device memory for a layer's own use.", rich_help_panel=_BUILD)
]
TimingCache = Annotated[
    Path | None, typer.Option(help="File that keeps kernels' timings; tensorrt only.", rich_help_panel=_BUILD)
]
Capabilities = Annotated[
    list[str] | None,
    typer.Option(help="Only for GPUs of this compute capability, 8.9; repeatable, RTX only.", rich_help_panel=_BUILD),
]
Portable = Annotated[
    bool,
    typer.Option("--portable", help="For later versions and other GPUs too; tensorrt only.", rich_help_panel=_BUILD),
]


def flavour(backend: str) -> Flavour:
    """The library of that name.

    Raises:
        UnknownNameError: there is none.
    """
    from ..engines.plan import Flavour

    for known in get_args(Flavour):
        if known == backend:
            return known  # type: ignore[no-any-return]  # the literal itself
    raise UnknownNameError("backend that compiles plans", backend, get_args(Flavour))


def plan_options(
    library: Flavour,
    level: int,
    workspace: int | None,
    timing_cache: Path | None,
    capabilities: list[str] | None,
    portable: bool,
) -> PlanOptions:
    """How plans are built.

    Raises:
        UsageError: an option of the other library.
    """
    from ..engines.plan import PlanOptions

    only: dict[str, object] = (
        {"--timing-cache": timing_cache, "--portable": portable} if library == "tensorrt-rtx" else {}
    )
    only |= {"--capability": capabilities} if library == "tensorrt" else {}
    for option, given in only.items():
        if given:
            raise UsageError(f"{option} means nothing to {library}: see `streamsr compile --help`")
    size = workspace << 20 if workspace is not None else None
    return PlanOptions(level, size, timing_cache, tuple(capabilities or ()), portable)


def parse_range(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The smallest and the largest size from `360p:1080p` (16:9) or `320x180:1280x720`.

    Raises:
        UsageError: anything else.
    """
    low, colon, high = text.partition(":")
    if not colon:
        raise UsageError(f"{text!r} is not a range of sizes; write 360p:1080p, or 320x180:1280x720")
    return _size(low), _size(high)


def _size(text: str) -> tuple[int, int]:
    lines = text.lower().removesuffix("p")
    if text.lower().endswith("p") and lines.isdecimal():
        return parse_size(f"{round(int(lines) * 8 / 9) * 2}x{lines}")
    return parse_size(text)
