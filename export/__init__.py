"""A trained network in, one self-contained ONNX file out."""
