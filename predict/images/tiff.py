"""The directories of a TIFF structure: the pages of TIFF files, and what EXIF data claim."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
FILL_ORDER, ORIENTATION, SAMPLES, ROWS_PER_STRIP = 266, 274, 277, 278
STRIP_OFFSETS, STRIP_LENGTHS, PLANAR, PREDICTOR, COLOUR_MAP = 273, 279, 284, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS = 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 338, 339, 347
JPEG_OFFSET, JPEG_LENGTH = 513, 514
_SUBFILE, _OLD_SUBFILE, _SUB_DIRECTORIES = 254, 255, 330
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
FAX_OPTIONS, _GROUP_4_OPTIONS, _CHROMA = 292, 293, (529, 530, 531, 532)
_NEEDED = frozenset(
    {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES}
    | {ROWS_PER_STRIP, STRIP_OFFSETS, STRIP_LENGTHS, PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH}
    | {TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES}
    | {JPEG_OFFSET, JPEG_LENGTH, FAX_OPTIONS, _GROUP_4_OPTIONS, *_CHROMA}
)
_FORMS = {
    **{1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4"},
    **{12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8"},
}
_CAMERA_RAW = frozenset({32803, 34892})
_MOST_PAGES = 100_000
_MOST_SUB_DIRECTORIES = 64
_MOST_VALUES = 1 << 26  # bytes of one entry
# How much larger than the first page one of the same shape is, if that is but its thumbnail.
_TIMES, _SAME_SHAPE = 2, 0.03

_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    **{16: 8, 17: 8, 18: 8},
}
_SHARED = 4  # some writers let entries share their values
_EXIF = b"Exif\0\0"


@dataclass(frozen=True)
class Page:
    """One directory of a TIFF file.

    Args:
        start: where it is in the file.
        size: width and height in pixels, as stored.
        orientation: the EXIF value, 1 to 8; that of the page above where it has none.
        photometric: what its values mean; -1 where it does not say.
        is_reduced: another page shows the same at a higher resolution, or this is but a mask.
        number: which of the file's pictures it is, from 1; 0 where that was not looked at.
    """

    start: int
    size: tuple[int, int]
    orientation: int
    photometric: int
    is_reduced: bool
    number: int = 0

    @property
    def is_raw(self) -> bool:
        """Whether it holds what a camera's sensor gave, of which a picture has yet to be made."""
        return self.photometric in _CAMERA_RAW


class Tags:
    """The entries of a directory that its pixels depend on.

    Args:
        order: how numbers are stored in the file, '<' or '>'.
        values: the numbers of each entry.
    """

    def __init__(self, order: str, values: Mapping[int, tuple[float, ...]]) -> None:
        self.order = order
        self.values = values

    def numbers(self, tag: int) -> list[int]:
        """The numbers of an entry, as whole ones; none where there is no such entry."""
        return [int(value) for value in self.values.get(tag, ())]

    def number(self, tag: int, otherwise: int) -> int:
        """The first number of an entry, as a whole one."""
        return next(iter(self.numbers(tag)), otherwise)


def read_pages(stream: IO[bytes]) -> list[Page]:
    """The pages of a TIFF file, those of sub-directories behind the one that has them.

    What cannot be read ends the list.
    """
    structure = _Structure(stream)
    pages: list[Page] = []
    seen = {0}
    following = structure.first
    while following not in seen and len(pages) < _MOST_PAGES:
        seen.add(following)
        directory = structure.directory(following)
        if directory is None:
            break
        page = _page(directory, following)
        pages.append(page)
        for below in directory.values(_SUB_DIRECTORIES)[:_MOST_SUB_DIRECTORIES]:
            inner = None if below in seen else structure.directory(int(below))
            seen.add(int(below))
            if inner is not None:
                pages.append(_page(inner, int(below), page.orientation))
        following = directory.following
    return pages


def read_tags(stream: IO[bytes], page: Page) -> Tags | None:
    """The entries of a page; None where one of them is damaged, and its pixels may be anything."""
    structure = _Structure(stream)
    directory = structure.directory(page.start)
    if directory is None:
        return None
    tags = {tag: directory.values(tag) for tag in sorted(_NEEDED & directory.entries.keys())}
    return Tags(structure.order, tags) if all(tags.values()) else None


def pictures_in(pages: Sequence[Page]) -> tuple[list[Page], int]:
    """The pages that show something of their own, numbered: no thumbnails, smaller versions, masks.

    Where all are such, it is the largest. Also how many others do not say that they are such, but
    have the shape of a page that is much larger.
    """
    whole = [page for page in pages if not page.is_reduced and min(page.size) > 0]
    if not whole:
        return sorted(pages, key=lambda page: math.prod(page.size))[-1:], 0
    largest = max((page.size for page in whole), key=math.prod)
    found = [page for page in whole if not _is_thumbnail_of(page.size, largest)]
    numbered = [replace(page, number=number) for number, page in enumerate(found, start=1)]
    return numbered, len(whole) - len(found)


def _is_thumbnail_of(size: tuple[int, int], other: tuple[int, int]) -> bool:
    across, down = (large / small for large, small in zip(other, size, strict=True))
    return across >= _TIMES and abs(across / down - 1) <= _SAME_SHAPE


def _page(directory: _Directory, start: int, orientation: int = 1) -> Page:
    def number(tag: int, otherwise: int) -> int:
        return int(next(iter(directory.values(tag)), otherwise))

    reduced = number(_SUBFILE, 0) & (_REDUCED | _MASK) or number(_OLD_SUBFILE, 0) == _OLD_REDUCED
    turned = number(ORIENTATION, orientation)
    return Page(
        start,
        (number(WIDTH, 0), number(HEIGHT, 0)),
        turned if 1 <= turned <= 8 else 1,
        number(PHOTOMETRIC, -1),
        bool(reduced),
    )


class _Structure:
    """A TIFF file as far as its first directory; 8 bytes for a place in it are those of BigTIFF."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.length = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        start = stream.read(16)
        self.order = "<" if start[:2] == b"II" else ">"
        self.big = 43 in (start[2:3] + start[3:4])
        self.place = self.order + ("Q" if self.big else "I")
        try:
            (self.first,) = struct.unpack_from(self.place, start, 8 if self.big else 4)
        except struct.error:
            self.first = 0

    def directory(self, start: int) -> _Directory | None:
        """The directory there, unless that is outside of the file or it is cut off."""
        if not 0 < start < self.length:
            return None
        self.stream.seek(start)
        counts = struct.Struct(self.order + ("Q" if self.big else "H"))
        entry = struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))
        try:
            (number,) = counts.unpack(self.stream.read(counts.size))
            data = self.stream.read(min(number, 0xFFFF) * entry.size)
            found = list(entry.iter_unpack(data))
        except struct.error:
            return None
        end = self.stream.read(struct.calcsize(self.place))
        following = struct.unpack(self.place, end)[0] if end and len(end) % 4 == 0 else 0
        return _Directory(self, {tag: rest for tag, *rest in found}, following)


@dataclass(frozen=True)
class _Directory:
    structure: _Structure
    entries: Mapping[int, list[Any]]  # kind, count, and the values or where they are
    following: int

    def values(self, tag: int) -> tuple[float, ...]:
        """The numbers of an entry; none where it is not there or damaged."""
        kind, count, value = self.entries.get(tag, (0, 0, b""))
        if kind not in _FORMS:
            return ()
        file = self.structure
        form = np.dtype(_FORMS[kind]).newbyteorder(">" if file.order == ">" else "<")
        size = count * form.itemsize
        if size > min(_MOST_VALUES, file.length):
            return ()
        if size > len(value):
            (place,) = struct.unpack(file.place, value)
            if place > file.length:
                return ()
            file.stream.seek(place)
            value = file.stream.read(size)
        return tuple(np.frombuffer(value[:size], form).tolist()) if len(value) >= size else ()


def claims_too_much(stream: IO[bytes]) -> bool:
    """Whether the values of the first directory's entries are more bytes than the file has.

    Sixty thousand entries may all point to the same megabytes. A single damaged entry, such as
    cameras leave, is not enough: no entry counts for more than the bytes that are there.

    Args:
        stream: a TIFF file; its position afterwards is arbitrary.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return sum(_claims(stream, size)) > _SHARED * size


def exif_claims_too_much(data: bytes) -> bool:
    """The same of EXIF data, whose entries Pillow reads all at once."""
    data = data.removeprefix(_EXIF)
    return sum(_claims(io.BytesIO(data), len(data))) > _SHARED * len(data)


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
