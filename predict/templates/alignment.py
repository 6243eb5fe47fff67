"""Landmarks of an annotated photograph on another that is taken alike: fast, and no specimen has to
stand out.

The photographs are laid on each other by an affine map, then by a field of displacements (dense
optical flow), coarse to fine; at the end the surroundings of each landmark are compared at a finer
scale. It is for specimens that lie about alike in their photographs; those that lie in any rotation
are for `registration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.images.read import MAX_PIXELS, File, Picture, read_image
from beetle_lm.predict.landmarks import Floats

Plane = NDArray[np.float32]

SIDE = 512
"""Pixels of the longer side of what is compared."""

_ECC_SIDES = (64, 128, 192)
_ECC_ROUNDS = 60
_PATCH, _SEARCH = 15, 7  # pixels at the fine scale: half a patch, and how far it is sought


@dataclass(frozen=True, eq=False)
class Aligned:
    """A photograph, made small for comparing.

    Args:
        fine: (h, w) grey from 0 to 1, `SIDE` pixels long.
        size: width and height of the photograph.
    """

    fine: Plane
    size: tuple[int, int]

    @classmethod
    def read(cls, file: File, max_pixels: int = MAX_PIXELS) -> Aligned:
        """Reads a photograph.

        Raises:
            ImageError: it cannot be read.
        """
        return cls.of(read_image(file, 1, (SIDE, SIDE), max_pixels))

    @classmethod
    def of(cls, picture: Picture) -> Aligned:
        """Makes a photograph small."""
        width, height = picture.size
        scale = SIDE / max(width, height)
        size = max(8, round(width * scale)), max(8, round(height * scale))
        grey = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(axis=2)
        small = cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        clahe = cv2.createCLAHE(2.0, (8, 8)).apply(np.clip(small, 0, 255).astype(np.uint8))
        return cls(np.asarray(clahe.astype(np.float32) / 255, np.float32), picture.size)

    @property
    def per_pixel(self) -> Floats:
        """Pixels of the photograph in one that is compared, along x and y."""
        return np.array(self.size) / self.fine.shape[1::-1]

    def at(self, longest: int) -> Plane:
        """The picture at a smaller size."""
        scale = longest / max(self.fine.shape)
        size = tuple(max(8, round(side * scale)) for side in self.fine.shape[1::-1])
        return np.asarray(cv2.resize(self.fine, size, interpolation=cv2.INTER_AREA), np.float32)


def carried(source: Aligned, xy: Floats, target: Aligned) -> tuple[Floats, float]:
    """Landmarks of one photograph on another.

    Args:
        source: the annotated photograph.
        xy: (n, 2) its landmarks in its pixels, y down, none missing.
        target: the other photograph.

    Returns:
        (n, 2) landmarks in pixels of the target, and how alike both are once they are laid on each
        other: a correlation, 1 for the same.
    """
    points = xy / source.per_pixel
    matrix = _affine(source, target)
    flow, likeness = _flow(source, target, matrix)
    moved = _through(points, matrix)
    height, width = target.fine.shape
    inside = np.clip(moved, 0, (width - 1, height - 1)).astype(np.float32)
    x, y = inside[:, 0][:, None], inside[:, 1][:, None]
    moved = moved + np.asarray(cv2.remap(flow, x, y, cv2.INTER_LINEAR)).reshape(-1, 2)
    moved = _refined(source, points, target, moved, matrix)
    return np.clip(moved, 0, (width, height)) * target.per_pixel, likeness


def combined(found: Sequence[tuple[Floats, float]]) -> Floats:
    """The landmarks (n, 2) that several annotated photographs give, those more alike count more."""
    weights = np.array([max(likeness, 0.05) ** 4 for _, likeness in found])
    xy = np.stack([each for each, _ in found])
    if len(found) > 2:
        off = np.linalg.norm(xy - np.median(xy, axis=0), axis=2)
        usual = np.median(off) + 1e-6
        own = weights[:, None] / (1 + (off / (3 * usual)) ** 2)
    else:
        own = np.repeat(weights[:, None], xy.shape[1], axis=1)
    own = own / own.sum(axis=0)
    return np.asarray((own[:, :, None] * xy).sum(axis=0), np.float64)


def _edges(grey: Plane) -> Plane:
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    size = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    blurred = cv2.GaussianBlur(size.astype(np.float32), (0, 0), 2.0)
    return np.asarray(blurred / (blurred.max() + 1e-6), np.float32)


def _affine(source: Aligned, target: Aligned) -> Floats:
    """(2, 3) from the source to the target, both at the fine scale."""
    scale = np.array(target.fine.shape[1::-1]) / source.fine.shape[1::-1]
    best = np.array([[scale[0], 0, 0], [0, scale[1], 0]], np.float64)
    for longest in _ECC_SIDES:
        one, other = _edges(source.at(longest)), _edges(target.at(longest))
        to_one, to_other = (
            np.array(small.shape[1::-1]) / whole.fine.shape[1::-1]
            for small, whole in ((one, source), (other, target))
        )
        begin = np.c_[best[:, :2] / to_one * to_other[:, None], best[:, 2] * to_other]
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ECC_ROUNDS, 1e-5)
        try:
            everywhere = np.full(other.shape, 255, np.uint8)
            map_to_other = np.asarray(begin, np.float32)
            _, result = cv2.findTransformECC(
                one, other, map_to_other, cv2.MOTION_AFFINE, criteria, everywhere, 3
            )
        except cv2.error:  # nothing in common at this scale
            continue
        found = np.asarray(result, np.float64)
        if not 0.3 < np.linalg.det(found[:, :2]) / np.prod(to_other / to_one * scale) < 3:
            continue
        best = np.c_[found[:, :2] * to_one / to_other[:, None], found[:, 2] / to_other]
    return np.asarray(best, np.float64)


def _flow(source: Aligned, target: Aligned, matrix: Floats) -> tuple[Plane, float]:
    """(h, w, 2) from places of the source, laid on the target, to those of the target."""
    height, width = target.fine.shape
    border = cv2.BORDER_REPLICATE
    warped = cv2.warpAffine(source.fine, matrix, (width, height), borderMode=border)
    laid: Plane = np.array(warped, np.float32)
    one, other = (np.clip(each * 255, 0, 255).astype(np.uint8) for each in (laid, target.fine))
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = finder.calc(one, other, np.zeros((height, width, 2), np.float32))
    smooth = np.asarray(cv2.GaussianBlur(flow, (0, 0), 6), np.float32)
    edges = _standardised(_edges(laid)), _standardised(_edges(target.fine))
    return smooth, float((edges[0] * edges[1]).mean())


def _standardised(plane: Plane) -> Plane:
    return np.asarray((plane - plane.mean()) / (plane.std() + 1e-9), np.float32)


def _through(points: Floats, matrix: Floats) -> Floats:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def _refined(
    source: Aligned, points: Floats, target: Aligned, moved: Floats, matrix: Floats
) -> Floats:
    """Landmarks moved to where their surroundings match best, near where they are."""
    side = 2 * _PATCH + 1
    reach = 2 * (_PATCH + _SEARCH) + 1
    refined = moved.copy()
    for index, (begin, end) in enumerate(zip(points, moved, strict=True)):
        linear = matrix[:, :2]
        back = np.linalg.inv(linear)
        offset = begin - back @ (_PATCH, _PATCH)
        of_source = np.c_[back, offset]
        template = cv2.warpAffine(
            source.fine,
            of_source,
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        window = cv2.getRectSubPix(target.fine, (reach, reach), (float(end[0]), float(end[1])))
        if template.std() < 0.01:
            continue
        score = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
        y, x = np.mgrid[: score.shape[0], : score.shape[1]] - _SEARCH
        weighed = score - 0.15 * (x**2 + y**2) / _SEARCH**2
        best = np.unravel_index(int(weighed.argmax()), score.shape)
        alike = float(np.clip(score[best], 0, 1))
        refined[index] += alike**2 * np.array([x[best], y[best]])
    return refined
