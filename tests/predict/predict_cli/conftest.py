"""Three photographs."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinds import Draw
from PIL import Image
from squares import SIZE, shifted


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Three photographs: a.png, b Ü.JPG and sub/a.png, each with other landmarks."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for i, name in enumerate(["a.png", "b Ü.JPG", "sub/a.png"]):
        picture = Image.fromarray(draw(SIZE, shifted(i)))
        picture.save(folder / name, quality=95, subsampling=0)
    return folder
