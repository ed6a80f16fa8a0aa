"""The loss of a painting of a photograph: style, content and smoothness, weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .backbones import Backbone
from .losses.regular import total_variation
from .losses.style import gram, moments, relative_error
from .tables import check_ranges
from .views import check_views, look


@dataclass(frozen=True, slots=True)
class PaintingConfig:
    """Weights of the terms, and of the layers within them: layer -> weight; `relu3_1@2` sees the picture at half size.

    `content` and `style` are alpha and beta of Gatys et al. (CVPR 2016, eq. 7).
    """

    content: float = 1.0
    content_layers: dict[str, float] = field(default_factory=lambda: {"relu3_1": 1.0})
    style: float = 10.0
    style_layers: dict[str, float] = field(
        default_factory=lambda: {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu3_1@2": 1.0}
    )
    moments: float = 1.0
    """Of the channels' means and deviations, beside that of the Gram matrices, within `style`."""
    variation: float = 0.0
    """Of the total variation."""

    def __post_init__(self) -> None:
        weights = {name: getattr(self, name) >= 0 for name in ("content", "style", "moments", "variation")}
        check_ranges(self, content_layers=bool(self.content_layers), style_layers=bool(self.style_layers), **weights)


@dataclass(frozen=True, slots=True)
class Texture:
    """Statistics of one layer: Gram matrices `(N, C, C)`, and means and deviations `(N, 2, C)`."""

    gram: Tensor
    moments: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Texture:
        """The statistics of `(N, C, H, W)`."""
        products = gram(features)
        return cls(products, moments(features, products))

    def mixed(self, shares: Tensor) -> Texture:
        """Weighted means: `shares` `(M, N)` of the N give M."""
        return Texture(*(torch.einsum("mn,n...->m...", shares, part) for part in (self.gram, self.moments)))


class PaintingLoss:
    """What is wrong with paintings: one figure each for style and content, of every picture."""

    def __init__(self, backbone: Backbone, config: PaintingConfig, artworks: Sequence[Tensor]) -> None:
        """Look at the artworks, `(1, 3, H, W)` each in [0, 1].

        Raises:
            ConfigError: a name of a layer that means nothing.
            UnknownNameError: a layer that the backbone does not have.
        """
        self._backbone, self._config, self._names = backbone, config, {**config.style_layers, **config.content_layers}
        check_views(backbone, self._names)
        with torch.no_grad():
            seen = [look(backbone, artwork, self._names) for artwork in artworks]
        self._textures = {name: _textures([each[name] for each in seen]) for name in config.style_layers}
        self._sizes = {name: _mean_square([each[name] for each in seen]) for name in config.content_layers}

    def __call__(self, output: Tensor, photo: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
        """Style and content losses, weighed, `(N,)` each; gradients flow to `output` only.

        Args:
            output: the paintings `(N, 3, H, W)` in [0, 1].
            photo: what they show.
            styles: shares of the artworks in each `(N, S)`; of a mix, the statistics are the mean.
        """
        config = self._config
        seen = look(self._backbone, output, self._names)
        with torch.no_grad():
            wanted = look(self._backbone, photo, config.content_layers)
        # sums over every pixel: float32, whatever the backbone computes in
        with torch.autocast(output.device.type, enabled=False):
            content = [share * self._content(seen[at], wanted[at], at) for at, share in config.content_layers.items()]
            style = [share * self._style(seen[at], at, styles) for at, share in config.style_layers.items()]
            smooth = config.variation * torch.stack([total_variation(each) for each in output])
            return config.style * torch.stack(style).sum(0) + smooth, config.content * torch.stack(content).sum(0)

    def _content(self, ours: Tensor, theirs: Tensor, name: str) -> Tensor:
        """In units of the artworks' features: in those of the photograph's a clear sky would forbid every stroke."""
        return (ours.float() - theirs.float()).square().mean((1, 2, 3)) / self._sizes[name]

    def _style(self, features: Tensor, name: str, styles: Tensor) -> Tensor:
        ours, theirs = Texture.of(features), self._textures[name].mixed(styles)
        error = relative_error(ours.gram, theirs.gram)
        return error + self._config.moments * relative_error(ours.moments, theirs.moments)


def _textures(artworks: Sequence[Tensor]) -> Texture:
    each = [Texture.of(features) for features in artworks]
    return Texture(torch.cat([one.gram for one in each]), torch.cat([one.moments for one in each]))


def _mean_square(artworks: Sequence[Tensor]) -> float:
    return float(torch.stack([features.float().square().mean() for features in artworks]).mean())
