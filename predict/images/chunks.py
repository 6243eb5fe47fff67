"""PNG and WebP: the chunks that such files are made of."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from beetle_lm.errors import ImageError

PNG_START = b"\x89PNG\r\n\x1a\n"
# What makes up the picture; the further frames of a moving one are checked, and not read.
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
# Of which damage does no harm.
_METADATA = frozenset(
    {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV"}
    | {b"cLLI", b"pHYs", b"tIME", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"oFFs", b"pCAL", b"sCAL"}
)
_PALETTE = b"\3"
_MOST_METADATA = 1 << 24
_MOST_CHUNKS = 100_000  # of a WebP, before its EXIF data


def png_size(stream: BinaryIO) -> tuple[int, int] | None:
    """Width and height of a PNG; None where its first chunk does not tell."""
    stream.seek(len(PNG_START))
    start = stream.read(16)
    if len(start) < 16 or start[4:8] != b"IHDR":
        return None
    return int.from_bytes(start[8:12], "big"), int.from_bytes(start[12:], "big")


def png_exif(stream: BinaryIO) -> bytes:
    """The EXIF data of a PNG, which may follow its pixels; nothing where there are none."""
    stream.seek(len(PNG_START))
    while len(start := stream.read(8)) == 8 and start[4:] != b"IEND":
        length = int.from_bytes(start[:4], "big")
        if start[4:] == b"eXIf":
            return stream.read(min(length, _MOST_METADATA))
        stream.seek(length + 4, io.SEEK_CUR)  # the data and their checksum
    return b""


def png_pixels(data: bytes) -> bytes:
    """A PNG without all that is not its picture.

    A decoder makes room for as many bytes as a chunk claims to have, before it looks for them, and
    makes do with damaged ones.

    Raises:
        ImageError: it is damaged or its end is missing; the text goes on after a file's name.
    """
    position, kept = len(PNG_START), [memoryview(data)[: len(PNG_START)]]
    view = memoryview(data)
    while position + 12 <= len(data):
        kind = data[position + 4 : position + 8]
        end = position + int.from_bytes(data[position : position + 4], "big") + 12
        if end > len(data):
            break
        if kind not in _METADATA:
            stored = int.from_bytes(data[end - 4 : end], "big")
            if zlib.crc32(view[position + 4 : end - 4]) != stored:
                raise ImageError("is damaged: a part of its picture is not what was written")
        if kind in _PIXELS:
            kept.append(view[position:end])
        if kind == b"IEND":
            if data[25:26] == _PALETTE and not any(bytes(chunk[4:8]) == b"PLTE" for chunk in kept):
                raise ImageError("is damaged: its palette is missing")
            return b"".join(kept)
        position = end
    raise ImageError("is truncated: the end of the picture is missing")


def webp_size(stream: BinaryIO) -> tuple[int, int] | None:
    """Width and height of a WebP; None where its first chunk does not tell."""
    stream.seek(12)
    start = stream.read(18)
    kind, content = start[:4], start[8:]
    if len(content) < 10:
        return None
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (4, 7))
        return width + 1, height + 1
    if kind == b"VP8L" and content[0] == 0x2F:
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and content[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(content[at : at + 2], "little") for at in (6, 8))
        return width & 0x3FFF, height & 0x3FFF
    return None


def webp_metadata(stream: BinaryIO) -> tuple[bytes, bytes]:
    """The EXIF data and the XMP data of a WebP; nothing where there are none."""
    found = {b"EXIF": b"", b"XMP ": b""}
    stream.seek(12)
    for _ in range(_MOST_CHUNKS):
        start = stream.read(8)
        if len(start) < 8:
            break
        length = int.from_bytes(start[4:], "little")
        if start[:4] in found and length <= _MOST_METADATA:
            found[start[:4]] = stream.read(length)
            stream.seek(length % 2, io.SEEK_CUR)
        else:
            stream.seek(length + length % 2, io.SEEK_CUR)
    return found[b"EXIF"], found[b"XMP "]
