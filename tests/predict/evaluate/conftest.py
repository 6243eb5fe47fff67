"""Predicted and manual landmarks whose distances are known."""

from __future__ import annotations

import pytest
from compared import SQUARE

from beetle_lm.predict.landmarks import Floats


@pytest.fixture
def manual() -> dict[str, Floats]:
    return {f"{name}.png": SQUARE + 2 * shift for shift, name in enumerate("abc")}


@pytest.fixture
def predicted(manual: dict[str, Floats]) -> dict[str, Floats]:
    """Landmark 1 is off by 5, 10 and 45 px (3 : 4), the others sit exactly."""
    moved = {name: xy.copy() for name, xy in manual.items()}
    for xy, factor in zip(moved.values(), (1, 2, 9), strict=True):
        xy[0] += (3 * factor, -4 * factor)
    return moved
