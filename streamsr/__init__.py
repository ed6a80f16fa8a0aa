"""Real-time video super-resolution and stylization.

    import streamsr

    streamsr.upscale("in.mp4", "out.mp4")                         # a file
    big = streamsr.upscale(image)                                 # a numpy image
    with streamsr.frames("in.mp4", pix_fmt="rgb24") as video:     # a loop
        for frame in video:
            show(frame.planes[0])

The names below are the public interface; each is imported on first use, so that `import streamsr` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "upscale": "api",
    "stylize": "api",
    "frames": "api",
    "Chain": "chain",
    "EngineOptions": "assembly",
    "StyleOptions": "look",
    "Pipeline": "pipeline",
    "Report": "report",
    "Frame": "frame",
    "VideoInfo": "frame",
    "Color": "color",
    "StreamsrError": "errors",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from .api import frames as frames
    from .api import stylize as stylize
    from .api import upscale as upscale
    from .assembly import EngineOptions as EngineOptions
    from .chain import Chain as Chain
    from .color import Color as Color
    from .errors import StreamsrError as StreamsrError
    from .frame import Frame as Frame
    from .frame import VideoInfo as VideoInfo
    from .look import StyleOptions as StyleOptions
    from .pipeline import Pipeline as Pipeline
    from .report import Report as Report


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'streamsr' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
