"""Image files, folders of images, numbered images."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamsr.color import Color
from streamsr.errors import DecodeError, OpenError, UnsupportedFormatError
from streamsr.layout import LAYOUTS
from streamsr.media.images import image_files, numbered_files
from tests.clips import Planes, make_clip, picture
from tests.unit.media.reading import read, same_planes


def make_image(path: Path, codec: str, pix_fmt: str, index: int = 0, **fields: object) -> Planes:
    """One picture (number `index` of `picture`) in an image file; returns its planes."""
    buffer = io.BytesIO()

    def numbered(_: int, *rest: object) -> Planes:
        return picture(index, *rest)

    pictures = make_clip(
        buffer, frames=1, codec=codec, pix_fmt=pix_fmt, format="image2pipe", picture=numbered, **fields
    )
    path.write_bytes(buffer.getvalue())
    return pictures[0]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "source"),
    [
        *[("a.png", "png", fmt, fmt) for fmt in ("rgb24", "rgba", "gray", "ya8")],
        *[("a.png", "png", f"{fmt}be", f"{fmt}le") for fmt in ("rgb48", "rgba64", "gray16", "ya16")],
        *[("a.tiff", "tiff", fmt, fmt) for fmt in ("rgb24", "rgb48le", "gray", "gray16le", "rgba")],
        *[("a.bmp", "bmp", fmt, fmt) for fmt in ("bgr24", "bgra")],
        *[
            ("a.ppm", "ppm", "rgb24", "rgb24"),
            ("a.pgm", "pgm", "gray16be", "gray16le"),
            ("a.qoi", "qoi", "rgba", "rgba"),
        ],
    ],
)
def test_lossless_image_files(name: str, codec: str, pix_fmt: str, source: str, tmp_path: Path) -> None:
    planes = make_image(tmp_path / name, codec, pix_fmt, source=source, width=53, height=31)
    info, frames, _ = read(tmp_path / name)
    assert (info.still, info.frames, info.container, info.layout) == (True, 1, None, LAYOUTS[source])
    assert same_planes(frames, [planes])


def test_bmp_stores_gray_as_an_opaque_palette(tmp_path: Path) -> None:
    planes = make_image(tmp_path / "a.bmp", "bmp", "gray")
    info, frames, _ = read(tmp_path / "a.bmp")
    assert info.layout.name == "rgb24"
    assert (frames[0].planes[0] == planes[0][..., None]).all()


@pytest.mark.parametrize("alpha", [False, True])
def test_palette_png(alpha: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    indices, palette = random.integers(0, 256, (31, 53), np.uint8), random.integers(0, 256, (256, 4), np.uint8)
    if not alpha:
        palette[:, 0] = 255
    frame = av.VideoFrame.from_ndarray((indices, palette), format="pal8")
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 53, 31, "pal8", Fraction(1, 25)
    (tmp_path / "a.png").write_bytes(b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)]))
    info, frames, _ = read(tmp_path / "a.png")
    assert info.layout.name == ("rgba" if alpha else "rgb24")
    assert (frames[0].planes[0] == palette[indices][..., [1, 2, 3, 0][: 4 if alpha else 3]]).all()


def jpeg(path: Path, sampling: int = 0x221111) -> np.ndarray:
    bgr = cv2.merge(list(picture(0, 64, 48, LAYOUTS["gbrp"])))
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])
    path.write_bytes(data.tobytes())
    return bgr


@pytest.mark.parametrize(
    ("sampling", "layout", "siting"),
    [
        *[(0x221111, "yuv420p", "center"), (0x211111, "yuv422p", "center"), (0x121111, "yuv440p", "unknown")],
        *[(0x111111, "yuv444p", "unknown"), (0x411111, "yuv411p", "center")],
    ],
)
def test_jpeg_is_full_range_bt601_with_chroma_in_the_middle(
    sampling: int, layout: str, siting: str, tmp_path: Path
) -> None:
    bgr = jpeg(tmp_path / "a.jpg", sampling)
    info, frames, _ = read(tmp_path / "a.jpg")
    assert info.layout is LAYOUTS[layout]
    assert info.color == Color("bt470bg", "pc", "unknown", "unknown", siting)
    luma = bgr @ np.array([0.114, 0.587, 0.299])
    assert np.abs(frames[0].planes[0] - luma).mean() < 2


def test_gray_jpeg(tmp_path: Path) -> None:
    gray = picture(0, 64, 48, LAYOUTS["gray"])[0]
    (tmp_path / "a.jpg").write_bytes(cv2.imencode(".jpg", gray)[1].tobytes())
    info, frames, _ = read(tmp_path / "a.jpg")
    assert info.layout.name == "gray"
    assert info.color.resolved(info.layout, info.height).range == "pc"
    assert np.abs(frames[0].planes[0].astype(int) - gray).mean() < 2


def test_exif_orientation_of_a_photo(tmp_path: Path) -> None:
    jpeg(tmp_path / "a.jpg")
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\x00\x00" + tiff
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:2] + exif + data[2:])
    info, frames, _ = read(tmp_path / "a.jpg")
    assert info.display_matrix == (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    assert (frames[0].width, frames[0].height) == (64, 48)


def test_webp(tmp_path: Path) -> None:
    planes = make_image(tmp_path / "lossless.webp", "libwebp", "bgra", options={"lossless": "1"})
    info, frames, _ = read(tmp_path / "lossless.webp")
    assert info.still
    assert info.layout.family == "rgb"
    channels = [info.layout.planes[0].index(letter) for letter in "BGR"]
    opaque = planes[0][..., 3] > 0
    assert (frames[0].planes[0][..., channels][opaque] == planes[0][..., :3][opaque]).all()
    make_image(tmp_path / "lossy.webp", "libwebp", "yuv420p")
    info, _, _ = read(tmp_path / "lossy.webp")
    assert (info.layout.name, info.color.range, info.color.siting) == ("yuv420p", "tv", "center")


def test_avif(tmp_path: Path) -> None:
    for count in (1, 5):
        make_clip(tmp_path / "a.avif", codec="libsvtav1", options={"svtav1-params": "crf=10"}, frames=count)
        info, frames, _ = read(tmp_path / "a.avif")
        assert (info.still, len(frames), info.frames) == (count == 1, count, count)
        assert np.abs(frames[0].planes[0].astype(int) - picture(0, 64, 48, info.layout)[0]).mean() < 4


def test_animated_webp_says_what_to_do(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.webp", codec="libwebp_anim", pix_fmt="yuva420p")
    with pytest.raises(DecodeError, match="animated WebP is unknown to this FFmpeg, convert it to GIF or PNG"):
        read(tmp_path / "a.webp")


@pytest.mark.parametrize("name", ["photo.png", "50%.jpg", "a%20b.jpg", "a%03d.jpg", "noextension"])
def test_the_content_counts_not_the_name(name: str, tmp_path: Path) -> None:
    jpeg(tmp_path / name)
    info, frames, _ = read(tmp_path / name)
    assert (info.layout.name, info.still, len(frames)) == ("yuv420p", True, 1)


def test_folder_in_natural_order(tmp_path: Path) -> None:
    names = ["shot1.png", "shot2.png", "shot10.png"]
    pictures = {name: make_image(tmp_path / name, "png", "rgb24", i) for i, name in enumerate(names)}
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image either")
    assert [file.name for file in image_files(tmp_path)] == names
    info, frames, _ = read(tmp_path, frame_rate=Fraction(10))
    assert same_planes(frames, [pictures[name] for name in names])
    assert [frame.time for frame in frames] == [0, Fraction(1, 10), Fraction(2, 10)]
    assert (info.frames, info.duration, info.frame_rate, info.still) == (3, Fraction(3, 10), 10, False)
    assert [frame.cut for frame in frames] == [True, False, False]


def test_pattern_begins_at_the_lowest_number_and_sorts_by_it(tmp_path: Path) -> None:
    pictures = [make_image(tmp_path / f"frame_{i:03d}.png", "png", "gray16be", i, source="gray16le") for i in (7, 8, 9)]
    make_image(tmp_path / "frame_1.png", "png", "gray")
    info, frames, _ = read(tmp_path / "frame_%03d.png")
    assert same_planes(frames, pictures)
    assert info.layout.name == "gray16le"
    (tmp_path / "frame_1.png").rename(tmp_path / "frame_0010.png")
    assert [file.name for file in numbered_files(str(tmp_path / "frame_%d.png"))][-1] == "frame_0010.png"
    with pytest.raises(OpenError, match="no file is named like"):
        read(tmp_path / "other_%d.png")


def test_part_of_a_sequence(tmp_path: Path) -> None:
    pictures = [make_image(tmp_path / f"{i}.png", "png", "rgb24", i) for i in range(8)]
    _, frames, _ = read(tmp_path, start=Fraction(2, 25), end=Fraction(6, 25))
    assert same_planes(frames, pictures[2:6])
    assert [frame.pts for frame in frames] == [2, 3, 4, 5]
    assert same_planes(read(tmp_path, start=Fraction(1, 25), frames=2)[1], pictures[1:3])
    with pytest.raises(OpenError, match="has no images"):
        read(tmp_path, start=Fraction(8, 25))


def test_images_of_another_size_are_refused_by_name(tmp_path: Path) -> None:
    make_image(tmp_path / "1.png", "png", "rgb24")
    make_image(tmp_path / "2.png", "png", "rgb24", width=80)
    with pytest.raises(UnsupportedFormatError, match=r"2\.png is 80x48, the images before it 64x48"):
        read(tmp_path)


def test_images_of_another_format_become_the_first_one(tmp_path: Path) -> None:
    first = make_image(tmp_path / "1.png", "png", "rgb24")
    gray = make_image(tmp_path / "2.png", "png", "gray")
    info, frames, _ = read(tmp_path)
    assert info.layout.name == "rgb24"
    assert (frames[0].planes[0] == first[0]).all()
    assert np.abs(frames[1].planes[0].astype(int) - gray[0][..., None]).max() <= 1


def test_a_broken_image_is_left_out_with_its_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures = [make_image(tmp_path / f"{i}.png", "png", "rgb24", i) for i in range(3)]
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    _, frames, skipped = read(tmp_path)
    assert same_planes(frames, [pictures[0], pictures[2]])
    assert ([frame.pts for frame in frames], skipped) == ([0, 2], 1)
    assert "1.png" in caplog.text


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match="holds no images"):
        read(tmp_path)
