"""Half precision on a GPU: taken where it is right, refused where the pictures are black, wrong or drifting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from streamsr.assembly import Assembly, EngineOptions
from streamsr.chain import Chain
from streamsr.engines import available
from streamsr.engines.base import Engine
from streamsr.engines.levels import levels, psnr
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT, TensorRTEngine
from streamsr.errors import BuildError
from streamsr.frame import Frame
from streamsr.link import make_links
from streamsr.look import StyleOptions
from streamsr.registry import Registry
from streamsr.smoothing import SmoothedEngine
from tests.fake_cuda import FakeDriver
from tests.fake_tensorrt import FakeTensorRT, plan
from tests.unit.engines import graphs

SOURCE = graphs.stream_format("yuv420p", 64, 48)
TARGET = graphs.stream_format("yuv420p", 128, 96)
PICTURES = graphs.frames(SOURCE, 2)
DRIVER = FakeDriver()
LIBRARY = FakeTensorRT(DRIVER)


def backend() -> TensorRT:
    return TensorRT("tensorrt", module=LIBRARY, drivers=lambda index: DRIVER, planner=plan)


@pytest.fixture(autouse=True)
def _only_this_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIBRARY, "spoil", None)
    places = {"tensorrt": f"{__name__}:backend", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))


def build(precision: str = "auto", *, smooth: float = 0.0) -> Engine:
    options = EngineOptions(backend="tensorrt", precision=precision, cache=False)
    return Assembly(make_links(["live-x2"]), options, smooth=smooth).engine(SOURCE, TARGET, PICTURES)


def test_half_precision_is_what_a_gpu_takes(caplog: pytest.LogCaptureFixture) -> None:
    half, full = build(), build("fp32")
    assert (half.spec.precision, full.spec.precision) == ("fp16", "fp32")
    assert caplog.messages == []
    for output, right in zip(stream(half, PICTURES), stream(full, PICTURES), strict=True):
        pairs = zip(levels(output, TARGET.layout), levels(right, TARGET.layout), strict=True)
        assert min(psnr(a, b) for a, b in pairs) > 50
    half.close()
    full.close()


def test_smoothing_in_the_graph_comes_in_half_precision_too(caplog: pytest.LogCaptureFixture) -> None:
    engine = build(smooth=0.85)
    assert (engine.spec.precision, engine.spec.depth) == ("fp16", 1)
    assert engine.spec.state
    assert caplog.messages == []
    engine.close()


@pytest.mark.parametrize(
    "spoil",
    [
        np.zeros_like,
        lambda picture: np.full_like(picture, 128),
        lambda picture: np.minimum(picture, 250) + np.uint8(5),
        lambda picture: np.roll(picture, 1, axis=0),
    ],
    ids=["black", "flat", "drifting", "shifted"],
)
def test_wrong_pictures_are_refused_aloud_and_fp32_is_taken(
    spoil: Callable[[np.ndarray], np.ndarray], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(LIBRARY, "spoil", spoil)
    engine = build()
    assert engine.spec.precision == "fp32"
    (warning,) = caplog.messages
    assert warning.startswith("live-x2 is passed over, tensorrt fp16: plane 0 of probe frame 0 is ")
    engine.close()
    assert DRIVER.used("device") == 0


def test_a_gpu_that_refuses_leaves_the_next_backend_what_is_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(*_: object) -> bytes:
        raise BuildError("no kernel for this GPU")

    monkeypatch.setattr(available, "device_count", lambda: 1)
    monkeypatch.setattr(sys.modules[__name__], "plan", refuses)
    frames = [Frame(planes, SOURCE.layout, index, Fraction(1, 25)) for index, planes in enumerate(PICTURES)]
    with (
        Chain("live-x2", options=EngineOptions(cache=False, threads=1)) as chain,
        chain.engine(SOURCE, TARGET, frames) as engine,
    ):
        assert (engine.spec.backend, engine.spec.device) == ("onnxruntime", "CPU")
        assert engine.spec.precision == "int8"  # neither fp16, which it has not, nor fp32 for want of it
    passed = [message for message in caplog.messages if "no kernel for this GPU" in message]
    assert ["fp16" in message for message in passed] == [True, False]


def test_where_smoothing_is_done_is_decided_for_each_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Frame(planes, SOURCE.layout, index, Fraction(1, 25)) for index, planes in enumerate(PICTURES)]
    monkeypatch.setattr(available, "device_count", lambda: 1)
    smooth, options = StyleOptions("udnie", smooth=0.5), EngineOptions(cache=False, threads=1)

    def refuses(*_: object) -> bytes:
        raise BuildError("no kernel for this GPU")

    for planner, kind in ((plan, TensorRTEngine), (refuses, SmoothedEngine)):
        monkeypatch.setattr(sys.modules[__name__], "plan", planner)
        with Chain("style-live", options=options, style=smooth) as chain:
            with chain.engine(SOURCE, SOURCE, frames) as engine:
                assert isinstance(engine, kind)


def test_int8_is_for_those_who_ask() -> None:
    engine = build("int8")
    assert engine.spec.precision == "int8"
    engine.close()
