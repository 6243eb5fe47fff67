"""Reads ONNX files without an ONNX runtime: the card that one carries, and what else it holds.

The zoo must know a model's card before it publishes or keeps the file, but may import neither
`predict`, which has the runtime, nor the onnx package, which only training installs. An ONNX file
is a protobuf message: a sequence of fields, each a number, a kind, and a value or a length, which
can be skipped. Of a file of 300 MB only some thousand bytes are read.

Readers of protobuf differ where a file is not written as every writer writes it: onnxruntime takes
the lowest 32 bits of a field's number and others all of them, so that one sees a field where
another sees none. Such files are refused; what is left, all read alike (`bench/fuzz_models.py`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.bounds import DEEPEST_GRAPH, LONGEST_CARD, MOST_FIELDS
from beetle_lm.zoo.model_file.card import CARD_KEY, ModelCard

# The numbers of fields in onnx.proto.
_GRAPH, _METADATA_PROPS = 7, 14  # of ModelProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto

_STANDARD = frozenset({"", "ai.onnx"})

# The messages of onnx.proto and, by the numbers of their fields, the messages inside them that can
# hold operators or weights.
_INSIDE: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        **{5: "TensorProto", 10: "TensorProto", 6: "GraphProto", 11: "GraphProto"},
        **{22: "SparseTensorProto", 23: "SparseTensorProto"},
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {},
}
_FUNCTIONS = 25  # of ModelProto
_DOMAIN = 7  # of NodeProto
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of TensorProto

_Field = tuple[int, int, int]
"""Number, kind, and value or length."""

_VARINT, _LENGTH_FIRST = 0, 2
"""Kinds of fields: a whole number, and bytes whose length stands before them."""

_EIGHT_BYTES, _FOUR_BYTES = 1, 5
_HIGHEST_TAG = (1 << 32) - 1  # of the number and kind of a field


class _DamagedError(Exception):
    """This is not a protobuf message, or it is cut off."""


class _ForeignError(Exception):
    """This is more than a model may hold; says what."""


def read_card(path: Path) -> ModelCard:
    """The card that a model file carries in its metadata.

    The file's outer structure is walked to its end, so that one that was cut off is noticed; the
    network inside is not read.

    Raises:
        ModelError: the file cannot be read, is not an ONNX file, is cut off, or carries no card.
    """
    try:
        with path.open("rb") as stream:
            return card_in(stream, str(path))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


def card_in(stream: BinaryIO, name: str) -> ModelCard:
    """The same of a model in a stream, which is called `name` in messages.

    Raises:
        ModelError: it is not an ONNX file, is cut off, or carries no card or two.
    """
    try:
        text = _card_text(stream)
    except (_DamagedError, UnicodeDecodeError) as error:
        raise ModelError(f"{name} is not an ONNX file, or is damaged") from error
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
    message = _Fields(stream)
    for number, kind, length in message:
        has_graph = has_graph or (number == _GRAPH and kind == _LENGTH_FIRST)
        if number == _METADATA_PROPS and kind == _LENGTH_FIRST:
            if length > LONGEST_CARD:
                raise _DamagedError
            entry = {_KEY: "", _VALUE: ""}
            for inner, inner_kind, inner_length in message.inside(length):
                if inner in entry and inner_kind == _LENGTH_FIRST:
                    entry[inner] = stream.read(inner_length).decode("utf-8")
            if entry[_KEY] == CARD_KEY:
                if found is not None:  # and which of the two a runtime gives nobody knows
                    raise _DamagedError
                found = entry[_VALUE]
    if not has_graph:
        raise _DamagedError
    return found


def check_contents(path: Path) -> None:
    """Makes sure that a model file stands alone; see `refuse_foreign`.

    Raises:
        ModelError: it does not, or it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            refuse_foreign(stream, path.name)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


def refuse_foreign(stream: BinaryIO, name: str) -> None:
    """Makes sure that a model keeps no weights in other files, and uses standard operators only.

    A runtime would open the files that a model names, and look for the code of operators that it
    does not know.

    Args:
        stream: the model.
        name: what it is called in messages.

    Raises:
        ModelError: it does either, or it is not an ONNX file.
    """
    try:
        message = _Fields(stream)
        _walk(message, stream, "ModelProto", iter(message), DEEPEST_GRAPH)
    except _DamagedError as error:
        raise ModelError(
            f"{name} cannot be loaded as a model: it is not an ONNX file, or is damaged"
        ) from error
    except _ForeignError as error:
        raise ModelError(
            f"{name} cannot be loaded as a model: {error}; ask those who made it for one that"
            " `beetle-lm export` wrote"
        ) from error


def _walk(
    message: _Fields, stream: BinaryIO, kind: str, fields: Iterator[_Field], left: int
) -> None:
    if not left:
        raise _DamagedError
    inside = _INSIDE[kind]
    for number, how, value in fields:
        if number in inside and how == _LENGTH_FIRST:
            deeper = left - (kind == "AttributeProto")
            _walk(message, stream, inside[number], message.inside(value), deeper)
        elif kind == "NodeProto" and number == _DOMAIN and how == _LENGTH_FIRST:
            domain = stream.read(min(value, 60)).decode("utf-8", "replace")
            if domain not in _STANDARD:
                raise _ForeignError(f"it uses operators of {domain!r}, not of the ONNX standard")
        elif kind == "TensorProto" and (
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and how == _VARINT and value)
        ):
            raise _ForeignError("it keeps weights in a second file")
        elif kind == "ModelProto" and number == _FUNCTIONS:
            raise _ForeignError("it brings operators of its own")


class _Fields:
    """The fields of the message that a stream holds, and of messages inside it.

    Iterating gives number, kind and, for `_VARINT`, the value; for all others the length in bytes,
    with the stream at the beginning of the field's content. It moves behind it by itself.

    Args:
        stream: a file or bytes in memory; the message begins at its beginning and ends at its end.

    Raises:
        _DamagedError: while iterating: this is not such a message.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end = stream.seek(0, io.SEEK_END)
        self._left = MOST_FIELDS
        stream.seek(0)

    def __iter__(self) -> Iterator[_Field]:
        return self._until(self._end)

    def inside(self, length: int) -> Iterator[_Field]:
        """The fields of the message that takes the next `length` bytes of the stream."""
        return self._until(self._stream.tell() + length)

    def _until(self, end: int) -> Iterator[_Field]:
        stream = self._stream
        while stream.tell() < end:
            self._left -= 1
            tag = self._varint()
            if tag > _HIGHEST_TAG:
                raise _DamagedError
            number, kind = tag >> 3, tag & 7
            value, length = 0, 0
            if kind == _VARINT:
                value = self._varint()
            elif kind == _LENGTH_FIRST:
                value = length = self._varint()
            elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
                value = length = 8 if kind == _EIGHT_BYTES else 4
            else:
                raise _DamagedError
            position = stream.tell()
            if number == 0 or position + length > end or self._left < 0:
                raise _DamagedError
            yield number, kind, value
            stream.seek(position + length)

    def _varint(self) -> int:
        """A whole number of at most 64 bits, 7 bits to a byte, the lowest first, none in vain."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self._stream.read(1)
            if not byte:
                raise _DamagedError
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                if (shift and not byte[0]) or value >> 64:
                    raise _DamagedError
                return value
        raise _DamagedError
