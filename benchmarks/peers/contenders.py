"""Everything that is compared: what it is, what it needs, how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Protocol

import av
import numpy as np

from ..common import Cost
from .loop import Loop, Upscale
from .ours import Ours


class Job(Protocol):
    """A way to enlarge a clip, made and loaded."""

    def luma(self, clip: str, count: int) -> Iterator[np.ndarray]:
        """The luma of its first frames, enlarged, before anything encodes it: `(H, W)` uint8, limited range."""
        ...

    def run(self, clip: str, seconds: float) -> Cost:
        """Decode, enlarge and encode for so long at most, or to the end; what has to be compiled is, beforehand."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """One row."""

    what: str
    make: Callable[[str], Job]
    """Given the path of FSRCNN's weights, which one of them needs."""
    missing: Callable[[str], str | None] = lambda _: None
    """What it lacks here; None: nothing."""


def scaler(flags: str) -> Upscale:
    """FFmpeg's own scaler, through PyAV's filter graph."""
    graphs: list[av.filter.Graph] = []

    def upscale(frame: av.VideoFrame) -> av.VideoFrame:
        if not graphs:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
            )
            scale = graph.add("scale", f"2*iw:2*ih:flags={flags}")
            source.link_to(scale)
            scale.link_to(graph.add("buffersink"))
            graph.configure()
            graphs.append(graph)
        graphs[0].push(frame)
        return graphs[0].pull()

    return upscale


def torch_loop(compiled: bool, _: str) -> Job:
    """PyAV and torch, the network of live-x2 on the luma."""
    from . import torch_loop as module

    return Loop(module.upscaler(compiled=compiled))


def onnxruntime_loop(_: str) -> Job:
    """PyAV and ONNX Runtime, live-x2.onnx on the luma, everything as its defaults have it."""
    from . import onnxruntime_loop as module

    return Loop(module.upscaler())


def superres(weights: str) -> Job:
    """PyAV and OpenCV's FSRCNN."""
    import cv2

    network = cv2.dnn_superres.DnnSuperResImpl_create()
    network.readModel(weights)
    network.setModel("fsrcnn", 2)
    return Loop(lambda frame: av.VideoFrame.from_ndarray(network.upsample(frame.to_ndarray(format="bgr24")), "bgr24"))


def lacks(*packages: str) -> Callable[[str], str | None]:
    """Whether one of these cannot be imported."""

    def missing(_: str) -> str | None:
        absent = [name for name in packages if find_spec(name) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    return missing


def lacks_superres(weights: str) -> str | None:
    """OpenCV's extra modules, and the weights, which are not ours to give."""
    import cv2

    if not hasattr(cv2, "dnn_superres"):
        return "not installed: opencv-contrib-python, which takes the place of opencv-python-headless"
    return None if weights else "no weights: give --fsrcnn FSRCNN_x2.pb"


CONTENDERS = {
    **{
        name: Contender("streamsr upscale", partial(lambda model, _: Ours(model), name))
        for name in ("fast-x2", "live-x2", "stream-x2", "lanczos-x2")
    },
    **{
        f"scale, {flags}": Contender("PyAV, FFmpeg's scaler", partial(lambda flags, _: Loop(scaler(flags)), flags))
        for flags in ("bicubic", "lanczos")
    },
    "onnxruntime": Contender("PyAV, onnxruntime, live-x2", onnxruntime_loop, lacks("onnxruntime")),
    "torch": Contender("PyAV, torch, live-x2", partial(torch_loop, False), lacks("torch", "safetensors")),
    "torch.compile": Contender(
        "PyAV, torch.compile, live-x2", partial(torch_loop, True), lacks("torch", "safetensors")
    ),
    "dnn_superres": Contender("PyAV, cv2.dnn_superres, FSRCNN", superres, lacks_superres),
}
