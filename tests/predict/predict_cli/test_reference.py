"""`beetle-lm predict --reference`: results beside manual landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from beetle_lm.predict.images.orientation import turn_upright

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from results import EVERYTHING, listed
from squares import POINTS, SIZE, shifted, write_manual


def test_comparison_with_manual_landmarks(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    manual, out = tmp_path / "manual.tps", tmp_path / "out"
    names = ("A.PNG", "b Ü.JPG", "elsewhere.png")
    write_manual(manual, {name: shifted(i) for i, name in enumerate(names)}, right=3)
    arguments = ("predict", photos, "-m", model, "-o", out, "--overlay")
    done = command(*arguments, "--reference", manual)
    assert done.code == 0
    assert all(name in done.out for name in ("red", "green", "blue"))
    assert "elsewhere.png" in done.err
    summary = json.loads((out / "evaluation" / "summary.json").read_text(encoding="utf-8"))
    assert summary["specimens"] == 2
    assert summary["distance"]["px"]["mean"] == pytest.approx(3.0, abs=0.3)
    as_json = command(*arguments, "--reference", manual, "--overwrite", "--json")
    assert json.loads(as_json.out)["counts"]["ok"] == 2


def test_manual_landmarks_in_the_stored_frame(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(turn_upright(draw(SIZE, POINTS), 8)).save(tmp_path / "a.png", exif=exif)
    # Orientation 6: (x, y) upright is at (y, width - x) in the stored picture, here 300 x 400.
    points = "".join(f"{y:.5f} {400 - (400 - x):.5f}\n" for x, y in POINTS)
    manual = tmp_path / "m.tps"
    manual.write_text(f"LM=3\n{points}IMAGE=a.png\n", encoding="utf-8")
    for frame, good in (("stored", True), ("apply", False)):
        out = tmp_path / frame
        arguments = ("predict", tmp_path / "a.png", "-m", model, "-o", out, "--overlay")
        assert command(*arguments, "--exif", frame, "--reference", manual).code == 0
        summary = json.loads((out / "evaluation" / "summary.json").read_text(encoding="utf-8"))
        assert (summary["distance"]["px"]["mean"] < 0.5) == good


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("LM=2\n1 2\n3 4\nIMAGE=a.png\n", "a.png has 2 manual landmarks, but dots has 3"),
        ("LM=3\n1 2\n3 4\n5 6\nIMAGE=other.png\n", "no specimen is in both"),
        ("LM=3\n1 2\n", "m.tps, line"),
    ],
)
def test_manual_landmarks_that_do_not_fit_are_told_before_anything_is_done(
    command: Command, model: Path, photos: Path, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "m.tps").write_text(content, encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out, "--reference", tmp_path / "m.tps")
    assert done.code == 1
    assert message in done.err
    assert not out.exists()


def test_predictions_are_kept_where_nothing_can_be_compared(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "bad.jpg").write_text("no image", encoding="utf-8")
    write_manual(tmp_path / "m.tps", {"bad.jpg": POINTS})
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out, "--reference", tmp_path / "m.tps")
    assert done.code == 3
    assert "nothing was compared with the manual landmarks" in done.err
    assert listed(out) == EVERYTHING


def test_curves_of_manual_landmarks_are_told_of_once(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    manual = tmp_path / "manual.tps"
    write_manual(manual, {"b Ü.JPG": POINTS})
    text = manual.read_text(encoding="utf-8").replace("IMAGE=", "CURVES=1\nPOINTS=1\n1 2\nIMAGE=")
    manual.write_text(text, encoding="utf-8")
    done = command("predict", photos, "-m", model, "-o", tmp_path / "out", "--reference", manual)
    assert done.code == 0
    told = "the manual curves are not compared: there are no predicted ones"
    assert done.err.count("curves") == done.err.count(told) == 1
