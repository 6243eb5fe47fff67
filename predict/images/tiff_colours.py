"""What the samples of a TIFF page mean: grey, colours, a palette, inks, an alpha."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import ImageError
from beetle_lm.predict.images import tiff
from beetle_lm.predict.images.levels import Raster
from beetle_lm.predict.images.tiff import Tags

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, YCBCR = 0, 1, 2, 6
_PALETTE, _INKS, _LAB, _ICC_LAB = 3, 5, 8, 9
_COLOURS = {RGB: 3, _INKS: 4, _LAB: 3, _ICC_LAB: 3}
_PREMULTIPLIED = 1


def in_colours(samples: NDArray[np.generic], photometric: int, bits: int, tags: Tags) -> Raster:
    """A picture, and its alpha where a sample is declared as such.

    Args:
        samples: (H, W, samples) numbers as they are stored.
        photometric: what they mean; see the constants here.
        bits: of each of them.
        tags: of the page.

    Raises:
        ImageError: they cannot mean that; the text goes on after a file's name.
    """
    number = samples.shape[2]
    colours = _COLOURS.get(photometric, 1)
    if number < colours:
        raise ImageError("has a damaged header: it has fewer samples than colours")
    values: NDArray[np.generic] = samples[..., :colours] if colours > 1 else samples[..., 0]
    extra = tags.numbers(tiff.EXTRA_SAMPLES)
    declared = [kind for kind in extra[: number - colours] if kind in (1, 2)]
    alpha, premultiplied = None, False
    if declared:
        alpha = samples[..., colours + extra.index(declared[0])]
        premultiplied = declared[0] == _PREMULTIPLIED
    most = (1 << bits) - 1
    if photometric == _PALETTE:
        return Raster(_from_palette(values, tags.numbers(tiff.COLOUR_MAP), bits), alpha)
    if bits < 8:  # of which 255 levels can be made without looking at the picture
        values = (values.astype(np.uint16) * 255 // most).astype(np.uint8)
        most = 255
    if photometric == WHITE_IS_ZERO:
        values = _inverted(values, most)
    if photometric == _INKS:
        values = _from_inks(values)
    if photometric in (_LAB, _ICC_LAB):
        values = _from_lab(values, photometric)
    return Raster(values, alpha, premultiplied)


def _inverted(values: NDArray[np.generic], most: int) -> NDArray[np.generic]:
    if values.dtype.kind == "u":
        return np.asarray(np.subtract(most, values, dtype=values.dtype))
    if values.dtype.kind == "i":
        return np.asarray(np.invert(values))
    return np.asarray(np.negative(values))


def _from_palette(indices: NDArray[np.generic], palette: list[int], bits: int) -> NDArray[np.uint8]:
    number = 1 << bits
    if indices.dtype.kind != "u" or bits > 16 or len(palette) < 3 * number:
        raise ImageError("has a damaged header: its palette is too short")
    colours = np.array(palette[: 3 * number], np.float64).reshape(3, number).T
    if colours.max() > 255:  # some writers leave 8 bits where 16 belong
        colours = colours // 256
    return np.clip(colours, 0, 255).astype(np.uint8)[indices.astype(np.intp)]


def _from_inks(inks: NDArray[np.generic]) -> NDArray[np.generic]:
    if inks.dtype.kind != "u":
        raise ImageError("cannot be decoded: its colours are of an unknown kind")
    most = 2 ** (8 * inks.dtype.itemsize) - 1
    rgb = np.empty((*inks.shape[:2], 3), inks.dtype)
    for row, line in enumerate(inks):  # never the whole in floating point
        light = most - line.astype(np.float64)
        rgb[row] = np.rint(light[:, :3] * light[:, 3:] / most)
    return rgb


def _from_lab(values: NDArray[np.generic], photometric: int) -> NDArray[np.uint8]:
    if values.dtype != np.uint8:
        raise ImageError("cannot be decoded: its colours are of an unknown kind")
    lab = np.array(values, np.uint8)
    if photometric == _LAB:
        lab[..., 1:] += 128  # signed
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
