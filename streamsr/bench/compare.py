"""Two results side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rich.table import Table

from .result import Result, Row
from .table import number, rate


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one row."""

    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        """Either of the two, for its name."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def ratio(self) -> float | None:
        """End-to-end speed afterwards over that before."""
        if not (self.before and self.after and self.before.fps and self.after.fps):
            return None
        return self.after.fps.median / self.before.fps.median

    @property
    def engine_ratio(self) -> float | None:
        """The engine's speed afterwards over that before."""
        if not (self.before and self.after and self.before.engine_fps and self.after.engine_fps):
            return None
        return self.after.engine_fps.median / self.before.engine_fps.median

    @property
    def verdict(self) -> str:
        """`faster` or `slower` only where no round of the one reached any round of the other."""
        if self.before is None or self.after is None:
            return "only after" if self.before is None else "only before"
        if self.before.fps is None or self.after.fps is None:
            return "not measured"
        if self.before.fps.overlaps(self.after.fps):
            return "within the spread"
        return "faster" if self.after.fps.median > self.before.fps.median else "slower"

    def to_json(self) -> str:
        """As one JSON object."""
        row = dict(zip(("model", "size", "backend", "precision"), self.row.key, strict=True))
        spreads = {
            name: side and side.fps and asdict(side.fps)
            for name, side in (("before", self.before), ("after", self.after))
        }
        ratios = {"ratio": self.ratio, "engine_ratio": self.engine_ratio}
        return json.dumps({**row, **spreads, **ratios, "verdict": self.verdict})


def compare(before: Result, after: Result) -> list[Change]:
    """Every row of either, in the order of the second."""
    old, new = ({row.key: row for row in result.rows} for result in (before, after))
    return [Change(old.get(key), new.get(key)) for key in {**new, **old}]


def differences(before: Result, after: Result) -> Iterator[str]:
    """What else differs between the two, and may be the reason."""
    for name in ("cpu", "cores", "gpus", "python", "commit", "packages"):
        was, is_now = getattr(before.machine, name), getattr(after.machine, name)
        if was != is_now:
            yield f"{name}: {_plain(was)} -> {_plain(is_now)}"
    for name in ("footage", "encoding", "hwaccel", "threads"):
        was, is_now = before.settings.get(name), after.settings.get(name)
        if was != is_now:
            yield f"{name}: {was} -> {is_now}: the end-to-end figures do not compare"


def change_table(changes: list[Change]) -> Table:
    """For reading."""
    heads = ("model", "size", "backend", "precision", "fps before", "fps after", "ratio", "engine's ratio", "")
    sheet = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for column in sheet.columns[4:8]:
        column.justify = "right"
    for change in changes:
        speeds = (rate(side.fps if side else None) for side in (change.before, change.after))
        ratios = (number(each, 2) for each in (change.ratio, change.engine_ratio))
        sheet.add_row(*change.row.key, *speeds, *ratios, change.verdict)
    return sheet


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
