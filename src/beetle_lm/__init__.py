"""Landmarks on photographs of beetles and of any part a user annotates.

The pieces live in sub-packages: `zoo` (what a part and a model are), `predict` (photographs in,
landmarks out), `train` and `export` (annotated photographs in, one ONNX file out).
"""

__version__ = "0.1.0"
