"""`beetle-lm predict`: the folder of results, the options, the exit codes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.predict.orientation import turn_upright

pytest.importorskip("onnxruntime")

Draw = Callable[..., NDArray[np.uint8]]
Command = Callable[..., Any]
WriteModel = Callable[..., Path]
SIZE = (400, 300)
POINTS = [(100, 80), (300, 90), (210, 230)]
EVERYTHING = ["landmarks.csv", "landmarks.tps", "predictions.csv", "run.json", "specimens.csv"]


@pytest.fixture
def model(write_model: WriteModel) -> Path:
    return write_model("model.onnx")


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Three photographs: a.png, b Ü.JPG and sub/a.png, each with other landmarks."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for i, name in enumerate(["a.png", "b Ü.JPG", "sub/a.png"]):
        picture = Image.fromarray(draw(SIZE, shifted(i)))
        picture.save(folder / name, quality=95, subsampling=0)
    return folder


def shifted(i: int) -> list[tuple[int, int]]:
    return [(x + 10 * i, y) for x, y in POINTS]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def wide(path: Path) -> dict[str, NDArray[np.float64]]:
    found = {}
    for row in rows(path):
        image = row.pop("image")
        numbers = [float(value) if value else np.nan for value in row.values()]
        found[image] = np.array(numbers).reshape(-1, 2)
    return found


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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

    tidy = rows(out / "predictions.csv")
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

    specimens = rows(out / "specimens.csv")
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
        ("tps", ["landmarks.tps", "run.json", "specimens.csv"]),
        ("csv", ["landmarks.csv", "predictions.csv", "run.json", "specimens.csv"]),
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
    last = rows(out / "predictions.csv")[2]
    assert (last["x"], last["y"], last["score"]) == ("", "", "0.0000")
    assert rows(out / "specimens.csv")[0]["missing"] == "1"


def test_names_are_no_formulas(command: Command, model: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "a.png").rename(photos / "=1+1.png")
    (photos / "-2.png").touch()
    command("predict", photos, "-m", model, "-o", tmp_path / "out")
    for name in ("landmarks.csv", "predictions.csv", "specimens.csv"):
        found = {row["image"] for row in rows(tmp_path / "out" / name)}
        assert "'=1+1.png" in found
        assert not any(image.startswith(("=", "-")) for image in found)
    reasons = {row["image"]: row["reason"] for row in rows(tmp_path / "out" / "specimens.csv")}
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
        specimen = rows(out / "specimens.csv")[0]
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


def test_results_are_not_overwritten_unasked(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "-m", model, "-o", out)
    assert command(*arguments, "--overlay").code == 0
    before = (out / "run.json").read_bytes()
    refused = command(*arguments)
    assert refused.code == 1
    assert "holds results already; --overwrite replaces them" in refused.err
    assert (out / "run.json").read_bytes() == before
    replaced = command(*arguments, "--overwrite", "--format", "tps")
    assert replaced.code == 0
    assert listed(out) == ["landmarks.tps", "run.json", "specimens.csv"]  # nothing old among them


def test_files_of_the_user_are_never_overwritten(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    manual = photos / "landmarks.tps"
    manual.write_text("LM=0\nID=mine\n", encoding="utf-8")
    done = command("predict", photos, "-m", model, "-o", photos, "--overwrite")
    assert done.code == 1
    assert "not from an earlier run and is never overwritten" in done.err
    assert manual.read_text(encoding="utf-8") == "LM=0\nID=mine\n"


def test_photographs_of_more_pixels_than_allowed_are_refused(
    command: Command, model: Path, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    Image.fromarray(draw((401, 300), POINTS)).save(photos / "large.png")
    call = ("predict", photos, "-m", model, "--overlay", "--max-pixels", SIZE[0] * SIZE[1])
    done = command(*call, "-o", tmp_path / "out")
    assert done.code == 3
    assert "failed: large.png is too large to be decoded: 401 x 300 pixels" in done.err
    specimens = rows(tmp_path / "out" / "specimens.csv")
    assert [row["status"] for row in specimens] == ["ok", "ok", "failed"]


def test_other_files_in_the_folder_of_results_stay(
    command: Command, model: Path, photos: Path
) -> None:
    assert command("predict", photos, "-m", model, "-o", photos).code == 0
    assert listed(photos) == sorted([*EVERYTHING, "a.png", "b Ü.JPG", "sub"])


def test_overlays_of_an_earlier_run_are_no_photographs(
    command: Command, model: Path, photos: Path
) -> None:
    out = photos / "out"
    arguments = ("predict", photos, "-r", "-m", model, "-o", out, "--overlay")
    assert command(*arguments).code == 0
    again = command(*arguments, "--overwrite")
    assert again.out.startswith("3 images")


def test_dry_run_writes_nothing(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out, "--dry-run", "--format", "csv")
    assert done.code == 0
    assert not out.exists()
    assert str(photos / "a.png") in done.out
    assert str(out / "landmarks.csv") in done.out
    assert "landmarks.tps" not in done.out
    assert "sub" not in done.out.replace(str(tmp_path), "")


def test_folder_of_results_is_named_by_the_part(
    command: Command,
    write_model: WriteModel,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = write_model(part="left wing/dorsal")
    assert command("predict", photos, "--model", model).code == 0
    assert (tmp_path / "beetle-lm-left-wing-dorsal" / "run.json").is_file()
    again = command("predict", photos, "--model", model)
    assert again.code == 1
    assert "holds results already" in again.err


def test_quiet_verbose_and_json(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    quiet = command("predict", photos, "-m", model, "-o", tmp_path / "1", "-q")
    assert quiet.err == ""
    verbose = command("predict", photos, "-m", model, "-o", tmp_path / "2", "-v")
    assert "a.png: mean score 1.00" in verbose.err
    as_json = command("predict", photos, "-m", model, "-o", tmp_path / "3", "--json")
    summary = json.loads(as_json.out)
    assert summary["output"] == str(tmp_path / "3")
    assert summary["counts"]["ok"] == 2


def write_manual(path: Path, names: list[str], offset: float = 0.0) -> None:
    records = []
    for i, name in enumerate(names):
        points = "".join(f"{x + offset:.5f} {300 - y:.5f}\n" for x, y in shifted(i))
        records.append(f"LM=3\n{points}IMAGE={name}\nID={i}\n")
    path.write_text("".join(records), encoding="utf-8")


def test_comparison_with_manual_landmarks(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    manual, out = tmp_path / "manual.tps", tmp_path / "out"
    write_manual(manual, ["A.PNG", "b Ü.JPG", "elsewhere.png"], offset=3.0)
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
    write_manual(tmp_path / "m.tps", ["bad.jpg"])
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out, "--reference", tmp_path / "m.tps")
    assert done.code == 3
    assert "nothing was compared with the manual landmarks" in done.err
    assert listed(out) == EVERYTHING


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --part NAME or --model FILE"),
        (["--part", "elytra", "--model", "m.onnx"], "give either --part NAME or --model FILE"),
        (["-m", "m.onnx", "--device", "gpu"], "'--device'"),
        (["-m", "m.onnx", "--exif", "turn"], "'--exif'"),
        (["-m", "m.onnx", "--format", "xlsx"], "--format must be tps, csv or both"),
        (["-m", "m.onnx", "--scale", "-1"], "--scale must be above 0"),
    ],
)
def test_wrong_usage(command: Command, photos: Path, arguments: list[str], message: str) -> None:
    done = command("predict", photos, *arguments)
    assert done.code == 2
    assert message in done.err


def test_help_and_program_work_as_a_process(model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = [sys.executable, "-m", "beetle_lm", "predict", str(photos), "-m", str(model)]
    done = subprocess.run(
        [*call, "-o", str(out)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"2 images: landmarks on 2; results in {out}\n"
    assert done.stderr == "dots, model 1.0, on CPUExecutionProvider\n"  # no bar without a terminal


def test_leftovers_that_nobody_can_go_on_with_do_no_harm(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / ".incomplete" / "overlays").mkdir(parents=True)
    (out / ".incomplete" / "landmarks.tps").write_text("LM=3\n", encoding="utf-8")
    assert command("predict", photos, "-m", model, "-o", out).code == 0
    assert listed(out) == EVERYTHING
