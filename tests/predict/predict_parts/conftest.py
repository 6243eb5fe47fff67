"""A folder of several parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinds import Draw
from PIL import Image
from squares import POINTS, SIZE


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Two elytra as `beetle-lm render` lays them out, and a head and a wing without `images`."""
    folder = tmp_path / "photos"
    for name in ("elytra/images/a.png", "elytra/images/b.png", "head/a.png", "wing/w.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(SIZE, POINTS)).save(path)
    return folder
