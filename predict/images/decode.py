"""The stored pixels of a photograph, from what was read of its file."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.predict.images import jpeg, tiff_pixels
from beetle_lm.predict.images.chunks import png_pixels
from beetle_lm.predict.images.levels import Raster, flatten
from beetle_lm.predict.images.optional import HEIF_FORMAT, RAW_FORMAT, decode_heif, decode_raw
from beetle_lm.predict.images.tiff_pixels import Stored, of_pillow
from beetle_lm.text import printable

# What is wrong with an image is said once, by the error that names the file.
_SILENT = 0
if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(_SILENT)
else:  # OpenCV 5
    cv2.utils.logging.setLogLevel(_SILENT)


def decode(data: bytes | Stored, kind: str, channels: int, reduction: int) -> NDArray[np.uint8]:
    """The pixels of a photograph as they are stored, in 8 bit, (H, W) or (H, W, 3) RGB.

    Args:
        data: what was read of the file.
        kind: the format of the file.
        channels: 1 or 3, which only a JPEG takes into account.
        reduction: 1, 2, 4 or 8, which only a JPEG takes into account.

    Raises:
        ImageError: it cannot be decoded; the text goes on after a file's name.
    """
    try:
        if isinstance(data, Stored):
            return flatten(tiff_pixels.decode(data))
        if kind == "JPEG":
            return jpeg.decode(data, channels, reduction)
        if kind == HEIF_FORMAT:
            return decode_heif(data)
        if kind == RAW_FORMAT:
            return decode_raw(data)
        if kind == "PNG":
            return flatten(_by_opencv(png_pixels(data)))
        return flatten(_by_opencv(data) if kind == "WEBP" else _by_pillow(data, kind))
    except cv2.error as error:
        raise ImageError(f"cannot be decoded: {error.err}") from error
    except MemoryError as error:
        raise ImageError("cannot be decoded: there is not enough memory") from error


def _by_opencv(data: bytes) -> Raster:
    """PNG and WebP: Pillow gives the one in 8 bit only, and takes minutes where the other claims to
    be huge.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError("cannot be decoded: it is damaged or of an unknown kind")
    if pixels.ndim == 2:
        return Raster(pixels)
    if pixels.shape[2] == 4:
        return Raster(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB)), pixels[..., 3])
    return Raster(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)))


def _by_pillow(data: bytes, kind: str) -> Raster:
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            image.load()
            return of_pillow(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders stumble over
        raise ImageError(f"cannot be decoded: {printable(str(error))}") from error
