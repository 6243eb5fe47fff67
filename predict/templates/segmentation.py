"""Segmenting a specimen that lies alone on a pale background."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import SpecimenError
from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.templates.contour import outline_of, size_of, solid_part
from beetle_lm.predict.views.placement import Placement

SIDE = 1024
"""Longer side, in pixels, of the picture in which specimens are found and compared."""

_GROUND_SIDE = 128  # of the picture from which the lighting of the background is estimated
_ROUNDS = 6
_BLUR = 3.0  # pixels; finer than any tooth, coarser than the grain of the paper below
_POINTS = 400  # of an outline

# A specimen is darker than its background by at least this much, and by at least this many
# standard deviations of the background.
_LEAST_CONTRAST, _LEAST_SEPARATION = 0.12, 4.0
_SMALLEST, _LARGEST = 0.01, 0.6  # shares of the picture
_MOST_ON_EDGE = 0.2  # share of the outline that may lie on the picture's edge: tissue
_MOST_BESIDE = 0.3  # the next largest object, as a share of the specimen

_MARGIN = 0.3  # around landmarks, of their centroid size over the root of their number
_LEAST_KEPT = 0.5  # of the specimen: a few landmarks do not show where it ends

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Specimen:
    """A specimen in its picture, scaled to a longer side of `SIDE` pixels.

    Args:
        lightness: (H, W) float32; 1 on the background whatever its lighting, 0 at the specimen's
            darkest.
        mask: (H, W) uint8, 1 on the specimen.
        outlines: (400, 2) evenly spaced points of its outline, in pixels of the scaled picture, and
            the same of the outline without thin parts, such as a strand of tissue.
        placement: the map between photograph and scaled picture.
    """

    lightness: NDArray[np.float32]
    mask: NDArray[np.uint8]
    outlines: tuple[Floats, Floats]
    placement: Placement


def find_specimen(picture: Picture) -> Specimen:
    """Finds the one specimen of a photograph.

    Each colour is divided by the lighting of the background, a quadratic surface fitted to the pale
    pixels. What differs from the background in any colour is specimen: chitin is dark in all, soft
    tissue in blue.

    Args:
        picture: an RGB photograph, decoded at any scale.

    Raises:
        SpecimenError: there is no object, or more than one, or it is cut off.
    """
    placement = _placement(picture)
    pixels = placement.render(picture)
    darkness = _darkness(pixels.astype(np.float32))
    mask = _mask(darkness.max(axis=2))
    mean = darkness.mean(axis=2)
    darkest = max(float(np.percentile(mean[mask > 0], 80)), 1e-3)
    lightness = np.clip(1 - mean / darkest, -0.5, 1.5).astype(np.float32)
    return Specimen(lightness, mask, _outlines(mask), placement)


def near_landmarks(specimen: Specimen, xy: Floats) -> Specimen:
    """A specimen without what lies far from all its landmarks, such as tissue at its base.

    Args:
        specimen: the specimen; returned as it is if less than half of it lies near landmarks.
        xy: (n, 2) landmarks, in pixels of its scaled picture.
    """
    far = np.ones_like(specimen.mask)
    cv2.fillConvexPoly(far, cv2.convexHull(np.rint(xy).astype(np.int32)), 0)
    distance = cv2.distanceTransform(far, cv2.DIST_L2, 5)
    mask = np.where(distance <= _MARGIN * size_of(xy), specimen.mask, 0).astype(np.uint8)
    if mask.sum() < _LEAST_KEPT * specimen.mask.sum():
        return specimen
    return replace(specimen, mask=mask, outlines=_outlines(mask))


def _outlines(mask: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    return outline_of(mask, _POINTS), outline_of(solid_part(mask), _POINTS)


def _placement(picture: Picture) -> Placement:
    width, height = picture.frame.width, picture.frame.height
    factor = SIDE / max(width, height)
    size = max(16, round(width * factor)), max(16, round(height * factor))
    return Placement.fit(picture.frame, size, "stretch")


def _darkness(pixels: Array) -> Array:
    height, width = pixels.shape[:2]
    factor = _GROUND_SIDE / max(height, width)
    size = max(8, round(width * factor)), max(8, round(height * factor))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[: size[1], : size[0]]
    x, y = x.ravel() / size[0] - 0.5, y.ravel() / size[1] - 0.5
    surface = np.stack((np.ones_like(x), x, y, x * x, y * y, x * y), axis=1)
    darkness = np.empty_like(pixels)
    for channel in range(pixels.shape[2]):
        values = small[..., channel].ravel()
        ground = values >= np.median(values)
        for _ in range(_ROUNDS):
            fitted = surface @ np.linalg.lstsq(surface[ground], values[ground], rcond=None)[0]
            off = np.abs(values - fitted)
            ground = off < 2.5 * (1.5 * np.median(off[ground]) + 1)
        light = fitted.reshape(size[::-1]).astype(np.float32)
        light = cv2.resize(np.maximum(light, 10), (width, height))
        darkness[..., channel] = 1 - pixels[..., channel] / light
    return darkness


def _mask(darkness: Array) -> NDArray[np.uint8]:
    smooth = cv2.GaussianBlur(darkness, (0, 0), _BLUR)
    levels = np.clip(smooth * 255, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    dark = (levels > threshold).astype(np.uint8)
    count, labels, areas, _ = cv2.connectedComponentsWithStats(dark)
    if count < 2:
        raise SpecimenError("no specimen was found: the picture is all of one tone")
    order = 1 + np.argsort(-areas[1:, cv2.CC_STAT_AREA])
    whole = (labels == order[0]).astype(np.uint8)
    contours, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    mask = np.zeros_like(whole)
    cv2.drawContours(mask, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    _check(smooth, mask, dark, areas[order, cv2.CC_STAT_AREA])
    return np.asarray(mask, np.uint8)


def _check(darkness: Array, mask: Array, dark: Array, areas: Array) -> None:
    ground = darkness[(mask == 0) & (dark == 0)]
    contrast = float(darkness[mask > 0].mean() - ground.mean())
    if contrast < max(_LEAST_CONTRAST, _LEAST_SEPARATION * float(ground.std())):
        raise SpecimenError(
            "no specimen was found: nothing stands out dark from a pale, even ground"
        )
    share = float(mask.mean())
    if share < _SMALLEST:
        raise SpecimenError("no specimen was found: all that is dark is very small")
    if share > _LARGEST:
        raise SpecimenError("the specimen cannot be told from the ground: most of it is dark")
    if len(areas) > 1 and areas[1] > _MOST_BESIDE * areas[0]:
        raise SpecimenError("there is more than one dark thing in the picture, not one specimen")
    inner = mask[1:-1, 1:-1]
    edge = float(mask.sum() - inner.sum())
    if edge > _MOST_ON_EDGE * 2 * np.sqrt(np.pi * mask.sum()):
        raise SpecimenError("the specimen is cut off by the edge of the picture")
