"""Compile and run a frame graph: one file per backend."""
