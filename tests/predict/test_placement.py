"""The geometry between an image and the input of a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from beetle_lm.predict.images.read import Frame, Picture
from beetle_lm.predict.views.placement import Placement
from beetle_lm.zoo.model_file.card import Fit

SIZES = [(640, 480), (481, 639), (2000, 300), (96, 72), (50, 40)]


def placed(size: tuple[int, int], fit: Fit) -> Placement:
    return Placement.fit(Frame(0, 0, *map(float, size)), (96, 72), fit)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_coordinates_come_back(size: tuple[int, int], fit: Fit) -> None:
    placement = placed(size, fit)
    xy = np.array([[0.0, 0.0], [size[0], size[1]], [12.3, 34.5], [np.nan, np.nan]])
    assert placement.to_image(placement.to_input(xy)) == pytest.approx(xy, nan_ok=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_what_is_drawn_is_where_the_coordinates_say(
    draw: Callable[..., NDArray[np.uint8]], size: tuple[int, int], fit: Fit
) -> None:
    point = (size[0] // 2 + 4, size[1] // 2 - 6)
    pixels = draw(size, [point], side=20)
    placement = placed(size, fit)
    rendered = placement.render(Picture.from_array(pixels, 3))
    assert rendered.shape == (72, 96, 3)
    weight = 255.0 - rendered[..., 1]
    x = (weight * (np.arange(96) + 0.5)).sum() / weight.sum()
    y = (weight * (np.arange(72) + 0.5)[:, None]).sum() / weight.sum()
    assert (x, y) == pytest.approx(placement.to_input(np.array(point, float)), abs=0.06)


def test_letterbox_keeps_proportions_and_repeats_the_edge() -> None:
    pixels = np.full((100, 400), 90, np.uint8)
    placement = placed((400, 100), "letterbox")
    corners = placement.to_input(np.array([[0.0, 0.0], [400.0, 100.0]]))
    assert corners.tolist() == [[0, 24], [96, 48]]
    assert (placement.render(Picture.from_array(pixels, 1)) == 90).all()


def test_stretch_fills_the_input() -> None:
    corners = placed((400, 100), "stretch").to_input(np.array([[0.0, 0.0], [400.0, 100.0]]))
    assert corners.tolist() == [[0, 0], [96, 72]]


def test_a_frame_that_begins_elsewhere() -> None:
    placement = Placement.fit(Frame(10.0, 20.0, 106.0, 92.0), (96, 72), "letterbox")
    assert placement.to_input(np.array([10.0, 20.0])).tolist() == [0, 0]
    assert placement.to_image(np.array([96.0, 72.0])).tolist() == [106, 92]


def test_an_image_far_wider_than_the_input_keeps_a_row() -> None:
    rendered = placed((5000, 10), "letterbox").render(
        Picture.from_array(np.zeros((10, 5000), np.uint8), 1)
    )
    assert rendered.shape == (72, 96)
