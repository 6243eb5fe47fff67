"""Reading photographs: one loader for prediction and for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.find import EXTENSIONS, ImageFile, find_images
from beetle_lm.predict.images.header import (
    MAX_PIXELS,
    Header,
    orientation_in,
    read_header,
    read_whole,
)
from beetle_lm.predict.images.orientation import to_upright, turn_upright, upright_size
from beetle_lm.text import printable

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "SMALLEST_SIDE",
    "Form",
    "Frame",
    "Header",
    "ImageFile",
    "Picture",
    "Read",
    "find_images",
    "read_forms",
    "read_header",
    "read_image",
]

SMALLEST_SIDE = 8
"""Width and height in pixels below which a picture is refused: no landmark could be seen in it."""

_BAND_VALUES = 1 << 18

_LOADING = Lock()  # two threads must not decode one PIL image at once

_REDUCED_FLAGS = {
    (1, 1): cv2.IMREAD_GRAYSCALE,
    (1, 2): cv2.IMREAD_REDUCED_GRAYSCALE_2,
    (1, 4): cv2.IMREAD_REDUCED_GRAYSCALE_4,
    (1, 8): cv2.IMREAD_REDUCED_GRAYSCALE_8,
    (3, 1): cv2.IMREAD_COLOR,
    (3, 2): cv2.IMREAD_REDUCED_COLOR_2,
    (3, 4): cv2.IMREAD_REDUCED_COLOR_4,
    (3, 8): cv2.IMREAD_REDUCED_COLOR_8,
}

# What is wrong with an image is said once, by the error that names the file.
_SILENT = 0
if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(_SILENT)
else:  # OpenCV 5
    cv2.utils.logging.setLogLevel(_SILENT)


@dataclass(frozen=True)
class Frame:
    """A rectangle in image coordinates, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent along y."""
        return self.bottom - self.top


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded photograph, upright.

    Args:
        pixels: uint8, (H, W) grey or (H, W, 3) RGB; fewer than the photograph has where it was
            decoded at a reduced scale.
        size: width and height of the whole photograph, upright.
        frame: the rectangle of the photograph that `pixels` covers. A reduced JPEG covers whole
            blocks, so this may reach a few pixels beyond the edge.
        orientation: EXIF orientation of the file, 1 to 8.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    frame: Frame
    orientation: int = 1

    @classmethod
    def from_array(cls, pixels: NDArray[np.uint8], channels: int) -> Picture:
        """A picture from uint8 pixels, (H, W) grey or (H, W, 3) RGB.

        Raises:
            ImageError: the array is of another type or shape.
        """
        shape_fits = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if pixels.dtype != np.uint8 or not shape_fits or 0 in pixels.shape:
            raise ImageError(
                f"an image array must be uint8 of (H, W) or (H, W, 3), got {pixels.dtype} of"
                f" {pixels.shape}"
            )
        height, width = pixels.shape[:2]
        if channels == 1 and pixels.ndim == 3:
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
        elif channels == 3 and pixels.ndim == 2:
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
        return cls(pixels, (width, height), Frame(0.0, 0.0, float(width), float(height)))

    @classmethod
    def from_pil(cls, image: Image.Image, channels: int) -> Picture:
        """A picture from a PIL image, as `read_image` makes it from its file.

        It is turned upright where the image carries an EXIF orientation (Pillow's own
        `exif_transpose` turns it and takes that away). Of several pages the current one counts.

        Args:
            image: of any mode that Pillow converts to RGB, or of 16 or 32 bit grey.
            channels: 1 for grey, 3 for RGB.

        Raises:
            ImageError: its file cannot be decoded, its mode cannot be converted, or it is too
                small.
        """
        if min(image.size) < SMALLEST_SIDE:
            raise ImageError(_too_small("the image", image.size))
        try:
            with _LOADING:
                image.load()
            stored = _as_opencv(image)
            orientation = orientation_in(image.getexif())
        except Exception as error:  # Pillow raises whatever its decoders stumble over
            raise ImageError(f"the image cannot be decoded: {printable(str(error))}") from error
        pixels = turn_upright(_to_channels(_to_8_bit(stored), channels), orientation)
        height, width = pixels.shape[:2]
        frame = Frame(0.0, 0.0, float(width), float(height))
        return cls(np.ascontiguousarray(pixels), (width, height), frame, orientation)


class Read(Protocol):
    """Reads a photograph as `read_image` does."""

    def __call__(
        self, path: Path, channels: int, at_least: tuple[int, int] | None = None
    ) -> Picture:
        """See `read_image`."""


def read_image(
    path: str | Path,
    channels: int = 3,
    at_least: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Picture:
    """Reads a photograph upright, as 8 bit grey or RGB.

    JPEG, PNG, TIFF (first page), BMP and WebP; 16 bit is scaled to 8, transparency is composited
    over white. JPEGs are decoded at the smallest scale of 1, 1/2, 1/4, 1/8 that the size wanted
    allows, which takes a fraction of the time.

    Args:
        path: the file.
        channels: 1 for grey, 3 for RGB.
        at_least: width and height of a box; the picture is decoded no smaller than it has to be to
            fill the box in one direction (so that fitting it in never enlarges it). None decodes
            all pixels.
        max_pixels: a picture of more is refused before it is decoded.

    Returns:
        The picture: uint8 `pixels`, (H, W) or (H, W, 3), and the `size` of the photograph in
        pixels. With `at_least` there may be fewer pixels; `frame` is what they cover, in pixels of
        the upright photograph, y down.

    Raises:
        ImageError: the file cannot be read, is not an image, is damaged, too small or too large.
    """
    [picture] = read_forms(Path(path), [Form(channels, at_least)], max_pixels)
    if isinstance(picture, ImageError):
        raise picture
    return picture


@dataclass(frozen=True)
class Form:
    """What is wanted of a photograph; see `read_image`."""

    channels: int
    at_least: tuple[int, int] | None = None


def read_forms(
    path: Path, forms: Sequence[Form], max_pixels: int = MAX_PIXELS
) -> list[Picture | ImageError]:
    """Reads a photograph once, and gives it in several forms, each as `read_image` gives it.

    It is also decoded once, wherever one decoding serves all forms. That of a JPEG gives either
    grey or colour, at one scale, and neither can be had from the other to the last digit: where
    forms differ in these the same bytes are decoded for each.

    Args:
        path: the file.
        forms: what is wanted of the photograph.
        max_pixels: a picture of more is refused before it is decoded.

    Returns:
        A picture in each form, or the reason why it cannot be decoded in that form.

    Raises:
        ImageError: the file cannot be read, is no image, is cut off, too small or too large.
    """
    name = printable(path.name)
    header, data = read_whole(path, max_pixels)
    if min(header.size) < SMALLEST_SIDE:
        raise ImageError(_too_small(name, header.size))
    kinds = [(form.channels, _reduction(header, form.at_least)) for form in forms]
    decoded: dict[int, NDArray[np.uint8]] = {}
    pictures: dict[tuple[int, int], Picture | ImageError] = {}
    for kind in dict.fromkeys(kinds):
        try:
            pictures[kind] = _decoded(data, header, *kind, decoded, name)
        except ImageError as error:
            pictures[kind] = error
    return [pictures[kind] for kind in kinds]


def _too_small(name: str, size: tuple[int, int]) -> str:
    return f"{name} is too small to show anything ({size[0]} x {size[1]} pixels)"


def _as_opencv(image: Image.Image) -> NDArray[np.generic]:
    """The pixels of a PIL image as OpenCV decodes them: grey, BGR or BGRA."""
    if image.mode == "F" or image.mode.startswith("I"):
        pixels = np.asarray(image)
        return pixels.astype(pixels.dtype.newbyteorder("="))
    if image.has_transparency_data:
        return np.asarray(cv2.cvtColor(np.asarray(image.convert("RGBA")), cv2.COLOR_RGBA2BGRA))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return np.asarray(cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR))


def _decoded(
    data: bytes,
    header: Header,
    channels: int,
    reduction: int,
    decoded: dict[int, NDArray[np.uint8]],
    name: str,
) -> Picture:
    """Decodes a photograph; `decoded` keeps what the decoder gave, by the flags it was called with.

    Raises:
        ImageError: it cannot be decoded.
    """
    flags = cv2.IMREAD_UNCHANGED
    if header.is_jpeg:
        flags = _REDUCED_FLAGS[channels, reduction] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        if flags not in decoded:
            raw = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
            if raw is None:
                raise ImageError(f"{name} cannot be decoded: it is damaged or of an unknown kind")
            decoded[flags] = _to_8_bit(raw)
        pixels = _to_channels(decoded[flags], channels)
        if header.format != "TIFF":  # which OpenCV turns itself, whatever it is told
            pixels = turn_upright(pixels, header.orientation)
    except cv2.error as error:
        raise ImageError(f"{name} cannot be decoded: {error.err}") from error
    except MemoryError as error:
        raise ImageError(f"{name} cannot be decoded: there is not enough memory") from error
    expected = tuple(-(-side // reduction) for side in header.size)
    if pixels.shape[1::-1] != expected:
        raise ImageError(f"{name} is damaged: its header gives another size than its pixels")
    return Picture(
        np.ascontiguousarray(pixels),
        header.size,
        _covered(pixels, header, reduction),
        header.orientation,
    )


def _reduction(header: Header, at_least: tuple[int, int] | None) -> int:
    if not header.is_jpeg or at_least is None:
        return 1
    shrink = max(header.size[0] / at_least[0], header.size[1] / at_least[1])
    return next(factor for factor in (8, 4, 2, 1) if factor <= shrink or factor == 1)


def _covered(pixels: NDArray[np.uint8], header: Header, reduction: int) -> Frame:
    if reduction == 1:
        return Frame(0.0, 0.0, float(header.size[0]), float(header.size[1]))
    height, width = pixels.shape[:2]
    stored = upright_size((width, height), header.orientation)
    corners = np.array([[0, 0], [stored[0] * reduction, stored[1] * reduction]], dtype=np.float64)
    turned = to_upright(corners, header.orientation, header.size)
    (left, top), (right, bottom) = turned.min(axis=0), turned.max(axis=0)
    return Frame(float(left), float(top), float(right), float(bottom))


def _bands(pixels: NDArray[np.generic]) -> Iterator[slice]:
    """Bands of rows, so that the whole picture is never in memory in floating point."""
    rows = max(1, _BAND_VALUES // max(1, pixels[0].size))
    return (slice(top, top + rows) for top in range(0, len(pixels), rows))


def _to_8_bit(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    scaled = np.empty(pixels.shape, np.uint8)
    with np.errstate(all="ignore"):  # damaged files have values of every kind
        low, high = _range(pixels)
        factor = 255.0 / max(high - low, 1e-12)
        for band in _bands(pixels):
            values = (np.nan_to_num(pixels[band].astype(np.float64)) - low) * factor
            scaled[band] = np.clip(np.rint(values), 0, 255)
    return scaled


def _range(pixels: NDArray[np.generic]) -> tuple[float, float]:
    """The values that become black and white."""
    if pixels.dtype == np.uint16:
        # Cameras store 10, 12 or 14 bit in 16: the range is that of the bits in use.
        highest = max(int(pixels[band].max()) for band in _bands(pixels))
        return 0.0, float(2 ** max(8, highest.bit_length()) - 1)
    ends = []
    for band in _bands(pixels):
        values = pixels[band].astype(np.float64)
        finite = values[np.isfinite(values)]
        ends += [float(finite.min()), float(finite.max())] if finite.size else []
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _to_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """OpenCV's grey, BGR or BGRA as grey or RGB."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = _over_white(pixels)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if channels == 1 and pixels.ndim == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    if channels == 3:
        code = cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    return pixels


def _over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    opaque = np.empty((*pixels.shape[:2], 3), np.uint8)
    for band in _bands(pixels):
        alpha = pixels[band][..., 3:].astype(np.float32) / 255.0
        opaque[band] = np.rint(pixels[band][..., :3] * alpha + 255.0 * (1.0 - alpha))
    return opaque
