"""Finding the specimen in a photograph."""

from __future__ import annotations

import cv2
import numpy as np
from mandibles import SIZE, mandible

from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.templates.segmentation import find_specimen, near_landmarks


def test_uneven_light_and_a_flat_band_do_not_hide_the_specimen() -> None:
    pixels, xy = mandible(2)
    mask = find_specimen(Picture.from_array(pixels, 3)).mask
    light = np.linspace(0.75, 1.1, SIZE[0])[None, :, None]
    uneven = np.asarray(np.clip(pixels * light, 0, 255), np.uint8)
    uneven[:, :30] = 190  # retouched
    specimen = find_specimen(Picture.from_array(uneven, 3))
    both = float((mask & specimen.mask).sum() / (mask | specimen.mask).sum())
    assert both > 0.95
    inside = specimen.placement.to_input(xy.mean(axis=0)).astype(int)
    assert specimen.mask[inside[1], inside[0]] == 1


def test_what_is_far_from_all_landmarks_of_a_template_is_left_out() -> None:
    pixels, xy = mandible(2)
    clean = find_specimen(Picture.from_array(pixels, 3))
    base = tuple(int(value) for value in xy[13])
    end = (base[0] + 90, base[1] + 70)
    with_tissue = pixels.copy()
    cv2.line(with_tissue, base, end, (60, 50, 40), 40)
    specimen = find_specimen(Picture.from_array(with_tissue, 3))
    landmarks = specimen.placement.to_input(xy)
    x, y = specimen.placement.to_input(np.array(end, np.float64)).astype(int)
    assert specimen.mask[y, x] == 1
    kept = near_landmarks(specimen, landmarks)
    assert kept.mask[y, x] == 0
    both = float((clean.mask & kept.mask).sum() / clean.mask.sum())
    assert both > 0.95
    alone = near_landmarks(specimen, landmarks[:1])  # one does not tell where the specimen ends
    assert alone.mask[y, x] == 1
