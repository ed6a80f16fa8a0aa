"""PyAV + ONNX Runtime, the same network on the luma, in a plain loop."""

from __future__ import annotations

from collections.abc import Callable

import av
import cv2
import numpy as np
import onnxruntime as ort

from streamsr.zoo.catalog import resolve


def upscaler() -> Callable[[av.VideoFrame], av.VideoFrame]:
    """The luma by the network, the chroma by bicubic interpolation."""
    session = ort.InferenceSession(resolve("live-x2").path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def upscale(frame: av.VideoFrame) -> av.VideoFrame:
        planes = frame.to_ndarray(format="yuv420p")
        height, width = frame.height, frame.width
        luma = planes[:height].astype(np.float32)[None, None] / 255
        (large,) = session.run(None, {name: luma})
        chroma = planes[height:].reshape(2, height // 2, width // 2)
        colour = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in chroma]
        y = np.clip(np.rint(large[0, 0] * 255), 0, 255).astype(np.uint8)
        return av.VideoFrame.from_ndarray(np.vstack([y, np.stack(colour).reshape(height, 2 * width)]), "yuv420p")

    return upscale
