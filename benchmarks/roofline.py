"""How near engines come to what the machine can do: the work of every frame graph, the least time it implies, the time
it takes.

    python -m benchmarks.roofline [RESULT.json] [--name roofline]

RESULT is what `streamsr bench --json` has printed (`benchmarks/results/bench.json` unless told otherwise): nothing is
measured here. Operations and bytes are counted from the ONNX. The floor of a frame is the longer of two times (the
roofline of Williams, Waterman and Patterson, 2009): its convolutions at the rate of a big matrix product in the same
precision on the same backend, and its planes and weights at the rate at which memory is copied. Every engine can
overlap the two, none can be faster than both, unless it convolves with fewer multiplications (Winograd's algorithm).

Beside it stands the time to copy what convolutions read and write if each goes through memory, as on a GPU without
anything fused but pointwise operators: an engine below that keeps intermediate pictures in a cache.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from streamsr.bench.build import first_style, frame_graph
from streamsr.bench.peak import Peaks
from streamsr.bench.result import Result, Row, read_result
from streamsr.bench.scene import Scene
from streamsr.chain import Chain, stream_format
from streamsr.graph.workload import Workload, count_workload
from streamsr.link import make_links

from .common import RESULTS, save
from .speed_tables import roofline_table

DEFAULT = RESULTS / "bench.json"


def main() -> None:
    """Count, divide, print a table, save the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--name", default="roofline")
    options = parser.parse_args()
    found = read_result(options.result)
    result = {"machine": asdict(found.machine), "copy_gbs": found.copy_gbs, "rows": list(rows(found))}
    result["peaks"] = [asdict(peak) for peak in found.peaks]
    print(roofline_table(result))
    print(save(options.name, result))


def rows(result: Result) -> Iterator[dict[str, Any]]:
    """Every measured row with its work and its floor."""
    for row in result.rows:
        seconds = frame_seconds(row)
        if seconds is not None:
            yield near(row, seconds, workload(row.model, row.width, row.height, row.precision), peaks(result, row))


def frame_seconds(row: Row) -> float | None:
    """By the device's own clock where it has one, as the engine streams otherwise."""
    if row.device_ms is not None:
        return row.device_ms.median / 1000
    return None if row.engine_fps is None else 1 / row.engine_fps.median


def peaks(result: Result, row: Row) -> Peaks:
    """The peaks of a row's backend and device."""
    rates = {peak.precision: peak.gflops * 1e9 for peak in result.peaks if peak.backend == row.backend}
    copy = result.copy_gbs.get(row.device)
    return Peaks(rates, copy and copy * 1e9)


@cache
def workload(model: str, width: int, height: int, precision: str) -> Workload:
    """The work of a frame graph for 8-bit 4:2:0 video. fp16 and bf16 compute the graph of fp32."""
    (link,) = make_links([model])
    with Chain(model, style=first_style(link)) as chain:
        source = Scene(width, height).info
        target = chain.output_info(source)
    return count_workload(frame_graph(link, precision, stream_format(source), stream_format(target)))


def near(row: Row, seconds: float, work: Workload, best: Peaks) -> dict[str, Any]:
    """A row of the result; times in milliseconds a frame."""
    matrix, copy = best.matrix_seconds(work, row.precision), best.copy_seconds(work, row.precision)
    floor = best.floor_seconds(work, row.precision)
    layered = best.copy and work.layered_bytes(row.precision) / best.copy
    return {
        **dict(zip(("model", "size", "backend", "precision"), row.key, strict=True)),
        "gflop": work.flops / 1e9,
        "mbytes": work.least_bytes(row.precision) / 1e6,
        "flops_per_byte": work.flops / work.least_bytes(row.precision),
        "matrix_ms": matrix and 1000 * matrix,
        "copy_ms": copy and 1000 * copy,
        "layered_ms": layered and 1000 * layered,
        "floor_ms": floor and 1000 * floor,
        "measured_ms": 1000 * seconds,
        "over_floor": floor and seconds / floor,
    }


if __name__ == "__main__":
    main()
