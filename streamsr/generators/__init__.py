"""Trainable architectures: one file = one `Config` and one `nn.Module`."""
