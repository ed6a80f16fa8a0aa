from __future__ import annotations

import pytest

from streamsr.bench.case import Case, cases, frame_size
from streamsr.bench.suite import find_suite, standard, trained
from streamsr.engines.available import native_precisions
from streamsr.errors import ConfigError, UnknownNameError


def test_sizes_are_pixels_or_lines() -> None:
    assert frame_size("640x360") == frame_size("360p") == (640, 360)
    assert [frame_size(f"{lines}p") for lines in (180, 480, 540, 1080)] == [
        (320, 180),
        (854, 480),
        (960, 540),
        (1920, 1080),
    ]


@pytest.mark.parametrize("text", ["", "p", "640", "640x", "0x10", "40000p", "-1x5", "640x360p"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="size"):
        frame_size(text)


def test_precisions_are_those_that_the_backend_and_the_model_have() -> None:
    found = cases(["live-x2", "detail-x2"], [(64, 48)], ["openvino"])
    native = native_precisions("openvino")
    assert [case.precision for case in found if case.model == "live-x2"] == list(native)
    assert [case.precision for case in found if case.model == "detail-x2"] == [
        each for each in native if each != "int8"
    ]


def test_what_was_asked_for_is_a_row_even_where_it_cannot_be() -> None:
    asked = cases(["detail-x2"], [(64, 48)], ["openvino"], ["int8"])
    assert asked == [Case("detail-x2", 64, 48, "openvino", "int8")]
    (missing,) = cases(["live-x2"], [(64, 48)], ["tensorrt"])
    assert missing.backend == "tensorrt"


def test_names_that_mean_nothing_are_refused_at_once() -> None:
    with pytest.raises(UnknownNameError, match="openvinno"):
        cases(["live-x2"], [(64, 48)], ["openvinno"], ["fp32"])
    with pytest.raises(UnknownNameError, match="live-x3"):
        cases(["live-x3"], [(64, 48)], ["openvino"])
    with pytest.raises(UnknownNameError, match="standart"):
        find_suite("standart")


def test_the_standard_suite_has_every_trained_model_at_three_sizes() -> None:
    suite = standard()
    assert {"live-x2", "detail-x4"} <= set(trained())
    assert not any(name.endswith("-gan") for name in trained())
    assert {case.model for case in suite.cases} == set(trained())
    assert {case.size for case in suite.cases} == {"320x180", "640x360", "960x540"}
    assert {case.backend for case in suite.cases} == {"openvino", "onnxruntime"}
    assert suite.effort.budget is not None
    assert suite.effort.budget < 300
