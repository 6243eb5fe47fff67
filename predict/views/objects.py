"""What stands out of the ground of a photograph, and may be a specimen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.views.passes import Photo

_SIDE = 256  # px
_RIM = 4  # px of that picture, taken for ground
_SMALLEST = 0.004


@dataclass(frozen=True, eq=False)
class Object:
    """Something that stands out of a photograph's ground.

    Args:
        centre: (2,) the middle of its circle, in pixels of the photograph.
        reach: the radius of the smallest circle around it, in the same pixels.
        area: within its outline, in these pixels, squared.
        covered: the same without holes.
        outline: (m, 2) in pixels of the photograph.
    """

    centre: Floats
    reach: float
    area: float
    covered: float
    outline: Floats

    @property
    def square(self) -> Floats:
        """The corners (4, 2) of the square around its circle, from the top left clockwise."""
        return self.centre + self.reach * np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])

    @property
    def halves(self) -> list[Object]:
        """Its two halves along its longer axis, which may be two that touch each other."""
        middle = self.outline.mean(axis=0)
        _, axes = np.linalg.eigh(np.cov((self.outline - middle).T))
        along = (self.outline - middle) @ axes[:, 1]
        found = []
        for side in (self.outline[along < 0], self.outline[along >= 0]):
            (x, y), radius = cv2.minEnclosingCircle(side.astype(np.float32))
            found.append(Object(np.array([x, y]), radius, self.area / 2, self.covered / 2, side))
        return found


def objects_in(
    photo: Photo,
    side: int = _SIDE,
    smallest: float = _SMALLEST,
    without: Iterable[Floats] = (),
    faintest: float = 0.0,
) -> list[Object]:
    """What stands out of the ground of a photograph, the largest first; the ground is its rim's.

    Args:
        photo: the photograph.
        side: length of its longer side, in pixels, in the picture in which they are sought.
        smallest: share of the picture that an object covers at least.
        without: (m, 2) outlines, in pixels of the photograph, of what is taken for ground.
        faintest: grey levels by which an object differs from the ground at least.
    """
    pixels, scale = photo.small(side)
    grey = cv2.GaussianBlur(pixels, (0, 0), 2.0).astype(np.int16)
    rim = np.concatenate(
        [side.ravel() for side in (grey[:_RIM], grey[-_RIM:], grey[:, :_RIM], grey[:, -_RIM:])]
    )
    for gone in without:
        cv2.fillPoly(grey, [np.rint(gone * scale - 0.5).astype(np.int32)], float(np.median(rim)))
    off = np.minimum(np.abs(grey - int(np.median(rim))), 255).astype(np.uint8)
    level, mask = cv2.threshold(off, 0, 255, cv2.THRESH_OTSU)
    if level < faintest:
        _, mask = cv2.threshold(off, faintest, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in outlines:
        area = cv2.contourArea(outline)
        if area < smallest * mask.size:
            continue
        (x, y), radius = cv2.minEnclosingCircle(outline)
        filled = np.zeros_like(mask)
        cv2.drawContours(filled, [outline], -1, 255, cv2.FILLED)
        covered = float(np.count_nonzero(np.asarray(mask)[np.asarray(filled) > 0])) / scale**2
        centre = np.array([x + 0.5, y + 0.5]) / scale
        edge = np.asarray((outline.reshape(-1, 2) + 0.5) / scale, np.float64)
        found.append(Object(centre, (radius + 1) / scale, area / scale**2, covered, edge))
    found.sort(key=lambda one: -one.area)
    return found
