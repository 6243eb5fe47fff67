"""The model card: all that the predictor must know of a model, carried inside its ONNX file."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from beetle_lm.errors import ModelError, PartError
from beetle_lm.text import CONTROL_CHARACTER
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace

CARD_KEY = "beetle_lm_card"
"""The key of the card's JSON in the ONNX file's `metadata_props`."""

CARD_FORMAT = 2
"""The version of the card's own layout. A card of another version is refused, never guessed at."""

Fit = Literal["letterbox", "stretch"]
"""How an image is fitted into the model's input: with its proportions kept, or filling it."""

_LARGEST_SIDE = 8192  # of the input; a batch of such would take gigabytes


@dataclass(frozen=True)
class Metrics:
    """Landmark error on photographs that took no part in training.

    Args:
        data: what was measured, in words.
        photographs: how many of them.
        mean_px_256x192: mean distance from the manual landmarks, in pixels of the photograph
            stretched to 256 x 192 (the unit of Le Van Linh et al.).
    """

    data: str
    photographs: int
    mean_px_256x192: float

    @classmethod
    def from_dict(cls, entries: Any) -> Metrics:
        """Reads the fields from JSON values.

        Raises:
            ModelError: one is missing or impossible.
        """
        try:
            metrics = cls(
                str(entries["data"]),
                int(entries["photographs"]),
                float(entries["mean_px_256x192"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError("metrics need data, photographs and mean_px_256x192") from error
        if not math.isfinite(metrics.mean_px_256x192) or _is_unfit(metrics.data):
            raise ModelError("metrics hold an impossible value")
        return metrics


@dataclass(frozen=True)
class ModelCard:
    """What a model is, what goes in and out of it, and where it comes from.

    Args:
        spec: the part whose landmarks the model places.
        input_width: width of the model's input in pixels.
        input_height: height of the model's input in pixels.
        channels: 1 for grey, 3 for RGB.
        fit: how an image is fitted into the input.
        version: the model's own version.
        weights_sha256: SHA-256 of the checkpoint that the file was exported from.
        metrics: measured errors; empty where nothing was measured.
        provenance: the data that the model was trained on, in words.
        licence: SPDX expression, or a sentence where none applies.
        shapes: the shapes of its training; None where too few were known to say how they vary.
        limits: beyond which the landmarks of a photograph are to be looked at.

    Raises:
        ModelError: sizes or channels are impossible, or the shapes are of another part.
    """

    spec: PartSpec
    input_width: int
    input_height: int
    channels: int
    fit: Fit
    version: str
    weights_sha256: str
    metrics: tuple[Metrics, ...]
    provenance: str
    licence: str
    shapes: ShapeSpace | None
    limits: Limits

    def __post_init__(self) -> None:
        if not (1 <= self.input_width <= _LARGEST_SIDE and 1 <= self.input_height <= _LARGEST_SIDE):
            raise ModelError(
                f"the model's card gives an impossible input size,"
                f" {self.input_width} x {self.input_height}"
            )
        if self.channels not in (1, 3):
            raise ModelError(f"the model's card gives {self.channels} channels; 1 or 3 can be read")
        if self.fit not in get_args(Fit):
            raise ModelError(f"the model's card gives an unknown fit, {self.fit!r:.60}")
        if self.shapes is not None and len(self.shapes.mean) != len(self.spec):
            raise ModelError(
                f"the model's card has shapes of {len(self.shapes.mean)} landmarks, its part has"
                f" {len(self.spec)}"
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input, in pixels."""
        return self.input_width, self.input_height

    def to_json(self) -> str:
        """The card as JSON; `from_json` reads it back."""
        return json.dumps(
            {
                "format": CARD_FORMAT,
                "part": self.spec.to_dict(),
                "input_width": self.input_width,
                "input_height": self.input_height,
                "channels": self.channels,
                "fit": self.fit,
                "version": self.version,
                "weights_sha256": self.weights_sha256,
                "metrics": [vars(metrics) for metrics in self.metrics],
                "provenance": self.provenance,
                "licence": self.licence,
                "shapes": None if self.shapes is None else self.shapes.to_dict(),
                "limits": self.limits.to_dict(),
            },
            ensure_ascii=False,
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Reads a card strictly: a missing or unknown field is an error, never a default.

        Raises:
            ModelError: the text is no card, or a card of another format version.
        """
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:  # also for numbers of 5000 digits
            raise ModelError(f"the model's card is damaged: {error}") from error
        if not isinstance(fields, dict) or "format" not in fields:
            raise ModelError("the model's card is damaged: it does not say its format version")
        found = fields.pop("format")
        if type(found) is not int or found != CARD_FORMAT:
            told = CONTROL_CHARACTER.sub("?", str(found))[:60]
            raise ModelError(
                f"the model's card has format version {told}, this beetle-lm reads version"
                f" {CARD_FORMAT}; install the beetle-lm that the model was made with, or export"
                " the model again"
            )
        wanted = _FIELD_TYPES
        if missing := sorted(set(wanted) - set(fields)):
            raise ModelError(f"the model's card lacks the field '{missing[0]}'")
        if unknown := sorted(set(fields) - set(wanted)):
            raise ModelError(f"the model's card has an unknown field {unknown[0]!r:.60}")
        for name, kind in wanted.items():
            if type(fields[name]) is not kind and (name, fields[name]) != ("shapes", None):
                raise ModelError(
                    f"the model's card gives {name} as {type(fields[name]).__name__},"
                    f" not {kind.__name__}"
                )
        for name in ("version", "weights_sha256", "provenance", "licence"):
            if _is_unfit(fields[name]):
                raise ModelError(f"the model's card has a control character in its {name}")
        try:
            spec = PartSpec.from_dict(fields.pop("part"))
            metrics = tuple(map(Metrics.from_dict, fields.pop("metrics")))
        except (PartError, ModelError) as error:
            raise ModelError(f"the model's card is damaged: {error}") from error
        shapes, limits = fields.pop("shapes"), Limits.from_dict(fields.pop("limits"))
        space = None if shapes is None else ShapeSpace.from_dict(shapes)
        return cls(spec=spec, metrics=metrics, shapes=space, limits=limits, **fields)


_FIELD_TYPES: dict[str, type] = {
    "part": dict,
    "input_width": int,
    "input_height": int,
    "channels": int,
    "fit": str,
    "version": str,
    "weights_sha256": str,
    "metrics": list,
    "provenance": str,
    "licence": str,
    "shapes": dict,
    "limits": dict,
}


def _is_unfit(text: str) -> bool:
    """Whether a text, which may have several lines, could do more to a terminal than be read."""
    return CONTROL_CHARACTER.search(text.replace("\n", "")) is not None
