"""What `scripts/gpu-check` measures and proves on a machine with an NVIDIA GPU."""
