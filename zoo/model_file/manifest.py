"""`card.json`: what a Hub repository says of the model file that it holds."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from beetle_lm.entries import load, parse_json
from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.bounds import LARGEST_MODEL
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.onnx import check_contents, read_card

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "card.json"
PAGE_FILE = "README.md"

_DAMAGED = f"{MANIFEST_FILE} is damaged, or not beetle-lm's"


@dataclass(frozen=True)
class Manifest:
    """A model file as it must be, and its card.

    Args:
        sha256: SHA-256 of the model file, 64 hexadecimal digits.
        size: its size in bytes.
        card: what the model says of itself.

    Raises:
        ModelError: the SHA-256 or the size cannot be one.
    """

    sha256: str
    size: int
    card: ModelCard

    def __post_init__(self) -> None:
        possible = 1 <= self.size <= LARGEST_MODEL
        if not possible or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ModelError(f"{MANIFEST_FILE} gives an impossible SHA-256 or size of the model")

    @classmethod
    def of_file(cls, path: Path) -> Manifest:
        """Describes a model file.

        Raises:
            ModelError: the file cannot be read or is not a beetle-lm model.
        """
        card = read_card(path)
        check_contents(path)
        return cls(file_sha256(path), path.stat().st_size, card)

    def to_json(self) -> str:
        """The text of `card.json`; `from_json` reads it back."""
        fields = {
            "file": MODEL_FILE,
            "size": self.size,
            "sha256": self.sha256,
            "card": json.loads(self.card.to_json()),
        }
        return json.dumps(fields, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Reads what `to_json` wrote, strictly.

        Raises:
            ModelError: the text is not such a description.
        """
        return cls.from_entries(parse_json(text, _DAMAGED, ModelError))

    @classmethod
    def from_entries(cls, entries: Any) -> Manifest:
        """The same from the JSON's values.

        Raises:
            ModelError: they are not such a description.
        """
        file = load(_CardFile, entries, _DAMAGED, ModelError)
        return cls(file.sha256, file.size, file.card)


@dataclass(frozen=True)
class _CardFile:
    file: Literal["model.onnx"]
    size: int
    sha256: str
    card: ModelCard


def file_sha256(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
