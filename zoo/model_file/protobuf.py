"""Protobuf messages without a library: a sequence of fields that can be skipped.

Each is a number, a kind, and a value or a length. Of a message of 300 MB only some thousand bytes
are read, and nothing is ever made of the rest.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

Field = tuple[int, int, int]
"""Number, kind, and value or length."""

VARINT, LENGTH_FIRST = 0, 2
"""Kinds of fields: a whole number, and bytes whose length stands before them."""

_EIGHT_BYTES, _FOUR_BYTES = 1, 5
_MOST_FIELDS = 1_000_000  # some thousands are usual; more would only keep a computer busy


class DamagedError(Exception):
    """This is no such message, or it is cut off."""


class Fields:
    """The fields of the message that a stream holds, and of messages inside it.

    Iterating gives number, kind and, for `VARINT`, the value; for all others the length in bytes,
    with the stream at the beginning of the field's content. It moves behind it by itself.

    Args:
        stream: a file or bytes in memory; the message begins at its beginning and ends at its end.

    Raises:
        DamagedError: while iterating: this is no message.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end = stream.seek(0, io.SEEK_END)
        self._left = _MOST_FIELDS
        stream.seek(0)

    def __iter__(self) -> Iterator[Field]:
        return self._until(self._end)

    def inside(self, length: int) -> Iterator[Field]:
        """The fields of the message that is the next so many bytes of the stream."""
        return self._until(self._stream.tell() + length)

    def _until(self, end: int) -> Iterator[Field]:
        stream = self._stream
        while stream.tell() < end:
            self._left -= 1
            tag = self._varint()
            number, kind = tag >> 3, tag & 7
            value, length = 0, 0
            if kind == VARINT:
                value = self._varint()
            elif kind == LENGTH_FIRST:
                value = length = self._varint()
            elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
                value = length = 8 if kind == _EIGHT_BYTES else 4
            else:
                raise DamagedError
            position = stream.tell()
            if number == 0 or position + length > end or self._left < 0:
                raise DamagedError
            yield number, kind, value
            stream.seek(position + length)

    def _varint(self) -> int:
        """A whole number of at most 64 bits, 7 bits to a byte, the lowest first."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self._stream.read(1)
            if not byte:
                raise DamagedError
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return value
        raise DamagedError
