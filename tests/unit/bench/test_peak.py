from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from streamsr.bench.build import compile_options
from streamsr.bench.peak import PRODUCTS, Peaks, copy_rate, matrix_graph
from streamsr.engines.available import load_backend
from streamsr.errors import EngineError
from streamsr.graph.workload import Workload, count_workload

WORK = Workload(macs=500, int8_macs=0, others=9, weights=10, border_bytes=1000, between=4000)
CODED = Workload(macs=100, int8_macs=400, others=9, weights=10, border_bytes=1000, between=4000)


def test_the_floor_is_the_longer_of_computing_and_copying() -> None:
    assert Peaks({"fp32": 100.0}, 1e6).floor_seconds(WORK, "fp32") == 10.0
    assert Peaks({"fp32": 1e9}, 104.0).floor_seconds(WORK, "fp32") == 10.0


def test_what_is_not_quantized_is_computed_at_the_rate_of_fp32() -> None:
    peaks = Peaks({"fp32": 100.0, "int8": 400.0}, None)
    assert peaks.matrix_seconds(CODED, "int8") == 2.0 + 2.0
    assert peaks.copy_seconds(CODED, "int8") is None


def test_nothing_is_made_up_where_a_rate_is_missing() -> None:
    assert Peaks({"fp32": 100.0}).matrix_seconds(CODED, "int8") is None
    assert Peaks({"fp32": 100.0}).matrix_seconds(WORK, "fp16") is None
    assert Peaks().floor_seconds(WORK, "fp32") is None


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_products_are_computed_and_counted(precision: str) -> None:
    graph = matrix_graph(32, precision)
    work = count_workload(graph)
    counted = work.int8_macs if precision == "int8" else work.macs
    assert counted == PRODUCTS * 32**3
    assert work.flops == 2 * counted
    outputs = []
    for backend in ("openvino", "onnxruntime"):
        with closing(load_backend(backend).build(graph, precision, compile_options(backend, "CPU", 1))) as engine:
            outputs.append(engine.result(engine.submit((np.full((1, 32), 128, np.uint8),))))
    assert outputs[0][0].shape == (1, 1)
    assert abs(int(outputs[0][0][0, 0]) - int(outputs[1][0][0, 0])) <= 1


def test_only_known_devices_have_a_copy_rate() -> None:
    with pytest.raises(EngineError, match="NPU"):
        copy_rate("NPU")
