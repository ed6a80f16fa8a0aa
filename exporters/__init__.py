"""Checkpoints to ONNX, and ONNX to something faster."""
