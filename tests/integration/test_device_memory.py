"""A device too small for the pictures: fewer contexts, then tiles, then an error; each said aloud, the result equal."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamsr.assembly import Assembly, EngineOptions
from streamsr.chain import Chain
from streamsr.engines import autotile, available
from streamsr.engines.base import Engine
from streamsr.engines.onnxruntime_devices import PROVIDERS, Provider
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT
from streamsr.engines.tiling import TiledEngine
from streamsr.errors import DeviceMemoryError
from streamsr.frame import Frame
from streamsr.link import make_links
from streamsr.registry import Registry
from tests.fake_cuda import FakeDriver
from tests.fake_tensorrt import FakeTensorRT, plan
from tests.unit.engines import graphs

SOURCE = graphs.stream_format("yuv420p", 128, 96)
TARGET = graphs.stream_format("yuv420p", 256, 192)
PICTURES = graphs.frames(SOURCE, 2)
WHOLE = 128 * 96 * 3 // 2 * 5  # bytes of a picture and its result
DRIVER = FakeDriver()


def backend() -> TensorRT:
    library = FakeTensorRT(DRIVER, scratch=0)
    return TensorRT("tensorrt-rtx", module=library, drivers=lambda index: DRIVER, planner=plan)


def build(**options) -> Engine:
    made = EngineOptions(backend="tensorrt-rtx", precision="fp32", cache=False, **options)
    return Assembly(make_links(["fast-x2"]), made).engine(SOURCE, TARGET, PICTURES)


@pytest.fixture(autouse=True)
def _only_this_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DRIVER, "room", 1 << 30)
    places = {"tensorrt-rtx": f"{__name__}:backend", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))


def test_every_step_of_the_way_down(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    whole = build()
    wanted = list(stream(whole, PICTURES))
    whole.close()
    assert caplog.messages == []
    for room, notice, kind in (
        (WHOLE * 3 // 2, "device memory is enough for 1 of 2 contexts", type(whole)),
        (WHOLE * 3 // 4, "128x96 yuv420p does not fit into the device's memory: computing tiles of ", TiledEngine),
    ):
        monkeypatch.setattr(DRIVER, "room", room)
        engine = build()
        assert caplog.messages[0].startswith(notice)
        assert isinstance(engine, kind)
        for output, right in zip(stream(engine, PICTURES), wanted, strict=True):
            assert max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(output, right, strict=True)) <= 1
        engine.close()
        caplog.clear()


def test_auto_goes_on_to_a_backend_with_more_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(available, "device_count", lambda: 1)
    monkeypatch.setattr(DRIVER, "room", 1000)
    frames = [Frame(planes, SOURCE.layout, index, Fraction(1, 25)) for index, planes in enumerate(PICTURES)]
    options = EngineOptions(precision="fp32", threads=1, cache=False)
    with Chain("fast-x2", options=options) as chain, chain.engine(SOURCE, TARGET, frames) as engine:
        assert (engine.spec.backend, engine.spec.device) == ("onnxruntime", "CPU")
        assert not isinstance(engine, TiledEngine)
    assert caplog.messages[-1].startswith("tensorrt-rtx is passed over: fast-x2 does not fit into the device's memory")
    assert DRIVER.used("device") == 0


def test_a_device_that_does_not_tell_is_taken_to_be_like_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = Provider("AzureExecutionProvider", "onnxruntime", numbered=False)  # does nothing, and is in every build
    monkeypatch.setitem(PROVIDERS, "azure", azure)
    monkeypatch.setattr(autotile, "available_memory", lambda: 1 << 22)
    options = EngineOptions(backend="onnxruntime", device="azure", precision="fp32", threads=1, cache=False)
    engine = Assembly(make_links(["fast-x2"]), options).engine(SOURCE, TARGET, PICTURES)
    assert isinstance(engine, TiledEngine)
    engine.close()


def test_what_does_not_fit_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DRIVER, "room", 1000)
    with pytest.raises(DeviceMemoryError, match=r"fast-x2 does not fit into the device's memory, free some of it, or"):
        build()
    with pytest.raises(DeviceMemoryError, match="use --tile auto"):
        build(tile=None)
    assert DRIVER.used("device") == 0
