"""ONNX in, ONNX out: a chain of models becomes one graph from the decoder's planes to the encoder's."""
