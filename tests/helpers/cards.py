"""The card of a model that finds squares, and what may be done to the file that holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beetle_lm.zoo.model_file.card import CARD_FORMAT, CARD_KEY

onnx = pytest.importorskip("onnx")

CARD: dict[str, Any] = {
    "format": CARD_FORMAT,
    "part": {"name": "dots", "landmark_names": ["red", "green", "blue"], "mirror_pairs": []},
    "input_width": 96,
    "input_height": 72,
    "channels": 3,
    "fit": "letterbox",
    "version": "1.0",
    "weights_sha256": "0" * 64,
    "metrics": [{"data": "drawn squares", "photographs": 3, "mean_px_256x192": 0.5}],
    "provenance": "drawn squares",
    "licence": "Apache-2.0",
    "shapes": {
        "specimens": 7,
        "mean": [[0.70710678, 0.0], [-0.70710678, 0.0], [0.0, 0.0]],
        "components": [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]],
        "variances": [0.01],
        "rest_variance": 0.001,
        "distance_limit": 4.5,
    },
    "limits": {
        "mean_error": 3.0,
        "landmark_error": 8.0,
        "rotation": [-20.0, 20.0],
        "size": [0.2, 0.8],
    },
}


def with_card(path: Path, text: str) -> Path:
    """The model file with another card."""
    model = onnx.load(path)
    next(entry for entry in model.metadata_props if entry.key == CARD_KEY).value = text
    onnx.save(model, path)
    return path


def field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """A whole number in a protobuf message."""
    written = b""
    while value > 0x7F:
        written += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return written + bytes((value,))
