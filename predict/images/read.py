"""Reading photographs: one loader for prediction and for training."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import Hint, ImageError
from beetle_lm.predict.images.decode import decode
from beetle_lm.predict.images.find import File, ImageFile, find_images
from beetle_lm.predict.images.header import (
    MAX_PIXELS,
    Header,
    orientation_in,
    read_header,
    read_whole,
)
from beetle_lm.predict.images.levels import flatten, in_channels
from beetle_lm.predict.images.orientation import to_upright, turn_upright, upright_size
from beetle_lm.predict.images.tiff_pixels import Stored, of_pillow
from beetle_lm.text import printable

__all__ = [
    "MAX_PIXELS",
    "SMALLEST_SIDE",
    "File",
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

# OpenCV's, too. Pillow takes minutes for the canvas that a damaged WebP claims to have.
_LONGEST_SIDE = 1 << 20

_log = logging.getLogger("beetle_lm")
_LOADING = Lock()  # two threads must not decode one PIL image at once


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
        pixels = in_channels(pixels, channels)
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
                small or too large.
        """
        width, height = image.size
        if min(width, height) < SMALLEST_SIDE:
            raise ImageError(_too_small("the image", image.size))
        if width * height > MAX_PIXELS or max(width, height) > _LONGEST_SIDE:
            raise ImageError(
                f"the image is too large to be decoded: {width} x {height} pixels, the limit is"
                f" {MAX_PIXELS} pixels, {_LONGEST_SIDE} on a side"
            )
        try:
            with _LOADING:
                image.load()
            stored = flatten(of_pillow(image))
            orientation = orientation_in(image.getexif())
        except Exception as error:  # Pillow raises whatever its decoders stumble over
            raise ImageError(f"the image cannot be decoded: {printable(str(error))}") from error
        pixels = turn_upright(in_channels(stored, channels), orientation)
        height, width = pixels.shape[:2]
        frame = Frame(0.0, 0.0, float(width), float(height))
        return cls(np.ascontiguousarray(pixels), (width, height), frame, orientation)


class Read(Protocol):
    """Reads a photograph as `read_image` does."""

    def __call__(
        self, file: File, channels: int, at_least: tuple[int, int] | None = None
    ) -> Picture:
        """See `read_image`."""


def read_image(
    file: File,
    channels: int = 3,
    at_least: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Picture:
    """Reads a photograph upright, as 8 bit grey or RGB.

    JPEG, PNG, TIFF (its first picture that is no thumbnail), BMP, WebP, GIF and JPEG 2000; HEIC and
    cameras' raw files where their libraries are installed. 16 bit and floating point are scaled
    to 8 bit by the range that nearly all of the picture lies in, transparency is composited over
    white. JPEGs are decoded at the smallest scale of 1, 1/2, 1/4, 1/8 that the size wanted
    allows, which takes a fraction of the time.

    Args:
        file: its path, or a photograph that `find_images` gave.
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
    [picture] = read_forms(file, [Form(channels, at_least)], max_pixels)
    if isinstance(picture, ImageError):
        raise picture
    return picture


@dataclass(frozen=True)
class Form:
    """What is wanted of a photograph; see `read_image`."""

    channels: int
    at_least: tuple[int, int] | None = None


def read_forms(
    file: File, forms: Sequence[Form], max_pixels: int = MAX_PIXELS
) -> list[Picture | ImageError]:
    """Reads a photograph once, and gives it in several forms, each as `read_image` gives it.

    It is also decoded once, wherever one decoding serves all forms. That of a JPEG gives either
    grey or colour, at one scale, and neither can be had from the other to the last digit: where
    forms differ in these the same bytes are decoded for each.

    Args:
        file: the file, or one of its pages.
        forms: what is wanted of the photograph.
        max_pixels: a picture of more is refused before it is decoded.

    Returns:
        A picture in each form, or the reason why it cannot be decoded in that form.

    Raises:
        ImageError: the file cannot be read, is no image, is cut off, too small or too large.
    """
    image = ImageFile.of(file)
    name = image.called
    header, data = read_whole(image, max_pixels)
    if min(header.size) < SMALLEST_SIDE:
        raise ImageError(_too_small(name, header.size))
    if header.pictures > 1:
        _log.warning(
            "%s holds %d pictures, of which the first is read",
            name,
            header.pictures,
            extra={"hint": Hint.EVERY_PAGE},
        )
    kinds = [(form.channels, _reduction(header, form.at_least)) for form in forms]
    decoded: dict[tuple[int, int], NDArray[np.uint8]] = {}
    pictures: dict[tuple[int, int], Picture | ImageError] = {}
    for kind in dict.fromkeys(kinds):
        try:
            pictures[kind] = _picture(data, header, *kind, decoded, name)
        except ImageError as error:
            pictures[kind] = error
    return [pictures[kind] for kind in kinds]


def _too_small(name: str, size: tuple[int, int]) -> str:
    return f"{name} is too small to show anything ({size[0]} x {size[1]} pixels)"


def _picture(
    data: bytes | Stored,
    header: Header,
    channels: int,
    reduction: int,
    decoded: dict[tuple[int, int], NDArray[np.uint8]],
    name: str,
) -> Picture:
    """Decodes a photograph; `decoded` keeps what the decoder gave, by what it was asked for.

    Raises:
        ImageError: it cannot be decoded.
    """
    asked = (channels, reduction) if header.is_jpeg else (0, 1)
    try:
        if asked not in decoded:
            decoded[asked] = decode(data, header.format, channels, reduction)
    except ImageError as error:
        raise ImageError(f"{name} {error}") from error
    pixels = turn_upright(in_channels(decoded[asked], channels), header.orientation)
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
