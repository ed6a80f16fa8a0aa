from __future__ import annotations

import pytest

from benchmarks.common import Cost
from benchmarks.efficiency import possible_fps, summarize
from benchmarks.speed_tables import efficiency_table


def costs(whole_seconds: float) -> dict[str, Cost]:
    """Of 100 frames on two cores: the engine 10 ms of both, the codecs 2 + 8 CPU ms."""
    return {
        "decode": Cost(100, 0.1, 0.2),
        "engine": Cost(100, 1.0, 2.0),
        "encode": Cost(100, 0.6, 0.8),
        "pipeline": Cost(100, whole_seconds, 3.0),
    }


def test_the_codecs_take_their_time_from_the_engine() -> None:
    assert possible_fps(costs(1.5), cores=2) == pytest.approx(1000 / (10 + 5))
    assert possible_fps(costs(1.5), cores=8) == pytest.approx(1000 / (10 + 10 / 8))


def test_efficiency_is_divided_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    found = summarize([costs(1.5), costs(1.6), costs(3.0)])
    assert found["efficiency"]["median"] == pytest.approx(1.5 / 1.6)
    assert found["efficiency"]["max"] == pytest.approx(1.0)
    table = efficiency_table({"rows": [{"model": "fast-x2", "size": "640x360", **found}]})
    assert "| `fast-x2` | 640x360 | 100.0 | 10.0 | 66.7 | 62.5 | 0.94 (0.50 to 1.00) |" in table
