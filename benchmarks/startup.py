"""How long a user waits for help, and for a first frame with a cached engine: `python -m benchmarks.startup CLIP`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .common import median_and_spread, save

COMMAND = [sys.executable, "-c", "from streamsr.cli.main import main; main()"]


def seconds(arguments: list[str]) -> float:
    """Wall time of one whole process."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure whole processes, several times each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one_frame = ["upscale", options.clip, str(Path(folder) / "out.mp4"), "-y", "--frames", "1"]
        seconds(one_frame)  # fills the cache
        result = {
            "help_seconds": median_and_spread(seconds(["--help"]) for _ in range(options.runs)),
            "one_frame_seconds": median_and_spread(seconds(one_frame) for _ in range(options.runs)),
        }
    for name, figure in result.items():
        print(f"{name}: {figure['median']:.2f} ({figure['min']:.2f} to {figure['max']:.2f})")
    print(save("startup", result))


if __name__ == "__main__":
    main()
