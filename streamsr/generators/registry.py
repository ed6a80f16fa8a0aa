"""The tables of architectures: a new one is one file and one line here."""

from __future__ import annotations

from ..registry import Registry

GENERATORS = Registry(
    "generator",
    {
        "ecb": "streamsr.generators.ecb:Ecb",
        "interpolation": "streamsr.generators.interpolation:Interpolation",
        "resnet_cyclegan": "streamsr.generators.resnet_cyclegan:ResnetCycleGan",
        "rrdb": "streamsr.generators.rrdb:Rrdb",
        "span": "streamsr.generators.span:Span",
        "srcnn": "streamsr.generators.srcnn:Srcnn",
        "srvgg": "streamsr.generators.srvgg:Srvgg",
        "style": "streamsr.generators.style:Stylizer",
    },
)
"""Architecture name -> its `Generator`; the class carries its config dataclass as `Config`."""

DISCRIMINATORS = Registry(
    "discriminator",
    {
        "patchgan": "streamsr.generators.patchgan:PatchGan",
        "sr_classifier": "streamsr.generators.sr_classifier:SrClassifier",
        "unet": "streamsr.generators.unet_discriminator:UNetDiscriminator",
    },
)
"""Discriminator name -> its `nn.Module`: `(N, C, H, W)` in [0, 1] -> logits; `features(x)` lists what led to them."""
