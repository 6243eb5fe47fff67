"""What an image file says about itself: its kind, its size, which way up it is, if it is whole."""

from __future__ import annotations

import io
import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from PIL import Image, UnidentifiedImageError

from beetle_lm.errors import Hint, ImageError
from beetle_lm.predict.images.orientation import ExifFrame, upright_size
from beetle_lm.predict.images.tiff import claims_too_much, exif_claims_too_much
from beetle_lm.text import printable

MAX_PIXELS = 500_000_000
"""Pixels above which a picture is refused unless more are allowed: 1.5 GB when decoded."""

_ORIENTATION_TAG = 0x0112
_PNG_SIGNATURE_LENGTH = 8
# The kinds that are read. Pillow knows many more, with decoders that few have tried.
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_BYTES_PER_PIXEL, _BYTES_BESIDE = 8, 1 << 26  # 16 bit RGBA; profiles, thumbnails, further pages
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
# Encoders make 10 or so; each is another pass over the whole picture.
_MOST_SCANS = 100
_PADDING = 4096
# 0xFF before 0 is a value inside a scan; 0x01 and 0xD0 to 0xD7 are markers without a length.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")

# Pillow reads headers only here; `read_whole` guards against large pictures.
Image.MAX_IMAGE_PIXELS = None
# What is wrong with an image is said once, by the error that names the file.
logging.getLogger("PIL").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Header:
    """What an image file says about itself before it is decoded.

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
        """True for JPEGs, including those with several pictures in them (only the first counts)."""
        return self.format in ("JPEG", "MPO")

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the picture as the file stores it, in pixels."""
        return upright_size(self.size, self.orientation)

    def size_in(self, frame: ExifFrame) -> tuple[int, int]:
        """Width and height of the picture in that frame, in pixels."""
        return self.size if frame == "apply" else self.stored_size


def read_header(path: Path) -> Header:
    """Reads a photograph's format, size and orientation without decoding it.

    Raises:
        ImageError: the file cannot be read or is not an image.
    """
    with _opened(path) as stream:
        return _parse(stream, printable(path.name))


def orientation_in(exif: Image.Exif) -> int:
    """The orientation in EXIF data, 1 to 8; 1, which is upright, where there is none."""
    orientation = exif.get(_ORIENTATION_TAG, 1)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def read_whole(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[Header, bytes]:
    """The header and all bytes of a photograph that can be decoded in reasonable time and memory.

    Args:
        path: the file.
        max_pixels: a picture of more pixels is refused, by its header: no more of it is read.

    Raises:
        ImageError: the file cannot be read, is not an image or too large, or is a JPEG or PNG whose
            end is missing (the decoder would silently fill the rest of a JPEG with grey).
    """
    name = printable(path.name)
    with _opened(path) as stream:
        header = _parse(stream, name)
        width, height = header.size
        if width * height > max_pixels:
            raise ImageError(
                f"{name} is too large to be decoded: {width} x {height} pixels, the limit is"
                f" {max_pixels} pixels",
                Hint.MORE_PIXELS,
            )
        size = os.fstat(stream.fileno()).st_size
        if size > max_pixels * _BYTES_PER_PIXEL + _BYTES_BESIDE:
            raise ImageError(
                f"{name} is too large to be read: {size} bytes, more than a picture of"
                f" {max_pixels} pixels needs",
                Hint.MORE_PIXELS,
            )
        stream.seek(0)
        try:
            data = stream.read()
        except MemoryError as error:
            raise ImageError(f"{name} cannot be read: there is not enough memory") from error
    if header.is_jpeg:
        _check_jpeg(data, name)
    elif header.format == "PNG":
        _check_png(data, name)
    return header, data


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    name = printable(path.name)
    try:
        # Opening a pipe would block until somebody writes into it, perhaps for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ImageError(f"{name} cannot be read: it is a folder, a pipe or a device")
        with os.fdopen(descriptor, "rb") as stream:
            yield stream
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror or error}") from error


def _parse(stream: IO[bytes], name: str) -> Header:
    if claims_too_much(stream):
        raise ImageError(f"{name} has a damaged header: its entries are larger than the file")
    stream.seek(0)
    try:
        with Image.open(stream, formats=_FORMATS) as image:
            kind, size = image.format or "", image.size
            if exif_claims_too_much(image.info.get("exif", b"")):
                raise ImageError(f"{name} has damaged EXIF data: its entries are larger than it is")
            # Pillow decodes a whole PNG to find its EXIF data, which may follow the pixels.
            exif = _png_exif(stream) if kind == "PNG" else image.getexif()
            orientation = orientation_in(exif)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        if not _size(stream):
            raise ImageError(f"{name} is empty (0 bytes)") from error
        raise ImageError(f"{name} is not an image that can be read") from error
    except Exception as error:  # Pillow raises whatever its parsers stumble over
        raise ImageError(f"{name} has a damaged header: {printable(str(error))}") from error
    if 0 in size:
        raise ImageError(f"{name} has no pixels")
    # Pillow gives the upright size of a TIFF and the stored one of all other formats.
    upright = size if kind == "TIFF" else upright_size(size, orientation)
    return Header(kind, upright, orientation)


def _size(stream: IO[bytes]) -> int:
    return stream.seek(0, io.SEEK_END)


def _png_exif(stream: IO[bytes]) -> Image.Exif:
    exif = Image.Exif()
    stream.seek(_PNG_SIGNATURE_LENGTH)
    while len(start := stream.read(8)) == 8 and start[4:] != b"IEND":
        length = int.from_bytes(start[:4], "big")
        if start[4:] == b"eXIf":
            data = stream.read(length)
            if not exif_claims_too_much(data):
                exif.load(data)
            break
        stream.seek(length + 4, io.SEEK_CUR)  # the data and their checksum
    return exif


def _check_png(data: bytes, name: str) -> None:
    """OpenCV makes room for as many bytes as a chunk claims to have, before it looks for them."""
    position = _PNG_SIGNATURE_LENGTH
    while position + 8 <= len(data):
        length, kind = data[position : position + 4], data[position + 4 : position + 8]
        position += int.from_bytes(length, "big") + 12
        if kind == b"IEND":
            return
        if position > len(data):
            raise ImageError(f"{name} is truncated: the end of the picture is missing")


def _check_jpeg(data: bytes, name: str) -> None:
    ends = data[-_PADDING:].rstrip(b"\0").endswith(b"\xff\xd9")
    if ends and data.count(bytes((0xFF, _JPEG_SCAN))) <= _MOST_SCANS:
        return
    # Something follows the picture, a phone's film for example, or its end is missing; and what
    # looks like a scan may lie in a thumbnail or in the film.
    scans, position = 0, 2
    while found := _JPEG_MARKER.search(data, position):
        if found[1][0] == _JPEG_END:
            ends = True
            break
        scans += found[1][0] == _JPEG_SCAN
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        position = found.end() + length
    if not ends:
        raise ImageError(f"{name} is truncated: the end of the picture is missing")
    if scans > _MOST_SCANS:
        raise ImageError(f"{name} is a JPEG of {scans} scans, which take too long to decode")
