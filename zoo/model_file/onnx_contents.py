"""What a model file may hold: its own weights and the operators of the ONNX standard, no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.protobuf import LENGTH_FIRST, VARINT, DamagedError, Field, Fields

_STANDARD = frozenset({"", "ai.onnx"})
_DEEPEST = 32  # graphs inside the nodes of graphs

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


class _ForeignError(Exception):
    pass


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
        ModelError: it does either, or it is no ONNX file.
    """
    try:
        message = Fields(stream)
        _walk(message, stream, "ModelProto", iter(message), _DEEPEST)
    except DamagedError as error:
        raise ModelError(
            f"{name} cannot be loaded as a model: it is no ONNX file, or it is damaged"
        ) from error
    except _ForeignError as error:
        raise ModelError(
            f"{name} cannot be loaded as a model: {error}; ask those who made it for one that"
            " `beetle-lm export` wrote"
        ) from error


def _walk(message: Fields, stream: BinaryIO, kind: str, fields: Iterator[Field], left: int) -> None:
    if not left:
        raise DamagedError
    inside = _INSIDE[kind]
    for number, how, value in fields:
        if number in inside and how == LENGTH_FIRST:
            deeper = left - (kind == "AttributeProto")
            _walk(message, stream, inside[number], message.inside(value), deeper)
        elif kind == "NodeProto" and number == _DOMAIN and how == LENGTH_FIRST:
            domain = stream.read(min(value, 60)).decode("utf-8", "replace")
            if domain not in _STANDARD:
                raise _ForeignError(f"it uses operators of {domain!r}, not of the ONNX standard")
        elif kind == "TensorProto" and (
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and how == VARINT and value)
        ):
            raise _ForeignError("it keeps weights in a second file")
        elif kind == "ModelProto" and number == _FUNCTIONS:
            raise _ForeignError("it brings operators of its own")
