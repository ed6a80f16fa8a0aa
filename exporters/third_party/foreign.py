"""Architectures we do not have, through spandrel, which knows some forty: only the hand-over is here."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from streamsr.errors import MissingDependencyError, ModelError
from streamsr.generators.base import ColorSpace, Generator
from streamsr.generators.padding import run_padded

from .reading import Tensors
from .shapes import color_of


@dataclass(frozen=True, slots=True)
class ForeignConfig:
    """What is known about somebody else's network."""

    scale: int
    color: ColorSpace
    multiple: int = 1
    """Sides of the picture must divide by it; others are padded for it."""


class Foreign(Generator):
    """Somebody else's network: `(N, C, H, W)` float in [0, 1] -> `(N, C, scale * H, scale * W)`, not clipped."""

    Config = ForeignConfig
    config: ForeignConfig

    def __init__(self, config: ForeignConfig, network: nn.Module) -> None:
        super().__init__(config)
        self.network = network

    @property
    def color(self) -> ColorSpace:
        """As many channels as the network takes."""
        return self.config.color

    @property
    def halo(self) -> int:
        """Not known before the network is exported: see `receptive_radius`."""
        return 0

    def forward(self, x: Tensor) -> Tensor:
        """Run the network."""
        return run_padded(self.network, x, self.config.multiple, self.scale)


def read(tensors: Tensors, native: str) -> tuple[str, Generator]:
    """The name of the architecture and the generator; `native` lists what is read without spandrel.

    Raises:
        MissingDependencyError: spandrel is not installed.
        ModelError: spandrel does not know the architecture either, or it is not for enlarging pictures.
    """
    try:
        import spandrel
    except (ImportError, RuntimeError) as error:  # its torchvision raises the latter beside another build of torch
        raise MissingDependencyError("spandrel", "import", f"a checkpoint that is not {native}") from error
    try:
        found = spandrel.ModelLoader(device="cpu").load_from_state_dict(tensors)
    except Exception as error:  # whatever forty architectures make of tensors that are not theirs
        raise ModelError(f"it is not {native}, and spandrel cannot read it: {error or type(error).__name__}") from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.input_channels != found.output_channels:
        raise ModelError(f"a network of the kind {found.architecture.name} does more than make one picture of another")
    config = ForeignConfig(found.scale, color_of(found.input_channels), found.size_requirements.multiple_of)
    return found.architecture.name, Foreign(config, found.model).eval()
