"""What the models of the family are to reach, beside what was measured of them."""

from __future__ import annotations

from collections.abc import Iterator

from streamsr.zoo.catalog import INT8, TWIN

from .tables import SETS, Result, table

FIDELITY: dict[str, dict[str, float]] = {
    "fast-x2": {"set5": 37.25, "bsd100": 31.60},
    "live-x2": {"set5": 37.45, "bsd100": 31.75},
    "live-x4": {"set5": 31.15, "bsd100": 27.10},
    "detail-x2": {"set5": 37.90, "bsd100": 32.05},
    "detail-x4": {"set5": 31.90, "bsd100": 27.40},
}
"""Model -> set -> PSNR-Y in dB."""
INT8_LOSS = 0.10
"""dB that an int8 form may lose on any set."""
BOILING = 1.5
"""Temporal noise that an adversarial twin may have, in units of its parent's."""
STREAM = "stream-x2"
STREAM_GAIN = 0.15
"""dB that `stream-x2` is to gain on compressed clips, at every degree of compression."""
STREAM_OVER = ("live-x2", "lanczos")

Row = tuple[str, str, str, str, str]


def goals_table(quality: Result, compressed: Result) -> str:
    """Every goal whose figure was measured, what was reached, and whether that is enough."""
    rows = [*_fidelity(quality), *_int8(quality), *_stream(compressed), *_twins(quality)]
    return table(["model", "what", "goal", "reached", "holds"], rows, words=2)


def _row(model: str, what: str, goal: str, reached: str, holds: bool) -> Row:
    return f"`{model}`", what, goal, reached, "yes" if holds else "no"


def _measured(quality: Result) -> Iterator[tuple[str, Result]]:
    """Every set that was measured, at every scale, with the figures of the models."""
    for name, scales in quality["sets"].items():
        for scale in scales.values():
            yield name, scale["quality"]


def _fidelity(quality: Result) -> Iterator[Row]:
    for model, wanted in FIDELITY.items():
        for name, figures in _measured(quality):
            if model in figures and name in wanted:
                reached = figures[model]["psnr"]
                what = f"PSNR-Y on {SETS.get(name, name)}, dB"
                yield _row(model, what, f"{wanted[name]:.2f}", f"{reached:.2f}", round(reached, 2) >= wanted[name])


def _int8(quality: Result) -> Iterator[Row]:
    """The largest loss of every int8 form."""
    losses: dict[str, float] = {}
    for _, figures in _measured(quality):
        for model in figures:
            plain = model.removesuffix(f".{INT8}")
            if plain != model and plain in figures:
                loss = figures[plain]["psnr"] - figures[model]["psnr"]
                losses[model] = max(loss, losses.get(model, loss))
    for model, loss in losses.items():
        yield _row(model, "largest loss on a set, dB", f"{INT8_LOSS:.2f}", f"{loss:.2f}", round(loss, 2) <= INT8_LOSS)


def _stream(compressed: Result) -> Iterator[Row]:
    """The smallest gain over all degrees of compression."""
    for group, found in compressed["groups"].items():
        levels = [each["methods"] for each in found["levels"].values() if each["bits per pixel"] is not None]
        for other in STREAM_OVER:
            gains = [each[STREAM]["psnr"] - each[other]["psnr"] for each in levels if {STREAM, other} <= each.keys()]
            if gains:
                least = min(gains)
                what = f"smallest gain over `{other}` on coded {group}, dB"
                yield _row(STREAM, what, f"{STREAM_GAIN:.2f}", f"{least:.2f}", round(least, 2) >= STREAM_GAIN)


def _twins(quality: Result) -> Iterator[Row]:
    """Sharper than the parent, and not boiling."""
    for family in quality["texture"]:
        parent, twin = family["parent"], family["parent"] + TWIN
        if twin not in family["methods"]:
            continue
        before, after = (family["methods"][name]["distance"] for name in (parent, twin))
        yield _row(twin, "perceptual distance, less than its parent's", f"{before:.4f}", f"{after:.4f}", after < before)
        for kind, figure in family["boiling"][twin].items():
            what = f"temporal noise over its parent's, {kind}"
            yield _row(twin, what, f"{BOILING:.2f}", f"{figure:.2f}", round(figure, 2) <= BOILING)
