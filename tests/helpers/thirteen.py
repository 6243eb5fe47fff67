"""Thirteen photographs and manual landmarks of some, for tests of runs that stop or are shared."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinds import Draw
from squares import POINTS, write_manual
from stopped_runs import write_photos


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Thirteen photographs with other landmarks each, the fifth of which is none."""
    folder = tmp_path / "photos"
    write_photos(folder, draw, 13)
    (folder / "04.png").write_text("no image", encoding="utf-8")
    return folder


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    path = tmp_path / "manual.tps"
    write_manual(path, {f"{i:02}.png": POINTS for i in (1, 3, 4, 9)}, right=2)
    return path
