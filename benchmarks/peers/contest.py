"""One contender, in a process of its own: `python -m benchmarks.peers.contest NAME CLIP JSON`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..common import print_cost
from .contenders import CONTENDERS, Job

JUDGED = 12
"""Frames whose quality is measured."""


def main(name: str, clip: str, arguments: str) -> None:
    """Print a cost and a PSNR as JSON, or the reason why there is none."""
    options: dict[str, Any] = json.loads(arguments)
    contender = CONTENDERS[name]
    reason = contender.missing(options["fsrcnn"])
    if reason is not None:
        print(json.dumps({"reason": reason}))
        return
    job = contender.make(options["fsrcnn"])
    cost = job.run(clip, options["seconds"])
    print_cost(cost, psnr=mean_psnr(job, clip) if options["quality"] else None)


def mean_psnr(job: Job, clip: str) -> float:
    """PSNR of the luma in dB, peak 255, against the true frames; the mean of the frames' figures."""
    pairs = zip(job.luma(clip, JUDGED), true_luma(), strict=False)
    return float(np.mean([psnr(given, truth) for given, truth in pairs]))


def true_luma() -> Iterator[np.ndarray]:
    """What the demo's clip was made from."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    import demo_clip

    return demo_clip.true_luma()


def psnr(given: np.ndarray, truth: np.ndarray) -> float:
    """Of two pictures of 8 bits, in dB."""
    error = np.mean((given.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(255**2 / error))


if __name__ == "__main__":
    main(*sys.argv[1:])
