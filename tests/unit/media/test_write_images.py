"""Pictures come back from image files: exactly where the format is lossless."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from streamsr.color import Color
from streamsr.errors import ConfigError, EncodeError, OpenError, UnknownNameError
from streamsr.frame import Frame
from streamsr.layout import LAYOUTS
from streamsr.media.create import create_sink
from streamsr.media.image_sink import ImageFolderSink, ImageSink
from streamsr.media.options import WriteOptions
from tests.clips import picture
from tests.muxes import frames, write

EXACT = {
    "png": "rgb24 rgba rgb48 rgba64 gray gray16 ya8 ya16",
    "tiff": "rgb24 rgba rgb48 rgba64 gray gray16 ya8 ya16",
    "webp": "rgb24 bgra",
}


def read(path: Path, pix_fmt: str) -> np.ndarray:
    """The only plane of a packed format, rows without padding."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(format=pix_fmt)
    layout = LAYOUTS[pix_fmt]
    shape = layout.plane_shape(0, frame.width, frame.height)
    rows = np.frombuffer(frame.planes[0], layout.dtype).reshape(frame.height, -1)
    return rows[:, : int(np.prod(shape[1:]))].reshape(shape)


@pytest.mark.parametrize(
    ("suffix", "name"), [(suffix, name) for suffix, names in EXACT.items() for name in names.split()]
)
def test_lossless_formats_are_exact(tmp_path: Path, suffix: str, name: str) -> None:
    info, made = frames(name, 1, width=37, height=23, still=True)
    target = write(create_sink(tmp_path / f"a.{suffix}"), info, made)
    assert target.layout == info.layout
    back = read(tmp_path / f"a.{suffix}", info.layout.name)
    np.testing.assert_array_equal(back, made[0].planes[0])


def test_every_layout_can_become_a_png_as_deep(tmp_path: Path) -> None:
    for name, layout in LAYOUTS.items():
        info, _ = frames(name, 1, still=True)
        target = create_sink(tmp_path / "a.png").negotiate(info)
        assert target.layout.depth >= layout.depth
        assert target.layout.alpha == layout.alpha
        assert target.layout.family == ("gray" if layout.family == "gray" else "rgb")
        assert target.color.matrix == ("gbr" if layout.family == "yuv" else info.color.matrix)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "rgb24", "gray"])
def test_jpeg_keeps_subsampling_and_is_bt601_full_range(tmp_path: Path, name: str) -> None:
    info, made = frames(name, 1, width=96, height=64, color=Color("bt709", "tv", "bt709", "bt709", "left"), still=True)
    target = write(create_sink(tmp_path / "a.jpg"), info, made)
    assert (target.color.matrix, target.color.range) == ("bt470bg", "pc")
    if info.layout.family == "yuv":
        assert target.layout == info.layout
    with av.open(str(tmp_path / "a.jpg")) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == target.layout.name.replace("yuv", "yuvj")
    luma = np.asarray(frame.planes[0]).reshape(64, -1)[:, :96].astype(int)
    expected = picture(0, 96, 64, target.layout)[0].astype(int)
    assert np.abs(luma - expected).mean() < 2


def test_png_is_packed_fast_unless_told_otherwise(tmp_path: Path) -> None:
    info, made = frames("rgb24", 1, width=320, height=240)
    sizes = {}
    for level in (None, "4", "9"):
        options = WriteOptions(codec_options={} if level is None else {"compression_level": level})
        write(ImageSink(tmp_path / f"{level}.png", options), info, made)
        sizes[level] = (tmp_path / f"{level}.png").stat().st_size
    assert sizes[None] == sizes["4"] > sizes["9"]


@pytest.mark.parametrize("suffix", ["png", "tiff", "jpg"])
def test_limited_gray_becomes_full_because_images_are(tmp_path: Path, suffix: str) -> None:
    info, _ = frames("gray", 1, color=Color(range="tv"))
    assert create_sink(tmp_path / f"a.{suffix}").negotiate(info).color.range == "pc"


def test_one_file_is_one_picture(tmp_path: Path) -> None:
    info, made = frames("rgb24", 2)
    sink = ImageSink(tmp_path / "a.png")
    sink.open(sink.negotiate(info))
    sink.write(made[0])
    with pytest.raises(EncodeError, match=r"a_%05d\.png"):
        sink.write(made[1])
    sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_folders_get_numbered_pictures_all_at_once(tmp_path: Path) -> None:
    info, made = frames("rgb24", 9)
    sink = create_sink(f"{tmp_path}/out/")
    assert isinstance(sink, ImageFolderSink)
    sink.open(sink.negotiate(info))
    for frame in made:
        sink.write(frame)
        assert not (tmp_path / "out").exists()
    sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"frame_{n:06d}.png" for n in range(1, 10)]
    for number, frame in enumerate(made, 1):
        np.testing.assert_array_equal(read(tmp_path / "out" / f"frame_{number:06d}.png", "rgb24"), frame.planes[0])


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_patterns(tmp_path: Path, suffix: str) -> None:
    info, made = frames("rgb24", 3)
    write(create_sink(tmp_path / f"shot_%03d.{suffix}"), info, made)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"shot_{n:03d}.{suffix}" for n in (1, 2, 3)]
    assert read(tmp_path / f"shot_002.{suffix}", "rgb24").shape == (48, 64, 3)


def test_pictures_with_names(tmp_path: Path) -> None:
    info, made = frames("rgb24", 2)
    write(ImageFolderSink(tmp_path / "out", names=["b.png", "a.png"]), info, made)
    np.testing.assert_array_equal(read(tmp_path / "out" / "b.png", "rgb24"), made[0].planes[0])
    np.testing.assert_array_equal(read(tmp_path / "out" / "a.png", "rgb24"), made[1].planes[0])


def test_existing_pictures_are_safe(tmp_path: Path) -> None:
    info, made = frames("rgb24", 2)
    for spec in (tmp_path / "shot_%03d.png", tmp_path / "a.png", f"{tmp_path}/"):
        write_one(spec, made[0])
        with pytest.raises(OpenError, match="--overwrite"):
            create_sink(spec).negotiate(info)
        write_one(spec, made[1], overwrite=True)
    np.testing.assert_array_equal(read(tmp_path / "a.png", "rgb24"), made[1].planes[0])
    np.testing.assert_array_equal(read(tmp_path / "shot_001.png", "rgb24"), made[1].planes[0])


def write_one(spec: Path | str, frame: Frame, **options: bool) -> None:
    info, _ = frames("rgb24", 1, still=True)
    write(create_sink(spec, WriteOptions(**options)), info, [frame])


def test_senseless_wishes(tmp_path: Path) -> None:
    info, _ = frames("rgb24", 1)
    with pytest.raises(UnknownNameError, match="png"):
        create_sink(tmp_path / "a.pgn")
    with pytest.raises(ConfigError, match="leave the codec out"):
        create_sink(tmp_path / "a.png", WriteOptions(codec="libx264")).negotiate(info)
    with pytest.raises(ConfigError, match="takes no crf"):
        create_sink(tmp_path / "a.png", WriteOptions(crf=10)).negotiate(info)
