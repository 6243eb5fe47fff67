"""TIFF files as cameras, microscopes and converters write them, of uncompressed pages."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, COLOUR_FILTER = 0, 1, 2, 32803
PREMULTIPLIED, ALPHA = 1, 2
_KINDS = {"u": 1, "i": 2, "f": 3}


@dataclass
class TiffPage:
    """A page, of pixels (H, W), (H, W, samples) or, in planes, (samples, H, W)."""

    pixels: NDArray[Any]
    photometric: int = BLACK_IS_ZERO
    planes: bool = False
    extra: int | None = None
    subfile: int | None = None
    below: list[TiffPage] = field(default_factory=list)


def tiff_file(*pages: TiffPage) -> bytes:
    """A little-endian file of these pages, each in one strip for each plane."""
    data = bytearray(struct.pack("<2sHI", b"II", 42, 0))
    link = 4
    for page in pages:
        below = [_directory(data, inner)[0] for inner in page.below]
        start, end = _directory(data, page, below)
        struct.pack_into("<I", data, link, start)
        link = end
    return bytes(data)


def _put(data: bytearray, content: bytes) -> int:
    data.extend(b"\0" * (len(data) % 2))
    data.extend(content)
    return len(data) - len(content)


def _directory(data: bytearray, page: TiffPage, below: list[int] | None = None) -> tuple[int, int]:
    pixels = page.pixels.astype(page.pixels.dtype.newbyteorder("<"))
    planes = list(pixels) if page.planes else [pixels]
    height, width = planes[0].shape[:2]
    samples = len(planes) if page.planes else pixels.size // (height * width)
    tags: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [8 * pixels.dtype.itemsize] * samples),
        259: ("H", [1]),
        262: ("H", [page.photometric]),
        273: ("I", [_put(data, plane.tobytes()) for plane in planes]),
        277: ("H", [samples]),
        278: ("I", [height]),
        279: ("I", [plane.nbytes for plane in planes]),
        284: ("H", [2 if page.planes else 1]),
        339: ("H", [_KINDS[pixels.dtype.kind]] * samples),
    }
    if page.extra is not None:
        tags[338] = ("H", [page.extra])
    if page.subfile is not None:
        tags[254] = ("I", [page.subfile])
    if below:
        tags[330] = ("I", below)
    entries = b""
    for tag, (form, values) in sorted(tags.items()):
        value = struct.pack(f"<{len(values)}{form}", *values)
        if len(value) > 4:
            value = struct.pack("<I", _put(data, value))
        entries += struct.pack("<HHI4s", tag, {"H": 3, "I": 4}[form], len(values), value)
    start = _put(data, struct.pack("<H", len(tags)) + entries + bytes(4))
    return start, len(data) - 4
