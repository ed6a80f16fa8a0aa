"""`python -m benchmarks.gpu [-o FILE]`: every check that needs a GPU, in one go, as JSON."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .report import Findings

RESULT = Path(__file__).parents[1] / "results" / "gpu.json"


def main(arguments: list[str] | None = None) -> int:
    """Run every section; 0 if nothing failed."""
    parser = argparse.ArgumentParser(prog="scripts/gpu-check", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=RESULT, help="where the findings go (JSON)")
    findings = Findings(parser.parse_args(arguments).output)
    findings.section("machine", _machine)
    if findings.section("gpu", _gpu) is None:
        return 1
    backends = [backend for backend in findings.section("backends", _backends) or {} if backend != "reasons"]
    peaks = findings.section("peaks", _peaks)
    for backend in backends:
        _check(findings, backend, peaks)
    findings.section("nvdec to the host", _nvdec)
    findings.section("nvdec on the device", _nvdec_on_device)
    if not backends:
        findings.section("onnxruntime CUDA", lambda: _speeds("onnxruntime", peaks))
    print(f"\n{findings.path}: {len(findings.failures)} failures", file=sys.stderr)
    for failure in findings.failures:
        print(f"  {failure}", file=sys.stderr)
    return 1 if findings.failures else 0


def _check(findings: Findings, backend: str, peaks: Any) -> None:
    """Everything about one TensorRT."""
    findings.section(f"{backend} calls", lambda: _calls(backend))
    findings.section(f"{backend} builds", lambda: _builds(backend))
    findings.section(f"{backend} fps", lambda: _speeds(backend, peaks))
    findings.section(f"{backend} graph gain", lambda: _gain(backend))
    findings.section(f"{backend} end to end", lambda: _end_to_end(backend))
    findings.section(f"{backend} end to end on the device", lambda: _end_to_end_there(backend))


def _machine() -> dict[str, Any]:
    query = ["--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader"]
    tool = shutil.which("nvidia-smi")
    cards = subprocess.run([tool, *query], capture_output=True, text=True, check=False).stdout if tool else ""
    try:
        from streamsr.bench.machine import this_machine

        return asdict(this_machine()) | {"cards": cards.splitlines()}
    except ImportError as error:
        print(f"  {error}: `python -m pip install -e .[tensorrt]` brings what is missing", file=sys.stderr)
        return {"python": platform.python_version(), "cards": cards.splitlines(), "missing": str(error)}


def _gpu() -> dict[str, Any]:
    """The first GPU, as the CUDA layer sees it; FFmpeg is to share it later on."""
    from streamsr.engines.cuda import open_driver, share_context

    share_context(0)
    driver = open_driver(0)
    driver.activate()
    return {"name": driver.name, "capability": driver.capability}


def _backends() -> dict[str, Any]:
    """The TensorRTs that load here, in what version; and why the others do not."""
    from streamsr.engines.available import available_backends, load_backend

    reasons = {name: reason for name, reason in available_backends().items() if name.startswith("tensorrt")}
    loaded = {name: load_backend(name).version for name, reason in reasons.items() if reason is None}
    return loaded | {"reasons": {name: reason for name, reason in reasons.items() if reason}}


def _peaks() -> Any:
    """Copies by the driver; products through the first backend that computes them on the GPU."""
    from streamsr.bench.peak import Peaks, copy_rate, matrix_rate
    from streamsr.engines.backend import CompileOptions
    from streamsr.errors import StreamsrError

    flops: dict[str, float] = {}
    for backend in ("tensorrt", "tensorrt-rtx", "onnxruntime"):
        options = CompileOptions(backend=backend, device="cuda:0", cache=False)
        for precision in {"fp16", "fp32"} - flops.keys():
            try:
                flops[precision] = matrix_rate(precision, options)
            except StreamsrError as error:
                print(f"  {backend} {precision}: {error}", file=sys.stderr)
    return Peaks(flops, copy_rate("cuda:0"))


def _calls(backend: str) -> dict[str, Any]:
    from streamsr.engines.cuda import open_driver
    from streamsr.engines.plan import FLAVOURS, load_flavour

    from .calls import contract, differences
    from .scenarios import GRAPHS, record

    flavour = next(name for name in FLAVOURS if name == backend)
    library, driver = load_flavour(flavour), open_driver(0)
    found = {name: differences(contract(flavour, name), record(name, flavour, library, driver)) for name in GRAPHS}
    return {
        name: {"error": "other calls", "diff": diff} if diff else "as in the contract" for name, diff in found.items()
    }


def _builds(backend: str) -> Any:
    from .engines import builds

    return builds(backend)


def _speeds(backend: str, peaks: Any) -> Any:
    from .engines import Peaks, speeds

    return speeds(backend, peaks or Peaks())


def _gain(backend: str) -> Any:
    from streamsr.engines.plan import FLAVOURS

    from .engines import graph_gain

    return graph_gain(next(name for name in FLAVOURS if name == backend))


def _end_to_end(backend: str) -> Any:
    from .engines import MODELS, SIZES
    from .video import end_to_end

    return end_to_end(backend, MODELS, SIZES)


def _end_to_end_there(backend: str) -> Any:
    from streamsr.media.codecs import encoder_problem

    from .engines import MODELS, SIZES
    from .resident import CODEC, end_to_end

    problem = encoder_problem(CODEC)
    return {"not checked": f"{CODEC} does not open: {problem}"} if problem else end_to_end(backend, MODELS, SIZES)


def _nvdec() -> Any:
    from .video import nvdec

    return nvdec()


def _nvdec_on_device() -> Any:
    from .video import nvdec_on_device

    return nvdec_on_device()


if __name__ == "__main__":
    sys.exit(main())
