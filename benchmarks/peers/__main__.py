"""Speed and quality of everything installed here that enlarges video, side by side.

    python -m benchmarks.peers [--rounds 3] [--seconds 6] [--peer live-x2 …] [--fsrcnn FSRCNN_x2.pb] [--name peers]

The clip is the demo's: 640x360 H.264, of which every 1280x720 frame is known. Speed is that of the whole job: decode,
enlarge, encode with x264 (`veryfast`, crf 20), models loaded and compiled beforehand. Quality is the PSNR of the luma
against the true frames, before encoding, of the first dozen frames. Every figure comes from a process of its own, and
each round measures everything once. What is not installed, or fails, is a row with the reason.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from ..common import in_child, median_and_spread, save
from ..pipeline import make_clip
from ..speed_tables import peers_table
from .contenders import CONTENDERS


def main() -> None:
    """Measure, print a table, save the result."""
    options = _arguments()
    names = options.peer or list(CONTENDERS)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder))
        for index in range(options.rounds):
            for name in names:
                if not any("reason" in one for one in found[name]):
                    found[name].append(measured(name, clip, options, quality=not index))
    rows = [{"name": name, "what": CONTENDERS[name].what, **summarize(found[name])} for name in names]
    result = {"clip": "the demo's, 640x360 to 1280x720", "rounds": options.rounds, "rows": rows}
    print(peers_table(result))
    print(save(options.name, result))


def measured(name: str, clip: str, options: argparse.Namespace, *, quality: bool) -> dict[str, Any]:
    """One contender once, or why not."""
    arguments = {"seconds": options.seconds, "fsrcnn": options.fsrcnn, "quality": quality}
    try:
        return in_child("benchmarks.peers.contest", [name, clip, json.dumps(arguments)])
    except CalledProcessError as error:
        return {"reason": f"it failed, exit code {error.returncode}"}


def summarize(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Median and spread of what was measured; or the reason why nothing was."""
    reason = next((one["reason"] for one in rounds if "reason" in one), None)
    if reason is not None:
        return {"reason": reason}
    return {
        "fps": median_and_spread(one["frames"] / one["wall_seconds"] for one in rounds),
        "cpu_ms": median_and_spread(1000 * one["cpu_seconds"] / one["frames"] for one in rounds),
        "frames": sum(one["frames"] for one in rounds),
        "psnr": rounds[0]["psnr"],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement, at most, about")
    parser.add_argument("--peer", action="append", choices=CONTENDERS, help="only these")
    parser.add_argument("--fsrcnn", default="", help="FSRCNN_x2.pb, for cv2.dnn_superres")
    parser.add_argument("--name", default="peers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
