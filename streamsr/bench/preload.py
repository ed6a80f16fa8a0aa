"""What every measuring process needs, imported once in the process that they are forked from.

Nothing in here may start a thread or talk to a device: neither survives a fork. What does not load is left to the row
that needs it, which says why.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

MODULES = (
    "streamsr.bench.measure",
    "streamsr.bench.peak",
    "streamsr.engines.onnxruntime",
    "streamsr.engines.openvino",
    "streamsr.media.sink",
    "streamsr.media.source",
)

for name in MODULES:
    with suppress(Exception):
        import_module(name)
