from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from streamsr.bench.device import Gpu
from streamsr.bench.machine import this_machine
from streamsr.bench.result import SCHEMA, Latency, Result, Row, read_result
from streamsr.errors import ConfigError
from tests.unit.bench.results import result, row

VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


def test_results_are_what_the_schema_says() -> None:
    found = result(row(), row("detail-x2", None), row("fast-x2", status="measured", watts=210.0, vram_mib=3000.0))
    VALIDATOR.validate(json.loads(found.to_json()))


def test_every_field_of_a_row_is_in_the_schema() -> None:
    of_rows = VALIDATOR.schema["$defs"]["row"]
    assert set(of_rows["properties"]) == set(of_rows["required"]) == set(Row.__dataclass_fields__)


def break_speed(raw: dict[str, Any]) -> None:
    raw["rows"][0]["fps"] = None


def break_status(raw: dict[str, Any]) -> None:
    raw["rows"][0]["status"] = "fine"


def break_peak(raw: dict[str, Any]) -> None:
    raw["peaks"][0]["gflops"] = 0


def add_a_field(raw: dict[str, Any]) -> None:
    raw["rows"][0]["vibes"] = "good"


@pytest.mark.parametrize("damage", [break_speed, break_status, break_peak, add_a_field])
def test_the_schema_refuses_what_is_wrong(damage: Any) -> None:
    raw = json.loads(result(row()).to_json())
    damage(raw)
    assert not VALIDATOR.is_valid(raw)


def test_reading_gives_what_was_written(tmp_path: Path) -> None:
    found = result(row(), row("detail-x2", None), interrupted=True)
    found.machine.gpus.append(Gpu("Card", "575.10", 8192))
    path = tmp_path / "here.json"
    path.write_text(found.to_json())
    assert read_result(path) == found


def test_figures_are_kept_to_five_digits() -> None:
    raw = json.loads(result(row(psnr_db=52.123456789)).to_json())
    assert raw["rows"][0]["psnr_db"] == 52.123


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not what"), ("[]", "not what"), ('{"format": "streamsr-bench/0"}', "measure again"), ("{}", "not what")],
)
def test_other_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_result(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_result(tmp_path / "none.json")


def test_a_row_of_another_version_is_refused() -> None:
    raw = json.loads(result(row()).to_json())
    del raw["rows"][0]["watts"]
    with pytest.raises(ConfigError, match="watts"):
        Result.from_json(json.dumps(raw))


def test_latencies_are_those_of_frames() -> None:
    assert Latency.of([3.0, 1.0, 2.0]) == Latency(2.0, 3.0, 3.0, 3)


def test_this_machine_is_described() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.packages["numpy"]
    assert machine.cpu
