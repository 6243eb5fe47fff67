"""Reads the card out of an ONNX file, without an ONNX runtime.

The zoo must know a model's card before it publishes or keeps the file, but may import neither
`predict`, which has the runtime, nor the onnx package, which only training installs. An ONNX file
is one protobuf message of which only the outermost layer is needed here: a sequence of fields, each
a number, a kind and a length that can be skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from beetle_lm.errors import ModelError
from beetle_lm.zoo.card import CARD_KEY, ModelCard

# The numbers of fields in onnx.proto, and protobuf's kinds of fields.
_GRAPH, _METADATA_PROPS = 7, 14  # of ModelProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto
_VARINT, _EIGHT_BYTES, _LENGTH_FIRST, _FOUR_BYTES = 0, 1, 2, 5

_LONGEST_ENTRY = 1 << 24  # of metadata; a card has some kilobytes


class _DamagedError(Exception):
    pass


def read_card(path: Path) -> ModelCard:
    """The card that a model file carries in its metadata.

    The file's outer structure is walked to its end, so that one that was cut off is noticed; the
    network inside is not looked at.

    Raises:
        ModelError: the file cannot be read, is no ONNX file, is cut off, or carries no card.
    """
    try:
        with path.open("rb") as stream:
            text = _card_text(stream)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except (_DamagedError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no ONNX file, or it is damaged") from error
    if text is None:
        raise ModelError(
            f"{path} is not a beetle-lm model: it carries no card; `beetle-lm export` makes models"
            " that do"
        )
    try:
        return ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _card_text(stream: BinaryIO) -> str | None:
    size = os.fstat(stream.fileno()).st_size
    found, has_graph = None, False
    for number, kind, length in _fields(stream, size):
        has_graph = has_graph or (number == _GRAPH and kind == _LENGTH_FIRST)
        if number == _METADATA_PROPS and kind == _LENGTH_FIRST:
            if length > _LONGEST_ENTRY:
                raise _DamagedError
            end = stream.tell() + length
            entry = {_KEY: "", _VALUE: ""}
            for inner, inner_kind, inner_length in _fields(stream, end):
                if inner in entry and inner_kind == _LENGTH_FIRST:
                    entry[inner] = stream.read(inner_length).decode("utf-8")
            if entry[_KEY] == CARD_KEY:
                found = entry[_VALUE]
    if not has_graph:
        raise _DamagedError
    return found


def _fields(stream: BinaryIO, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, kind and length in bytes of each field up to `end`.

    The stream stands at the field's content when it is given out, and moves past it afterwards.
    """
    while stream.tell() < end:
        tag = _varint(stream)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _varint(stream)
            length = 0
        elif kind == _LENGTH_FIRST:
            length = _varint(stream)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise _DamagedError
        position = stream.tell()
        if number == 0 or position + length > end:
            raise _DamagedError
        yield number, kind, length
        stream.seek(position + length)


def _varint(stream: BinaryIO) -> int:
    """A whole number of at most 64 bits, 7 bits to a byte, the lowest first."""
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise _DamagedError
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise _DamagedError
