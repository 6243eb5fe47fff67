"""Landmarks on photographs of beetles and of any part a user annotates.

`Predictor` places landmarks on photographs, `results_table` and `write_tps` take them elsewhere,
`evaluate` compares them with landmarks placed by hand. These names are the public interface; all
that beetle-lm raises on purpose is a `BeetleLMError`, of one of the kinds in `beetle_lm.errors`.

Image coordinates are pixels of the upright photograph, with the origin at its top-left corner and y
down; the centre of the first pixel is at (0.5, 0.5), and NaN is a missing landmark.

The pieces live in sub-packages: `zoo` (what a part and a model are), `predict` (photographs in,
landmarks out), `train` and `export` (annotated photographs in, one ONNX file out).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from beetle_lm import errors
from beetle_lm.errors import BeetleLMError

if TYPE_CHECKING:
    from beetle_lm.predict.evaluation.compare import evaluate
    from beetle_lm.predict.evaluation.metrics import Evaluation
    from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
    from beetle_lm.predict.images.read import read_image
    from beetle_lm.predict.landmarks import Landmarks
    from beetle_lm.predict.predictor import Predictor
    from beetle_lm.predict.result import Result
    from beetle_lm.predict.results_table import results_table
    from beetle_lm.zoo.model_file.card import ModelCard
    from beetle_lm.zoo.model_file.parts import PartSpec

__all__ = [
    "BeetleLMError",
    "Evaluation",
    "Landmarks",
    "ModelCard",
    "PartSpec",
    "Predictor",
    "Result",
    "TpsRecord",
    "__version__",
    "errors",
    "evaluate",
    "read_image",
    "read_tps",
    "results_table",
    "write_tps",
]

__version__ = "0.1.0"

# Imported when they are asked for: most of them bring numpy and OpenCV.
_HOMES = {
    "Evaluation": "predict.evaluation.metrics",
    "Landmarks": "predict.landmarks",
    "ModelCard": "zoo.model_file.card",
    "PartSpec": "zoo.model_file.parts",
    "Predictor": "predict.predictor",
    "Result": "predict.result",
    "TpsRecord": "predict.formats.tps",
    "evaluate": "predict.evaluation.compare",
    "read_image": "predict.images.read",
    "read_tps": "predict.formats.tps",
    "results_table": "predict.results_table",
    "write_tps": "predict.formats.tps",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
