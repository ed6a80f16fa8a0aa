"""Put the tables of `benchmarks/results/` into the documentation, between their markers.

    python scripts/models_table.py [--check]

`<!-- table NAME -->` begins a table, `<!-- end -->` ends it; NAME is a key of `TABLES`. `--check` changes nothing and
fails when a document is not what the results say.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import style_tables, tables  # noqa: E402  # a folder beside this one, not a package that is installed
from benchmarks.common import RESULTS  # noqa: E402
from benchmarks.goals import goals_table  # noqa: E402
from benchmarks.performance import BLOCKS  # noqa: E402

DOCUMENTS = ("README.md", "docs/models.md", "docs/performance.md", "docs/stylization.md")
MARKED = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

TABLES: dict[str, Callable[[], str]] = BLOCKS | {
    "family": lambda: tables.family_table(_result("quality"), _result("models")),
    "quality-x2": lambda: tables.quality_table(_result("quality"), 2, _result("models")),
    "quality-x4": lambda: tables.quality_table(_result("quality"), 4, _result("models")),
    "goals": lambda: goals_table(_result("quality"), _result("compressed")),
    "cost": lambda: tables.cost_table(_result("models")),
    "cost-cpu": lambda: tables.cost_table(_result("models"), "cpu_ms"),
    "machine": lambda: tables.machine(_result("models")),
    "texture": lambda: tables.texture_table(_result("quality")),
    "compressed-videos": lambda: tables.compressed_table(_result("compressed"), "videos"),
    "stillness": lambda: style_tables.mean_table(_result("temporal")),
    "stylize": lambda: style_tables.stylize_table(_result("stylize")),
    "smoother": lambda: style_tables.smoother_table(_result("smoother")),
    "compressed-images": lambda: tables.compressed_table(_result("compressed"), "images"),
}


def main() -> None:
    """Renew every document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [name for name in DOCUMENTS if not renew(ROOT / name, write=not check)]
    for name in stale:
        print(f"{name} {'is not what benchmarks/results says' if check else 'renewed'}")
    sys.exit(1 if check and stale else 0)


def renew(path: Path, *, write: bool) -> bool:
    """Whether the tables of a document were up to date; they are afterwards if `write`."""
    old = path.read_text("utf-8")
    new = MARKED.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", old)
    if write and new != old:
        path.write_text(new, "utf-8")
    return new == old


def _result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return found


if __name__ == "__main__":
    main()
