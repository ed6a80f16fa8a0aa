"""The table of degradations: a new one is one file and one line here."""

from __future__ import annotations

from ...registry import Registry

_HERE = __package__

DEGRADATIONS = Registry(
    "degradation",
    {
        "bicubic": f"{_HERE}.bicubic:Bicubic",
        "blur": f"{_HERE}.blur:Blur",
        "codec": f"{_HERE}.codec:Codec",
        "jpeg": f"{_HERE}.jpeg:Jpeg",
        "noise": f"{_HERE}.noise:Noise",
        "resize": f"{_HERE}.resize:Resize",
        "resize_to": f"{_HERE}.resize:ResizeTo",
        "sinc": f"{_HERE}.sinc:Sinc",
    },
)
"""Name in a recipe -> frozen dataclass, a `Degradation`; its fields are the recipe's keys."""
