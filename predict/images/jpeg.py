"""JPEG: what comes before the pixels, and pixels that are whole or not there."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.text import printable

MOST_SEGMENTS = 10_000
"""Segments before the pixels; the largest colour profiles and depth maps take some hundred."""

START = b"\xff\xd8"
_END, _SCAN, _EXIF_SEGMENT = 0xD9, 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_MOST_JUNK = 4096
# Encoders make 10 or so; each is another pass over the whole picture.
_MOST_SCANS = 100
_PADDING = 4096
# 0xFF before 0 is a value inside a scan.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_BEHIND_PIXELS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_FOUR_INKS = ("CMYK", "YCCK")


@dataclass(frozen=True)
class JpegStart:
    """What a JPEG says before its pixels.

    Args:
        size: width and height of the stored picture, in pixels.
        exif: its EXIF data, without their prefix.
        xmp: its XMP data.
    """

    size: tuple[int, int]
    exif: bytes
    xmp: bytes


def read_start(stream: BinaryIO) -> JpegStart | None:
    """Reads the segments before the pixels; None where they are those of no picture.

    Raises:
        ImageError: there are more than any camera writes; the text goes on after a file's name.
    """
    stream.seek(len(START))
    size, exif, xmp = None, [], []
    for _ in range(MOST_SEGMENTS):
        marker = _next_marker(stream)
        if marker in _ALONE:
            continue
        length = int.from_bytes(stream.read(2), "big") - 2
        if marker is None or length < 0:
            return None
        if marker == _SCAN:
            return None if size is None else JpegStart(size, b"".join(exif), b"".join(xmp))
        if marker in _FRAMES or marker == _EXIF_SEGMENT:
            content = stream.read(length)
            if len(content) < length:
                return None
            if marker != _EXIF_SEGMENT:
                height, width = (int.from_bytes(content[at : at + 2], "big") for at in (1, 3))
                size = (width, height)
            elif content.startswith(_XMP):
                xmp.append(content.removeprefix(_XMP))
            elif content.startswith(_EXIF):
                exif.append(content.removeprefix(_EXIF))
        else:
            stream.seek(length, io.SEEK_CUR)
    raise ImageError(f"has a damaged header: it has more than {MOST_SEGMENTS} segments")


def _next_marker(stream: BinaryIO) -> int | None:
    for _ in range(_MOST_JUNK):
        byte = stream.read(1)
        if not byte:
            return None
        if byte == b"\xff":
            while byte == b"\xff":
                byte = stream.read(1)
            if byte != b"\0":
                return byte[0] if byte else None
    return None


def check_whole(data: bytes) -> None:
    """Refuses what the decoder would fill up with grey, or take hours for.

    Raises:
        ImageError: the text goes on after a file's name.
    """
    ends = data[-_PADDING:].rstrip(b"\0").endswith(b"\xff\xd9")
    if ends and data.count(bytes((0xFF, _SCAN))) <= _MOST_SCANS:
        return
    # Something follows the picture, a phone's film for example, or its end is missing; and what
    # looks like a scan may lie in a thumbnail or in the film.
    scans, position = 0, 2
    while found := _MARKER.search(data, position):
        if found[1][0] == _END:
            ends = True
            break
        scans += found[1][0] == _SCAN
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        position = found.end() + length
    if not ends:
        raise ImageError("is truncated: the end of the picture is missing")
    if scans > _MOST_SCANS:
        raise ImageError(f"is a JPEG of {scans} scans, which take too long to decode")


def decode(data: bytes, channels: int, reduction: int = 1) -> NDArray[np.uint8]:
    """The stored pixels, (H, W) grey or (H, W, 3) RGB, at a scale of 1, 1/2, 1/4 or 1/8.

    OpenCV's decoder, the same as this one to the last digit, goes on where data are damaged and
    tells only the standard error of it; this one tells its caller.

    Raises:
        ImageError: the picture is damaged; the text goes on after a file's name.
    """
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        mended = _ordinary(data, str(error))
        if mended != data:
            return decode(mended, channels, reduction)
        return _by_pillow(data, channels, reduction)
    form = "CMYK" if space in _FOUR_INKS else "GRAY" if channels == 1 else "RGB"
    at_least = (-(-height // reduction), -(-width // reduction))
    pixels = _strictly(data, form, at_least, reduction)
    if pixels is None:
        return _by_pillow(data, channels, reduction)
    if form == "CMYK":
        return _from_inks(data, channels, reduction)
    return pixels[..., 0] if channels == 1 else pixels


def decode_inks(data: bytes) -> NDArray[np.uint8]:
    """The four samples of each pixel as they are stored, (H, W, 4).

    Raises:
        ImageError: the picture is damaged; the text goes on after a file's name.
    """
    pixels = _strictly(data, "CMYK", (0, 0), 1)
    if pixels is None:
        raise ImageError("cannot be decoded: its JPEG data are of an unknown kind")
    return pixels


def _strictly(
    data: bytes, form: str, at_least: tuple[int, int], reduction: int
) -> NDArray[np.uint8] | None:
    """None where the decoder does not know this kind of JPEG."""

    def decoded(data: bytes, strict: bool) -> NDArray[np.uint8]:
        return np.asarray(
            simplejpeg.decode_jpeg(
                data,
                form,
                min_height=at_least[0],
                min_width=at_least[1],
                min_factor=reduction,
                strict=strict,
            ),
            np.uint8,
        )

    try:
        return decoded(data, True)
    except ValueError as error:
        reason = str(error)
    if reason.startswith(("Unsupported", "Unknown", "Sorry", "Requested", "tj")):
        return None
    try:
        if _is_harmless(data, reason):
            return decoded(data, False)
        # An oddity of the header is told of first, and would hide damage.
        mended = _ordinary(data, reason)
        if mended != data:
            return decoded(mended, True)
    except ValueError as error:
        reason = str(error)
    raise ImageError(f"is damaged: {reason.removeprefix('Corrupt JPEG data: ')}")


def _is_harmless(data: bytes, reason: str) -> bool:
    """Whether all that the decoder found odd is of no meaning: bytes behind the last pixels.

    Or a scan that comes twice, which changes nothing.
    """
    if "progression" in reason:
        return True
    found = _BEHIND_PIXELS.search(reason)
    if not found:
        return False
    number, end = int(found[1]), data.rfind(b"\xff\xd9")
    return number <= 2 or not data[max(0, end - number) : end].strip(b"\0\xff")


def _ordinary(data: bytes, reason: str) -> bytes:
    """The same picture without what decoders find odd in its header and pass over."""
    if "JFIF" in reason and (at := data.find(b"JFIF\0")) > 0:
        return data[: at + 5] + b"\1" + data[at + 6 :]
    if "SOS" in reason:
        marks = (found.start() for found in re.finditer(rb"\xff\xda\x00[\x08\x0a\x0c]", data))
        if (at := next(marks, -1)) > 0:
            end = at + 2 + data[at + 3]
            return data[: end - 3] + b"\0\x3f\0" + data[end:]
    return data


def _from_inks(data: bytes, channels: int, reduction: int) -> NDArray[np.uint8]:
    scale = {1: "", 2: "REDUCED_", 4: "REDUCED_", 8: "REDUCED_"}[reduction]
    colour = "GRAYSCALE" if channels == 1 else "COLOR"
    suffix = "" if reduction == 1 else f"_{reduction}"
    flags = getattr(cv2, f"IMREAD_{scale}{colour}{suffix}") | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ImageError("cannot be decoded: it is damaged or of an unknown kind")
    if channels == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return np.asarray(pixels, np.uint8)


def _by_pillow(data: bytes, channels: int, reduction: int) -> NDArray[np.uint8]:
    """JPEGs of rare kinds: lossless ones, or of other samplings than are in use."""
    mode = "L" if channels == 1 else "RGB"
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            width, height = image.size
            image.draft(mode, (max(1, width // reduction), max(1, height // reduction)))
            return np.asarray(image.convert(mode))
    except Exception as error:  # Pillow raises whatever its decoders stumble over
        raise ImageError(f"cannot be decoded: {printable(str(error))}") from error
