"""`beetle-lm review-list`: what to check first, as a table and as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kinds import Command, Draw, WriteModel
from numpy.typing import NDArray
from PIL import Image
from results import read_table
from squares import POINTS, SIZE, write_manual

from beetle_lm.predict.drawing.overlay import Marked
from beetle_lm.predict.drawing.sheet import DOT, LETTERS
from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.zoo.model_file.shape_space import Limits

pytest.importorskip("onnxruntime")

LIMITS = Limits(5.0, 20.0, (-180.0, 180.0), (0.0, 10.0))
RED = (230, 60, 0)  # the colour of the frame of a photograph


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Six photographs: good ones, one with smaller squares, two that lack some, and no image."""
    folder = tmp_path / "photos"
    write(folder / "a good.png", draw(SIZE, POINTS))
    write(folder / "b weaker.png", draw(SIZE, POINTS, side=8))
    write(folder / "c =blank.png", draw(SIZE, []))
    write(folder / "sub" / "d one.png", draw(SIZE, POINTS[:1]))
    (folder / "e broken.png").write_text("no image")
    write(folder / "f good.png", draw(SIZE, POINTS))
    return folder


def write(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def out(command: Command, write_model: WriteModel, photos: Path, tmp_path: Path) -> Path:
    model = write_model(limits=LIMITS)
    assert command("predict", photos, "-r", "-m", model, "-o", tmp_path / "out").code == 3
    return tmp_path / "out"


def picture(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


def test_failed_first_then_flagged_then_the_least_sure(command: Command, out: Path) -> None:
    done = command("review-list", out)
    assert done.code == 0
    assert "6 photographs: 1 failed, 2 flagged; the 6 to check first are in" in done.out
    table = read_table(out / "review.csv")
    assert [row["image"] for row in table] == [
        "e broken.png",
        "c =blank.png",
        "sub/d one.png",
        "b weaker.png",
        "a good.png",
        "f good.png",
    ]
    status = [row["status"] for row in table]
    assert status == ["failed", "flagged", "flagged", "ok", "ok", "ok"]
    assert {row["part"] for row in table} == {"dots"}
    broken, blank, one = table[:3]
    assert broken["reason"] and broken["mean_expected_error_px"] == broken["worst_landmark"] == ""
    assert "expected error" in blank["reason"]
    assert (one["worst_landmark"], one["worst_name"]) == ("2", "green")
    assert float(one["worst_expected_error_px"]) == pytest.approx(40 * 400 / 96, abs=0.01)
    assert 0 < float(table[3]["mean_expected_error_px"]) < float(one["mean_expected_error_px"])


def test_the_picture_shows_the_worst_and_frames_what_is_flagged(
    command: Command, out: Path
) -> None:
    command("review-list", out, "-n", 4)
    pixels = picture(out / "review.jpg").astype(int)
    assert pixels.shape[1] == 2 * 36 + 2 * 480 + 20
    reddish = (np.abs(pixels - (190, 40, 0)) < 40).all(axis=2)
    assert reddish.sum() > 3 * 2 * (480 + 360) * 4  # the frames of three
    assert (np.abs(pixels - (86, 180, 233)) < 40).all(axis=2).sum() > 100  # sure landmarks


def test_number_and_overwrite(command: Command, out: Path) -> None:
    done = command("review-list", out, "-n", 2)
    assert len(read_table(out / "review.csv")) == 2
    assert "-n 3 lists all that failed or are flagged" in done.out
    assert command("review-list", out).code == 0  # nobody changed the first one
    assert len(read_table(out / "review.csv")) == 6
    assert command("review-list", out, "-n", 2, "--overwrite").code == 0
    assert len(read_table(out / "review.csv")) == 2
    assert command("review-list", out, "-n", 0).code == 2


@pytest.mark.parametrize("name", ["review.csv", "review.tps", "review.jpg"])
def test_a_review_that_was_changed_is_replaced_only_when_asked(
    command: Command, out: Path, name: str
) -> None:
    assert command("review-list", out).code == 0
    (out / name).write_bytes(b"mine")
    refused = command("review-list", out)
    assert refused.code == 1
    assert "holds a review that was changed since it was written; --overwrite" in refused.err
    assert (out / name).read_bytes() == b"mine"
    assert command("review-list", out, "--overwrite").code == 0
    (out / name).unlink()
    assert command("review-list", out).code == 1


@pytest.mark.parametrize("formats", ["tps,csv", "tps"])
def test_records_of_what_to_check(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path, formats: str
) -> None:
    call = ("predict", photos, "-r", "-m", write_model(limits=LIMITS), "--scale", "0.25")
    command(*call, "-o", tmp_path / "out", "--format", formats)
    assert command("review-list", tmp_path / "out").code == 0
    records = read_tps(tmp_path / "out" / "review.tps")
    table = read_table(tmp_path / "out" / "review.csv")
    assert [record.image for record in records] == [Path(row["image"]).name for row in table]
    assert [len(record.points) for record in records] == [0, 3, 3, 3, 3, 3]
    told = [record.comments[0] for record in records]
    assert [one.split(";")[0] for one in told] == ["failed", "flagged", "flagged", "ok", "ok", "ok"]
    assert told[1] == f"flagged; {table[1]['reason']}"
    whole = {record.image: record for record in read_tps(tmp_path / "out" / "landmarks.tps")}
    for record in records[1:]:
        assert record.scale == 0.25
        assert record.points == pytest.approx(whole[record.image].points, abs=2e-3)


@pytest.mark.parametrize("choice", ["keep", "missing", "drop"])
def test_flagged_specimens_in_the_landmark_files(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path, choice: str
) -> None:
    call = ("predict", photos, "-r", "-m", write_model(limits=LIMITS), "-o", tmp_path / "out")
    done = command(*call, "--flagged", choice)
    assert done.code == 3
    last = done.out.splitlines()[-1]
    status = {row["image"]: row for row in read_table(tmp_path / "out" / "specimens.csv")}
    flagged = [name for name, row in status.items() if row["status"] == "flagged"]
    assert flagged == ["c =blank.png", "sub/d one.png"]
    records = {record.image: record for record in read_tps(tmp_path / "out" / "landmarks.tps")}
    tables = [read_table(tmp_path / "out" / f"{name}.csv") for name in ("landmarks", "predictions")]
    for name in flagged:
        rows = [row for table in tables for row in table if row["image"].lstrip("'") == name]
        record = records.get(Path(name).name)
        if choice == "drop":
            assert record is None and rows == []
            continue
        assert record is not None
        assert record.comments == (f"flagged: {status[name]['reason']}",)
        missing = choice == "missing"
        assert np.isnan(record.points).all() == missing
        assert {row.get("x", row.get("x1")) == "" for row in rows} == {missing}
    words = {
        "keep": "2 flagged specimens are in the landmark files, each with a COMMENT in the TPS",
        "missing": "2 flagged specimens have only missing landmarks in the landmark files",
        "drop": "2 flagged specimens are not in the landmark files",
    }
    assert words[choice] in last
    assert len([one for one in records.values() if one.comments]) == 2 * (choice != "drop")
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["options"]["flagged"] == choice
    assert run["counts"]["landmarks_below_min_score"] == 0
    assert command("review-list", tmp_path / "out").code == 0


def test_dots_are_numbered() -> None:
    marked = Marked(np.full((100, 100, 3), 255, np.uint8), np.array([[50.0, 50.0]]), np.ones(1))
    plain, numbered = marked.dotted(DOT), marked.dotted(DOT, numbers=LETTERS)
    changed = np.argwhere((plain != numbered).any(axis=2))
    height, width = np.ptp(changed, axis=0)
    assert 8 <= height <= 24 and 3 <= width <= 24
    assert np.abs(changed - 50).max() < 40


def test_photographs_that_are_gone_are_told_and_can_be_named(
    command: Command, out: Path, photos: Path, tmp_path: Path
) -> None:
    command("review-list", out)
    table, whole = (out / "review.csv").read_bytes(), picture(out / "review.jpg")
    photos.rename(tmp_path / "elsewhere")
    done = command("review-list", out, "--overwrite")
    assert done.code == 0
    assert "cannot be read: c =blank.png, sub/d one.png, b weaker.png and 2 more" in done.err
    assert "--images" in done.err
    assert (out / "review.csv").read_bytes() == table
    again = command("review-list", out, "--overwrite", "--images", tmp_path / "elsewhere")
    assert again.err == ""
    assert (picture(out / "review.jpg") == whole).all()


def test_several_parts_are_one_list(
    command: Command, write_zoo: Callable[..., Path], draw: Draw, tmp_path: Path
) -> None:
    registry = write_zoo("head", "elytra", limits=LIMITS)
    write(tmp_path / "photos" / "head" / "a.png", draw(SIZE, POINTS))
    write(tmp_path / "photos" / "elytra" / "images" / "a.png", draw(SIZE, POINTS[:1]))
    write(tmp_path / "photos" / "elytra" / "images" / "b.png", draw(SIZE, []))
    out = tmp_path / "out"
    done = command("predict", tmp_path / "photos", "--zoo", registry, "-o", out)
    assert f"`beetle-lm review {out}` shows what to check first" in done.out
    assert command("review-list", out).code == 0
    found = [(row["part"], row["image"]) for row in read_table(out / "review.csv")]
    assert found == [("elytra", "b.png"), ("elytra", "a.png"), ("head", "a.png")]
    whole = picture(out / "review.jpg")
    (tmp_path / "photos").rename(tmp_path / "moved")
    assert "cannot be read" in command("review-list", out, "--overwrite").err
    command("review-list", out, "--overwrite", "--images", tmp_path / "moved")
    assert (picture(out / "review.jpg") == whole).all()
    assert command("review-list", out / "head").code == 0
    assert [row["image"] for row in read_table(out / "head" / "review.csv")] == ["a.png"]


def test_stored_coordinates_are_drawn_on_the_upright_picture(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    stored = Image.fromarray(np.rot90(draw(SIZE, POINTS)))
    (tmp_path / "photos").mkdir()
    stored.save(tmp_path / "photos" / "a.jpg", exif=exif, quality=95)
    pictures = []
    for frame in ("apply", "stored"):
        out = tmp_path / frame
        model = write_model()
        command("predict", tmp_path / "photos", "-m", model, "-o", out, "--exif", frame)
        assert command("review-list", out).code == 0
        pictures.append(picture(out / "review.jpg").astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() < 40


def test_without_a_table_of_landmarks_there_is_still_a_list(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tps"
    model = write_model(limits=LIMITS)
    command("predict", photos, "-r", "-m", model, "-o", out, "--format", "tps")
    assert command("review-list", out).code == 0
    table = read_table(out / "review.csv")
    assert len(table) == 6 and {row["worst_landmark"] for row in table} == {""}
    assert float(table[1]["mean_expected_error_px"]) > 100


def test_results_that_are_replaced_take_the_review_with_them(
    command: Command, write_model: WriteModel, out: Path, photos: Path
) -> None:
    command("review-list", out)
    command("predict", photos, "-r", "-m", write_model(), "-o", out, "--overwrite")
    assert not (out / "review.csv").exists() and not (out / "review.jpg").exists()
    # And a review is no photograph.
    command("review-list", out)
    listed = command("predict", out.parent, "-r", "-m", write_model(), "--dry-run")
    assert "review.jpg" not in listed.out.split("would write")[0]


def damage_columns(out: Path) -> None:
    path = out / "specimens.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("mean_expected_error_px,", "", 1))


def damage_status(out: Path) -> None:
    path = out / "specimens.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",ok,", ",fine,", 1))


def damage_number(out: Path) -> None:
    path = out / "predictions.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("1.0000,", "one,", 1))


def damage_row(out: Path) -> None:
    path = out / "predictions.csv"
    path.write_text(path.read_text(encoding="utf-8") + "a good.png,4\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_columns, "specimens.csv, line 1: expected the columns"),
        (damage_status, "specimens.csv, line 2: expected a status"),
        (damage_number, "predictions.csv, line 2: expected a number"),
        (damage_row, "predictions.csv, line 17: expected 7 cells"),
        (lambda out: (out / "specimens.csv").unlink(), "specimens.csv: cannot be read"),
        (lambda out: (out / "specimens.csv").write_bytes(b"\xff"), "expected CSV in UTF-8"),
        (lambda out: (out / "run.json").write_text("{}"), "is not what this beetle-lm writes"),
        (lambda out: (out / "run.json").unlink(), "holds no results; give the folder"),
    ],
)
def test_damaged_results_are_one_sentence(
    command: Command, out: Path, damage: Callable[[Path], object], words: str
) -> None:
    damage(out)
    done = command("review-list", out)
    assert done.code == 1
    assert words in done.err
    assert not (out / "review.csv").exists()


def test_unfinished_runs_and_other_folders_are_refused(command: Command, tmp_path: Path) -> None:
    assert "holds no results" in command("review-list", tmp_path / "nowhere").err
    (tmp_path / ".incomplete").mkdir()
    (tmp_path / ".incomplete" / "unfinished.txt").write_text("x")
    done = command("review-list", tmp_path)
    assert done.code == 1 and "finish it first: resume the command" in done.err


@pytest.mark.parametrize("choice", ["keep", "missing", "drop"])
def test_flagged_specimens_in_a_comparison(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path, choice: str
) -> None:
    names = ["a good.png", "c =blank.png", "f good.png"]
    write_manual(tmp_path / "manual.tps", dict.fromkeys(names, POINTS))
    call = ("predict", photos, "-r", "-m", write_model(limits=LIMITS), "-o", tmp_path / "out")
    done = command(*call, "--flagged", choice, "--reference", tmp_path / "manual.tps")
    assert done.code == 3
    rows = read_table(tmp_path / "out" / "evaluation" / "per_specimen.csv")
    assert [row["image"] for row in rows] == names[:: 1 if choice != "drop" else 2]
