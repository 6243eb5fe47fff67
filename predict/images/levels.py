"""From what decoders give, in any depth and with transparency, to 8 bit grey or RGB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BAND_VALUES = 1 << 18
_SAMPLED = 1 << 18
# At most so many values at either end may lie apart from all others: hot pixels, a scale bar.
_APART = 0.02
# So few values between them and the others are as good as none.
_NONE = 0.0002


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture as stored, in the depth of its file.

    Args:
        values: of any type, (H, W) grey or (H, W, 3) RGB; more is brighter.
        alpha: (H, W), how opaque each pixel is, from 0 to the highest value of its type or to 1.
        premultiplied: the values have been multiplied by the alpha.
    """

    values: NDArray[np.generic]
    alpha: NDArray[np.generic] | None = None
    premultiplied: bool = False


def flatten(raster: Raster) -> NDArray[np.uint8]:
    """The picture in 8 bit over white, (H, W) or (H, W, 3).

    An alpha of 0 everywhere, as programs leave that know no transparency, does not count.
    """
    pixels = to_8_bit(raster.values)
    alpha = raster.alpha
    if alpha is None or not alpha.any():
        return np.ascontiguousarray(pixels)
    whole = (
        1.0
        if alpha.dtype.kind == "f"
        else float(2 ** (8 * alpha.dtype.itemsize - (alpha.dtype.kind == "i")) - 1)
    )
    if float(alpha.min()) >= whole:
        return np.ascontiguousarray(pixels)
    opaque = np.empty(pixels.shape, np.uint8)
    for band in bands(pixels):
        share = np.clip(alpha[band].astype(np.float32) / np.float32(whole), 0.0, 1.0)
        if pixels.ndim == 3:
            share = share[..., np.newaxis]
        front = pixels[band] * (np.float32(1.0) if raster.premultiplied else share)
        opaque[band] = np.clip(np.rint(front + 255.0 * (1.0 - share)), 0, 255)
    return opaque


def in_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """8 bit grey or RGB as the one that is wanted."""
    if channels == 1 and pixels.ndim == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    if channels == 3 and pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
    return pixels


def bands(pixels: NDArray[np.generic]) -> Iterator[slice]:
    """Bands of rows, so that the whole picture is never in memory in floating point."""
    rows = max(1, _BAND_VALUES // max(1, pixels[0].size))
    return (slice(top, top + rows) for top in range(0, len(pixels), rows))


def to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Values of any type as 8 bit: the range that the picture makes use of, from black to white."""
    if values.dtype == np.uint8:
        return np.asarray(values, np.uint8)
    scaled = np.empty(values.shape, np.uint8)
    with np.errstate(all="ignore"):  # damaged files have values of every kind
        low, high = _range(values)
        factor = 255.0 / max(high - low, 1e-12)
        for band in bands(values):
            in_range = (np.nan_to_num(values[band].astype(np.float64)) - low) * factor
            scaled[band] = np.clip(np.rint(in_range), 0, 255)
    return scaled


def _range(values: NDArray[np.generic]) -> tuple[float, float]:
    """The values that become black and white."""
    low, high = _in_use(values)
    if values.dtype == np.uint16 and low < high / 2:
        # Cameras store 10, 12 or 14 bit in 16: the range is that of the bits in use.
        return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    return low, high


def _in_use(values: NDArray[np.generic]) -> tuple[float, float]:
    """The lowest and the highest value, but for those few that lie far from all others."""
    if values.dtype.kind in "iu":
        return _without_outliers(values, float(values.min()), float(values.max()))
    ends = []
    for band in bands(values):
        finite = values[band].astype(np.float64)
        finite = finite[np.isfinite(finite)]
        ends += [float(finite.min()), float(finite.max())] if finite.size else []
    if not ends:
        return 0.0, 1.0
    return _without_outliers(values, min(ends), max(ends))


def _without_outliers(
    values: NDArray[np.generic], lowest: float, highest: float
) -> tuple[float, float]:
    step = max(1, values.size // _SAMPLED) | 1  # odd, so as not to meet the same columns again
    sample = values.reshape(-1)[::step].astype(np.float64)
    sample = np.sort(sample[np.isfinite(sample)])
    low, high = (sample[int(at * (len(sample) - 1))] for at in (_APART, 1 - _APART))
    if not low < high:
        return lowest, highest
    high = _end(sample, float(low), highest)
    low = -_end(-sample[::-1], -float(high), -lowest)
    return low, high


def _end(ordered: NDArray[np.float64], other_end: float, highest: float) -> float:
    """The highest value that does not lie apart: as far from all others as these reach."""
    first = int((1 - _APART) * (len(ordered) - 1))
    candidates = ordered[first:]
    reach = 2 * candidates - other_end
    above = np.searchsorted(ordered, reach, "right") - np.searchsorted(ordered, candidates, "right")
    beyond = len(ordered) - np.searchsorted(ordered, candidates, "right")
    apart = (above <= _NONE * len(ordered)) & (beyond <= _APART * len(ordered))
    end = float(candidates[int(np.argmax(apart))])
    return highest if highest <= 2 * end - other_end else end
