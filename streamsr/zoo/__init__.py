"""The bundled and registered models."""
