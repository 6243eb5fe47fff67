"""Landmarks on photographs of beetles and of any part a user annotates.

The pieces live in sub-packages: `zoo` (what a part and a model are), `predict` (photographs in,
landmarks out), `train` and `export` (annotated photographs in, one ONNX file out).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beetle_lm.predict.predictor import Predictor

__all__ = ["Predictor", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "Predictor":  # imported when it is asked for: it brings numpy and OpenCV
        from beetle_lm.predict.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
