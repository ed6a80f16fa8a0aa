"""Errors, names, specs, layouts, colour, frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamsr import errors
from streamsr.color import Color
from streamsr.errors import MismatchError, ModelError, StreamsrError, UnknownNameError
from streamsr.frame import Frame
from streamsr.layout import LAYOUTS, pixel_layout
from streamsr.registry import Registry
from streamsr.spec import SPEC_BYTES_MAX, ModelSpec


def test_every_error_is_drawn_in_the_tree() -> None:
    assert errors.__doc__
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, StreamsrError)
            assert f" {name}" in f" {errors.__doc__}"


def test_builtin_bases() -> None:
    assert issubclass(errors.OpenError, OSError)
    assert issubclass(errors.UnknownNameError, LookupError)
    assert issubclass(errors.MissingDependencyError, ImportError)
    assert issubclass(errors.ConfigError, ValueError)


def test_unknown_name_lists_names_and_the_nearest() -> None:
    error = UnknownNameError("model", "live-x3", ["live-x2", "fast-x2"])
    assert str(error) == "no model named 'live-x3'; did you mean 'live-x2'? (there are: fast-x2, live-x2)"


def test_registry_imports_on_first_use() -> None:
    registry = Registry("fraction", {"fraction": "fractions:Fraction", "absent": "no.such.module:x"})
    assert registry.load("fraction") is Fraction
    assert "absent" in registry
    assert list(registry) == ["fraction", "absent"]
    with pytest.raises(UnknownNameError, match="no fraction named 'frction'; did you mean 'fraction'"):
        registry.load("frction")


def test_spec_round_trip() -> None:
    spec = ModelSpec("m", scale=2, color="luma", halo=10, state=(("state.0", "state.0.next"),), metrics={"psnr": 37.0})
    assert ModelSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"name": "m", "scale": 1e9}',
        '{"name": "m", "scale": "two"}',
        '{"name": "m", "task": "?"}',
        '{"name": "m", "state": [1]}',
        " " * (SPEC_BYTES_MAX + 1),
    ],
)
def test_spec_refuses_nonsense(text: str) -> None:
    with pytest.raises(ModelError):
        ModelSpec.from_json(text)


def test_spec_ignores_keys_of_newer_versions() -> None:
    assert ModelSpec.from_json('{"name": "m", "invented": 1}').name == "m"


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("yuv420p", ((5, 7), (3, 4), (3, 4))),
        ("nv12", ((5, 7), (3, 4, 2))),
        ("p010le", ((5, 7), (3, 4, 2))),
        ("yuv440p", ((5, 7), (3, 7), (3, 7))),
        ("yuv410p", ((5, 7), (2, 2), (2, 2))),
        ("yuva420p", ((5, 7), (3, 4), (3, 4), (5, 7))),
        ("rgb24", ((5, 7, 3),)),
        ("gray10le", ((5, 7),)),
    ],
)
def test_plane_shapes_round_chroma_up(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    assert pixel_layout(name).plane_shapes(7, 5) == shapes


def test_layout_facts() -> None:
    assert pixel_layout("yuv420p10") is LAYOUTS["yuv420p10le"]
    assert pixel_layout("p010le").shift == 6
    assert pixel_layout("yuv420p10le").peak == 1023
    assert pixel_layout("yuva444p").alpha
    assert not pixel_layout("rgb0").alpha
    assert {LAYOUTS[n].family for n in ("gray", "nv12", "gbrp")} == {"gray", "yuv", "rgb"}
    with pytest.raises(UnknownNameError):
        pixel_layout("pal8")


def test_unknown_colour_resolves_as_players_do() -> None:
    yuv, rgb = pixel_layout("yuv420p"), pixel_layout("gbrp")
    assert Color().resolved(yuv, 576).matrix == "smpte170m"
    assert Color().resolved(yuv, 720).matrix == "bt709"
    assert Color().resolved(yuv, 720).range == "tv"
    assert Color().resolved(rgb, 720).range == "pc"
    assert Color().resolved(rgb, 720).matrix == "gbr"
    tagged = Color("bt2020nc", "pc", "bt2020", "smpte2084", "topleft")
    assert tagged.resolved(yuv, 480) == tagged


def test_a_frame_checks_its_planes() -> None:
    layout = pixel_layout("yuv420p")
    luma, chroma = np.zeros((4, 6), np.uint8), np.zeros((2, 3), np.uint8)
    frame = Frame((luma, chroma, chroma), layout, 3, Fraction(1, 25))
    assert (frame.width, frame.height, frame.time) == (6, 4, Fraction(3, 25))
    assert "6x4 yuv420p" in repr(frame)
    with pytest.raises(MismatchError, match="planes"):
        Frame((luma, luma, chroma), layout, 0, Fraction(1, 25))
    with pytest.raises(MismatchError, match="uint8"):
        Frame((luma.astype(np.uint16), chroma, chroma), layout, 0, Fraction(1, 25))
