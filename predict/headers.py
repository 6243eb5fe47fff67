"""What an image file says of itself: its kind, its size, which way up it is, if it is whole."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from beetle_lm.errors import ImageError
from beetle_lm.predict.orientation import upright_size

_ORIENTATION_TAG = 0x0112
_PNG_SIGNATURE_LENGTH = 8
_JPEG_END = 0xD9
_PADDING = 4096
# 0xFF before 0 is a value inside a scan; 0x01 and 0xD0 to 0xD7 are markers without a length.
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])")

# Pillow reads headers only here, so its guard against large pictures would refuse what OpenCV,
# which has a limit of its own (2^30 pixels), can decode.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Header:
    """What an image file says of itself before it is decoded.

    Args:
        format: Pillow's name of the format, e.g. 'JPEG'.
        size: width and height of the upright picture, in pixels.
        orientation: EXIF orientation, 1 to 8.
    """

    format: str
    size: tuple[int, int]
    orientation: int

    @property
    def is_jpeg(self) -> bool:
        """True for JPEGs, also those with several pictures in them (of which the first counts)."""
        return self.format in ("JPEG", "MPO")

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the picture as the file stores it, in pixels."""
        return upright_size(self.size, self.orientation)


def read_header(path: Path) -> Header:
    """Reads a photograph's format, size and orientation without decoding it.

    Raises:
        ImageError: the file cannot be read or is no image.
    """
    try:
        with path.open("rb") as stream:
            return _parse(stream, path.name)
    except OSError as error:
        raise ImageError(f"{path.name} cannot be read: {error.strerror or error}") from error


def parse_header(data: bytes, name: str) -> Header:
    """The same from the bytes of a file that is called `name` in messages.

    Raises:
        ImageError: the bytes are no image, or a JPEG whose end is missing (the decoder would fill
            the rest with grey and say nothing).
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes)")
    header = _parse(io.BytesIO(data), name)
    if header.is_jpeg and not _has_jpeg_end(data):
        raise ImageError(f"{name} is truncated: the end of the picture is missing")
    return header


def _parse(stream: IO[bytes], name: str) -> Header:
    try:
        with Image.open(stream) as image:
            kind, size = image.format or "", image.size
            # Pillow decodes a whole PNG to find its EXIF data, which may follow the pixels.
            exif = _png_exif(stream) if kind == "PNG" else image.getexif()
            orientation = exif.get(_ORIENTATION_TAG, 1)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image that can be read") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{name} has a damaged header: {error}") from error
    if not isinstance(orientation, int) or not 1 <= orientation <= 8:
        orientation = 1
    if 0 in size:
        raise ImageError(f"{name} has no pixels")
    # Pillow gives the upright size of a TIFF and the stored one of all other formats.
    upright = size if kind == "TIFF" else upright_size(size, orientation)
    return Header(kind, upright, orientation)


def _png_exif(stream: IO[bytes]) -> Image.Exif:
    exif = Image.Exif()
    stream.seek(_PNG_SIGNATURE_LENGTH)
    while len(start := stream.read(8)) == 8 and start[4:] != b"IEND":
        length = int.from_bytes(start[:4], "big")
        if start[4:] == b"eXIf":
            exif.load(stream.read(length))
            break
        stream.seek(length + 4, io.SEEK_CUR)  # the data and their checksum
    return exif


def _has_jpeg_end(data: bytes) -> bool:
    if data[-_PADDING:].rstrip(b"\0").endswith(b"\xff\xd9"):
        return True
    # Something follows the picture, a phone's film for example, or its end is missing.
    position = 2
    while found := _JPEG_MARKER.search(data, position):
        if found[1][0] == _JPEG_END:
            return True
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        position = found.end() + length
    return False
