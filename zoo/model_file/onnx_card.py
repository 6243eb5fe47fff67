"""Reads the card out of an ONNX file, without an ONNX runtime.

The zoo must know a model's card before it publishes or keeps the file, but may import neither
`predict`, which has the runtime, nor the onnx package, which only training installs. Of the
protobuf message that an ONNX file is only the outermost layer is needed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.card import CARD_KEY, ModelCard
from beetle_lm.zoo.model_file.protobuf import LENGTH_FIRST, DamagedError, Fields

# The numbers of fields in onnx.proto.
_GRAPH, _METADATA_PROPS = 7, 14  # of ModelProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto

_LONGEST_ENTRY = 1 << 24  # of metadata; a card has some kilobytes


def read_card(path: Path) -> ModelCard:
    """The card that a model file carries in its metadata.

    The file's outer structure is walked to its end, so that one that was cut off is noticed; the
    network inside is not looked at.

    Raises:
        ModelError: the file cannot be read, is no ONNX file, is cut off, or carries no card.
    """
    try:
        with path.open("rb") as stream:
            return card_in(stream, str(path))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


def card_in(stream: BinaryIO, name: str) -> ModelCard:
    """The same of a model in a stream, which is called `name` in messages.

    Raises:
        ModelError: it is no ONNX file, is cut off, or carries no card or two.
    """
    try:
        text = _card_text(stream)
    except (DamagedError, UnicodeDecodeError) as error:
        raise ModelError(f"{name} is no ONNX file, or it is damaged") from error
    if text is None:
        raise ModelError(
            f"{name} is not a beetle-lm model: it carries no card; `beetle-lm export` makes models"
            " that do"
        )
    try:
        return ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error


def _card_text(stream: BinaryIO) -> str | None:
    found, has_graph = None, False
    message = Fields(stream)
    for number, kind, length in message:
        has_graph = has_graph or (number == _GRAPH and kind == LENGTH_FIRST)
        if number == _METADATA_PROPS and kind == LENGTH_FIRST:
            if length > _LONGEST_ENTRY:
                raise DamagedError
            entry = {_KEY: "", _VALUE: ""}
            for inner, inner_kind, inner_length in message.inside(length):
                if inner in entry and inner_kind == LENGTH_FIRST:
                    entry[inner] = stream.read(inner_length).decode("utf-8")
            if entry[_KEY] == CARD_KEY:
                if found is not None:  # and which of the two a runtime gives nobody knows
                    raise DamagedError
                found = entry[_VALUE]
    if not has_graph:
        raise DamagedError
    return found
