"""The model card: all that the predictor must know of a model, carried inside its ONNX file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from beetle_lm.entries import Entry, load, parse_json
from beetle_lm.errors import ModelError
from beetle_lm.text import CONTROL_CHARACTER, counted
from beetle_lm.zoo.model_file import bounds
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.seen import SeenPhotographs
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace
from beetle_lm.zoo.model_file.whole import WholeSpecimen

CARD_KEY = "beetle_lm_card"
"""The key of the card's JSON in the ONNX file's `metadata_props`."""

CARD_FORMAT = 2
"""The version of the card's own layout. A card of another version is refused, never guessed at."""

Fit = Literal["letterbox", "stretch"]
"""How an image is fitted into the model's input: with its proportions kept, or filling it."""

_DAMAGED = "the model's card is damaged"
_LABELS, _TEXTS = ("version", "weights_sha256"), ("provenance", "licence")


@dataclass(frozen=True)
class Metrics:
    """Landmark error on photographs that took no part in training.

    Args:
        data: what was measured, in words.
        photographs: how many of them.
        mean_px_256x192: mean distance from the manual landmarks, in pixels of the photograph
            stretched to 256 x 192 (the unit of Le Van Linh et al.).

    Raises:
        ModelError: the words hold a control character or are too many, or a number is impossible.
    """

    data: str
    photographs: int
    mean_px_256x192: float

    def __post_init__(self) -> None:
        _check_text("what was measured", self.data, bounds.LONGEST_TEXT)
        if not (0 <= self.photographs <= bounds.MOST_COUNTED and self.mean_px_256x192 >= 0):
            raise ModelError("a measured error, or its number of photographs, is impossible")


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
        limits: beyond which a photograph is flagged for inspection.
        photographs: those that it was trained or validated on; None where that is not known.
        whole: how it deals with specimens that lie in any way; None where it is for photographs
            that lie as those of its training.

    Raises:
        ModelError: sizes or channels are impossible, a text holds a control character, the shapes
            are of another part, or more is claimed than `bounds` allow.
    """

    spec: Annotated[PartSpec, Entry("part")]
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
    photographs: SeenPhotographs | None = None
    whole: WholeSpecimen | None = None

    def __post_init__(self) -> None:
        width, height = self.input_size
        if not (
            all(1 <= side <= bounds.LARGEST_SIDE for side in (width, height))
            and width * height <= bounds.MOST_PIXELS
        ):
            raise ModelError(f"impossible input size, {width} x {height}")
        if self.channels not in (1, 3):
            raise ModelError(f"{self.channels} channels; 1 or 3 can be read")
        if self.fit not in get_args(Fit):
            raise ModelError(f"unknown fit, {self.fit!r:.60}")
        for name in _LABELS + _TEXTS:
            longest = bounds.LONGEST_LABEL if name in _LABELS else bounds.LONGEST_TEXT
            _check_text(f"its {name}", getattr(self, name), longest)
        if len(self.metrics) > bounds.MOST_METRICS:
            raise ModelError(f"{len(self.metrics)} measured errors; at most {bounds.MOST_METRICS}")
        check_size(self.spec)
        if self.shapes is not None and len(self.shapes.mean) != len(self.spec):
            raise ModelError(
                f"shapes of {counted(len(self.shapes.mean), 'landmark')}, its part has"
                f" {len(self.spec)}"
            )
        if self.whole is not None:
            self._check_whole(self.whole)

    def _check_whole(self, whole: WholeSpecimen) -> None:
        if self.shapes is None:
            raise ModelError("a model of whole specimens without their shapes")
        numbers = [number for window in whole.parts for number in window.landmarks]
        if numbers and max(numbers) > len(self.spec):
            raise ModelError(f"a part lies at landmark {max(numbers)}, of {len(self.spec)}")

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input, in pixels."""
        return self.input_width, self.input_height

    def to_json(self) -> str:
        """The card as JSON; `from_json` reads it back."""
        fields = asdict(self)
        del fields["spec"]
        card = {"format": CARD_FORMAT, "part": self.spec.to_dict(), **fields}
        for name in ("photographs", "whole"):
            if card[name] is None:
                del card[name]
        return json.dumps(card, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Reads a card strictly: a missing or unknown field is an error, never a default.

        Raises:
            ModelError: the text is not a card, or is a card of another format version.
        """
        return cls.from_entries(parse_json(text, _DAMAGED, ModelError))

    @classmethod
    def from_entries(cls, entries: Any) -> ModelCard:
        """The same from the JSON's values.

        Raises:
            ModelError: they are not a card, or are a card of another format version.
        """
        if not isinstance(entries, dict) or "format" not in entries:
            raise ModelError(f"{_DAMAGED}: it does not say its format version")
        found = entries["format"]
        if type(found) is not int or found != CARD_FORMAT:
            told = CONTROL_CHARACTER.sub("?", str(found))[:60]
            raise ModelError(
                f"the model's card has format version {told}, this beetle-lm reads version"
                f" {CARD_FORMAT}; install the beetle-lm that the model was made with, or export"
                " the model again"
            )
        fields = {name: value for name, value in entries.items() if name != "format"}
        return load(cls, fields, _DAMAGED, ModelError)


def _check_text(what: str, text: str, longest: int) -> None:
    """A text, which may have several lines, must do no more to a terminal than be read."""
    if CONTROL_CHARACTER.search(text.replace("\n", "")):
        raise ModelError(f"a control character in {what}")
    if len(text) > longest:
        raise ModelError(f"{len(text)} characters in {what}; at most {longest}")


def check_size(spec: PartSpec) -> None:
    """Makes sure that a part fits into a card, where its names become others' folders and columns.

    Raises:
        ModelError: it has too many landmarks, measurements or semilandmarks, or a name is too long.
    """
    if (size := len(spec.name.encode())) > bounds.LONGEST_NAME:
        raise ModelError(f"the part's name has {size} bytes; at most {bounds.LONGEST_NAME}")
    if len(spec) > bounds.MOST_LANDMARKS:
        raise ModelError(f"{len(spec)} landmarks; at most {bounds.MOST_LANDMARKS}")
    if (longest := max(map(len, spec.landmark_names))) > bounds.LONGEST_LANDMARK_NAME:
        raise ModelError(
            f"a landmark's name has {longest} characters; at most {bounds.LONGEST_LANDMARK_NAME}"
        )
    names = [measurement.name for measurement in spec.measurements]
    if len(names) > bounds.MOST_MEASUREMENTS:
        raise ModelError(f"{len(names)} measurements; at most {bounds.MOST_MEASUREMENTS}")
    if (longest := max(map(len, names), default=0)) > bounds.LONGEST_MEASUREMENT_NAME:
        raise ModelError(
            f"a measurement's name has {longest} characters; at most"
            f" {bounds.LONGEST_MEASUREMENT_NAME}"
        )
    if spec.semilandmarks > bounds.MOST_SEMILANDMARKS:
        raise ModelError(f"{spec.semilandmarks} semilandmarks; at most {bounds.MOST_SEMILANDMARKS}")
    if (longest := max((len(curve.name) for curve in spec.curves), default=0)) > (
        bounds.LONGEST_CURVE_NAME
    ):
        raise ModelError(
            f"a curve's name has {longest} characters; at most {bounds.LONGEST_CURVE_NAME}"
        )
