"""Architectures: one file each, a `Config` dataclass and an `nn.Module`. Importing this package does not load torch."""

from .registry import DISCRIMINATORS, GENERATORS

__all__ = ["DISCRIMINATORS", "GENERATORS"]
