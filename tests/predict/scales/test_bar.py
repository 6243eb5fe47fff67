"""The scale from a printed bar, on drawn photographs; none where there is none, or several."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_scales import Pixels, beetle, texture, with_bar

from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.scales.bar import find_bar
from beetle_lm.predict.scales.scale import Scale

GROUND = np.full((450, 600), 220, np.uint8)


def found(pixels: Pixels, length: float = 5) -> Scale:
    return find_bar(Picture.from_array(pixels, 1), length)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("ticks", [0, 9])
def test_a_bar_level_or_upright(upright: bool, ticks: int) -> None:
    shown = beetle(GROUND, (0.3, 0.05, 0.7, 0.75))
    at = (60, 400) if not upright else (30, 60)
    scale = found(with_bar(shown, 120, at=at, upright=upright, ticks=ticks))
    # Between ticks from middle to middle.
    assert scale.units_per_px == pytest.approx(5 / (120 - (6 if ticks else 0)), rel=0.01)
    assert "px long" in scale.note


def test_a_white_bar_on_dark_ground() -> None:
    dark = np.full((450, 600), 30, np.uint8)
    scale = found(with_bar(dark, 150, grey=250), length=2)
    assert scale.units_per_px == pytest.approx(2 / 150, rel=0.01)


def test_two_bars_are_not_chosen_between() -> None:
    shown = with_bar(with_bar(GROUND, 120), 180, at=(300, 60))
    scale = found(shown)
    assert scale.units_per_px is None
    assert "2 things look like a scale bar" in scale.note


@pytest.mark.parametrize("kind", ["noise", "striae", "wood", "text", "stripes", "bricks"])
def test_no_bar_is_invented(kind: str) -> None:
    assert found(texture(kind)).units_per_px is None
