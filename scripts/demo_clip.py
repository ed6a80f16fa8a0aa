"""The demo's clip: a camera gliding over a wall of photographs, so that every high-resolution frame is known."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data

WIDTH, HEIGHT, SCALE = 1280, 720, 2
FRAMES, RATE = 100, 25
MARGIN = 24
TONE_HZ, AUDIO_RATE = 440, 48000
SHOWPIECE = (10, 88, 48)
"""Frame, top and left of a part worth a picture, in pixels of the clip."""

# All in the public domain or CC0: NASA (astronaut, hubble), SpaceX (rocket), Rachel Michetti (coffee), S. van der Walt
# (chelsea), L. Anderson (camera), and CC0 textures (brick, grass, gravel).
PHOTOS = ("astronaut", "hubble_deep_field", "coffee", "gravel", "rocket", "camera", "chelsea", "brick", "grass")


def wall() -> np.ndarray:
    """The photographs at their own resolution, side by side in three rows: (rows, columns, 3) uint8 RGB."""
    photos = [getattr(skimage.data, name)() for name in PHOTOS]
    photos = [cv2.cvtColor(photo, cv2.COLOR_GRAY2RGB) if photo.ndim == 2 else photo for photo in photos]
    rows = [np.hstack([_mounted(photo) for photo in photos[i : i + 3]]) for i in range(0, len(photos), 3)]
    width = min(row.shape[1] for row in rows)
    return np.vstack([row[:, :width] for row in rows])


def _mounted(photo: np.ndarray, height: int = 440) -> np.ndarray:
    """Cut to the row's height, never enlarged, with a dark frame around."""
    top = max(0, (photo.shape[0] - height) // 2)
    cut = photo[top : top + height]
    missing = height - cut.shape[0]
    frame = (MARGIN + missing // 2, MARGIN + missing - missing // 2, MARGIN, MARGIN)
    return cv2.copyMakeBorder(cut, *frame, cv2.BORDER_CONSTANT, value=(24, 22, 20))


def true_frames() -> Iterator[np.ndarray]:
    """What the camera sees: (HEIGHT, WIDTH, 3) uint8 RGB, gliding by fractions of a pixel."""
    scene = wall()
    span = np.array([scene.shape[1] - WIDTH, scene.shape[0] - HEIGHT], np.float64)
    for index in range(FRAMES):
        angle = 2 * np.pi * index / FRAMES / 4
        left, top = span * (np.sin(angle), (1 - np.cos(2 * angle)) / 2) * 0.9
        move = np.float64([[1, 0, left], [0, 1, top]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        yield cv2.warpAffine(scene, move, (WIDTH, HEIGHT), flags=flags)


def true_luma() -> Iterator[np.ndarray]:
    """The luma of every true frame: (HEIGHT, WIDTH) uint8, limited range."""
    for rgb in true_frames():
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
        plane = frame.planes[0]
        yield np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def write_clip(path: Path) -> None:
    """The clip at half size, scaled by FFmpeg's bicubic filter and encoded with x264, with a tone as its sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", Fraction(RATE), options={"crf": "12", "preset": "medium"})
        video.width, video.height, video.pix_fmt = WIDTH // SCALE, HEIGHT // SCALE, "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        audio = container.add_stream("aac", AUDIO_RATE, layout="mono")
        for rgb in true_frames():
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
                WIDTH // SCALE, HEIGHT // SCALE, "yuv420p", dst_colorspace="ITU709", interpolation="BICUBIC"
            )
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for sound in _tone(audio.codec_context.frame_size or 1024):
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def _tone(size: int) -> Iterator[av.AudioFrame]:
    samples = FRAMES * AUDIO_RATE // RATE
    wave = (0.1 * np.sin(2 * np.pi * TONE_HZ * np.arange(samples) / AUDIO_RATE)).astype(np.float32)
    for start in range(0, samples, size):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + size], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = AUDIO_RATE, start
        yield frame
