"""`streamsr upscale`: the main job."""

from __future__ import annotations

from functools import partial

from . import options as o
from . import settings
from .jobs import plan_jobs
from .runs import make_folder, run_jobs

EPILOG = """Examples:

    streamsr upscale in.mp4 out.mp4

    streamsr upscale in.mkv out.mkv --codec libx265 --crf 20 --preset slow

    streamsr upscale in.mp4 out.mp4 --model detail-x2 --detail 0.4

    streamsr upscale in.mp4 part.mp4 --start 1:30 --end 1:45

    streamsr upscale photos/ photos-x2/

    streamsr upscale *.mp4 --output-dir upscaled/

    ffmpeg -i in.mov -f yuv4mpegpipe - | streamsr upscale - out.mp4
"""


def upscale(
    paths: o.Paths,
    output_dir: o.OutputDir = None,
    model: o.ModelNames = None,
    detail: o.Detail = None,
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
    """Upscale a video or image; audio, subtitles, chapters, colours and timing stay as they are."""
    jobs, folder = plan_jobs(paths, output_dir)
    from ..api import process_file
    from ..chain import Chain
    from ..zoo.catalog import DEFAULT

    reading = settings.reading(start, end, frames, no_deinterlace, hwaccel)
    writing = settings.writing(codec, crf, preset, pix_fmt, skip_streams, overwrite)
    engine = settings.engine(backend, precision, threads, tile, device, provider, devices)
    if folder is not None:
        make_folder(folder)
    with Chain(*(model or [DEFAULT]), options=engine, detail=detail) as chain:
        run_jobs(jobs, partial(process_file, chain=chain, reading=reading, writing=writing), json=json, quiet=quiet)
