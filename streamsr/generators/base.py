"""What every generator is: a network from a picture to a larger (or equal) one, and what the tools may ask of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

ColorSpace = Literal["luma", "rgb"]
"""What the channels of a picture are: one of luma, or three of red, green and blue."""
CHANNELS: dict[ColorSpace, int] = {"luma": 1, "rgb": 3}


class Generator(nn.Module, ABC):
    """A picture-to-picture network: `(N, C, H, W)` float in [0, 1] -> `(N, C, scale * H, scale * W)`, not clipped.

    C is 1 for luma and 3 for RGB. A subclass names its configuration, a frozen dataclass of plain values with
    defaults, as `Config`, and takes one in its constructor: what a checkpoint stores is enough to build it again.
    """

    Config: ClassVar[type[Any]]
    task: ClassVar[Literal["sr", "style", "restore"]] = "sr"
    """What it is for."""
    config: Any

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @property
    def scale(self) -> int:
        """Output pixels per input pixel, along each side."""
        return int(self.config.scale)

    @property
    @abstractmethod
    def color(self) -> ColorSpace:
        """What the channels are."""

    @property
    @abstractmethod
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it: the radius of the receptive field."""

    @property
    def multiple_of(self) -> int:
        """What the deployed network's height and width must be multiples of, and no less than `least_side` of it."""
        return 1

    @property
    def conditioning(self) -> tuple[str, ...]:
        """What the network can be told to do, by name; the weights of these are its second input."""
        return ()

    def deploy(self) -> nn.Module:
        """The plain network that computes the same, for export: branches collapsed, nothing of training left.

        The result is in evaluation mode and shares no parameter with a network that had to be collapsed.
        """
        return self.eval()

    def collapsed(self) -> Generator:
        """The same generator without the branches that only help to train it; itself if it cannot be had so."""
        return self

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Enlarge the picture; shapes and ranges as in the class's docstring."""
