"""What happens to pictures on their way to the viewer: pieces that make training input from clean clips.

A piece is a frozen dataclass, one file each; a recipe lists them in order and `degrade` applies them in turn.
"""

from .base import Clip, Degradation, degrade
from .registry import DEGRADATIONS

__all__ = ["DEGRADATIONS", "Clip", "Degradation", "degrade"]
