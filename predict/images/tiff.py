"""What the first directory of a TIFF structure claims, in TIFF files and in others' EXIF data.

Pillow reads the values of all entries at once. Sixty thousand entries that all point to the same
megabytes, in a file of these megabytes, would fill any memory.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO

_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    **{16: 8, 17: 8, 18: 8},
}
_SHARED = 4  # some writers let entries share their values
_EXIF = b"Exif\0\0"
_APP1, _SCAN = 0xE1, 0xDA


def claims_too_much(stream: IO[bytes]) -> bool:
    """Whether the values of the first directory's entries are more bytes than the file has.

    A single damaged entry, such as cameras leave, is not enough: no entry counts for more than the
    bytes that are there.

    Args:
        stream: a TIFF file, or a picture of another kind; a JPEG may have EXIF data in its
            segments. Its position afterwards is arbitrary.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if stream.read(2) == b"\xff\xd8":
        return exif_claims_too_much(b"".join(_exif_of_jpeg(stream)))
    stream.seek(0)
    return sum(_claims(stream, size)) > _SHARED * size


def exif_claims_too_much(data: bytes) -> bool:
    """The same of EXIF data."""
    data = data.removeprefix(_EXIF)
    return sum(_claims(io.BytesIO(data), len(data))) > _SHARED * len(data)


def _exif_of_jpeg(stream: IO[bytes]) -> Iterator[bytes]:
    """The EXIF data of the segments before the pixels, which Pillow joins."""
    while len(start := stream.read(4)) == 4 and start[0] == 0xFF and start[1] != _SCAN:
        length = int.from_bytes(start[2:], "big") - 2
        if length < 0:
            return
        if start[1] == _APP1:
            yield stream.read(length).removeprefix(_EXIF)
        else:
            stream.seek(length, io.SEEK_CUR)


def _claims(stream: IO[bytes], size: int) -> Iterator[int]:
    """The bytes that the values of each entry take; nothing where this is not a TIFF structure."""
    order = {b"II": "<", b"MM": ">"}.get(stream.read(2))
    if order is None:
        return
    try:
        if struct.unpack(f"{order}H", stream.read(2))[0] == 43:  # BigTIFF
            (start,) = struct.unpack(f"{order}4xQ", stream.read(12))
            count_form, entry_form = f"{order}Q", f"{order}2xHQQ"
        else:
            (start,) = struct.unpack(f"{order}I", stream.read(4))
            count_form, entry_form = f"{order}H", f"{order}2xHII"
        stream.seek(start)
        (count,) = struct.unpack(count_form, stream.read(struct.calcsize(count_form)))
        for _ in range(count):
            entry = struct.unpack(entry_form, stream.read(struct.calcsize(entry_form)))
            kind, values, place = entry
            yield min(values * _SIZES.get(kind, 0), max(0, size - place))
    except (struct.error, OverflowError, OSError, ValueError):  # truncated
        return
