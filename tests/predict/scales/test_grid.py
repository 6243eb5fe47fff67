"""The scale from a millimetre grid, on drawn photographs; none where there is no grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_scales import SHAPE, Pixels, beetle, grid, texture

from beetle_lm.predict.images.read import Picture, read_image
from beetle_lm.predict.scales.grid import SEEN_AT, find_grid
from beetle_lm.predict.scales.scale import Scale


def found(pixels: Pixels) -> Scale:
    return find_grid(Picture.from_array(pixels, 1))


def pixels_per_mm(pixels: Pixels) -> float:
    scale = found(pixels)
    assert scale.units_per_px is not None, scale.note
    assert scale.note.startswith("millimetre grid, ")
    return 1 / scale.units_per_px


@pytest.mark.parametrize("period", [17, 33.3, 70])
def test_grids_of_every_period(period: float) -> None:
    assert pixels_per_mm(grid(period)) == pytest.approx(period, rel=0.003)


@pytest.mark.parametrize("angle", [3, 45, 71])
def test_turned_grids(angle: float) -> None:
    assert pixels_per_mm(grid(36, angle=angle)) == pytest.approx(36, rel=0.003)


def test_faint_lines_and_uneven_light() -> None:
    assert pixels_per_mm(grid(30, contrast=0.06)) == pytest.approx(30, rel=0.003)
    assert pixels_per_mm(grid(30, uneven=0.6)) == pytest.approx(30, rel=0.003)


def test_heavier_lines_are_five_millimetres_apart() -> None:
    scale = found(grid(36, heavier=1.8))
    assert scale.units_per_px == pytest.approx(1 / 36, rel=0.003)
    assert "fifth heavier" in scale.note or "5 mm apart" in scale.note
    assert pixels_per_mm(grid(20, heavier=1.6, faint=0.35)) == pytest.approx(20, rel=0.003)
    assert pixels_per_mm(grid(14, heavier=1.6, faint=0.25, angle=8)) == pytest.approx(14, rel=0.003)


def test_a_grid_behind_a_beetle() -> None:
    covered = beetle(grid(26, angle=12), (0.25, 0.02, 0.75, 0.98))
    assert pixels_per_mm(covered) == pytest.approx(26, rel=0.005)


def test_a_strip_of_a_grid_beside_a_beetle() -> None:
    strip = beetle(grid(40, area=(0, 0, 0.25, 1)), (0.3, 0.02, 0.9, 0.98))
    assert pixels_per_mm(strip) == pytest.approx(40, rel=0.005)


@pytest.mark.parametrize("kind", ["noise", "striae", "wood", "text", "stripes", "bricks"])
def test_no_grid_is_invented(kind: str) -> None:
    scale = found(texture(kind, (SHAPE[0] * 2 // 3, SHAPE[1] * 2 // 3)))
    assert scale.units_per_px is None
    assert scale.note


@pytest.mark.parametrize("shape", [(400, 9), (9, 400), (489, 16), (900, 60), (1, 1), (70, 6)])
def test_photographs_with_little_room_for_a_grid(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    assert found(pixels) == Scale(None, "no millimetre grid found")


COUNTED = {"122": 246.5, "126": 246.2, "212": 247.1}  # bench/scales.py has all ten


@pytest.mark.parametrize("specimen", COUNTED)
def test_real_grids_against_a_count_by_hand(shared_data: Path, specimen: str) -> None:
    path = shared_data / "carabids" / "elytra" / "images" / f"Elytre_{specimen}.JPG"
    scale = find_grid(read_image(path, 1, SEEN_AT))
    assert scale.units_per_px is not None
    assert 1 / scale.units_per_px == pytest.approx(COUNTED[specimen], rel=0.01)
    without = shared_data / "carabids_more" / "images" / f"Elytre_{specimen}_nogrid.jpg"
    assert find_grid(read_image(without, 1, SEEN_AT)).units_per_px is None
