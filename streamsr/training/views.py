"""What a frozen network sees in a picture, near and from further away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from ..errors import ConfigError, UnknownNameError
from .backbones import Backbone

SHRUNK = "@"


@dataclass(frozen=True, slots=True, order=True)
class View:
    """A layer, and how much the picture is shrunk before: a network that ends early sees large strokes only so."""

    shrink: int
    layer: str


def parse_view(name: str) -> View:
    """`relu2_1`, or `relu2_1@2`: the same layer on the picture at half its size.

    Raises:
        ConfigError: what follows the `@` is no whole number from 1 up.
    """
    layer, shrunk, shrink = name.partition(SHRUNK)
    if shrunk and not (shrink.isdecimal() and int(shrink)):
        raise ConfigError(f"layer {name!r}: write {layer}@2 for {layer} of the picture at half its size")
    return View(int(shrink or 1), layer)


def check_views(backbone: Backbone, names: Iterable[str]) -> None:
    """Raise for the first of `names` that `look` would raise for, without looking."""
    layers = [layer for layer, _ in backbone.named_children()]
    for view in map(parse_view, names):
        if view.layer not in layers:
            raise UnknownNameError(f"layer of {type(backbone).__name__}", view.layer, layers)


def look(backbone: Backbone, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
    """Features of `(N, 3, H, W)` in [0, 1] by name, as `parse_view` reads them; gradients flow to the image.

    Shrinking is averaging. Each size is run through the network once.

    Raises:
        ConfigError: a name that means nothing.
        UnknownNameError: a layer that the backbone does not have.
    """
    views = {name: parse_view(name) for name in names}
    found: dict[View, Tensor] = {}
    for shrink in sorted({view.shrink for view in views.values()}):
        seen = F.avg_pool2d(image, shrink) if shrink > 1 else image
        layers = [view.layer for view in views.values() if view.shrink == shrink]
        found |= {View(shrink, layer): value for layer, value in backbone.features(seen, layers).items()}
    return {name: found[view] for name, view in views.items()}
