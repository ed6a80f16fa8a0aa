"""Results as Markdown, for reading and for the documentation (`scripts/models_table.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from streamsr.zoo.catalog import INT8, TWIN, ModelEntry, names, resolve

from .published import PUBLISHED, Published

Result = Mapping[str, Any]
PRECISIONS = ("fp32", "bf16", "int8")
NONE = "–"
SMALLEST = "640x360"
SETS = {"set5": "Set5", "set14": "Set14", "bsd100": "BSD100", "urban100": "Urban100"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A Markdown table; the first columns, of words, are set to the left, the others, of figures, to the right."""
    lines = [_row(head), _row(["---"] * words + ["---:"] * (len(head) - words)), *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cost_table(result: Result, unit: str = "ms") -> str:
    """Weights, multiply-accumulates, and milliseconds a frame by input size, as precisions `fp32 / bf16 / int8`.

    `unit` is `ms`, the time that passes, or `cpu_ms`, the time that all cores spend. `–`: the model does not come in
    that precision, or not accurately enough.
    """
    models, sizes = result["models"], result["sizes"]
    head = ["model", "weights", "kMAC a pixel", *(f"{size.partition('x')[2]}p" for size in sizes)]
    rows = [
        [
            f"`{name}`",
            thousands(model["weights"]) if model["weights"] else NONE,
            kilo(model["convolutions"]["macs"]),
            *(_times(model["times"].get(size, {}), unit) for size in sizes),
        ]
        for name, model in models.items()
    ]
    return table(head, rows)


def _times(times: Result, unit: str) -> str:
    return " / ".join(_median(times.get(precision), unit) for precision in PRECISIONS)


def _median(figure: Result | None, unit: str) -> str:
    if figure is None:
        return NONE
    value = figure[unit]["median"]
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def quality_table(result: Result, scale: int, costs: Result | None = None) -> str:
    """PSNR-Y / SSIM-Y on every set that was measured, published figures (in italics) beside ours."""
    sets = [name for name in result["sets"] if str(scale) in result["sets"][name]]
    found = {name: result["sets"][name][str(scale)]["quality"] for name in sets}
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    ours = [
        [f"`{name}`", *_size_of(name, costs), *(_quality(found[each].get(name)) for each in sets)] for name in names
    ]
    theirs = [_published(each, sets) for each in PUBLISHED if each.scale == scale]
    return table(["model", "weights", "kMAC a pixel", *(SETS.get(name, name) for name in sets)], [*ours, *theirs])


def _size_of(name: str, costs: Result | None) -> tuple[str, str]:
    model = (costs or {}).get("models", {}).get(_same_network(name))
    if model is None or not model["weights"]:
        return NONE, NONE
    return thousands(model["weights"]), kilo(model["convolutions"]["macs"])


def _same_network(name: str) -> str:
    """The model whose size and cost another one shares: int8 and adversarial twins differ in their numbers alone."""
    return name.removesuffix(f".{INT8}").removesuffix(TWIN)


def _quality(figures: Result | None) -> str:
    return NONE if figures is None else f"{figures['psnr']:.2f} / {figures['ssim']:.4f}"


def _published(one: Published, sets: Sequence[str]) -> list[str]:
    mark = "†" if one.recalled else ""
    cells = []
    for name in sets:
        psnr, ssim = one.quality.get(name, (None, None))
        cells.append(NONE if psnr is None else f"*{psnr:.2f}*" if ssim is None else f"*{psnr:.2f} / {ssim:.4f}*")
    weights = NONE if one.weights is None else f"*{thousands(one.weights)}*"
    return [f"*{one.name}, published{mark}*", weights, NONE if one.macs is None else f"*{kilo(one.macs)}*", *cells]


def family_table(result: Result, costs: Result) -> str:
    """The models that learned something, in short: what for, weights, PSNR-Y on Set5 and Set14, time."""
    rows = []
    scales: list[int] = []
    for entry in map(resolve, names("sr")):
        if entry.facts is None or not entry.facts.weights:
            continue
        scales.append(entry.facts.scale)
        scores = _scores(result, entry.name, entry.facts.scale)
        rows.append([f"`{entry.name}`", entry.summary, thousands(entry.facts.weights), *scores, _fastest(entry, costs)])
    rows += [
        ["bicubic", f"{each}x, for comparison", NONE, *_scores(result, "bicubic", each), NONE]
        for each in sorted(set(scales))
    ]
    head = ["model", "for", "weights", "Set5", "Set14", "ms a frame, 360p"]
    return table(head, rows, words=2)


def _scores(result: Result, model: str, scale: int) -> list[str]:
    """PSNR-Y on Set5 and Set14."""
    sets = [result["sets"].get(name, {}).get(str(scale), {}).get("quality", {}) for name in ("set5", "set14")]
    return [f"{each[model]['psnr']:.2f} dB" if model in each else NONE for each in sets]


def _fastest(entry: ModelEntry, costs: Result) -> str:
    """The time of the precision that takes least; a twin costs what its parent does in float."""
    twin = entry.name.endswith(TWIN)
    model = costs["models"].get(_same_network(entry.name), {"times": {}})
    times = model["times"].get(SMALLEST, {})
    found = {name: each for name, each in times.items() if each is not None and not (twin and name == INT8)}
    if not found:
        return NONE
    best = min(found, key=lambda name: found[name]["cpu_ms"]["median"])  # the steadier one of the two
    return f"{_median(found[best], 'ms')} ({best})"


def machine(result: Result) -> str:
    """Where and with what costs were measured, and how far the rounds are apart."""
    where, packages = result["environment"], result["environment"]["packages"]
    runtime = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}[result["backend"]]
    version = packages[result["backend"]].partition("-")[0]
    spread = {unit: _spread(result, unit) for unit in ("ms", "cpu_ms")}
    return (
        f"{where['cores']} cores of an {where['processor']}, {runtime} {version}. Medians of {result['rounds']} "
        f"interleaved rounds; the slowest round takes {spread['ms']:.2f} times as long as the fastest, and "
        f"{spread['cpu_ms']:.2f} times the CPU time (medians over all figures)."
    )


def _spread(result: Result, unit: str) -> float:
    figures: list[dict[str, float]] = [
        figure[unit]
        for model in result["models"].values()
        for times in model["times"].values()
        for figure in times.values()
        if figure is not None
    ]
    return median(each["max"] / each["min"] for each in figures)


def texture_table(result: Result) -> str:
    """Adversarial models beside what they come from: perceptual distance, sharpness, fidelity, boiling."""
    head = ["model", "distance", "detail", "gradients", "PSNR-Y", "boiling, raw", "boiling, coded"]
    rows = []
    if not result["texture"]:
        return "No model of the zoo has a `-gan` twin."
    for family in result["texture"]:
        for name, figures in family["methods"].items():
            boiling = family["boiling"].get(name, {})
            rows.append(
                [
                    name if name in ("bicubic", "truth") else f"`{name}`",
                    f"{figures['distance']:.4f}",
                    f"{figures['detail']:.2f}",
                    f"{figures['gradients']:.2f}",
                    f"{figures['psnr']:.2f}",
                    *(f"{boiling[each]:.2f}" if each in boiling else NONE for each in ("raw", "coded")),
                ]
            )
    return table(head, rows)


def compressed_table(result: Result, group: str) -> str:
    """Gain in PSNR-Y over Lanczos by degree of compression, for one group of clips."""
    if group not in result["groups"]:
        return f"No {group} were measured."
    levels = result["groups"][group]["levels"]
    methods = next(iter(levels.values()))["methods"]
    rows = []
    for level, found in levels.items():
        scores = found["methods"]
        base = scores["lanczos"]["psnr"]
        gains = (f"{scores[name]['psnr'] - base:+.2f}" for name in methods if name != "lanczos")
        rows.append([level, f"{base:.2f}", *gains])
    return table(
        [
            f"{result['groups'][group]['clips']} clips of {group}",
            "`lanczos`, dB",
            *(f"`{name}`" for name in methods if name != "lanczos"),
        ],
        rows,
    )


def thousands(count: float) -> str:
    """A whole number with thin groups of three: 19 300."""
    return f"{round(count):,}".replace(",", " ")


def kilo(macs: float) -> str:
    """Thousands of operations to two digits or more: 4.8, 103."""
    value = macs / 1e3
    return f"{value:.3f}" if value < 0.1 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
