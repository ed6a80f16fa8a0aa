from __future__ import annotations

from typing import Any

from benchmarks.goals import goals_table


def quality(**psnr: float) -> dict[str, Any]:
    figures = {name.replace("_", "-").replace("--", "."): {"psnr": value, "ssim": 0.95} for name, value in psnr.items()}
    return {"sets": {"set5": {"2": {"images": 5, "quality": figures}}}, "texture": []}


def holds(table: str) -> dict[tuple[str, str], str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {(row[0], row[1]): row[4] for row in rows}


def test_a_model_that_rounds_to_its_goal_has_reached_it() -> None:
    what = "PSNR-Y on Set5, dB"
    found = holds(goals_table(quality(live_x2=37.446, fast_x2=37.20), {"groups": {}}))
    assert found[("`live-x2`", what)] == "yes"
    assert found[("`fast-x2`", what)] == "no"


def test_int8_is_held_to_its_largest_loss() -> None:
    found = quality(live_x2=37.4, live_x2__int8=37.35)
    found["sets"]["set14"] = {"2": {"quality": {"live-x2": {"psnr": 33.0}, "live-x2.int8": {"psnr": 32.8}}}}
    assert holds(goals_table(found, {"groups": {}}))[("`live-x2.int8`", "largest loss on a set, dB")] == "no"


def test_the_smallest_gain_on_coded_clips_counts() -> None:
    def level(bits: float | None, stream: float) -> dict[str, Any]:
        methods = {"lanczos": {"psnr": 30.0}, "live-x2": {"psnr": 30.1}, "stream-x2": {"psnr": stream}}
        return {"bits per pixel": bits, "methods": methods}

    levels = {"uncompressed": level(None, 29.0), "crf 23": level(0.2, 30.5), "crf 32": level(0.1, 30.2)}
    found = holds(goals_table(quality(), {"groups": {"videos": {"levels": levels}}}))
    assert found[("`stream-x2`", "smallest gain over `lanczos` on coded videos, dB")] == "yes"
    assert found[("`stream-x2`", "smallest gain over `live-x2` on coded videos, dB")] == "no"


def test_a_twin_is_held_to_its_parent() -> None:
    found = quality()
    methods = {"detail-x2": {"distance": 0.15}, "detail-x2-gan": {"distance": 0.12}}
    found["texture"] = [{"parent": "detail-x2", "methods": methods, "boiling": {"detail-x2-gan": {"raw": 1.7}}}]
    table = holds(goals_table(found, {"groups": {}}))
    assert list(table.values()) == ["yes", "no"]
