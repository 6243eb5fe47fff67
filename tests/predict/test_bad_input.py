"""Whatever is wrong with the input: a clear sentence, the right exit code, and all other rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Command, Draw, WriteModel
from PIL import Image
from results import read_table
from squares import POINTS

from beetle_lm.zoo.model_file.card import CARD_KEY

pytest.importorskip("onnxruntime")


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("good 1.jpg", "good 2.png", "zz good 3.TIF"):
        Image.fromarray(draw((400, 300), POINTS)).save(folder / name)
    return folder


def make_bad(kind: str, folder: Path) -> str:
    """Adds a bad photograph to a folder; returns what should be said of it."""
    path = folder / "m bad.jpg"
    if kind == "text":
        path.write_text("these are notes", encoding="utf-8")
        return "m bad.jpg is not an image that can be read"
    if kind == "truncated":
        noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:20000])
        return "m bad.jpg is truncated: the end of the picture is missing"
    if kind == "truncated png":
        path = path.with_suffix(".png")
        noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:20000])
        return "m bad.png is truncated: the end of the picture is missing"
    if kind == "empty":
        path.touch()
        return "m bad.jpg is empty (0 bytes)"
    if kind == "one pixel":
        Image.new("RGB", (1, 1)).save(path)
        return "m bad.jpg is too small to show anything (1 x 1 pixels)"
    if kind == "unreadable":
        try:
            path.symlink_to(folder / "nowhere.jpg")
        except OSError:
            pytest.skip("no links on this system")
        return "m bad.jpg cannot be read: No such file or directory"
    raise AssertionError(kind)


KINDS = ["text", "truncated", "truncated png", "empty", "one pixel", "unreadable"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_photograph_among_good_ones(
    command: Command, model: Path, photos: Path, tmp_path: Path, kind: str
) -> None:
    reason = make_bad(kind, photos)
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out, "--overlay", "-b", "2")
    assert done.code == 3
    assert done.out == f"4 images: landmarks on 3, 1 failed; results in {out}\n"
    assert f"failed: {reason}\n" in done.err

    specimens = read_table(out / "specimens.csv")
    assert [row["status"] for row in specimens] == ["ok", "ok", "failed", "ok"]
    assert specimens[2]["reason"] == reason
    assert specimens[2]["width"] == specimens[2]["mean_score"] == ""

    good = ["good 1.jpg", "good 2.png", "zz good 3.TIF"]
    with (out / "landmarks.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    assert [row[0] for row in rows] == good
    for row in rows:
        xy = np.array(row[1:], float).reshape(-1, 2)
        assert xy == pytest.approx(np.array(POINTS), abs=1.5)
    text = (out / "landmarks.tps").read_text(encoding="utf-8")
    assert [line[6:] for line in text.splitlines() if line.startswith("IMAGE=")] == good
    counts = json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]
    assert (counts["images"], counts["ok"], counts["failed"]) == (4, 3, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_a_bad_photograph(
    command: Command, model: Path, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "photos").mkdir()
    reason = make_bad(kind, tmp_path / "photos")
    out = tmp_path / "out"
    done = command("predict", tmp_path / "photos", "-m", model, "-o", out)
    assert done.code == 3
    assert reason in done.err
    assert reason in (out / "specimens.csv").read_text(encoding="utf-8")
    assert (out / "landmarks.tps").read_text(encoding="utf-8") == ""


def test_many_failures_are_counted(command: Command, model: Path, tmp_path: Path) -> None:
    for i in range(14):
        (tmp_path / f"bad{i:02}.jpg").touch()
    done = command("predict", tmp_path, "-m", model, "-o", tmp_path / "out")
    assert done.code == 3
    assert done.err.count("failed: bad") == 10
    assert "and 4 more failed; specimens.csv has all reasons" in done.err


def fatal(done: Any, message: str, out: Path) -> None:
    assert done.code == 1
    assert message in done.err
    assert done.err.count("error: ") == 1
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not out.exists()


def test_empty_folder(command: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()  # a folder, whatever it is called
    done = command("predict", tmp_path / "x.jpg", "-m", model, "-o", tmp_path / "out")
    fatal(done, "no images in ", tmp_path / "out")


def test_input_that_is_not_there(command: Command, model: Path, tmp_path: Path) -> None:
    done = command("predict", tmp_path / "typo", "-m", model, "-o", tmp_path / "out")
    fatal(done, "there is no file or folder", tmp_path / "out")


def test_model_without_card(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    other = write_model("other.onnx", with_card=False)
    done = command("predict", photos, "-m", other, "-o", tmp_path / "out")
    fatal(done, "other.onnx is not a beetle-lm model: it carries no card", tmp_path / "out")


def test_card_of_another_version(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    properties = onnx.load(write_model("old.onnx")).metadata_props
    card = json.loads(next(p.value for p in properties if p.key == CARD_KEY))
    newer = write_model("newer.onnx", card=json.dumps({**card, "format": 99}))
    done = command("predict", photos, "-m", newer, "-o", tmp_path / "out")
    fatal(done, "the model's card has format version 99", tmp_path / "out")


def test_text_for_a_model(command: Command, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("<html>", encoding="utf-8")
    done = command("predict", photos, "-m", tmp_path / "m.onnx", "-o", tmp_path / "out")
    fatal(done, "m.onnx is not an ONNX file, or is damaged", tmp_path / "out")


def test_model_that_is_not_there(command: Command, photos: Path, tmp_path: Path) -> None:
    done = command("predict", photos, "-m", tmp_path / "m.onnx", "-o", tmp_path / "out")
    fatal(done, "there is no model file", tmp_path / "out")


def test_unknown_part(command: Command, photos: Path, tmp_path: Path) -> None:
    done = command("predict", photos, "--part", "elytron", "-o", tmp_path / "out")
    fatal(done, "unknown part 'elytron'; did you mean 'elytra'?", tmp_path / "out")


def test_file_in_the_way_of_the_results(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    done = command("predict", photos, "-m", model, "-o", tmp_path / "out")
    assert done.code == 1
    assert "is a file, results need a folder" in done.err
    below = command("predict", photos, "-m", model, "-o", tmp_path / "out" / "deeper")
    assert below.code == 1
    assert "cannot be written" in below.err
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_existing_results_are_told_before_the_model_is_loaded(
    command: Command, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").touch()
    (tmp_path / "m.onnx").write_text("no model", encoding="utf-8")
    done = command("predict", photos, "-m", tmp_path / "m.onnx", "-o", tmp_path / "out")
    assert done.code == 1
    assert "holds results already" in done.err


def test_cuda_that_cannot_be_had(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    done = command("predict", photos, "-m", model, "-o", tmp_path / "out", "--device", "cuda")
    fatal(done, "CUDA was asked for", tmp_path / "out")
