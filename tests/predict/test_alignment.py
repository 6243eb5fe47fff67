"""Landmarks of an annotated photograph on others that are taken alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from mandibles import SIZE, Pixels, Points, mandible

from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import centroid_size
from beetle_lm.predict.templates.alignment import Aligned, carried, combined


def aligned(pixels: Pixels) -> Aligned:
    return Aligned.of(Picture.from_array(pixels, 3))


def moved(pixels: Pixels, xy: Points) -> tuple[Pixels, Points]:
    """A picture turned by 6 degrees, enlarged by a tenth and shifted."""
    middle = np.array(SIZE) / 2
    of_pixels = cv2.getRotationMatrix2D(tuple(middle - 0.5), 6.0, 1.1)
    of_points = cv2.getRotationMatrix2D(tuple(middle), 6.0, 1.1)
    for matrix in (of_pixels, of_points):
        matrix[:, 2] += (25, -15)
    picture = cv2.warpAffine(pixels, of_pixels, SIZE, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(picture, np.uint8), xy @ of_points[:, :2].T + of_points[:, 2]


def test_the_same_specimen_moved_is_found_again() -> None:
    pixels, xy = mandible(0)
    picture, truth = moved(pixels, xy)
    found, likeness = carried(aligned(pixels), xy, aligned(picture))
    off = np.hypot(*(found - truth).T) / centroid_size(truth)
    assert np.median(off) < 0.006 and off.max() < 0.03
    assert likeness > 0.6


def test_other_specimens_are_less_alike_and_other_pictures_least() -> None:
    pixels, xy = mandible(0)
    other, truth = mandible(1)
    found, likeness = carried(aligned(pixels), xy, aligned(other))
    assert np.median(np.hypot(*(found - truth).T)) / centroid_size(truth) < 0.05
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), np.uint8)
    nothing, least = carried(aligned(pixels), xy, aligned(noise))
    assert least < 0.2 < likeness
    assert np.isfinite(nothing).all()
    assert (nothing >= 0).all() and (nothing <= SIZE).all()


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_picture_is_no_error(value: int) -> None:
    pixels, xy = mandible(0)
    blank = np.full((*SIZE[::-1], 3), value, np.uint8)
    found, likeness = carried(aligned(pixels), xy, aligned(blank))
    assert np.isfinite(found).all() and likeness < 0.2


def test_what_is_more_alike_counts_more() -> None:
    right, wrong = np.array([[10.0, 10.0]]), np.array([[30.0, 10.0]])
    assert combined([(right, 0.8), (wrong, 0.4)])[0, 0] < 12
    assert abs(combined([(right, 0.8), (right + 1, 0.8), (wrong, 0.8)])[0, 0] - 10.5) < 3
