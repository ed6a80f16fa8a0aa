"""How fast models are on this machine: models by sizes, backends and precisions, measured alike (`streamsr bench`)."""
