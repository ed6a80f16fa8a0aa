"""Links of a chain: the models it is made of, in the precisions they come in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .errors import ConfigError
from .graph.interpolate import check_detail, interpolated
from .graph.model import Model, load_model
from .zoo.catalog import INT8, ModelEntry, names, resolve


class Link:
    """One model of a chain; with a twin, its weights mixed with the twin's. Files are read when they are needed."""

    def __init__(self, entry: ModelEntry, twin: ModelEntry | None = None, detail: float = 0.0) -> None:
        self._entry, self._twin, self._detail = entry, twin, detail
        self._models: dict[Path, Model] = {}
        self.name = f"{entry.name}@{detail:g}" if twin else entry.name

    @property
    def scale(self) -> int:
        """Output pixels per input pixel along each axis."""
        return self._load(self._entry.path).spec.scale

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of its styles; none unless it is a stylizer with several."""
        return self._load(self._entry.path).spec.conditioning

    @property
    def stylizes(self) -> bool:
        """Whether it paints: what is smoothed comes out of it."""
        return self._load(self._entry.path).spec.task == "style"

    @property
    def is_int8(self) -> bool:
        """Whether int8 was asked for by name."""
        return self._entry.precision == INT8

    @property
    def has_int8(self) -> bool:
        """Whether it can be had in int8. Mixed weights cannot: they were never calibrated."""
        return self.is_int8 or (self._twin is None and INT8 in self._entry.variants)

    def path(self, precision: str) -> Path:
        """The model's file in this precision, where it comes in it, or as it is."""
        if self._twin is not None:
            return self._entry.path
        return self._entry.variants.get(precision, self._entry.path)

    def model(self, precision: str) -> Model:
        """The model in this precision, where it comes in it, or as it is.

        Raises:
            ModelError: a file that is not a usable model, or a twin that does not fit.
        """
        return self._load(self.path(precision))

    def _load(self, path: Path) -> Model:
        if path not in self._models:
            model = load_model(path)
            if self._twin is not None:
                model = interpolated(model, load_model(self._twin.path), self._detail)
            self._models[path] = model
        return self._models[path]


def make_links(models: Sequence[str], detail: float | None = None) -> tuple[Link, ...]:
    """The links of a chain.

    Args:
        models: names of the zoo or paths of ONNX files.
        detail: how far models that have an adversarial twin go towards it: 0 is the model as it is, 1 the twin, between
            them their weights are mixed.

    Raises:
        UnknownNameError: no such model.
        ConfigError: no models, a `detail` that is not within 0..1, or none of the models has a twin.
    """
    if not models:
        raise ConfigError("a chain needs at least one model; `streamsr models` lists them")
    entries = [resolve(model) for model in models]
    if detail is None:
        return tuple(map(Link, entries))
    check_detail(detail)
    if not any(entry.twin for entry in entries):
        raise ConfigError(_without_twin(entries))
    return tuple(_towards_twin(entry, detail) for entry in entries)


def _towards_twin(entry: ModelEntry, detail: float) -> Link:
    if entry.twin is None or detail == 0:
        return Link(entry)
    twin = resolve(entry.twin)
    return Link(twin) if detail == 1 else Link(entry, twin, detail)


def _without_twin(entries: Sequence[ModelEntry]) -> str:
    name = " + ".join(entry.name for entry in entries)
    if any(entry.precision == INT8 for entry in entries):
        return f"{name} is int8, and quantized weights cannot be mixed: detail needs the float model"
    twins = ", ".join(each for each in names() if resolve(each).twin)
    known = f"the models that have one are {twins}" if twins else "no bundled model has one"
    return f"{name} has no -gan twin for detail to lead to; {known}"
