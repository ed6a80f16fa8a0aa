"""The networks whose checkpoints are imported, restated from their papers with the names their releases give the parts.

Written without the product's generators, so that the comparison means something.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(inputs: int, outputs: int, side: int = 3, padding: int | None = None) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, padding=side // 2 if padding is None else padding)


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def stirred(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every parameter random and of some size, so that none could be missing unnoticed."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else 16
            parameter.normal_(0, fan**-0.5)
        if isinstance(module, Span) and module.norm:  # as training would: the picture comes in multiplied by 255
            for parameter in (module.conv_1.sk.weight, module.conv_1.conv[0].weight):
                parameter.div_(255)
    return module.eval()


class Compact(nn.Module):
    """SRVGGNetCompact; `act` makes an activation."""

    def __init__(self, act: type[nn.Module] | None, features: int = 8, convs: int = 3, scale: int = 2) -> None:
        super().__init__()
        self.body = nn.ModuleList()
        for inputs in (3, *[features] * convs):
            self.body += [conv(inputs, features), nn.PReLU(features) if act is None else act()]
        self.body.append(conv(features, 3 * scale * scale))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for layer in self.body:
            out = layer(out)
        return nn.PixelShuffle(self.scale)(out) + nn.Upsample(scale_factor=self.scale, mode="nearest")(x)


class Dense(nn.Module):
    """A residual dense block; in the old form every convolution is the first of a sequence."""

    def __init__(self, features: int, growth: int, sequences: bool) -> None:
        super().__init__()
        for k in range(5):
            layer = conv(features + k * growth, growth if k < 4 else features)
            setattr(self, f"conv{k + 1}", nn.Sequential(layer) if sequences else layer)

    def forward(self, x: Tensor) -> Tensor:
        x1 = lrelu(self.conv1(x))
        x2 = lrelu(self.conv2(torch.cat((x, x1), 1)))
        x3 = lrelu(self.conv3(torch.cat((x, x1, x2), 1)))
        x4 = lrelu(self.conv4(torch.cat((x, x1, x2, x3), 1)))
        return self.conv5(torch.cat((x, x1, x2, x3, x4), 1)) * 0.2 + x


class Rrdb(nn.Module):
    """Three dense blocks, called `<name>1` to `<name>3`."""

    def __init__(self, features: int, growth: int, name: str, sequences: bool = False) -> None:
        super().__init__()
        for k in (1, 2, 3):
            self.add_module(f"{name}{k}", Dense(features, growth, sequences))

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for dense in self.children():
            out = dense(out)
        return out * 0.2 + x


class Shortcut(nn.Module):
    """The old form's residual connection."""

    def __init__(self, sub: nn.Module) -> None:
        super().__init__()
        self.sub = sub

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sub(x)


class OldEsrgan(nn.Module):
    """ESRGAN as first released: one flat sequence called `model`."""

    def __init__(self, doublings: int = 2, blocks: int = 2, features: int = 8, growth: int = 4) -> None:
        super().__init__()
        trunk = [Rrdb(features, growth, "RDB", sequences=True) for _ in range(blocks)]
        layers = [conv(3, features), Shortcut(nn.Sequential(*trunk, conv(features, features)))]
        for _ in range(doublings):
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), conv(features, features), nn.LeakyReLU(0.2)]
        layers += [conv(features, features), nn.LeakyReLU(0.2), conv(features, 3)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


NEW_NAMES = ("RRDB_trunk", "trunk_conv", "upconv", "HRconv", "RDB")
REAL_NAMES = ("body", "conv_body", "conv_up", "conv_hr", "rdb")


class NewEsrgan(nn.Module):
    """ESRGAN as released later, and Real-ESRGAN's with `REAL_NAMES`, which folds pixels for factors below 4."""

    def __init__(self, names: tuple[str, ...], scale: int = 4, blocks: int = 2, features: int = 8) -> None:
        super().__init__()
        trunk, after, up, high, dense = names
        self.fold = 4 // scale
        self.conv_first = conv(3 * self.fold**2, features)
        self.add_module(trunk, nn.Sequential(*(Rrdb(features, 4, dense) for _ in range(blocks))))
        for name in (after, f"{up}1", f"{up}2", high):
            self.add_module(name, conv(features, features))
        self.conv_last = conv(features, 3)
        self.names = trunk, after, f"{up}1", f"{up}2", high

    def forward(self, x: Tensor) -> Tensor:
        trunk, after, up1, up2, high = (self.get_submodule(name) for name in self.names)
        shallow = self.conv_first(F.pixel_unshuffle(x, self.fold))
        features = shallow + after(trunk(shallow))
        for up in (up1, up2):
            features = lrelu(up(F.interpolate(features, scale_factor=2)))
        return self.conv_last(lrelu(high(features)))


class Conv3XC(nn.Module):
    """SPAN's convolution in its training form, and the kernel that releases store beside it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.sk = conv(inputs, outputs, 1)
        widths = (inputs, 2 * inputs, 2 * outputs, outputs)
        self.conv = nn.Sequential(
            *(conv(a, b, side, 0) for a, b, side in zip(widths[:-1], widths[1:], (1, 3, 1), strict=True))
        )
        self.eval_conv = conv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (1, 1, 1, 1))) + self.sk(x)


class Spab(nn.Module):
    """SPAN's block; its activations work in place, which the first of its results shows."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (Conv3XC(features, features) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        act = nn.SiLU(inplace=True)
        first = self.c1_r(x)
        third = self.c3_r(act(self.c2_r(act(first))))
        return (third + x) * (torch.sigmoid(third) - 0.5), first


class Span(nn.Module):
    """SPAN; `norm=False` is marked by a tensor, as the community's trainers do."""

    def __init__(self, scale: int = 2, features: int = 8, norm: bool = True) -> None:
        super().__init__()
        self.norm = norm
        if not norm:
            self.register_buffer("no_norm", torch.zeros(1))
        self.conv_1 = Conv3XC(3, features)
        for k in range(6):
            self.add_module(f"block_{k + 1}", Spab(features))
        self.conv_cat = conv(4 * features, features, 1)
        self.conv_2 = Conv3XC(features, features)
        self.upsampler = nn.Sequential(conv(features, 3 * scale * scale), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        if self.norm:
            x = (x - torch.tensor((0.4488, 0.4371, 0.4040)).view(1, 3, 1, 1)) * 255.0
        first = out = self.conv_1(x)
        seen = []
        for k in range(6):
            out, inner = self.get_submodule(f"block_{k + 1}")(out)
            seen.append((out, inner))
        return self.upsampler(self.conv_cat(torch.cat([first, self.conv_2(out), seen[0][0], seen[5][1]], 1)))


def wrapped(state: dict[str, Tensor], how: str) -> object:
    """The forms in which frameworks save weights."""
    noise = OrderedDict((name, torch.randn_like(tensor)) for name, tensor in state.items())
    return {
        "bare": state,
        "params": {"params": state},
        "params_ema": {"params": noise, "params_ema": state},
        "state_dict": {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
    }[how]
