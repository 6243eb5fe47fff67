"""EXIF orientation: from the pixels as stored to the upright picture, and back.

Each of the tag's eight values (CIPA DC-008, tag 274) is a transposition, or none, and then mirrors.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats

ExifFrame = Literal["apply", "stored"]
"""The frame of coordinates in a file: the picture upright as viewers show it ('apply'), or the
pixels as they are stored, which tpsDig and geomorph show."""

# value: (transpose, then mirror x, then mirror y)
_STEPS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of the upright picture, from those stored (or the other way round)."""
    return (size[1], size[0]) if _STEPS[orientation][0] else size


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Stored pixels (H, W) or (H, W, 3) as the upright picture."""
    transpose, mirror_x, mirror_y = _STEPS[orientation]
    if transpose:
        pixels = np.asarray(cv2.transpose(pixels), np.uint8)
    if mirror_x or mirror_y:
        axis = 0 if not mirror_x else -1 if mirror_y else 1
        pixels = np.asarray(cv2.flip(pixels, axis), np.uint8)
    return pixels


def to_upright(xy: Floats, orientation: int, size: tuple[int, int]) -> Floats:
    """Coordinates (..., 2) in the stored picture as coordinates in the upright one.

    Args:
        xy: coordinates in pixels of the stored picture.
        orientation: the EXIF value, 1 to 8.
        size: width and height of the upright picture.
    """
    transpose, mirror_x, mirror_y = _STEPS[orientation]
    upright = np.array(xy[..., ::-1] if transpose else xy, dtype=np.float64)
    if mirror_x:
        upright[..., 0] = size[0] - upright[..., 0]
    if mirror_y:
        upright[..., 1] = size[1] - upright[..., 1]
    return upright


def to_stored(xy: Floats, orientation: int, size: tuple[int, int]) -> Floats:
    """Coordinates (..., 2) in the upright picture of that size as coordinates in the stored one."""
    transpose, mirror_x, mirror_y = _STEPS[orientation]
    stored = np.array(xy, dtype=np.float64)
    if mirror_x:
        stored[..., 0] = size[0] - stored[..., 0]
    if mirror_y:
        stored[..., 1] = size[1] - stored[..., 1]
    return stored[..., ::-1].copy() if transpose else stored
