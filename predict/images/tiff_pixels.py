"""The pixels of one page of a TIFF file, in every layout and depth of its samples."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from beetle_lm.errors import ImageError
from beetle_lm.predict.images import jpeg, tiff
from beetle_lm.predict.images.complaints import complaints
from beetle_lm.predict.images.levels import Raster
from beetle_lm.predict.images.tiff import Page, Tags
from beetle_lm.predict.images.tiff_colours import (
    BLACK_IS_ZERO,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    in_colours,
)
from beetle_lm.text import printable

_NONE, _OLD_JPEG, _JPEG, _PACKED = 1, 6, 7, 32773
_MOST_SAMPLES = 64
_MOST_BYTES = 1 << 32
_MOST_PACKED, _BYTES_BESIDE = 2, 1 << 26  # LZW makes noise larger, and small JPEGs have tables
_FAXES = {3: "group3", 4: "group4"}
_FAX_END = 16  # bytes that say so, or not
_DEFLATE = frozenset({8, 32946})
_BYTES = frozenset({5, _PACKED, 34925, 50000})  # LZW, PackBits, LZMA, Zstandard: bytes to bytes
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_SHORT, _LONG, _ANY_BYTES = 3, 4, 7


@dataclass(frozen=True)
class Stored:
    """A page as it is in the file: its entries, and the bytes of its strips or tiles in order."""

    tags: Tags
    segments: Sequence[bytes]


def read_stored(stream: IO[bytes], page: Page) -> Stored:
    """Reads the strips or tiles of a page, and nothing else.

    Raises:
        ImageError: they cannot be in the file, or are no pixels; the text goes on after a name.
    """
    tags = tiff.read_tags(stream, page)
    if tags is None:
        raise ImageError("has a damaged header: what it says of its pixels cannot be read")
    if page.is_raw:
        raise ImageError("is a camera raw file; export it as JPEG or TIFF")
    if tags.number(tiff.COMPRESSION, _NONE) == _OLD_JPEG:
        return Stored(tags, [_old_jpeg(stream, tags)])
    layout = _Layout.of(tags)
    offsets = tags.numbers(tiff.TILE_OFFSETS) or tags.numbers(tiff.STRIP_OFFSETS)
    lengths = tags.numbers(tiff.TILE_LENGTHS) or tags.numbers(tiff.STRIP_LENGTHS)
    number = layout.planes * layout.down * layout.across
    if len(offsets) < number:
        raise ImageError("has a damaged header: it does not say where its pixels are")
    if layout.compression == _NONE:
        lengths = [rows * layout.row_bytes for _, rows in layout.segments()]
    elif len(lengths) < number:
        if number > 1 or lengths:
            raise ImageError("has a damaged header: it does not say where its pixels are")
        lengths = [-1]
    if sum(lengths[:number]) > _MOST_PACKED * layout.plain_bytes + _BYTES_BESIDE:
        raise ImageError("has a damaged header: its pixels would take more bytes than they are")
    segments = [
        _part(stream, offset, length)
        for offset, length in zip(offsets[:number], lengths, strict=False)
    ]
    return Stored(tags, segments)


def _part(stream: IO[bytes], start: int, length: int) -> bytes:
    end = stream.seek(0, io.SEEK_END)
    if not 0 <= start < end or not -1 <= length <= end - start or length == 0:
        raise ImageError("is truncated: a part of the picture is missing")
    stream.seek(start)
    return stream.read(length)


def decode(stored: Stored) -> Raster:
    """The picture of a page.

    Raises:
        ImageError: it is damaged or of an unknown kind; the text goes on after a file's name.
    """
    tags = stored.tags
    if tags.number(tiff.COMPRESSION, _NONE) == _OLD_JPEG:
        return Raster(jpeg.decode(stored.segments[0], 3))
    layout = _Layout.of(tags)
    lossless = layout.compression in _DEFLATE | _BYTES | {_NONE}
    if layout.compression == _JPEG:
        samples, photometric = _from_jpegs(stored, layout)
    elif lossless and layout.photometric != YCBCR and layout.is_plain:
        samples, photometric = _assembled(stored, layout), layout.photometric
    else:
        return _by_pillow(stored)
    return in_colours(samples, photometric, layout.bits, tags)


@dataclass(frozen=True)
class _Layout:
    """How the samples of a page are laid out; a strip counts as a tile of the picture's width."""

    width: int
    height: int
    samples: int  # of one pixel, in all planes
    bits: int
    kind: int
    planes: int
    tile: tuple[int, int]  # width and height
    is_tiled: bool
    compression: int
    photometric: int
    predictor: int
    is_plain: bool  # samples of one depth that numbers of this machine hold

    @classmethod
    def of(cls, tags: Tags) -> _Layout:
        width, height = tags.number(tiff.WIDTH, 0), tags.number(tiff.HEIGHT, 0)
        samples = tags.number(tiff.SAMPLES, 1)
        bits = tags.numbers(tiff.BITS) or [1]
        kinds = tags.numbers(tiff.SAMPLE_FORMAT) or [_UNSIGNED]
        kind = kinds[0] if kinds[0] in (_SIGNED, _FLOAT) else _UNSIGNED
        tiled = bool(tags.numbers(tiff.TILE_OFFSETS))
        rows = tags.number(tiff.ROWS_PER_STRIP, height) or height
        tile = (width, min(rows, height))
        if tiled:
            tile = (tags.number(tiff.TILE_WIDTH, 0), tags.number(tiff.TILE_HEIGHT, 0))
        if min(width, height, samples, *tile) < 1 or samples > _MOST_SAMPLES or bits[0] < 1:
            raise ImageError("has a damaged header: it does not say how its pixels are stored")
        if max(width * height, tile[0] * tile[1]) * samples * bits[0] > 8 * _MOST_BYTES:
            raise ImageError("is too large to be decoded: it has too many samples for each pixel")
        whole = {_UNSIGNED: (8, 16, 32), _SIGNED: (8, 16, 32), _FLOAT: (16, 32, 64)}[kind]
        plain = len(set(bits)) == 1 and len(set(kinds)) == 1
        plain &= bits[0] in whole or (kind == _UNSIGNED and bits[0] < 16)
        return cls(
            width,
            height,
            samples,
            bits[0],
            kind,
            samples if tags.number(tiff.PLANAR, 1) == 2 else 1,
            tile,
            tiled,
            tags.number(tiff.COMPRESSION, _NONE),
            tags.number(tiff.PHOTOMETRIC, RGB if samples > 2 else BLACK_IS_ZERO),
            tags.number(tiff.PREDICTOR, 1),
            plain,
        )

    @property
    def across(self) -> int:
        return -(-self.width // self.tile[0])

    @property
    def down(self) -> int:
        return -(-self.height // self.tile[1])

    @property
    def together(self) -> int:
        """How many samples of a pixel are side by side."""
        return self.samples if self.planes == 1 else 1

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a strip or tile."""
        return -(-self.tile[0] * self.together * self.bits // 8)

    @property
    def plain_bytes(self) -> int:
        """Bytes of all strips or tiles."""
        return self.planes * self.down * self.across * self.tile[1] * self.row_bytes

    def segments(self) -> Iterator[tuple[tuple[int, int, int], int]]:
        """Plane, top and left of each strip or tile, and how many rows of it are stored."""
        for plane in range(self.planes):
            for top in range(0, self.height, self.tile[1]):
                rows = self.tile[1] if self.is_tiled else min(self.tile[1], self.height - top)
                for left in range(0, self.width, self.tile[0]):
                    yield (plane, top, left), rows

    def empty(self, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
        try:
            return np.empty((self.height, self.width, self.samples), dtype)
        except (MemoryError, ValueError) as error:
            raise ImageError("cannot be decoded: there is not enough memory") from error

    def put(
        self, whole: NDArray[np.generic], place: tuple[int, int, int], part: NDArray[np.generic]
    ) -> None:
        """Writes the samples of a strip or tile, (rows, columns, samples), where they belong."""
        plane, top, left = place
        target = whole[top : top + self.tile[1], left : left + self.tile[0]]
        if self.planes > 1:
            target = target[..., plane : plane + 1]
        if part.shape[0] < target.shape[0] or part.shape[1] < target.shape[1]:
            raise ImageError("is damaged: its header gives another size than its pixels")
        target[...] = part[: target.shape[0], : target.shape[1]]


def _assembled(stored: Stored, layout: _Layout) -> NDArray[np.generic]:
    """The samples as numbers of this machine, (H, W, samples)."""
    wide = 8 if layout.bits <= 8 else 16 if layout.bits <= 16 else layout.bits
    letter = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}[layout.kind]
    native = np.dtype(f"{letter}{wide // 8}")
    whole = layout.empty(native)
    for (place, rows), data in zip(layout.segments(), _plain(stored, layout), strict=True):
        if len(data) < rows * layout.row_bytes:
            raise ImageError("is damaged: a part of the picture is missing")
        lines = np.frombuffer(data, np.uint8, rows * layout.row_bytes).reshape(rows, -1)
        shape = (rows, layout.tile[0], layout.together)
        if layout.predictor == _FLOAT_DIFFERENCES:
            part = _from_float_differences(lines, native, shape)
        elif layout.bits < 16 and layout.bits != 8:
            part = _unpacked(lines, layout.bits, native, shape)
        else:
            part = lines.view(
                native.newbyteorder(">" if stored.tags.order == ">" else "<")
            ).reshape(shape)
            if layout.predictor == _DIFFERENCES:
                part = np.add.accumulate(part.astype(native), axis=1, dtype=native)
        layout.put(whole, place, part)
    return whole


def _plain(stored: Stored, layout: _Layout) -> Iterator[bytes]:
    """The bytes of each strip or tile, unpacked."""
    reverse = stored.tags.number(tiff.FILL_ORDER, 1) == 2 and layout.compression not in _BYTES
    if layout.compression in _BYTES:
        yield from _unpacked_by_libtiff(stored, layout)
        return
    for (_, rows), packed in zip(layout.segments(), stored.segments, strict=True):
        data = _reversed(packed) if reverse else packed
        yield _inflated(data, rows * layout.row_bytes) if layout.compression != _NONE else data


def _reversed(data: bytes) -> bytes:
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return np.packbits(bits).tobytes()


def _inflated(data: bytes, size: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, size)
        if len(plain) == size and not inflater.eof:
            inflater.decompress(inflater.unconsumed_tail, 1)  # its checksum comes at the end
    except zlib.error as error:
        raise ImageError("is damaged: a part of its picture is not what was written") from error
    return plain


def _unpacked_by_libtiff(stored: Stored, layout: _Layout) -> Iterator[bytes]:
    """Bytes that libtiff unpacks, as a grey picture of as many columns.

    OpenCV tells of errors in 16 bit alone, and knows the two common packings; in what it cannot
    read Pillow says what is wrong, if anything is.
    """
    fill_order = stored.tags.number(tiff.FILL_ORDER, 1)
    for (_, rows), packed in zip(layout.segments(), stored.segments, strict=True):
        pairs = next((n for n in (1, 2) if layout.row_bytes * n % 2 == rows % n == 0), 0)
        if pairs:
            shape = (layout.row_bytes * pairs // 2, rows // pairs)
            data = _grey_tiff(packed, layout.compression, fill_order, shape, 16)
            found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            if found is not None:
                yield np.asarray(found).astype("<u2").tobytes()
                continue
        shape = (layout.row_bytes, rows)
        data = _grey_tiff(packed, layout.compression, fill_order, shape, 8)
        yield np.asarray(_decoded(data)).tobytes()


def _grey_tiff(
    packed: bytes, compression: int, fill_order: int, size: tuple[int, int], bits: int
) -> bytes:
    tags = {
        tiff.WIDTH: (_LONG, [size[0]]),
        tiff.HEIGHT: (_LONG, [size[1]]),
        tiff.BITS: (_SHORT, [bits]),
        tiff.COMPRESSION: (_SHORT, [compression]),
        tiff.PHOTOMETRIC: (_SHORT, [BLACK_IS_ZERO]),
        tiff.FILL_ORDER: (_SHORT, [fill_order]),
        tiff.SAMPLES: (_SHORT, [1]),
        tiff.ROWS_PER_STRIP: (_LONG, [size[1]]),
    }
    return _tiff_of(tags, [packed], False)


def _decoded(data: bytes) -> Image.Image:
    with complaints() as said:
        try:
            with Image.open(io.BytesIO(data), formats=["TIFF"]) as opened:
                opened.load()
                image = opened.copy()
        except Exception as error:  # Pillow raises whatever its decoders stumble over
            raise ImageError(f"is damaged or of an unknown kind: {printable(str(error))}") from (
                error
            )
    if said:
        raise ImageError(f"is damaged: {printable(said[0])}")
    return image


def _tiff_of(
    tags: Mapping[int, tuple[int, Sequence[int]]], segments: Sequence[bytes], is_tiled: bool
) -> bytes:
    """A TIFF file of one page, little-endian."""
    lengths = [len(segment) for segment in segments]
    begins, place = [], 8
    for length in lengths:
        begins.append(place)
        place += length
    offsets, counts = tiff.STRIP_OFFSETS, tiff.STRIP_LENGTHS
    if is_tiled:
        offsets, counts = tiff.TILE_OFFSETS, tiff.TILE_LENGTHS
    every: dict[int, tuple[int, Sequence[int]]] = {
        **tags,
        offsets: (_LONG, begins),
        counts: (_LONG, lengths),
    }
    sizes = {_SHORT: "H", _LONG: "I", _ANY_BYTES: "B"}
    place += place % 2
    directory, further = b"", b""
    behind = place + 2 + 12 * len(every) + 4
    for tag, (kind, values) in sorted(every.items()):
        data = struct.pack(f"<{len(values)}{sizes[kind]}", *values)
        if len(data) > 4:
            at = behind + len(further)
            further += data + b"\0" * (len(data) % 2)
            data = struct.pack("<I", at)
        directory += struct.pack("<HHI4s", tag, kind, len(values), data)
    return b"".join(
        (
            struct.pack("<2sHI", b"II", 42, place),
            *segments,
            b"\0" * (sum(lengths) % 2),
            struct.pack("<H", len(every)) + directory + bytes(4) + further,
        )
    )


def _unpacked(
    lines: NDArray[np.uint8], bits: int, native: np.dtype[np.generic], shape: tuple[int, int, int]
) -> NDArray[np.generic]:
    """Samples of any number of bits below 16, the first in the highest bits, from rows of bytes."""
    _, columns, together = shape
    part = np.empty(shape, native)
    weights = (1 << np.arange(bits)[::-1]).astype(np.uint16)
    for row, line in enumerate(lines):
        each = np.unpackbits(line, count=columns * together * bits).reshape(-1, bits)
        part[row] = (each @ weights).reshape(columns, together).astype(native)
    return part


def _from_float_differences(
    lines: NDArray[np.uint8], native: np.dtype[np.generic], shape: tuple[int, int, int]
) -> NDArray[np.generic]:
    rows, columns, together = shape
    size = native.itemsize
    steps = lines.reshape(rows, -1, together)
    sums = np.add.accumulate(steps, axis=1, dtype=np.uint8).reshape(rows, size, columns * together)
    in_order = np.ascontiguousarray(sums.transpose(0, 2, 1))
    return in_order.view(native.newbyteorder(">")).reshape(shape)


def _from_jpegs(stored: Stored, layout: _Layout) -> tuple[NDArray[np.generic], int]:
    """Strips or tiles that are each a JPEG, and what their samples mean when decoded."""
    tables = bytes(stored.tags.numbers(tiff.JPEG_TABLES))
    inks = layout.together == 4
    colour = layout.together == 3
    whole = layout.empty(np.dtype(np.uint8))
    for (place, _), data in zip(layout.segments(), stored.segments, strict=True):
        # Without this marker decoders guess whether three samples are RGB or YCbCr.
        says = bytes((layout.photometric == YCBCR,))
        adobe = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + says if colour or inks else b""
        start = tables[2:-2] if tables.startswith(jpeg.START) else b""
        segment = jpeg.START + adobe + start + data[2:]
        part = jpeg.decode_inks(segment) if inks else jpeg.decode(segment, 3 if colour else 1)
        layout.put(whole, place, part if part.ndim == 3 else part[..., np.newaxis])
    return whole, RGB if layout.photometric == YCBCR else layout.photometric


def _old_jpeg(stream: IO[bytes], tags: Tags) -> bytes:
    start = tags.number(tiff.JPEG_OFFSET, 0)
    data = _part(stream, start, tags.number(tiff.JPEG_LENGTH, -1)) if start else b""
    if not data.startswith(jpeg.START):
        raise ImageError("is a TIFF with an obsolete kind of JPEG; save it anew")
    return data


_FOR_PILLOW = (
    *(tiff.WIDTH, tiff.HEIGHT, tiff.BITS, tiff.COMPRESSION, tiff.PHOTOMETRIC, tiff.FILL_ORDER),
    *(tiff.SAMPLES, tiff.ROWS_PER_STRIP, tiff.PLANAR, tiff.PREDICTOR, tiff.COLOUR_MAP),
    *(tiff.TILE_WIDTH, tiff.TILE_HEIGHT, tiff.EXTRA_SAMPLES, tiff.SAMPLE_FORMAT),
    *(292, 293, 530, 531),
)


def _by_pillow(stored: Stored) -> Raster:
    """The kinds that only libtiff knows: fax, and pictures of other formats in a TIFF."""
    tags = {
        tag: (_LONG if max(numbers) > 0xFFFF else _SHORT, numbers)
        for tag in _FOR_PILLOW
        if (numbers := stored.tags.numbers(tag)) and 0 <= min(numbers) <= max(numbers) < 1 << 32
    }
    is_tiled = bool(stored.tags.numbers(tiff.TILE_OFFSETS))
    image = _decoded(_tiff_of(tags, stored.segments, is_tiled))
    compression = stored.tags.number(tiff.COMPRESSION, _NONE)
    plain = stored.tags.number(tiff.FAX_OPTIONS, 0) == 0
    if compression in _FAXES and plain and not is_tiled and image.mode == "1":
        _check_fax(image, stored, _FAXES[compression])
    return of_pillow(image)


def _check_fax(image: Image.Image, stored: Stored, encoding: str) -> None:
    """Refuses a fax whose bytes are not those that its picture gives when it is encoded again.

    A fax has no checksum, and its decoder makes rows of whatever it finds; but encoders agree.
    """
    is_white_zero = stored.tags.number(tiff.PHOTOMETRIC, WHITE_IS_ZERO) == WHITE_IS_ZERO
    as_stored = ImageChops.invert(image) if is_white_zero else image
    rows = stored.tags.number(tiff.ROWS_PER_STRIP, image.height)
    again = io.BytesIO()
    with complaints():
        as_stored.save(again, "TIFF", compression=encoding, tiffinfo={tiff.ROWS_PER_STRIP: rows})
    [page] = tiff.read_pages(again)
    is_reversed = stored.tags.number(tiff.FILL_ORDER, 1) == 2
    for segment, wanted in zip(stored.segments, read_stored(again, page).segments, strict=True):
        found = _reversed(segment) if is_reversed else segment
        length = min(len(found), len(wanted))
        if found[: length - _FAX_END] != wanted[: length - _FAX_END] or (
            found[length:].strip(b"\0") or wanted[length + _FAX_END :]
        ):
            raise ImageError("is damaged, or written by an unusual program: save it anew")


def of_pillow(image: Image.Image) -> Raster:
    """A PIL image of any mode that can be converted to RGB, or of 16 or 32 bit grey.

    Raises:
        ValueError: it cannot be converted.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        pixels = np.asarray(image)
        return Raster(pixels.astype(pixels.dtype.newbyteorder("=")))
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        grey = image.mode in ("LA", "La")
        return Raster(rgba[..., 0] if grey else rgba[..., :3], rgba[..., 3])
    return Raster(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")))
