"""The table of architectures: a new one is one file and one line here."""

from __future__ import annotations

from ..registry import Registry

GENERATORS = Registry("generator", {"ecb": "streamsr.generators.ecb:Ecb"})
"""Architecture name -> its `nn.Module`; the class carries its config dataclass as `Config`."""
