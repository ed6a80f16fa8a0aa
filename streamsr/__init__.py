"""Real-time video super-resolution and stylization."""

__version__ = "0.1.0"
