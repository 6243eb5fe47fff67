"""Lengths between landmarks: their values, their expected errors, and the table of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from drawn_scales import grid
from PIL import Image
from results import listed, read_table
from squares import POINTS, SIZE, shifted

from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.predict.measurements import measured
from beetle_lm.zoo.model_file.parts import Measurement, PartSpec

pytest.importorskip("onnxruntime")

from kinds import Command, Draw, WriteModel

LENGTHS = (Measurement("top, width", 1, 2), Measurement("=side", 1, 3))
SPEC = PartSpec("dots", ("red", "green", "blue"), (), LENGTHS)


def test_a_length_and_its_expected_error() -> None:
    xy = np.array([[0.0, 0.0], [30.0, 40.0], [np.nan, np.nan]])
    found = measured(Landmarks(SPEC, xy, None, np.array([3.0, 4.0, 1.0])))
    assert found["top, width"].value == 50
    assert found["top, width"].expected_error == pytest.approx(5 * 2 / math.pi)
    assert math.isnan(found["=side"].value) and math.isnan(found["=side"].expected_error)
    in_mm = found["top, width"].times(0.01)
    assert (in_mm.value, in_mm.expected_error) == pytest.approx((0.5, 0.1 / math.pi))
    [unsure, _] = measured(Landmarks(SPEC, xy)).values()
    assert unsure.value == 50 and math.isnan(unsure.expected_error)


def test_the_expected_error_is_what_normal_errors_make() -> None:
    rng = np.random.default_rng(0)
    true = np.array([[0.0, 0.0], [80.0, 60.0], [0.0, 50.0]])
    deviations = np.array([2.0, 5.0, 3.0])
    errors = deviations[:, None] * rng.normal(size=(20_000, 3, 2))
    expected = np.linalg.norm(errors, axis=2).mean(axis=0)
    lengths = np.linalg.norm((true + errors)[:, 1] - (true + errors)[:, 0], axis=1)
    found = measured(Landmarks(SPEC, true, None, expected))["top, width"]
    assert found.expected_error == pytest.approx(np.abs(lengths - 100).mean(), rel=0.03)


@pytest.fixture
def model(write_model: WriteModel) -> Path:
    from beetle_lm.zoo.model_file.onnx import read_card

    card = json.loads(read_card(write_model("plain.onnx")).to_json())
    card["part"] = SPEC.to_dict()
    return write_model(card=json.dumps(card))


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, name in enumerate(["a.png", "b Ü.png", "c.png"]):
        Image.fromarray(draw(SIZE, shifted(i))).save(folder / name)
    Image.fromarray(draw(SIZE, POINTS[:2])).save(folder / "missing.png")
    (folder / "broken.png").write_text("no picture")
    return folder


def test_the_table_of_a_run(command: Command, model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "-m", model, "-o", out, "--scale", 0.01, "--min-score", 0.5)
    assert "measurements.csv" in command(*arguments, "--dry-run").out
    assert command(*arguments).code == 3
    rows = read_table(out / "measurements.csv")
    assert [row["image"] for row in rows] == ["a.png", "b Ü.png", "c.png", "missing.png"]
    kinds = ("px", "px_expected_error", "units", "units_expected_error")
    assert list(rows[0]) == [
        *("image", "status", "units_per_px"),
        *(f"top, width_{kind}" for kind in kinds),
        *(f"'=side_{kind}" for kind in kinds),  # no spreadsheet runs it
    ]
    width = math.hypot(200, 10)
    for row in rows[:3]:
        assert float(row["top, width_px"]) == pytest.approx(width, abs=0.8)
        assert float(row["top, width_units"]) == pytest.approx(width / 100, abs=0.008)
        assert row["units_per_px"] == "0.01"
        assert (row["top, width_px_expected_error"], row["status"]) == ("0.000", "ok")
    assert rows[3]["'=side_px"] == rows[3]["'=side_units"] == ""  # its blue landmark is missing
    assert rows[3]["top, width_px"] != ""
    assert command("review-list", out).code == 0


def test_no_table_for_a_part_without_measurements(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "-m", write_model("plain.onnx"), "-o", out)
    assert "measurements.csv" not in command(*arguments, "--dry-run").out
    assert command(*arguments).code == 3
    assert "measurements.csv" not in listed(out)


def test_scales_of_a_table(command: Command, model: Path, photos: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "out", tmp_path / "scales.csv"
    table.write_text("photograph;scale\na;0,02\nC.PNG;0,5\n", encoding="utf-8")
    done = command("predict", photos, "-m", model, "-o", out, "--scale", table)
    assert "3 photographs have no scale in" in done.err
    assert "4 images" not in done.out and "2 without a scale" in done.out
    rows = {row["image"]: row for row in read_table(out / "measurements.csv")}
    assert [row["units_per_px"] for row in rows.values()] == ["0.02", "", "0.5", ""]
    assert rows["b Ü.png"]["top, width_units"] == "" != rows["b Ü.png"]["top, width_px"]
    lines = (out / "landmarks.tps").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("SCALE=")] == ["SCALE=0.02", "SCALE=0.5"]
    notes = {row["image"]: row["scale_note"] for row in read_table(out / "specimens.csv")}
    assert notes["a.png"] == "" and notes["b Ü.png"] == "no scale in scales.csv"
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))["options"]["scale"]
    assert told["table"] == str(table)
    table.write_text("a.png;0.3\n", encoding="utf-8")
    assert "expected units per pixel" not in command("review-list", out).err


def test_scales_from_a_grid_in_each_photograph(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(draw(SIZE, POINTS)).save(folder / "plain.png")
    lined = draw(SIZE, POINTS)
    lined[:, :, :] = np.minimum(lined, grid(20, shape=SIZE[::-1], seed=4)[:, :, None])
    Image.fromarray(lined).save(folder / "lined.png")
    done = command("predict", folder, "-m", model, "-o", out, "--scale-from", "grid", "--overlay")
    assert done.code == 0, done.err
    assert "1 without a scale" in done.out
    specimens = {row["image"]: row for row in read_table(out / "specimens.csv")}
    assert float(specimens["lined.png"]["units_per_px"]) == pytest.approx(1 / 20, rel=0.01)
    assert specimens["lined.png"]["scale_note"].startswith("millimetre grid, 20.")
    assert specimens["plain.png"]["units_per_px"] == ""
    assert specimens["plain.png"]["scale_note"] == "no millimetre grid found"
    assert (out / "landmarks.tps").read_text(encoding="utf-8").count("SCALE=") == 1
    assert json.loads((out / "run.json").read_text())["options"]["scale"] == "grid"
