"""What an image file says about itself: its kind, its size, which way up it is, if it is whole."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from beetle_lm.errors import Hint, ImageError
from beetle_lm.predict.images import jpeg, optional, tiff
from beetle_lm.predict.images.chunks import (
    PNG_START,
    png_exif,
    png_size,
    webp_metadata,
    webp_size,
)
from beetle_lm.predict.images.find import File, ImageFile
from beetle_lm.predict.images.orientation import ExifFrame, upright_size
from beetle_lm.predict.images.stored import StoredFile
from beetle_lm.predict.images.tiff import Page, claims_too_much, exif_claims_too_much, pictures_in
from beetle_lm.predict.images.tiff_pixels import Stored, read_stored
from beetle_lm.text import printable

MAX_PIXELS = 500_000_000
"""Pixels above which a picture is refused unless more are allowed: 1.5 GB when decoded."""

_ORIENTATION_TAG = 0x0112
_ORIENTATION_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
# The further kinds that Pillow reads. It knows many more, with decoders that few have tried.
_FORMATS = ("BMP", "DIB", "GIF", "JPEG2000")
_BYTES_PER_PIXEL, _BYTES_BESIDE = 8, 1 << 26  # 16 bit RGBA; profiles, thumbnails, a phone's film

# Cameras' thumbnails and previews for their own screens are smaller.
_NO_THUMBNAIL = 640

# Pillow reads headers only here; `read_whole` guards against large pictures.
Image.MAX_IMAGE_PIXELS = None
# What is wrong with an image is said once, by the error that names the file.
logging.getLogger("PIL").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Header:
    """What an image file says about itself before it is decoded.

    Args:
        format: Pillow's name of the format, e.g. 'JPEG', or 'RAW'.
        size: width and height of the upright picture, in pixels.
        orientation: EXIF orientation, 1 to 8.
        pages: the pages of a TIFF file that show something of their own; the first is read.
        thumbnails: how many others are taken for thumbnails of these, by their shape alone.
    """

    format: str
    size: tuple[int, int]
    orientation: int
    pages: tuple[Page, ...] = ()
    thumbnails: int = 0

    @classmethod
    def of_pages(cls, pages: Sequence[Page], thumbnails: int = 0) -> Header:
        """The header of a TIFF file that has these pages, one at least."""
        first = pages[0]
        size = upright_size(first.size, first.orientation)
        return cls("TIFF", size, first.orientation, tuple(pages), thumbnails)

    @property
    def page(self) -> Page | None:
        """The page of a TIFF file that holds the picture."""
        return self.pages[0] if self.pages else None

    @property
    def pictures(self) -> int:
        """How many pictures the file holds."""
        return max(1, len(self.pages))

    @property
    def is_jpeg(self) -> bool:
        """True for JPEGs, including those with several pictures in them (only the first counts)."""
        return self.format == "JPEG"

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the picture as the file stores it, in pixels."""
        return upright_size(self.size, self.orientation)

    def size_in(self, frame: ExifFrame) -> tuple[int, int]:
        """Width and height of the picture in that frame, in pixels."""
        return self.size if frame == "apply" else self.stored_size


def read_header(file: File) -> Header:
    """Reads a photograph's format, size and orientation without decoding it.

    Raises:
        ImageError: the file cannot be read or is not an image.
    """
    image = ImageFile.of(file)
    with _opened(image) as stream:
        return _parse(stream, image)


def orientation_in(exif: Image.Exif) -> int:
    """The orientation in EXIF data, 1 to 8; 1, which is upright, where there is none."""
    orientation = exif.get(_ORIENTATION_TAG, 1)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def read_whole(file: File, max_pixels: int = MAX_PIXELS) -> tuple[Header, bytes | Stored]:
    """The header of a photograph, and all of it that is needed to decode its picture.

    That is the bytes of the file, or of a TIFF file the one page that is the picture.

    Args:
        file: the file, or one of its pages.
        max_pixels: a picture of more pixels is refused, by its header: no more of it is read.

    Raises:
        ImageError: the file cannot be read, is not an image or too large, or the end of it is
            missing (the decoder would silently fill the rest of a JPEG with grey).
    """
    image = ImageFile.of(file)
    with _opened(image) as stream:
        header = _parse(stream, image)
        width, height = header.size
        if width * height > max_pixels:
            raise ImageError(
                f"{image.called} is too large to be decoded: {width} x {height} pixels, the limit"
                f" is {max_pixels} pixels",
                Hint.MORE_PIXELS,
            )
        with _about(image.called):
            # A TIFF file may have any number of pages, of which one is read.
            if header.page is not None:
                if image.page is None:
                    most = max_pixels * header.pictures
                    _check_length(stream, most, f"a picture of {most} pixels")
                return header, read_stored(stream, header.page)
            _check_length(stream, width * height, f"a picture of {width} x {height} pixels")
            stream.seek(0)
            data = stream.read()
            if header.is_jpeg:
                jpeg.check_whole(data)
            return header, data


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Puts the name of the file before what is wrong with it."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{name} {error}", error.hint) from error
    except MemoryError as error:
        raise ImageError(f"{name} cannot be read: there is not enough memory") from error


def _check_length(stream: BinaryIO, pixels: int, what: str) -> None:
    at = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(at)
    if size > pixels * _BYTES_PER_PIXEL + _BYTES_BESIDE:
        raise ImageError(f"is too large to be read: {size} bytes, more than {what} needs")


@contextmanager
def _opened(image: ImageFile) -> Iterator[BinaryIO]:
    name = image.called
    try:
        if isinstance(image.place, StoredFile):
            with image.place.opened() as stream:
                yield stream
            return
        # Opening a pipe would block until somebody writes into it, perhaps for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(image.path, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ImageError(f"{name} cannot be read: it is a folder, a pipe or a device")
        with os.fdopen(descriptor, "rb") as stream:
            yield stream
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror or error}") from error


def _parse(stream: BinaryIO, image: ImageFile) -> Header:
    with _about(image.called):
        start = stream.read(32)
        if not start:
            raise ImageError("is empty (0 bytes)")
        page = image.page
        header = Header.of_pages([page]) if page else _header(stream, start, image.place.suffix)
        if header is None:
            raise ImageError("is not an image that can be read")
        if 0 in header.size:
            raise ImageError("has no pixels")
        return header


def _header(stream: BinaryIO, start: bytes, ending: str) -> Header | None:
    if start.startswith(jpeg.START):
        begins = jpeg.read_start(stream)
        return _turned("JPEG", begins.size, begins.exif, begins.xmp) if begins else None
    if start.startswith(PNG_START):
        size = png_size(stream)
        return _turned("PNG", size, png_exif(stream)) if size else None
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        size = webp_size(stream)
        return _turned("WEBP", size, *webp_metadata(stream)) if size else None
    if optional.is_heif(start):
        _check_length(stream, MAX_PIXELS // 8, "any HEIC photograph")
        heif = optional.read_heif_size(stream)
        return Header(heif.format, heif.size, 1)
    found = _of_tiff(stream) if start.startswith(tiff.STARTS) else None
    if optional.is_raw(start, ending):
        return _of_raw(stream, start, found)
    return found or _by_pillow(stream)


def _of_raw(stream: BinaryIO, start: bytes, found: Header | None) -> Header:
    """The photograph in a camera's raw file.

    Converters, and scanners, write the endings of raw files for TIFFs with a picture in them.
    """
    _check_length(stream, MAX_PIXELS // 8, "any camera raw file")
    is_picture = found is not None and found.page is not None and not found.page.is_raw
    is_picture &= not optional.is_raw(start)
    try:
        raw = optional.read_raw_size(stream)
    except ImageError:
        if is_picture and found is not None and max(found.size) >= _NO_THUMBNAIL:
            return found
        raise
    if is_picture and found is not None and (raw is None or max(found.size) >= max(raw.size)):
        return found
    if raw is None:
        raise ImageError("is a camera raw file of an unknown kind; export it as JPEG or TIFF")
    return Header(raw.format, raw.size, 1)


def _turned(kind: str, stored: tuple[int, int], exif: bytes, xmp: bytes = b"") -> Header:
    data = Image.Exif()
    if exif_claims_too_much(exif):
        raise ImageError("has damaged EXIF data: its entries are larger than it is")
    try:
        data.load(exif)
        orientation = orientation_in(data)
    except Exception as error:  # Pillow raises whatever its parsers stumble over
        raise ImageError(f"has a damaged header: {printable(str(error))}") from error
    in_xmp = _ORIENTATION_IN_XMP.search(xmp)
    if _ORIENTATION_TAG not in data and in_xmp:
        orientation = int(in_xmp[1])
    return Header(kind, upright_size(stored, orientation), orientation)


def _of_tiff(stream: BinaryIO) -> Header | None:
    if claims_too_much(stream):
        raise ImageError("has a damaged header: its entries are larger than the file")
    pictures, thumbnails = pictures_in(tiff.read_pages(stream))
    return Header.of_pages(pictures, thumbnails) if pictures else None


def _by_pillow(stream: BinaryIO) -> Header | None:
    stream.seek(0)
    try:
        with Image.open(stream, formats=_FORMATS) as image:
            return Header(image.format or "", image.size, 1)
    except UnidentifiedImageError:
        return None
    except Exception as error:  # Pillow raises whatever its parsers stumble over
        raise ImageError(f"has a damaged header: {printable(str(error))}") from error
