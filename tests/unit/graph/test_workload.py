from __future__ import annotations

import pytest

from streamsr.color import Color
from streamsr.graph.frame_graph import build_frame_graph
from streamsr.graph.model import Model, load_model
from streamsr.graph.stream import StreamFormat
from streamsr.graph.workload import Workload, count_workload
from streamsr.layout import pixel_layout
from streamsr.zoo import catalog
from tests.nets import rgb_sr_net


def workload(width: int, height: int, *models: Model, layout: str = "yuv420p", fold: bool = True) -> Workload:
    source = StreamFormat(width, height, pixel_layout(layout), Color("bt709", "tv"))
    return count_workload(build_frame_graph(models, source, fold=fold))


def test_convolutions_are_counted_by_hand() -> None:
    kernels = [3 * 16, 16 * 16, 16 * 12]
    work = workload(32, 16, rgb_sr_net(channels=16, convs=3, scale=2), layout="rgb24", fold=False)
    unpacking = 3 * 3  # packed pixels become channels by a convolution of one pixel
    assert work.macs == (9 * sum(kernels) + unpacking) * 32 * 16
    assert work.int8_macs == 0
    assert work.border_bytes == 3 * 32 * 16 * (1 + 4)
    assert work.flops == 2 * work.macs
    assert sum(9 * kernel for kernel in kernels) <= work.weights < 1.05 * sum(9 * kernel for kernel in kernels) + 100


def test_work_grows_with_the_picture() -> None:
    model = load_model(catalog.resolve("live-x2").path)
    small, large = workload(64, 48, model), workload(128, 96, model)
    assert large.macs == 4 * small.macs
    assert large.border_bytes == 4 * small.border_bytes == 4 * (64 * 48 * 3 // 2) * 5
    assert large.weights == pytest.approx(small.weights, abs=64)
    assert large.others == 4 * small.others
    assert large.between == pytest.approx(4 * small.between, rel=0.01)  # a border of zeros or so


def test_a_quantized_model_does_the_same_work_in_codes() -> None:
    entry = catalog.resolve("live-x2")
    real, coded = (workload(64, 48, load_model(path)) for path in (entry.path, entry.variants["int8"]))
    assert coded.int8_macs > 0.95 * (coded.int8_macs + coded.macs)
    assert coded.int8_macs + coded.macs == pytest.approx(real.macs, rel=0.02)
    assert real.int8_macs == 0


def test_bytes_go_by_precision() -> None:
    work = Workload(macs=1, int8_macs=0, others=1, weights=100, border_bytes=1000, between=50)
    assert [work.least_bytes(each) for each in ("fp32", "fp16", "int8")] == [1400, 1200, 1100]
    assert work.layered_bytes("bf16") == 1200 + 100
