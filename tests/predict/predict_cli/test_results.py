"""What `beetle-lm predict` writes: tables, TPS files, overlays, in which frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.predict.images.orientation import turn_upright

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from results import EVERYTHING, listed, read_table
from squares import POINTS, SIZE, shifted


def wide(path: Path) -> dict[str, NDArray[np.float64]]:
    found = {}
    for row in read_table(path):
        image = row.pop("image")
        numbers = [float(value) if value else np.nan for value in row.values()]
        found[image] = np.array(numbers).reshape(-1, 2)
    return found


def test_results_of_a_folder(command: Command, model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "-r", "--model", model, "-o", out, "--device", "cpu")
    assert done.code == 0
    assert done.out == f"3 images: landmarks on 3; results in {out}\n"
    assert "dots, model 1.0, on CPUExecutionProvider" in done.err
    assert listed(out) == EVERYTHING

    found = wide(out / "landmarks.csv")
    assert list(found) == ["a.png", "b Ü.JPG", "sub/a.png"]
    for i, xy in enumerate(found.values()):
        assert xy == pytest.approx(np.array(shifted(i)), abs=0.5)

    tidy = read_table(out / "predictions.csv")
    assert list(tidy[0]) == [
        *("image", "landmark", "name", "x", "y", "score"),
        "expected_error_px",
    ]
    assert [(r["landmark"], r["name"]) for r in tidy[:3]] == [
        ("1", "red"),
        ("2", "green"),
        ("3", "blue"),
    ]
    assert {(r["score"], r["expected_error_px"]) for r in tidy} == {("1.0000", "0.000")}
    assert (float(tidy[1]["x"]), float(tidy[1]["y"])) == pytest.approx((300, 90), abs=0.5)

    specimens = read_table(out / "specimens.csv")
    assert [r["status"] for r in specimens] == ["ok"] * 3
    assert specimens[0] == {
        "image": "a.png",
        "status": "ok",
        "reason": "",
        "width": "400",
        "height": "300",
        "mean_score": "1.0000",
        "min_score": "1.0000",
        "mean_expected_error_px": "0.000",
        "missing": "0",
        "units_per_px": "",
        "scale_note": "",
    }

    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["model"]["part"] == "dots"
    assert run["provider"] == "CPUExecutionProvider"
    counts = {"images": 3, "ok": 3, "flagged": 0, "failed": 0, "landmarks_below_min_score": 0}
    assert run["counts"] == counts
    assert run["frame"] == "upright"


def test_tps_has_y_up_unique_ids_and_folders_where_names_are_shared(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "-r", "-m", model, "-o", out, "--scale", "0.0125")
    assert "photographs in different folders have the same name, e.g. a.png" in done.err
    lines = (out / "landmarks.tps").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("LM=")] == ["LM=3"] * 3
    images = [line[6:] for line in lines if line.startswith("IMAGE=")]
    assert images == ["a.png", "b Ü.JPG", "sub/a.png"]
    assert [line[3:] for line in lines if line.startswith("ID=")] == ["a", "b Ü", "sub/a"]
    assert [line for line in lines if line.startswith("SCALE=")] == ["SCALE=0.0125"] * 3
    first = [float(value) for value in lines[1].split(" ")]
    assert first == pytest.approx([100, 300 - 80], abs=0.5)


def test_no_scale_line_where_the_scale_is_unknown(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    command("predict", photos, "-m", model, "-o", tmp_path / "out")
    assert "SCALE" not in (tmp_path / "out" / "landmarks.tps").read_text(encoding="utf-8")


def test_ids_keep_the_ending_where_only_it_differs(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    for name in ("a.png", "a.bmp", "b.png"):
        Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / name)
    command("predict", tmp_path, "-m", model, "-o", tmp_path / "out", "--overlay")
    text = (tmp_path / "out" / "landmarks.tps").read_text(encoding="utf-8")
    assert [x for x in text.splitlines() if x.startswith("ID=")] == ["ID=a.bmp", "ID=a.png", "ID=b"]
    overlays = listed(tmp_path / "out" / "overlays")
    assert overlays == ["a.bmp.jpg", "a.png.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("formats", "left"),
    [
        ("tps", ["landmarks.tps", "methods.txt", "run.json", "specimens.csv"]),
        ("csv", ["landmarks.csv", "methods.txt", "predictions.csv", "run.json", "specimens.csv"]),
        ("TPS, csv", EVERYTHING),
    ],
)
def test_formats(
    command: Command, model: Path, photos: Path, tmp_path: Path, formats: str, left: list[str]
) -> None:
    command("predict", photos, "-m", model, "-o", tmp_path / "out", "--format", formats)
    assert listed(tmp_path / "out") == left


def test_landmarks_below_the_score_are_missing_everywhere(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    Image.fromarray(draw(SIZE, POINTS[:2])).save(tmp_path / "a.png")  # no blue
    out = tmp_path / "out"
    arguments = ("predict", tmp_path / "a.png", "-m", model, "-o", out, "--min-score", "0.5")
    done = command(*arguments, "--json")
    assert done.code == 0
    assert json.loads(done.out)["counts"]["landmarks_below_min_score"] == 1
    assert np.isnan(wide(out / "landmarks.csv")["a.png"]).tolist() == [[False] * 2] * 2 + [
        [True] * 2
    ]
    tps = (out / "landmarks.tps").read_text(encoding="utf-8").splitlines()
    assert tps[3] == "-1.00000 -1.00000"
    last = read_table(out / "predictions.csv")[2]
    assert (last["x"], last["y"], last["score"]) == ("", "", "0.0000")
    assert read_table(out / "specimens.csv")[0]["missing"] == "1"


def test_names_are_no_formulas(command: Command, model: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "a.png").rename(photos / "=1+1.png")
    (photos / "-2.png").touch()
    command("predict", photos, "-m", model, "-o", tmp_path / "out")
    for name in ("landmarks.csv", "predictions.csv", "specimens.csv"):
        found = {row["image"] for row in read_table(tmp_path / "out" / name)}
        assert "'=1+1.png" in found
        assert not any(image.startswith(("=", "-")) for image in found)
    reasons = {
        row["image"]: row["reason"] for row in read_table(tmp_path / "out" / "specimens.csv")
    }
    assert reasons["'-2.png"].startswith("'-2.png is empty")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_frame_of_the_written_coordinates(
    command: Command, model: Path, draw: Draw, tmp_path: Path, orientation: int
) -> None:
    pixels = turn_upright(draw(SIZE, POINTS), {6: 8, 8: 6}.get(orientation, orientation))
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    reds = np.argwhere((pixels == (255, 0, 0)).all(axis=2))
    where_stored = reds.mean(axis=0)[::-1] + 0.5
    for frame, red, size in (
        ("apply", POINTS[0], SIZE),
        ("stored", where_stored, (pixels.shape[1], pixels.shape[0])),
    ):
        out = tmp_path / frame
        done = command("predict", tmp_path / "a.png", "-m", model, "-o", out, "--exif", frame)
        assert wide(out / "landmarks.csv")["a.png"][0] == pytest.approx(red, abs=0.5)
        specimen = read_table(out / "specimens.csv")[0]
        assert (int(specimen["width"]), int(specimen["height"])) == size
        tps = (out / "landmarks.tps").read_text(encoding="utf-8").splitlines()
        y_up = float(tps[1].split(" ")[1])
        assert y_up == pytest.approx(size[1] - red[1], abs=0.5)
        warned = "1 photograph carries an EXIF orientation" in done.err
        assert warned == (orientation != 1)


def test_overlays_show_the_landmarks(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert command("predict", photos, "-r", "-m", model, "-o", out, "--overlay").code == 0
    overlays = out / "overlays"
    names = sorted(p.relative_to(overlays).as_posix() for p in overlays.rglob("*.jpg"))
    assert names == ["a.jpg", "b Ü.jpg", "sub/a.jpg"]
    with Image.open(overlays / "a.jpg") as picture:
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    assert drawn.shape == (750, 1000, 3)  # enlarged so that the numbers can be read
    for x, y in POINTS:
        dot = drawn[
            round(y * 2.5) - 6 : round(y * 2.5) + 6, round(x * 2.5) - 6 : round(x * 2.5) + 6
        ]
        blue_of_a_good_score = np.abs(dot - (86, 180, 233)).sum(axis=2) < 60
        assert blue_of_a_good_score.any()
