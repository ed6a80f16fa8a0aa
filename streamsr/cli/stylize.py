"""`streamsr stylize`: paint a video in a style, and make it hold still."""

from __future__ import annotations

from functools import partial

from ..blending import STRENGTH as STEADINESS
from ..zoo.catalog import STYLIZER
from . import options as o
from . import settings
from .jobs import plan_jobs
from .runs import make_folder, run_jobs

EPILOG = """Examples:

    streamsr stylize in.mp4 out.mp4 --style great_wave

    streamsr stylize in.mp4 out.mp4 --style great_wave --style starry_night=0.5 --strength 0.8

    streamsr stylize in.mp4 out.mp4 --style udnie --upscale live-x2

    streamsr stylize in.mp4 out.mp4 --style-schedule "0:great_wave,10:starry_night"

    streamsr stylize photo.jpg painting.png --style the_scream

    streamsr stylize in.mp4 out.mp4 -m mine.onnx --style my_own
"""


def stylize(
    paths: o.Paths,
    model: o.StylizerName = STYLIZER,
    style: o.StyleNames = None,
    strength: o.Strength = 1.0,
    style_schedule: o.StyleSchedule = "",
    smooth: o.Smooth = STEADINESS,
    smooth_backend: o.SmoothBackend = "auto",
    upscale: o.Upscaler = None,
    output_dir: o.OutputDir = None,
    backend: o.Backend = "auto",
    precision: o.PrecisionName = "auto",
    device: o.Device = "auto",
    devices: o.Devices = None,
    provider: o.Provider = None,
    threads: o.Threads = None,
    tile: o.Tile = "auto",
    codec: o.Codec = None,
    crf: o.Crf = None,
    preset: o.Preset = None,
    pix_fmt: o.PixFmt = None,
    skip_streams: o.SkipStreams = None,
    start: o.Start = None,
    end: o.End = None,
    frames: o.Frames = None,
    no_deinterlace: o.NoDeinterlace = False,
    hwaccel: o.HwAccel = "none",
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Paint a video or image in one style or several; it holds still, and everything else stays as it is."""
    jobs, folder = plan_jobs(paths, output_dir)
    from ..api import process_file
    from ..chain import Chain
    from ..look import StyleOptions

    look = StyleOptions(style or (), strength, style_schedule, smooth, smooth_backend)
    reading = settings.reading(start, end, frames, no_deinterlace, hwaccel)
    writing = settings.writing(codec, crf, preset, pix_fmt, skip_streams, overwrite)
    engine = settings.engine(backend, precision, threads, tile, device, provider, devices)
    with Chain(model, *([upscale] if upscale else []), options=engine, style=look) as chain:
        if folder is not None:
            make_folder(folder)
        run_jobs(jobs, partial(process_file, chain=chain, reading=reading, writing=writing), json=json, quiet=quiet)
