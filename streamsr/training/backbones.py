"""Frozen ImageNet networks whose inner layers see what people see: VGG-19 up to conv3_4, and SqueezeNet 1.1.

Both were trained in Caffe: they take BGR in 0..255 less a mean, which happens in here. The weights come from an npz
file of float32 arrays named and shaped as the networks' own `state_dict` has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..errors import UnknownNameError
from .arrays import read_arrays

Layers = Iterable[tuple[str, nn.Module]]


class Backbone(nn.Module):
    """A chain of named layers; frozen when it comes from `load_backbone`."""

    taps: ClassVar[tuple[str, ...]]
    """The layers at the end of each scale, where LPIPS (Zhang et al., CVPR 2018) compares."""
    mean_bgr: Tensor

    def __init__(self, layers: Layers, mean_bgr: tuple[float, float, float]) -> None:
        super().__init__()
        for name, layer in layers:
            self.add_module(name, layer)
        # always real, also while the weights are still on the meta device
        mean = torch.tensor(mean_bgr, device="cpu").view(1, 3, 1, 1)
        self.register_buffer("mean_bgr", mean, persistent=False)

    def features(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """What the named layers put out, `(N, C_layer, H / stride, W / stride)` each, in the order of the network.

        `image` is `(N, 3, H, W)` RGB or `(N, 1, H, W)` luma, in [0, 1] (more or less: it is not clipped). The network
        runs no further than the last layer asked for. Gradients flow to the image.

        Raises:
            UnknownNameError: a layer that the network does not have.
        """
        wanted, names = set(layers), [name for name, _ in self.named_children()]
        for name in wanted.difference(names):
            raise UnknownNameError(f"layer of {type(self).__name__}", name, names)
        found: dict[str, Tensor] = {}
        x = self._normalized(image)
        for name, layer in self.named_children():
            if len(found) == len(wanted):
                break
            x = layer(x)
            if name in wanted:
                found[name] = x
        return found

    def _normalized(self, image: Tensor) -> Tensor:
        rgb = image.to(self.mean_bgr.dtype).expand(-1, 3, -1, -1)
        return rgb.flip(1) * 255 - self.mean_bgr


class Vgg19(Backbone):
    """VGG-19 (Simonyan and Zisserman, ICLR 2015) up to conv3_4: 8 convolutions, stride 4, 256 channels.

    Layers: conv1_1, relu1_1, conv1_2, relu1_2, pool1, … conv3_4, relu3_4 (conv* is before its ReLU).
    """

    taps = ("relu1_2", "relu2_2", "relu3_4")

    def __init__(self) -> None:
        super().__init__(self._layers(), mean_bgr=(103.939, 116.779, 123.68))

    @staticmethod
    def _layers() -> Iterator[tuple[str, nn.Module]]:
        channels = 3
        for block, (width, count) in enumerate([(64, 2), (128, 2), (256, 4)], 1):
            if block > 1:
                yield f"pool{block - 1}", nn.MaxPool2d(2)
            for index in range(1, count + 1):
                yield f"conv{block}_{index}", nn.Conv2d(channels, width, 3, padding=1)
                yield f"relu{block}_{index}", nn.ReLU()
                channels = width


class Fire(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and 3x3 side by side: `(N, C, H, W)` -> `(N, 2 * expand, H, W)`."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Run the module; both convolutions end in a ReLU."""
        narrow = self.squeeze1x1(x).relu()
        return torch.cat([self.expand1x1(narrow), self.expand3x3(narrow)], 1).relu()


class SqueezeNet(Backbone):
    """SqueezeNet 1.1 (Iandola et al., 2016), whole: the mean of `relu10` over space are the 1000 ImageNet scores.

    Layers: conv1, relu1, pool1, fire2, fire3, pool3, fire4, fire5, pool5, fire6 … fire9, conv10, relu10.
    """

    taps = ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")

    def __init__(self) -> None:
        super().__init__(self._layers(), mean_bgr=(104.0, 117.0, 123.0))

    @staticmethod
    def _layers() -> Iterator[tuple[str, nn.Module]]:
        yield "conv1", nn.Conv2d(3, 64, 3, stride=2)
        yield "relu1", nn.ReLU()
        channels = 64
        for fire, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), 2):
            if fire in (2, 4, 6):
                yield f"pool{fire - 1}", nn.MaxPool2d(3, stride=2, ceil_mode=True)
            yield f"fire{fire}", Fire(channels, squeeze, 4 * squeeze)
            channels = 8 * squeeze
        yield "conv10", nn.Conv2d(channels, 1000, 1)
        yield "relu10", nn.ReLU()


BACKBONES: dict[str, type[Vgg19 | SqueezeNet]] = {"vgg19": Vgg19, "squeezenet": SqueezeNet}


def load_backbone(path: Path) -> Backbone:
    """Read the network that the npz file `path` holds: told by the names of its arrays, frozen, on the CPU.

    Raises:
        ModelError: the file cannot be read, or holds neither network to the letter.
    """
    # on the meta device nothing is allocated, and nothing drawn from the random state of the training run
    with torch.device("meta"):
        networks = {name: kind() for name, kind in BACKBONES.items()}
    shapes = {name: {key: tuple(t.shape) for key, t in net.state_dict().items()} for name, net in networks.items()}
    name, arrays = read_arrays(path, shapes)
    network = networks[name]
    network.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()}, assign=True)
    return network.eval().requires_grad_(False)
