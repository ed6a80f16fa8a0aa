"""What streamsr knows of each encoder: good defaults, and which of ffmpeg's words it understands."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecOption
from av.video.codeccontext import VideoCodecContext

from ..errors import ConfigError, UnknownNameError
from ..layout import LAYOUTS
from .options import WriteOptions

_X26X_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
_X26X_CRF_MAX = 51
_UNBOUNDED = 1000
_NEAREST_NAMED = 5
_QUALITY_OPTIONS = ("cq", "qp", "quality", "q")
_NVENC_QUALITY = {"rc": "vbr", "b": "0"}
"""Constant quality; with a fixed quantizer, `qp`, they would contradict it."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """Defaults of one of FFmpeg's encoders."""

    crf: float | None = None
    preset: str | None = None
    presets: tuple[str, ...] = ()
    """The preset names, for an encoder that does not tell them."""
    options: Mapping[str, str] = field(default_factory=dict)
    qscale: int | None = None
    """Fixed quantizer, for encoders of the MPEG-4 age; 2 is visually transparent."""
    avoid: frozenset[str] = frozenset()
    """Layouts taken only on request, because few programs show them: families, and `alpha`."""
    quality: str = "crf"
    """The option that `--crf` sets: the constant quality of encoders that call it otherwise."""
    params: str | None = None
    """The option through which the library takes its own parameters, `a=1:b=2`."""
    params_quiet: str = ""
    """Parameters that keep the library from writing to stderr."""


ENCODERS: dict[str, Encoder] = {
    "libx264": Encoder(18, "medium", _X26X_PRESETS, params="x264-params"),
    "libx264rgb": Encoder(18, "medium", _X26X_PRESETS, params="x264-params"),
    "libx265": Encoder(
        20,
        "medium",
        _X26X_PRESETS,
        avoid=frozenset({"rgb", "alpha"}),
        params="x265-params",
        params_quiet="log-level=none",
    ),
    "libsvtav1": Encoder(28, "8", params="svtav1-params"),
    "libvpx-vp9": Encoder(24, options={"row-mt": "1", "cpu-used": "4"}, avoid=frozenset({"rgb"})),
    **dict.fromkeys(
        ("h264_nvenc", "hevc_nvenc", "av1_nvenc"),
        Encoder(20, "p5", options=_NVENC_QUALITY, avoid=frozenset({"rgb", "alpha"}), quality="cq"),
    ),
    "ffv1": Encoder(options={"level": "3", "slicecrc": "1", "g": "1"}),
    "mpeg4": Encoder(qscale=2),
    "mpeg2video": Encoder(qscale=2),
    "mjpeg": Encoder(qscale=2, options={"color_range": "pc"}),
    "png": Encoder(options={"compression_level": "4"}),  # a quarter of the default's time for 3 % more bytes
    "libwebp": Encoder(options={"lossless": "1"}, avoid=frozenset({"yuv"})),
    "tiff": Encoder(options={"compression_algo": "deflate"}, avoid=frozenset({"yuv"})),
}


def encoder_defaults(codec: str) -> Encoder:
    """What is known of `codec`; nothing in particular, for one that is not in the table."""
    return ENCODERS.get(codec, Encoder())


def find_encoder(name: str) -> str:
    """The name of the encoder FFmpeg uses for `name`: itself, or libx264 for `h264`.

    Raises:
        UnknownNameError: this build of FFmpeg has no video encoder of that name.
    """
    try:
        codec = Codec(name, "w")
    except UnknownCodecError:
        raise _unknown_encoder(name) from None
    if codec.type != "video":
        raise _unknown_encoder(name)
    return codec.name


def _unknown_encoder(name: str) -> UnknownNameError:
    """The usual encoders and the nearest ones; all would be more than a hundred."""
    known = _video_encoders()
    near = difflib.get_close_matches(name, known, n=_NEAREST_NAMED)
    shown = {*near, *(codec for codec in ENCODERS if codec in known)}
    return UnknownNameError("video encoder", name, [*shown, "… (all: ffmpeg -encoders)"])


@cache
def _video_encoders() -> tuple[str, ...]:
    names = []
    for name in av.codec.codecs_available:
        try:
            codec = Codec(name, "w")
        except UnknownCodecError:
            continue
        if codec.type == "video":
            names.append(codec.name)
    return tuple(dict.fromkeys(names))


@cache
def encoder_problem(codec: str) -> str | None:
    """Why an encoder does not open here, for a small picture; None when it does."""
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.framerate = 256, 256, "yuv420p", Fraction(25)
    context.time_base = Fraction(1, 25)
    try:
        context.open()
    except (av.FFmpegError, NotImplementedError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None


@cache
def encoder_formats(codec: str) -> dict[str, str]:
    """The layouts an encoder takes, by name, and the `pix_fmt` each is handed over as.

    These differ for big-endian formats (PNG's 16 bit), and for WebP, which wants an alpha plane in any case: samples
    are only moved about then.
    """
    formats = [form.name for form in Codec(codec, "w").video_formats or ()]
    known = {name.removesuffix("be") + "le": name for name in formats if name.endswith("be")}
    known |= {name: name for name in formats} or {name: name for name in LAYOUTS}
    if "bgra" in known and "rgb24" not in known:
        known |= {"rgb24": "bgra"} if codec.startswith("libwebp") else {}
    return {name: form for name, form in known.items() if name in LAYOUTS}


def codec_options(codec: str, options: WriteOptions) -> dict[str, str]:
    """The encoder options for what the user asked, defaults filled in; all values checked.

    Raises:
        ConfigError: the codec takes no crf or preset, or not this one.
    """
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints its banner unless told so; errors still appear
    defaults = encoder_defaults(codec)
    fixed = _NVENC_QUALITY.keys() if "qp" in options.codec_options else ()
    result = {name: value for name, value in defaults.options.items() if name not in fixed}
    known = _private_options(codec)
    if options.crf is not None:
        result[defaults.quality] = _checked_crf(codec, options.crf, known)
    elif defaults.crf is not None and not {"qp", "b", defaults.quality} & set(options.codec_options):
        result[defaults.quality] = f"{defaults.crf:g}"
    if options.preset is not None:
        result["preset"] = _checked_preset(codec, options.preset, known)
    elif defaults.preset is not None:
        result["preset"] = defaults.preset
    return result


@cache
def _private_options(codec: str) -> dict[str, CodecOption]:
    context = av.CodecContext.create(codec, "w")
    return {option.name: option for option in context.supported_options.private}


def _checked_crf(codec: str, crf: float, known: Mapping[str, CodecOption]) -> str:
    option = encoder_defaults(codec).quality
    if option not in known:
        others = [name for name in _QUALITY_OPTIONS if name in known]
        hint = f"; it has the codec option {others[0]!r}" if others else "; leave it out"
        raise ConfigError(f"{codec} takes no crf{hint}")
    top = known[option].max if known[option].max < _UNBOUNDED else _X26X_CRF_MAX
    if crf > top:
        raise ConfigError(f"crf is {crf:g}; {codec} takes 0 to {top:g}")
    return f"{crf:g}"


def _checked_preset(codec: str, preset: str, known: Mapping[str, CodecOption]) -> str:
    if "preset" not in known:
        raise ConfigError(f"{codec} takes no preset; leave it out")
    names = encoder_defaults(codec).presets or tuple(choice.name for choice in known["preset"].choices)
    if names and preset not in names:
        raise UnknownNameError(f"preset of {codec}", preset, names)
    if not names:
        low, high = int(known["preset"].min), int(known["preset"].max)
        if not preset.lstrip("-").isdigit() or not low <= int(preset) <= high:
            raise ConfigError(f"preset is {preset!r}; {codec} takes a whole number from {low} to {high}")
    return preset
