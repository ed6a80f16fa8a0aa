"""The bundled models: `manifest.toml`, the ONNX files and cards it names, and the checkpoints they were made from."""
