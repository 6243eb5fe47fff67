"""`beetle-lm predict` on a folder of several parts, and the overviews that it draws."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.zoo.entries import ModelEntry

pytest.importorskip("onnxruntime")

Command = Callable[..., Any]
WriteModel = Callable[..., Path]
Draw = Callable[..., NDArray[np.uint8]]
SIZE = (400, 300)
POINTS = [(100, 80), (300, 90), (210, 230)]
SURE = (86, 180, 233)  # the colour of a landmark with a good score
CELL, STEP = (480, 360), (500, 410)  # of an overview, and from one cell to the next
FIRST_CELL = (36, 94)


@pytest.fixture
def zoo(tmp_path: Path, write_model: WriteModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with models for elytra, head and wing, and none for pronotum."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.delenv("BEETLE_LM_ZOO", raising=False)
    entries = {}
    for part in ("elytra", "head", "wing"):
        model = write_model(f"zoo/{part}.onnx", part=part)
        entries[part] = ModelEntry.of_file(model).to_dict()
    registry = tmp_path / "zoo" / "registry.json"
    registry.write_text(json.dumps({"models": entries}), encoding="utf-8")
    return registry


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Two elytra as `beetle-lm render` lays them out, and a head and a wing without `images`."""
    folder = tmp_path / "photos"
    for name in ("elytra/images/a.png", "elytra/images/b.png", "head/a.png", "wing/w.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(SIZE, POINTS)).save(path)
    return folder


def write_manual(path: Path, names: Sequence[str], offset: float = 0.0) -> None:
    points = "".join(f"{x + offset:.5f} {300 - y:.5f}\n" for x, y in POINTS)
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [f"LM=3\n{points}IMAGE={name}\nID={name}\n" for name in names]
    path.write_text("".join(records), encoding="utf-8")


def statuses(folder: Path) -> dict[str, str]:
    with (folder / "specimens.csv").open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row["status"] for row in csv.DictReader(stream)}


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


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


def test_each_part_with_its_own_model(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"elytra: 2 images: landmarks on 2; results in {out / 'elytra'}",
        f"head: 1 image: landmarks on 1; results in {out / 'head'}",
        f"wing: 1 image: landmarks on 1; results in {out / 'wing'}",
    ]
    assert done.err.count("on CPUExecutionProvider") == 3
    assert statuses(out / "elytra") == {"a.png": "ok", "b.png": "ok"}
    for part in ("elytra", "head", "wing"):
        run = json.loads((out / part / "run.json").read_text(encoding="utf-8"))
        assert run["model"]["part"] == part
        assert (out / part / "landmarks.tps").is_file()
    whole = json.loads((out / "run.json").read_text(encoding="utf-8"))
    counts = {"images": 4, "ok": 4, "flagged": 0, "failed": 0, "landmarks_below_min_score": 0}
    assert whole["counts"] == counts
    assert not (out / "overview.jpg").exists()


def test_broken_image_in_one_part(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "elytra" / "images" / "bad.jpg").write_text("no image", encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay")
    assert done.code == 3
    assert "failed: elytra: bad.jpg" in done.err
    assert f"elytra: 3 images: landmarks on 2, 1 failed; results in {out / 'elytra'}" in done.out
    assert statuses(out / "elytra") == {"a.png": "ok", "b.png": "ok", "bad.jpg": "failed"}
    assert statuses(out / "head") == {"a.png": "ok"}
    assert (out / "overview.jpg").is_file()


def test_json_of_all_parts(command: Command, zoo: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "head" / "bad.jpg").write_text("no image", encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--json", "-q")
    assert done.code == 3
    summary = json.loads(done.out)
    assert summary["output"] == str(out)
    assert list(summary["parts"]) == ["elytra", "head", "wing"]
    assert summary["parts"]["head"]["output"] == str(out / "head")
    assert summary["parts"]["head"]["counts"]["failed"] == 1
    assert summary["counts"]["images"] == 5
    assert summary == json.loads((out / "run.json").read_text(encoding="utf-8"))


def test_part_without_a_model_is_told_before_anything_is_predicted(
    command: Command,
    zoo: Path,
    photos: Path,
    draw: Draw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("beetle_lm.zoo.registry.bundled_models", dict)
    (photos / "pronotum").mkdir()
    Image.fromarray(draw(SIZE, POINTS)).save(photos / "pronotum" / "p.png")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out)
    assert done.code == 1
    assert f"for want of a model for {photos / 'pronotum'}" in done.err
    assert not out.exists()


def test_part_without_images_is_told_before_anything_is_predicted(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "head" / "a.png").unlink()
    done = command("predict", photos, "--zoo", zoo, "-o", tmp_path / "out")
    assert done.code == 1
    assert f"no images in {photos / 'head'}" in done.err
    assert not (tmp_path / "out").exists()


def test_what_is_not_named_after_a_part_is_told(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "elytron").mkdir()
    (photos / ".hidden").mkdir()
    (photos / "wing" / "w.png").rename(photos / "w.png")
    (photos / "wing").rmdir()
    (photos / "notes.txt").touch()
    out = photos / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay")
    assert done.code == 0
    told = f"passed over in {photos}, not named after a part: elytron, w.png"
    assert told in done.err.splitlines()[-1]
    again = command("predict", photos, "--zoo", zoo, "-o", out, "--overwrite")
    assert again.err.splitlines()[-1].endswith(told)  # earlier results are no news


def test_closed_folders_beside_the_parts_stop_nothing(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    closed = photos / "closed"
    (closed / "images").mkdir(parents=True)
    closed.chmod(0o000)
    try:
        if os.access(closed, os.X_OK):
            pytest.skip("nothing is closed to this user")
        done = command("predict", photos, "--zoo", zoo, "-o", tmp_path / "out")
    finally:
        closed.chmod(0o700)
    assert done.code == 0
    assert "closed" in done.err
    assert statuses(tmp_path / "out" / "head") == {"a.png": "ok"}


@pytest.mark.parametrize("several", [False, True])
def test_neither_part_nor_model_nor_folders_of_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path, several: bool
) -> None:
    inputs = [photos / "elytra", photos / "head"] if several else [photos / "elytra"]
    done = command("predict", *inputs, "--zoo", zoo, "-o", tmp_path / "out")
    assert done.code == 2
    assert "give either --part NAME or --model FILE, or else one folder" in done.err
    assert "elytra/images/" in done.err


def test_reference_is_a_folder_of_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    write_manual(photos / "elytra" / "landmarks.tps", ["a.png", "b.png"], offset=3.0)
    write_manual(photos / "head" / "landmarks.tps", ["a.png"])
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--reference", photos)
    assert done.code == 0
    assert f"{photos / 'wing' / 'landmarks.tps'} is not there: wing is not compared" in done.err
    lines = done.out.splitlines()
    told = (
        r"elytra: 2 images: landmarks on 2, on average [23]\.\d+ px \([12]\.\d+ px at 256 x 192\)"
    )
    assert re.match(told + " from the manual ones; results in ", lines[0])
    assert "from the manual ones" in lines[1]
    assert "from the manual ones" not in lines[2]
    for part, distance in (("elytra", 3.0), ("head", 0.0)):
        path = out / part / "evaluation" / "summary.json"
        summary = json.loads(path.read_text(encoding="utf-8"))
        assert summary["distance"]["px"]["mean"] == pytest.approx(distance, abs=0.5)
    assert not (out / "wing" / "evaluation").exists()


def test_reference_that_is_no_folder_of_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    write_manual(tmp_path / "manual.tps", ["a.png"])
    call = ("predict", photos, "--zoo", zoo, "-o", tmp_path / "out", "--reference")
    file = command(*call, tmp_path / "manual.tps")
    assert file.code == 2
    assert "--reference must be a folder where several parts are predicted" in file.err
    empty = command(*call, photos)
    assert empty.code == 2
    assert "has no elytra/landmarks.tps" in empty.err
    assert not (tmp_path / "out").exists()


def test_reference_that_does_not_fit_is_told_before_anything_is_predicted(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    write_manual(photos / "elytra" / "landmarks.tps", ["a.png"])
    (photos / "wing" / "landmarks.tps").write_text("LM=1\n1 2\nIMAGE=w.png\n", encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--reference", photos)
    assert done.code == 1
    assert "w.png has 1 manual landmarks, but wing has 3" in done.err
    assert not out.exists()


def test_dry_run_tells_of_all_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--dry-run", "--overlay")
    assert done.code == 0
    lines = [line.strip() for line in done.out.splitlines()]
    assert "would read 2 images of elytra:" in lines
    assert str(photos / "elytra" / "images" / "b.png") in lines
    for path in (out / "elytra" / "overview.jpg", out / "wing" / "run.json", out / "overview.jpg"):
        assert str(path) in lines
    assert not out.exists()


@pytest.mark.parametrize("there", ["wing", "."])
def test_nothing_is_overwritten_unasked(
    command: Command, zoo: Path, photos: Path, tmp_path: Path, there: str
) -> None:
    out = tmp_path / "out"
    (out / there).mkdir(parents=True)
    (out / there / "run.json").write_text("{}", encoding="utf-8")
    before = files(out)
    call = ("predict", photos, "--zoo", zoo, "-o", out)
    refused = command(*call)
    assert refused.code == 1
    assert "holds results already; --overwrite replaces them" in refused.err
    assert files(out) == before
    replaced = command(*call, "--overwrite")
    assert replaced.code == 0
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]["images"] == 4
    assert statuses(out / "wing") == {"w.png": "ok"}


def test_picture_of_the_user_is_never_overwritten(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "overview.jpg").write_bytes(b"mine")
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay", "--overwrite")
    assert done.code == 1
    assert "not from an earlier run and is never overwritten" in done.err
    assert files(out) == {"overview.jpg": b"mine"}


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
