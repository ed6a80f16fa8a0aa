"""What the watch over adversarial training remembers between steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..errors import ModelError


@dataclass
class BalanceState:
    """Plain numbers; JSON gives every one of them back to the last bit."""

    observations: int = 0
    averages: dict[str, float] = field(default_factory=dict)
    """Moving average by field of `Observation`; of a norm, of its natural logarithm."""
    first_norms: dict[str, float] = field(default_factory=dict)
    """The averages of the norms over the first tenth of the first window: what is normal."""
    lasting: dict[str, int] = field(default_factory=dict)
    """For how many observations each trouble that shows has shown."""
    rate_factor: float = 1.0
    ceiling: float = 1.0
    """Highest rate factor to try: the bound, until a rate has proved too high."""
    r1: bool = False
    changes: int = 0
    """Changes of rate or R1 in close succession."""
    last_change: int = 0
    """The observation that brought the last of them."""

    def to_json(self) -> dict[str, Any]:
        """A copy as a dictionary of plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Any) -> BalanceState:
        """Back from `to_json`, or from what JSON made of it.

        Raises:
            ModelError: other keys, or values of other types.
        """
        kinds = {item.name: type(getattr(cls(), item.name)) for item in fields(cls)}
        if not isinstance(raw, dict) or {key: type(value) for key, value in raw.items()} != kinds:
            raise ModelError(f"the state of the balance watch must have exactly {', '.join(kinds)}, with their types")
        tables = [value for value in raw.values() if isinstance(value, dict)]
        if not all(type(number) in (int, float) for table in tables for number in table.values()):
            raise ModelError("the state of the balance watch holds something that is not a number")
        values: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in raw.items()}
        return cls(**values)
