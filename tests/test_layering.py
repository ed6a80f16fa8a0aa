"""The import table of the architecture: who may import whom. Imports run one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

VOCABULARY = {
    "errors",
    "layout",
    "color",
    "frame",
    "registry",
    "spec",
    "prefetch",
    "blending",
    "look",
    "notices",
    "dlpack",
    "residence",
}
HEAVY = {
    "av",
    "cv2",
    "onnx",
    "onnxruntime",
    "openvino",
    "cuda",
    "tensorrt",
    "tensorrt_rtx",
    "torch",
    "lightning_fabric",
    "safetensors",
    "spandrel",
}

# package or module: (streamsr packages it may import, heavy third-party packages it may import)
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    **{name: (VOCABULARY, set()) for name in VOCABULARY},
    "zoo": (VOCABULARY, set()),
    "media": (VOCABULARY, {"av"}),
    "analysis": (VOCABULARY, {"cv2"}),
    "graph": (VOCABULARY, {"onnx"}),
    "engines": (VOCABULARY | {"graph"}, {"onnx", "onnxruntime", "openvino", "cuda"}),
    "report": (VOCABULARY, set()),
    "cpu": (VOCABULARY, set()),
    "signals": (VOCABULARY, set()),
    "infer": (VOCABULARY | {"analysis", "graph", "engines", "report"}, set()),
    "link": (VOCABULARY | {"graph", "zoo"}, set()),
    "assembly": (VOCABULARY | {"graph", "engines", "link"}, set()),
    "smoothing": (VOCABULARY | {"analysis", "graph", "engines"}, set()),
    "chain": (VOCABULARY | {"graph", "engines", "link", "assembly", "smoothing"}, set()),
    "processing": (VOCABULARY | {"graph", "chain", "cpu", "infer", "report"}, set()),
    "pipeline": (VOCABULARY | {"chain", "cpu", "processing", "report", "signals"}, set()),
    "image": (VOCABULARY | {"chain", "graph"}, set()),
    "api": (VOCABULARY | {"zoo", "media", "assembly", "chain", "image", "pipeline", "processing", "report"}, set()),
    "bench": (VOCABULARY | {"graph", "engines", "zoo", "link", "chain", "media", "pipeline"}, {"onnx"}),
    "generators": (VOCABULARY, {"torch"}),
    "training": (
        VOCABULARY | {"generators", "media", "signals", "zoo"},
        {"torch", "lightning_fabric", "safetensors", "cv2"},
    ),
    "exporters": (
        VOCABULARY | {"generators", "graph", "engines", "zoo", "training"},
        {"torch", "onnx", "onnxruntime", "safetensors", "spandrel"},
    ),
    "cli": (
        VOCABULARY
        | {
            "media",
            "analysis",
            "graph",
            "engines",
            "zoo",
            "assembly",
            "chain",
            "pipeline",
            "report",
            "api",
            "bench",
            "training",
            "exporters",
        },
        HEAVY,
    ),
}

FILES = sorted([*(ROOT / "streamsr").rglob("*.py"), *(ROOT / "exporters").rglob("*.py")])


def unit_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0] if parts[0] == "exporters" else parts[1] if len(parts) > 1 else "streamsr"


def imports(path: Path) -> set[str]:
    """Absolute dotted names of everything the file imports, inside functions too."""
    package = list(path.relative_to(ROOT).with_suffix("").parts)[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module in ("streamsr", "exporters"):
                found.update(f"{module}.{alias.name}" for alias in node.names)
            else:
                found.add(module)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_table(path: Path) -> None:
    unit = unit_of(path)
    if path.name == "__init__.py" and unit in ("streamsr", "__init__"):
        return
    units, heavy = ALLOWED[unit]
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "streamsr" and rest and rest != "__version__":
            assert rest.split(".")[0] in units | {unit}, f"{path.relative_to(ROOT)} imports {name}"
        elif top == "exporters":
            assert "exporters" in units | {unit}, f"{path.relative_to(ROOT)} imports {name}"
        elif top in HEAVY:
            assert top in heavy, f"{path.relative_to(ROOT)} imports {name}"


def test_importing_streamsr_loads_nothing_heavy() -> None:
    code = f"import sys, streamsr; print(sorted(set(sys.modules) & {HEAVY | {'numpy', 'typer', 'rich'}!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, streamsr.cli.main; print(sorted(set(sys.modules) & {HEAVY | {'numpy'}!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_files_and_functions_stay_small() -> None:
    lengths = {path: path.read_text("utf-8").count("\n") for path in FILES}
    assert max(lengths.values()) <= 300, max(lengths, key=lengths.__getitem__)
    assert sorted(lengths.values())[len(lengths) // 2] <= 120
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno
                assert size <= 45, f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {size} lines"
