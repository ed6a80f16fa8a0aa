"""Which encoder and layout a stream gets in a container: decided, and tried, before the first frame."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import av

from ..color import Color
from ..errors import ConfigError, StreamsrError, UnknownNameError, UnsupportedFormatError
from ..frame import VideoInfo
from ..layout import LAYOUTS, PixelLayout, pixel_layout
from .codecs import codec_options, encoder_defaults, encoder_formats, find_encoder
from .containers import Container
from .encoder import EncoderSetup, try_encoder
from .fit import loss, nearest, retag
from .hdr_params import hdr_params
from .options import WriteOptions
from .surfaces import fits_there

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """A choice that is known to open."""

    setup: EncoderSetup
    layout: PixelLayout
    color: Color

    def apply(self, info: VideoInfo) -> VideoInfo:
        """The stream as it will be written."""
        return replace(info, layout=self.layout, color=self.color, device=self.setup.device)


def plan_video(info: VideoInfo, options: WriteOptions, container: Container) -> VideoPlan:
    """The plan that loses least of `info` in `container`; on a tie, the container's favourite codec.

    Sizes that a codec cannot store with subsampled chroma (odd ones, in H.264) get a layout with finer chroma: every
    pixel is kept.

    Raises:
        UnsupportedFormatError: the container cannot hold the codec, or the codec takes neither size nor layout.
        UnknownNameError: no such codec, preset or layout.
        ConfigError: a value the codec does not take.
    """
    if options.codec is not None:
        codecs: tuple[str, ...] = (find_encoder(options.codec),)
        _check_holds(container, codecs[0])
    else:
        layout = info.layout if options.pix_fmt is None else pixel_layout(options.pix_fmt)
        codecs = container.codecs if layout.depth <= 8 else container.deep_codecs
    return plan_from(codecs, info, options, container.time_base(info.time_base))


def plan_from(codecs: Iterable[str], info: VideoInfo, options: WriteOptions, time_base: Fraction) -> VideoPlan:
    """The same among `codecs`, whatever they are to be stored in."""
    plans: list[VideoPlan] = []
    refusals: list[StreamsrError] = []
    for codec in codecs:
        try:
            plan = _plan_codec(codec, info, options, time_base)
        except (UnsupportedFormatError, ConfigError, UnknownNameError) as error:
            refusals.append(error)
            continue
        if not any(loss(info.layout, plan.layout)):
            return plan
        plans.append(plan)
    if not plans:
        raise refusals[0]
    return min(plans, key=lambda plan: loss(info.layout, plan.layout))


def _plan_codec(codec: str, info: VideoInfo, options: WriteOptions, time_base: Fraction) -> VideoPlan:
    formats = encoder_formats(codec)
    candidates = _candidates(codec, info, options, formats)
    failure: Exception | None = None
    for layout in candidates:
        color = retag(info.color, info.layout, layout, info.height)
        setup = EncoderSetup.of(codec, formats[layout.name], replace(info, color=color), options, time_base)
        setup = replace(setup, options=_all_options(codec, info, options))
        try:
            leftover = try_encoder(setup)
        except av.FFmpegError as error:
            failure = error
            continue
        if leftover:
            raise ConfigError(
                f"{codec} has no option {', '.join(map(repr, leftover))}; see `ffmpeg -h encoder={codec}`"
            )
        return VideoPlan(setup, layout, color)
    raise UnsupportedFormatError(_refusal(codec, info, candidates, failure)) from failure


def _candidates(codec: str, info: VideoInfo, options: WriteOptions, formats: dict[str, str]) -> list[PixelLayout]:
    """The layouts to try, nearest first: the one asked for, or all that lose as little as the best one."""
    if options.pix_fmt is not None:
        asked = pixel_layout(options.pix_fmt)
        if asked.name not in formats:
            names = ", ".join(layout.name for layout in nearest(asked, map(LAYOUTS.__getitem__, formats)))
            raise UnsupportedFormatError(f"{codec} takes no {asked}; it takes {names}")
        return [asked]
    avoid = encoder_defaults(codec).avoid
    usable = [LAYOUTS[name] for name in formats]
    usable = [layout for layout in usable if layout.family not in avoid and not (layout.alpha and "alpha" in avoid)]
    ranked = nearest(info.layout, usable)
    best = [layout for layout in ranked if loss(info.layout, layout) == loss(info.layout, ranked[0])]
    if info.device is not None:  # rather one that need not come to the host
        best.sort(key=lambda layout: not fits_there(codec, formats[layout.name], info.width, info.height))
    return best


def _all_options(codec: str, info: VideoInfo, options: WriteOptions) -> dict[str, str]:
    """The codec's options, with the parameters of its library joined to those the user gave."""
    merged = codec_options(codec, options) | dict(options.codec_options)
    defaults = encoder_defaults(codec)
    if defaults.params is not None:
        parts = [defaults.params_quiet, *_thread_params(codec, options.threads)]
        parts += hdr_params(codec, info.mastering, info.content_light) or []
        parts.append(merged.get(defaults.params, ""))
        joined = ":".join(part for part in parts if part)
        merged |= {defaults.params: joined} if joined else {}
    return merged


def _thread_params(codec: str, threads: int | None) -> list[str]:
    """x265 and SVT-AV1 have thread pools of their own, which FFmpeg's `threads` does not reach."""
    key = {"libx265": "pools", "libsvtav1": "lp"}.get(codec)
    return [f"{key}={threads}"] if key and threads else []


def _check_holds(container: Container, codec: str) -> None:
    try:
        av.open(io.BytesIO(), "w", format=container.muxer).add_stream(codec)
    except ValueError:
        usual = ", ".join(container.codecs)
        roomier = "" if container.muxer == "matroska" else ", or write .mkv"
        text = f"{container.muxer} cannot hold {codec}; use one of {usual}{roomier}"
        raise UnsupportedFormatError(text) from None


def _refusal(codec: str, info: VideoInfo, tried: list[PixelLayout], failure: Exception | None) -> str:
    if codec.endswith("_nvenc"):
        missing = "it needs an NVIDIA GPU that encodes this, and its driver; `streamsr doctor` says what is missing"
        return f"{codec} does not open ({failure}): {missing}, or use libx264, libx265 or libsvtav1"
    names = " or ".join(layout.name for layout in tried)
    odd = info.width % 2 or info.height % 2
    way = "a size of even numbers or --pix-fmt yuv444p" if odd else "another --codec or --pix-fmt"
    return f"{codec} does not take {info.width}x{info.height} {names} ({failure}); use {way}"


def warn_of_losses(source: VideoInfo, plan: VideoPlan) -> None:
    """Say once what this output cannot keep of the picture."""
    codec, layout = plan.setup.codec, plan.layout
    color, alpha, bits, chroma = loss(source.layout, layout)
    if color:
        _log.warning("%s holds no colour: the output is gray", layout)
    if alpha:
        _log.warning("%s cannot hold transparency here: the alpha channel is dropped", codec)
    if bits:
        _log.warning("%d-bit samples become %d-bit: the most that %s takes", source.layout.depth, layout.depth, codec)
    if chroma:
        _log.warning("%s chroma is stored as %s: the most that %s takes", source.layout, layout, codec)
    if (source.mastering or source.content_light) and hdr_params(codec, None, None) is None:
        _log.warning("%s cannot hold HDR10 metadata (mastering display, content light): it is dropped", codec)
