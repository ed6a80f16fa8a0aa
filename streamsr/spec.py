"""ModelSpec: what a model says about itself. It travels inside the ONNX file as JSON, under the key `streamsr`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from .errors import ModelError

METADATA_KEY = "streamsr"
"""Key in the ONNX file's `metadata_props`."""

SPEC_BYTES_MAX = 1 << 20
SCALE_MAX = 16
HALO_MAX = 4096
MULTIPLE_MAX = 256


def least_side(multiple_of: int) -> int:
    """The least height and width of a picture for a model that works on a grid so many times coarser.

    Two samples there, or a border cannot be reflected; any picture will do for one that works at full size.
    """
    return 2 * multiple_of if multiple_of > 1 else 1


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Name, task and tensor contract of a model.

    The model takes one image `(1, C, H, W)`, float32 in [0, 1] (C = 1 for luma, 3 for RGB), and returns one of
    `(1, C, scale * H, scale * W)`; H and W are free, multiples of `multiple_of`, and no less than `least_side` of it.
    """

    name: str
    task: Literal["sr", "style", "restore"] = "sr"
    scale: int = 1
    color: Literal["luma", "rgb"] = "rgb"
    halo: int = 0
    """Input pixels around an output pixel that can influence it: the overlap tiles need."""
    multiple_of: int = 1
    state: tuple[tuple[str, str], ...] = ()
    """Recurrent state: (input name, output name) pairs."""
    conditioning: tuple[str, ...] = ()
    """Names selected by extra inputs, such as styles: `style_weights` `(1, names)`, which sum to 1, and `strength`
    `(1, 1)` from 0 (none of it) to 1, float32."""
    description: str = ""
    licence: str = ""
    training_data: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    checkpoint_sha256: str = ""
    exporter: str = ""

    def __post_init__(self) -> None:
        if self.task not in ("sr", "style", "restore") or self.color not in ("luma", "rgb"):
            raise ModelError(f"model {self.name!r}: unknown task {self.task!r} or colour {self.color!r}")
        limits = {"scale": (1, SCALE_MAX), "halo": (0, HALO_MAX), "multiple_of": (1, MULTIPLE_MAX)}
        for key, (low, high) in limits.items():
            if not low <= getattr(self, key) <= high:
                raise ModelError(f"model {self.name!r}: {key} is {getattr(self, key)}, not within {low}..{high}")

    def to_json(self) -> str:
        """The spec as one JSON object."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read `to_json`'s form; keys of newer versions are ignored.

        Raises:
            ModelError: not JSON, or values of the wrong kind.
        """
        if len(text) > SPEC_BYTES_MAX:
            raise ModelError(f"model metadata of {len(text)} characters is not a ModelSpec")
        try:
            raw: dict[str, Any] = json.loads(text)
            known = {f.name for f in fields(cls)}
            values = {key: value for key, value in raw.items() if key in known}
            values["state"] = tuple((str(a), str(b)) for a, b in values.get("state", ()))
            values["conditioning"] = tuple(map(str, values.get("conditioning", ())))
            for key in ("scale", "halo", "multiple_of"):
                values[key] = int(values.get(key, 0 if key == "halo" else 1))
            return cls(**values)
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"model metadata is not a ModelSpec: {error}") from error
