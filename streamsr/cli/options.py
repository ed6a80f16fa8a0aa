"""Options shared by commands: what they are called, what they mean, how their text becomes a value."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import ConfigError

_MODEL, _STYLE, _ENCODING, _PART = "Model", "Style", "Encoding", "Part of the input"

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT OUTPUT", help="A file, a folder of images, frame_%05d.png, a URL, or - for a y4m pipe."
    ),
]
OutputDir = Annotated[Path | None, typer.Option(help="Process every INPUT into this folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", "-y", help="Replace an existing output.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON report as the last line of stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]

ModelNames = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="A name from `streamsr models` or an ONNX file; repeat it to chain several.  [default: stream-x2]",
        rich_help_panel=_MODEL,
    ),
]
StylizerName = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="A stylizer of the zoo, or an ONNX file made by `streamsr train style` and `export`.",
        rich_help_panel=_MODEL,
    ),
]
Upscaler = Annotated[
    str | None,
    typer.Option("--upscale", help="Enlarge what was painted with this model.", rich_help_panel=_MODEL),
]
StyleNames = Annotated[
    list[str] | None,
    typer.Option(
        "--style",
        help="A name from `streamsr styles`; great_wave=0.7 to mix several.",
        rich_help_panel=_STYLE,
    ),
]
Strength = Annotated[
    float,
    typer.Option(min=0, max=1, help="0 the picture as it is, 1 the full style.", rich_help_panel=_STYLE),
]
StyleSchedule = Annotated[
    str,
    typer.Option(
        help='Styles over time, cross-faded: "0:great_wave,10:starry_night+udnie@0.6".',
        rich_help_panel=_STYLE,
        show_default=False,
    ),
]
Smooth = Annotated[
    float,
    typer.Option(min=0, max=0.95, help="How still it holds: 0 not at all.", rich_help_panel=_STYLE),
]
SmoothBackend = Annotated[
    str, typer.Option(help="Smooth in the engine (graph) or beside it (host); auto.", rich_help_panel=_STYLE)
]
Detail = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="For a model with a -gan twin: 0 faithful to the source, 1 as detailed as the twin, or between.",
        rich_help_panel=_MODEL,
    ),
]
Backend = Annotated[
    str, typer.Option(help="auto, tensorrt, tensorrt-rtx, openvino or onnxruntime.", rich_help_panel=_MODEL)
]
PrecisionName = Annotated[str, typer.Option(help="auto, fp32, fp16, bf16 or int8.", rich_help_panel=_MODEL)]
Device = Annotated[
    str, typer.Option(help="CPU; cuda, cuda:1 (NVIDIA); GPU, NPU (OpenVINO); auto.", rich_help_panel=_MODEL)
]
Devices = Annotated[
    str | None,
    typer.Option(help="Several devices, to deal frames to: cuda:0,cuda:1.", rich_help_panel=_MODEL),
]
Provider = Annotated[
    str | None,
    typer.Option(
        help="What ONNX Runtime computes with: CPU, CUDA, TensorRT, DirectML, MIGraphX or CoreML.",
        rich_help_panel=_MODEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads of the engine.  [default: all cores]", rich_help_panel=_MODEL),
]
Tile = Annotated[str, typer.Option(help="Edge of a tile in input pixels; auto; none.", rich_help_panel=_MODEL)]

Codec = Annotated[
    str | None,
    typer.Option(
        help="libx264, libx265, libsvtav1, h264_nvenc, ffv1, …  [default: by container, depth and chroma]",
        rich_help_panel=_ENCODING,
    ),
]
Crf = Annotated[float | None, typer.Option(help="Constant quality; lower is better.", rich_help_panel=_ENCODING)]
Preset = Annotated[str | None, typer.Option(help="ultrafast … veryslow; a number for AV1.", rich_help_panel=_ENCODING)]
PixFmt = Annotated[
    str | None, typer.Option(help="As ffmpeg spells it.  [default: the input's]", rich_help_panel=_ENCODING)
]
SkipStreams = Annotated[
    list[str] | None,
    typer.Option(
        help="Do not copy these: audio, subtitle, data, attachment, video (a second one); commas between.",
        rich_help_panel=_ENCODING,
    ),
]

Start = Annotated[str | None, typer.Option(help="Begin at this time: 90.5 or 1:30.5.", rich_help_panel=_PART)]
End = Annotated[
    str | None,
    typer.Option(help="Stop before this time, counted from the beginning of the file.", rich_help_panel=_PART),
]
Frames = Annotated[int | None, typer.Option(min=1, help="At most this many frames.", rich_help_panel=_PART)]
HwAccel = Annotated[
    str, typer.Option(help="Decode on an NVIDIA GPU: cuda, cuda:1; auto if there is one; none.", rich_help_panel=_PART)
]
NoDeinterlace = Annotated[
    bool, typer.Option("--no-deinterlace", help="Keep interlaced frames as they are.", rich_help_panel=_PART)
]


class UsageError(ConfigError):
    """A command line that means nothing: exit code 2."""


def parse_time(text: str | None) -> Fraction | None:
    """Seconds from `90`, `90.5`, `1:30` or `0:01:30.5`, exact.

    Raises:
        UsageError: anything else, or a negative time.
    """
    if text is None:
        return None
    try:
        parts = [Fraction(part) for part in text.split(":")]
        if not 1 <= len(parts) <= 3 or min(parts) < 0 or "/" in text:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is not a time; write seconds (90.5) or h:m:s (0:01:30.5)") from None
    seconds = Fraction(0)
    for part in parts:
        seconds = seconds * 60 + part
    return seconds


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from `640x360`.

    Raises:
        UsageError: anything else, or not within 1..32768.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"{text!r} is not a size; write WIDTHxHEIGHT, such as 640x360")
    size = int(width), int(height)
    if not all(1 <= edge <= 32768 for edge in size):
        raise UsageError(f"size {text} is not within 1x1 and 32768x32768")
    return size


def parse_devices(text: str) -> tuple[str, ...]:
    """The names in `cuda:0,cuda:1`.

    Raises:
        UsageError: there is nothing before or after a comma.
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UsageError(f"{text!r} leaves a device unnamed; write them with commas between, such as cuda:0,cuda:1")
    return names


def parse_tile(text: str) -> int | Literal["auto"] | None:
    """A tile edge of 16 pixels or more, `auto`, or None for `none`.

    Raises:
        UsageError: anything else.
    """
    if text == "auto":
        return "auto"
    if text == "none":
        return None
    if not text.isdecimal() or int(text) < 16:
        raise UsageError(f"{text!r} is not a tile size; write a number of pixels from 16 up, auto, or none")
    return int(text)
