"""Other people's checkpoints to ONNX: read safely, recognised by their keys, mapped onto our generators."""
