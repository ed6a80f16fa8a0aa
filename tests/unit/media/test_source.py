"""What a `FileSource` gives for streams that real encoders made: pixels, times, tags."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from streamsr.color import Color, ContentLight, MasteringDisplay
from streamsr.layout import LAYOUTS
from tests.clips import LOSSLESS, ROTATE_90, make_clip
from tests.unit.media.reading import patch, read, same_planes

NO_RAW_TAG = {"p010le", "p012le", "p016le", "p210le", "p212le", "p216le", "p410le", "p412le", "p416le"}
NO_RAW_TAG |= {"nv16", "nv24", "ya16le"}
"""Layouts that no muxer stores; hardware decoders give them. `test_convert` covers them."""
FFV1_ONLY = {"yuv440p10le", "yuv440p12le"}


@pytest.mark.parametrize("size", [(64, 48), (171, 129)], ids=str)
@pytest.mark.parametrize("name", sorted(set(LAYOUTS) - NO_RAW_TAG))
def test_every_layout_decodes_to_the_planes_that_were_encoded(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    clip = tmp_path / ("clip.mkv" if name in FFV1_ONLY else "clip.nut")
    codec = "ffv1" if name in FFV1_ONLY else "rawvideo"
    pictures = make_clip(clip, codec=codec, pix_fmt=name, frames=3, width=size[0], height=size[1])
    info, frames, skipped = read(clip)
    assert (info.width, info.height, info.layout, skipped) == (*size, LAYOUTS[name], 0)
    assert same_planes(frames, pictures)


@pytest.mark.parametrize(
    "name", ["yuv420p", "yuv420p10le", "yuv422p12le", "yuva444p16le", "gbrp10le", "gray12le", "bgra"]
)
def test_ffv1_is_lossless_here_too(name: str, tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "clip.mkv", **LOSSLESS, pix_fmt=name)
    assert same_planes(read(tmp_path / "clip.mkv")[1], pictures)


@pytest.mark.parametrize(("width", "height"), [(8, 8), (1, 1), (2, 2), (9, 7)])
def test_tiny_pictures(width: int, height: int, tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "clip.mkv", **LOSSLESS, width=width, height=height)
    assert same_planes(read(tmp_path / "clip.mkv")[1], pictures)


@pytest.mark.parametrize(
    ("given", "layout"),
    [("yuyv422", "yuv422p"), ("yuv420p10be", "yuv420p10le"), ("rgb48be", "rgb48le"), ("uyvy422", "yuv422p")],
)
def test_formats_outside_the_table_arrive_as_the_nearest_one(given: str, layout: str, tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "clip.nut", codec="rawvideo", pix_fmt=given, source=layout)
    info, frames, _ = read(tmp_path / "clip.nut")
    assert info.layout is LAYOUTS[layout]
    assert same_planes(frames, pictures)


def test_pictures_stored_bottom_up_are_turned(tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "clip.avi", codec="rawvideo", pix_fmt="bgr24", width=33)
    assert same_planes(read(tmp_path / "clip.avi")[1], pictures)


def test_sample_aspect_ratio_and_rotation(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv"):
        clip = tmp_path / f"clip.{suffix}"
        make_clip(clip, codec="libx264", sar=Fraction(4, 3), display_matrix=ROTATE_90)
        info, frames, _ = read(clip)
        assert (info.sar, info.display_matrix) == (Fraction(4, 3), ROTATE_90)
        assert (frames[0].width, frames[0].height) == (64, 48)


def test_mirrored_and_scaling_matrices_are_normalised(tmp_path: Path) -> None:
    mirrored = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    make_clip(tmp_path / "clip.mp4", codec="libx264", display_matrix=mirrored)
    assert read(tmp_path / "clip.mp4")[0].display_matrix == mirrored
    doubled = (0, 131072, 0, -131072, 0, 0, 0, 0, 1 << 30)
    make_clip(tmp_path / "clip.mp4", codec="libx264", display_matrix=doubled)
    assert read(tmp_path / "clip.mp4")[0].display_matrix == ROTATE_90


@pytest.mark.parametrize("siting", ["left", "center", "topleft", "top", "bottomleft", "bottom"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_colour_tags_and_siting(siting: str, pix_fmt: str, tmp_path: Path) -> None:
    color = Color("bt2020nc", "tv", "bt2020", "arib-std-b67", siting)
    make_clip(tmp_path / "clip.mkv", codec="libx264", pix_fmt=pix_fmt, color=color, frames=2)
    info, frames, _ = read(tmp_path / "clip.mkv")
    assert info.color == color
    assert {frame.color for frame in frames} == {color}


@pytest.mark.parametrize(
    "color",
    [Color("bt709", "pc", "bt709", "bt709", "left"), Color("smpte170m", "tv", "smpte170m", "smpte170m", "topleft")],
    ids=str,
)
def test_more_tags(color: Color, tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264", color=color, frames=2)
    assert read(tmp_path / "clip.mp4")[0].color == color


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_siting_of_other_streams(siting: str, tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.y4m", codec="rawvideo", color=Color(siting=siting), format="yuv4mpegpipe", frames=2)
    assert read(tmp_path / "clip.y4m")[0].color.siting == siting
    options = {"flags": "+ildct+ilme"}
    make_clip(tmp_path / "clip.mkv", codec="libx264", color=Color(siting=siting), options=options, frames=2)
    assert read(tmp_path / "clip.mkv")[0].color.siting == siting


def test_what_a_stream_does_not_say_stays_unknown(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", **LOSSLESS)
    info, _, _ = read(tmp_path / "clip.mkv")
    assert info.color == Color()
    assert (info.sar, info.display_matrix, info.mastering, info.content_light) == (1, None, None, None)


def test_hdr10_metadata(tmp_path: Path) -> None:
    params = "log-level=none:hdr10=1:repeat-headers=1:max-cll=1000,400:"
    params += "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)"
    color = Color("bt2020nc", "tv", "bt2020", "smpte2084", "topleft")
    make_clip(
        tmp_path / "clip.mp4", codec="libx265", pix_fmt="yuv420p10le", color=color, options={"x265-params": params}
    )
    info, _, _ = read(tmp_path / "clip.mp4")
    assert info.color == color
    assert info.content_light == ContentLight(1000, 400)
    assert info.mastering == MasteringDisplay(
        red=(Fraction(35400, 50000), Fraction(14600, 50000)),
        green=(Fraction(8500, 50000), Fraction(39850, 50000)),
        blue=(Fraction(6550, 50000), Fraction(2300, 50000)),
        white=(Fraction(15635, 50000), Fraction(16450, 50000)),
        min_luminance=Fraction(1, 10000),
        max_luminance=Fraction(1000),
    )


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "mkv"), ("mpeg2video", "mpg"), ("mpeg2video", "ts")])
def test_interlaced_is_deinterlaced_unless_told_not_to(codec: str, suffix: str, tmp_path: Path) -> None:
    clip = tmp_path / f"clip.{suffix}"
    make_clip(clip, codec=codec, options={"flags": "+ildct+ilme", "b": "4M"}, frames=8)
    _, smooth, _ = read(clip)
    _, woven, _ = read(clip, deinterlace=False)
    assert [frame.time for frame in smooth] == [frame.time for frame in woven]
    assert len(smooth) == 8
    changed = [np.abs(a.planes[0].astype(int) - b.planes[0]).max() for a, b in zip(smooth, woven, strict=True)]
    assert min(changed[1:-1]) > 8


def test_a_header_alone_can_say_interlaced(tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "clip.y4m", codec="rawvideo", format="yuv4mpegpipe", frames=6)
    patch(tmp_path / "clip.y4m", lambda data: data.replace(b" Ip ", b" It ", 1))
    assert same_planes(read(tmp_path / "clip.y4m", deinterlace=False)[1], pictures)
    frames = read(tmp_path / "clip.y4m")[1]
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(6)]
    assert not same_planes(frames, pictures)


def test_progressive_streams_are_left_alone(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", codec="libx264")
    pairs = zip(read(tmp_path / "clip.mkv")[1], read(tmp_path / "clip.mkv", deinterlace=False)[1], strict=True)
    assert all(np.array_equal(a.planes[0], b.planes[0]) for a, b in pairs)


def test_a_change_of_size_midway_is_scaled_to_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = []
    for width, height in ((64, 48), (96, 80)):
        part = io.BytesIO()
        pictures = make_clip(part, codec="libx264", format="h264", width=width, height=height)
        parts.append(part.getvalue())
    (tmp_path / "clip.h264").write_bytes(b"".join(parts))
    info, frames, _ = read(tmp_path / "clip.h264")
    assert (info.width, info.height, len(frames)) == (64, 48, 24)
    assert all((frame.width, frame.height) == (64, 48) for frame in frames)
    assert [record.message for record in caplog.records].count(
        f"{tmp_path / 'clip.h264'} changes from 64x48 to 96x80; scaled back to the first size"
    ) == 1
    assert all(b.pts > a.pts for a, b in pairwise(frames))
    assert pictures[0][0].mean() == pytest.approx(frames[12].planes[0].mean(), abs=3)


def test_the_first_frame_is_a_cut_and_so_is_one_after_a_gap(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", **LOSSLESS, pts=[0, 1, 2, 100, 101], frames=5)
    assert [frame.cut for frame in read(tmp_path / "clip.mkv")[1]] == [True, False, False, True, False]


@pytest.mark.parametrize("codec", ["gif", "apng"])
def test_animations_are_videos(codec: str, tmp_path: Path) -> None:
    pix_fmt, source = ("rgb8", "rgb24") if codec == "gif" else ("rgba", "rgba")
    clip = tmp_path / f"clip.{codec}"
    pictures = make_clip(clip, codec=codec, pix_fmt=pix_fmt, source=source, rate=Fraction(20), format=codec)
    info, frames, _ = read(clip)
    assert not info.still
    assert [frame.time for frame in frames] == [Fraction(i, 20) for i in range(12)]
    if codec == "apng":
        assert same_planes(frames, pictures)
    else:
        assert info.layout.name == "rgb24", "nothing is transparent"
        red = [
            np.abs(f.planes[0][..., 0].astype(int) - p[0][..., 0]).mean() for f, p in zip(frames, pictures, strict=True)
        ]
        assert max(red) < 20


@pytest.mark.parametrize(("hole", "layout"), [("nowhere", "rgb24"), ("at once", "bgra"), ("later", "bgra")])
def test_a_gif_has_alpha_only_where_it_shows_through(hole: str, layout: str, tmp_path: Path) -> None:
    clip = tmp_path / "clip.gif"
    make_clip(clip, frames=3, codec="gif", pix_fmt="rgb8", source="rgb24", format="gif")
    data = bytearray(clip.read_bytes())
    if hole == "at once":  # a colour of the first frame is the transparent one
        with av.open(str(clip)) as container:
            corner = next(container.decode(video=0)).to_ndarray(format="rgb24")[0, 0].tobytes()
        palette = [bytes(data[13 + 3 * i : 16 + 3 * i]) for i in range(256)]
        control = data.index(b"!\xf9\x04")
        data[control + 3], data[control + 6] = 1, palette.index(corner)
    elif hole == "later":  # what lies under the last frame is cleared away after it
        data[data.rindex(b"!\xf9\x04") + 3] = 2 << 2 | 1
    clip.write_bytes(data)
    info, frames, _ = read(clip)
    assert info.layout.name == layout
    assert len(frames) == 3
