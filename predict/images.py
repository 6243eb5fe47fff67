"""Finding photographs and reading them: one loader for prediction and for training."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import ImageError
from beetle_lm.predict.headers import Header, parse_header, read_header
from beetle_lm.predict.orientation import to_upright, turn_upright, upright_size

__all__ = [
    "EXTENSIONS",
    "SMALLEST_SIDE",
    "Frame",
    "Header",
    "ImageFile",
    "Picture",
    "find_images",
    "read_header",
    "read_image",
]

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})
"""File name endings, in lower case, by which photographs are found in folders."""

SMALLEST_SIDE = 8
"""Width and height in pixels below which a picture is refused: no landmark could be seen in it."""

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

# What is wrong with an image is told once, by the error that names the file.
_SILENT = 0
if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(_SILENT)
else:  # OpenCV 5
    cv2.utils.logging.setLogLevel(_SILENT)


@dataclass(frozen=True)
class ImageFile:
    """A photograph to read.

    Args:
        path: where it is.
        name: its path below the folder that was searched, with '/' on every system; unique in
            one list of images.
    """

    path: Path
    name: str


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


def find_images(inputs: Sequence[str | Path], recursive: bool = False) -> list[ImageFile]:
    """Lists the photographs in files, folders and globs, sorted by name, each once.

    Files that are named are taken whatever their ending; folders and globs give the files that end
    like images (in any case). Hidden files and what is in hidden sub-folders are passed over.

    Args:
        inputs: paths of files or folders, or glob patterns.
        recursive: also look into sub-folders.

    Raises:
        ImageError: an input does not exist, or no photograph was found.
    """
    files: list[Path] = []
    roots: list[Path] = []
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            files.extend(_images_in(path, recursive))
            roots.append(path)
        elif path.exists():
            files.append(path)
            roots.append(path.parent)
        else:
            matched = [Path(match) for match in glob.glob(str(given), recursive=True)]
            if not matched:
                raise ImageError(f"there is no file or folder {given}")
            chosen = [match for match in matched if match.is_file() and _is_image(match)]
            files.extend(chosen)
            roots.extend(match.parent for match in chosen)
    if not files:
        listed = ", ".join(str(given) for given in inputs)
        hint = "" if recursive else "; -r looks into sub-folders too"
        raise ImageError(
            f"no images in {listed} (looked for {', '.join(sorted(EXTENSIONS))}){hint}"
        )
    unique = {_absolute(path): path for path in files}
    root = _common_root([_absolute(root) for root in roots])
    named = [ImageFile(path, _name_below(root, absolute)) for absolute, path in unique.items()]
    return sorted(named, key=lambda image: image.name)


def read_image(path: Path, channels: int, at_least: tuple[int, int] | None = None) -> Picture:
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

    Raises:
        ImageError: the file cannot be read, is no image, is damaged or too small.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name} cannot be read: {error.strerror or error}") from error
    header = parse_header(data, path.name)
    if min(header.size) < SMALLEST_SIDE:
        width, height = header.size
        raise ImageError(f"{path.name} is too small to show anything ({width} x {height} pixels)")
    reduction = 1
    flags = cv2.IMREAD_UNCHANGED
    if header.is_jpeg:
        if at_least is not None:
            reduction = _reduction(header.size, at_least)
        flags = _REDUCED_FLAGS[channels, reduction] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"{path.name} cannot be decoded: {error.err}") from error
    if decoded is None:
        raise ImageError(f"{path.name} cannot be decoded: it is damaged or of an unknown kind")
    pixels = _to_channels(_to_8_bit(decoded), channels)
    if header.format != "TIFF":  # OpenCV turns TIFFs itself, whatever it is told
        pixels = turn_upright(pixels, header.orientation)
    return Picture(
        np.ascontiguousarray(pixels),
        header.size,
        _covered(pixels, header, reduction),
        header.orientation,
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def _is_hidden(folder: Path) -> bool:
    return any(part.startswith(".") for part in folder.parts)


def _images_in(folder: Path, recursive: bool) -> Iterable[Path]:
    found: Iterable[Path] = folder.rglob("*") if recursive else folder.iterdir()
    try:
        images = [path for path in found if _is_image(path) and not path.is_dir()]
        return [path for path in images if not _is_hidden(path.relative_to(folder).parent)]
    except OSError as error:
        raise ImageError(f"{folder} cannot be searched: {error.strerror}") from error


def _common_root(roots: Sequence[Path]) -> Path | None:
    try:
        return Path(os.path.commonpath(roots))
    except ValueError:  # on different drives
        return None


def _name_below(root: Path | None, path: Path) -> str:
    return path.as_posix() if root is None else path.relative_to(root).as_posix()


def _reduction(size: tuple[int, int], at_least: tuple[int, int]) -> int:
    shrink = max(size[0] / at_least[0], size[1] / at_least[1])
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


def _to_8_bit(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    values = pixels.astype(np.float32)
    if pixels.dtype == np.uint16:
        # Cameras store 10, 12 or 14 bit in 16: the range is that of the bits in use.
        low, high = 0.0, float(2 ** max(8, int(values.max()).bit_length()) - 1)
    else:
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scaled = (np.nan_to_num(values) - low) * (255.0 / max(high - low, 1e-12))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def _to_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """OpenCV's grey, BGR or BGRA as grey or RGB."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.float32) / 255.0
        over_white = pixels[..., :3] * alpha + 255.0 * (1.0 - alpha)
        pixels = np.rint(over_white).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if channels == 1 and pixels.ndim == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    if channels == 3:
        code = cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    return pixels
