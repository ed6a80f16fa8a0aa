"""Results as tables, comparisons and pictures."""

from __future__ import annotations

import json
import sys
from io import StringIO

import cv2
import numpy as np
import pytest
from rich.console import Console

from streamsr.bench.compare import change_table, compare, differences
from streamsr.bench.plot import draw, fastest
from streamsr.bench.result import Result
from streamsr.bench.spread import Spread
from streamsr.bench.table import show
from streamsr.errors import ConfigError, MissingDependencyError
from tests.unit.bench.results import result, row


def shown(found: Result) -> str:
    out = StringIO()
    show(found, Console(file=out, width=200, highlight=False))
    return out.getvalue()


def test_the_table_has_every_figure_and_no_empty_column() -> None:
    text = shown(result(row(fps=30.0), row("fast-x2", 120.0)))
    head = text.splitlines()[0]
    assert "30.0 (28.5-31.5)" in text
    assert "20.0 / 22.0 / 25.0" in text
    assert "41 %" in text
    assert "RSS, MiB" in head
    assert "VRAM" not in head
    assert "device, ms" not in head
    on_gpu = shown(result(row(device_ms=Spread(1.25, 1.2, 1.3), vram_mib=512.0, watts=99.6)))
    assert all(each in on_gpu for each in ("device, ms", "1.25", "512", "100"))


def test_what_was_not_measured_is_said_with_its_reason() -> None:
    text = shown(result(row(), row("detail-x2", None), row("x", None, status="not reached", reason=None)))
    assert "failed: detail-x2 640x360 openvino fp32: it broke" in text
    assert "not reached: x 640x360 openvino fp32: interrupted before it was its turn" in text


def test_the_remarks_say_where_and_what_the_figures_rest_on() -> None:
    text = shown(result(row(), row("slow", 1.0, rounds=2, whole_frames=6), interrupted=True))
    assert "2 cores of Some CPU; load 0.1" in text
    assert "medians of 2 to 3 interleaved rounds" in text
    assert "on 6 frames or more" in text
    assert "150 GFLOP/s" in text
    assert text.rstrip().endswith("interrupted")


def test_an_empty_result_can_be_shown() -> None:
    assert "failed" in shown(result(row(fps=None)))


def test_rows_are_compared_by_what_they_are() -> None:
    before = result(row(fps=30.0), row("fast-x2", 50.0), row("gone", 9.0), row("broken", None))
    after = result(row("fast-x2", 51.0), row(fps=60.0), row("new", 9.0), row("broken", 5.0))
    found = {change.row.model: change for change in compare(before, after)}
    assert list(found) == ["fast-x2", "live-x2", "new", "broken", "gone"]
    verdicts = ["within the spread", "faster", "only after", "not measured", "only before"]
    assert [change.verdict for change in found.values()] == verdicts
    assert found["live-x2"].ratio == pytest.approx(2)
    assert found["live-x2"].engine_ratio == pytest.approx(2)
    assert found["broken"].ratio is None
    assert compare(after, before)[0].verdict == "slower"
    line = json.loads(found["live-x2"].to_json())
    assert line["before"]["median"] == 30.0
    assert line["verdict"] == "faster"


def test_a_comparison_is_shown_with_what_else_differs() -> None:
    before, after = result(row()), result(row())
    assert list(differences(before, after)) == []
    after.settings["footage"] = "film.mkv"
    after.machine.packages["streamsr"] = "0.2.0"
    told = list(differences(before, after))
    assert told[0].startswith("packages: streamsr 0.1.0 -> streamsr 0.2.0")
    assert "do not compare" in told[1]
    out = StringIO()
    Console(file=out, width=200).print(change_table(compare(before, after)))
    assert "within the spread" in out.getvalue()


def test_the_fastest_row_of_a_model_at_a_size_is_drawn() -> None:
    rows = [row(fps=30.0), row(fps=60.0, precision="int8"), row(width=320, height=180), row("fast-x2", None)]
    assert [(each.size, each.precision) for each in fastest(rows)] == [("320x180", "fp32"), ("640x360", "int8")]


def test_the_plot_is_a_picture_with_something_in_it() -> None:
    pytest.importorskip("matplotlib")
    rows = [
        row(name, fps, width=w, height=h) for name, fps in (("a", 9.0), ("b", 90.0)) for w, h in ((64, 36), (96, 54))
    ]
    picture, less = (
        cv2.imdecode(np.frombuffer(draw(each), np.uint8), 1) for each in (result(*rows), result(*rows[:2]))
    )
    assert picture.shape[0] > 300
    assert picture.shape[1] > 900
    assert (picture < 128).any(axis=2).mean() > 0.005
    assert not np.array_equal(picture, less)


def test_a_plot_of_nothing_or_without_matplotlib_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match="nothing to draw"):
        draw(result(row(fps=None)))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"streamsr\[bench\]"):
        draw(result(row()))
