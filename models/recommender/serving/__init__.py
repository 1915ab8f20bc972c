"""What answers a shopper: an artifact, its models and reasons. Needs NumPy and ONNX Runtime only."""
