"""`streamsr doctor`: what this machine can do, what is missing, and the command that adds it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json as json_module
import os
import platform
import shutil
import subprocess
from dataclasses import asdict
from typing import Annotated

import typer

from ..errors import UnknownNameError
from .doctor_gpu import examine_gpu
from .finding import Finding

PACKAGES = ("streamsr", "av", "numpy", "onnx", "onnxruntime", "openvino")
EXTRAS = {
    "torch": ("train", "training and exporting models"),
    "spandrel": ("import", "importing third-party checkpoints"),
    "aiortc": ("web", "live streams in a browser"),
    "ray": ("cluster", "several machines"),
}
ENCODERS = ("libx264", "libx265", "libsvtav1", "ffv1", "prores_ks", "h264_nvenc", "hevc_nvenc", "av1_nvenc")


def doctor(json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False) -> None:
    """Say what works on this machine, and how to add what does not."""
    topic = ""
    for finding in examine():
        if json:
            typer.echo(json_module.dumps(asdict(finding)))
            continue
        if finding.topic != topic:
            topic = finding.topic
            typer.secho(topic, bold=True)
        typer.echo(f"  {'ok' if finding.ok else '--'}  {finding.name:<22} {finding.detail}")


def examine() -> list[Finding]:
    """Everything there is to say, topic by topic."""
    gpus = _nvidia_gpus()
    return [
        *_machine(),
        *_packages(),
        *_backends(),
        *examine_gpu(gpus),
        *_encoders(bool(gpus)),
        *_extras(),
    ]


def _machine() -> list[Finding]:
    return [
        Finding("Machine", "python", True, f"{platform.python_version()} on {platform.platform()}"),
        Finding("Machine", "processor", True, f"{_processor()}, {os.cpu_count()} cores"),
    ]


def _processor() -> str:
    from ..engines.device import cpu_name

    return cpu_name()


def _nvidia_gpus() -> list[str]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _packages() -> list[Finding]:
    return [Finding("Packages", name, True, importlib.metadata.version(name)) for name in PACKAGES]


def _backends() -> list[Finding]:
    from ..engines.available import available_backends, native_precisions

    findings = []
    for name, reason in available_backends().items():
        detail = reason or f"precisions: {', '.join(native_precisions(name))}"
        findings.append(Finding("Backends", name, reason is None, detail))
    return findings


def _encoders(gpu: bool) -> list[Finding]:
    from ..media.codecs import encoder_problem, find_encoder

    findings = []
    for name in ENCODERS:
        needs_gpu = name.endswith("_nvenc")
        problem = "needs an NVIDIA GPU" if needs_gpu and not gpu else None
        try:
            find_encoder(name)
            problem = problem or (encoder_problem(name) if needs_gpu else None)
        except UnknownNameError:
            problem = "not in this build of FFmpeg"
        findings.append(Finding("Encoders", name, problem is None, problem or ""))
    return findings


def _extras() -> list[Finding]:
    findings = []
    for module, (extra, purpose) in EXTRAS.items():
        found = importlib.util.find_spec(module) is not None
        detail = purpose if found else f"{purpose}: pip install 'streamsr[{extra}]'"
        findings.append(Finding("Optional", extra, found, detail))
    return findings
