"""The pictures in which `beetle-lm predict --overlay` shows several photographs at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("onnxruntime")

from kinds import Command, Draw, WriteModel
from squares import POINTS, SIZE

SURE = (86, 180, 233)  # the colour of a landmark with a good score
CELL, STEP = (480, 360), (500, 410)  # of an overview, and from one cell to the next
FIRST_CELL = (36, 94)


def pixels_of(path: Path) -> NDArray[np.int64]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(np.int64)


def sheet_size(across: int, down: int) -> tuple[int, int]:
    return 2 * 36 + across * STEP[0] - 20, FIRST_CELL[1] + down * STEP[1] + 52


def has_dots(sheet: NDArray[np.int64], column: int, row: int) -> bool:
    """Whether a cell of an overview shows photograph and landmarks where they are."""
    for x, y in POINTS:
        left = FIRST_CELL[0] + column * STEP[0] + round(x * CELL[0] / SIZE[0])
        top = FIRST_CELL[1] + row * STEP[1] + round(y * CELL[1] / SIZE[1])
        dot = sheet[top - 2 : top + 2, left - 2 : left + 2]
        if np.abs(dot.mean(axis=(0, 1)) - SURE).max() > 40:
            return False
    return True


def is_blank(sheet: NDArray[np.int64], column: int, row: int) -> bool:
    left, top = FIRST_CELL[0] + column * STEP[0], FIRST_CELL[1] + row * STEP[1]
    return bool(sheet[top : top + CELL[1], left : left + CELL[0]].min() > 240)


def test_overview_of_several_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay")
    assert done.out.splitlines()[-1] == f"all parts in one picture: {out / 'overview.jpg'}"
    sheet = pixels_of(out / "overview.jpg")
    assert sheet.shape[1::-1] == sheet_size(3, 2)
    assert has_dots(sheet, 0, 0)
    assert has_dots(sheet, 0, 1)
    assert has_dots(sheet, 1, 0)
    assert is_blank(sheet, 1, 1)
    heading, caption = sheet[30:80, 36:200], sheet[94 + 360 : 94 + 390, 36 : 36 + 480]
    assert heading.min() < 60
    assert caption.min() < 140
    of_elytra = pixels_of(out / "elytra" / "overview.jpg")
    assert of_elytra.shape[1::-1] == sheet_size(2, 1)
    assert has_dots(of_elytra, 1, 0)


@pytest.mark.parametrize(("count", "across", "down"), [(1, 1, 1), (5, 3, 2), (14, 4, 3)])
def test_overview_of_one_part(
    command: Command,
    write_model: WriteModel,
    draw: Draw,
    tmp_path: Path,
    count: int,
    across: int,
    down: int,
) -> None:
    (tmp_path / "photos").mkdir()
    for i in range(count):
        Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "photos" / f"{i:02d}.png")
    out = tmp_path / "out"
    call = ("predict", tmp_path / "photos", "-m", write_model(), "-o", out, "--overlay")
    assert command(*call).code == 0
    sheet = pixels_of(out / "overview.jpg")
    assert sheet.shape[1::-1] == sheet_size(across, down)
    shown = [has_dots(sheet, i % across, i // across) for i in range(across * down)]
    assert sum(shown) == min(count, 12)


def test_overview_keeps_the_shape_of_a_photograph(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    tall = np.zeros((800, 400, 3), np.uint8)
    Image.fromarray(tall).save(tmp_path / ("very long name " * 10 + ".png"))
    out = tmp_path / "out"
    call = ("predict", tmp_path, "-m", write_model(), "-o", out, "--overlay", "--min-score", "0.5")
    assert command(*call).code == 0
    sheet = pixels_of(out / "overview.jpg")
    row = sheet[FIRST_CELL[1] + 20]
    dark = np.flatnonzero(row.max(axis=1) < 60)
    assert (dark.min(), dark.max()) == pytest.approx((36 + 150, 36 + 329), abs=2)
    outside = np.concatenate([sheet[94 + 365 : -60, :30], sheet[94 + 365 : -60, 522:]], axis=1)
    assert outside.min() > 240  # the name was made to fit


def test_overview_is_no_photograph(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(draw(SIZE, POINTS)).save(photos / "a.png")
    call = ("predict", photos, "-m", write_model(), "-o", photos, "--overlay")
    assert command(*call).code == 0
    assert (photos / "overview.jpg").is_file()
    again = command(*call, "--overwrite")
    assert again.out.startswith("1 image:")
