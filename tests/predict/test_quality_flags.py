"""Flags on drawn photographs through the command line: wrong ones have reasons, right ones none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Command, Draw, WriteModel
from numpy.typing import NDArray
from PIL import Image
from results import read_table
from squares import POINTS, SIZE

from beetle_lm.predict.drawing.overlay import FLAGGED
from beetle_lm.predict.predictor import Predictor
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace

pytest.importorskip("onnxruntime")

MIDDLE = np.array((200, 150))
LIMITS = Limits(5.0, 12.0, (-20.0, 20.0), (0.3, 0.6))


def shapes() -> ShapeSpace:
    """Three points as they are drawn, which vary by 5 % of the centroid size."""
    mean = np.array(POINTS, float)
    mean -= mean.mean(axis=0)
    mean /= np.linalg.norm(mean)
    return ShapeSpace(9, tuple(map(tuple, mean.tolist())), (), (), 0.05**2, 3.0)


@pytest.fixture
def model(write_model: WriteModel) -> Path:
    return write_model(shapes=shapes(), limits=LIMITS)


def middle(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    offsets: NDArray[np.float64] = np.array(points, float) - MIDDLE
    return offsets


def placed(offsets: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.rint((offsets + MIDDLE) / 10) * 10]


RIGHT = {
    "as-drawn": POINTS,
    "moved": [(x + 30, y - 20) for x, y in POINTS],
    "a-little-larger": placed(middle(POINTS) * 1.1),
}
WRONG = {
    "upside-down": (placed(-middle(POINTS)), "turned 1"),
    "on-its-side": (placed(middle(POINTS)[:, ::-1] * [-1, 1]), "turned 9"),
    "too-small": (placed(middle(POINTS) * 0.5), "smaller in the picture"),
    "another-shape": ([(100, 80), (300, 90), (110, 140)], "shape unlike"),
    "one-missing": (POINTS[:2], "expected error"),
    "blank": ([], "expected error 166.7 px on average (limit 20.8)"),
}


def rows(path: Path) -> dict[str, dict[str, str]]:
    return {Path(row["image"]).stem: row for row in read_table(path)}


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    every = RIGHT | {name: points for name, (points, _) in WRONG.items()}
    for name, points in every.items():
        Image.fromarray(draw(SIZE, points)).save(folder / f"{name}.png")
    return folder


def test_wrong_photographs_are_flagged_and_right_ones_are_not(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "broken.png").write_text("no image")
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out)
    assert done.code == 3  # for the broken one alone
    specimens = rows(out / "specimens.csv")
    for name in RIGHT:
        assert (specimens[name]["status"], specimens[name]["reason"]) == ("ok", "")
    for name, (_, words) in WRONG.items():
        assert specimens[name]["status"] == "flagged", name
        assert words in specimens[name]["reason"]
    assert specimens["broken"]["status"] == "failed"
    assert "10 images: landmarks on 9, 6 flagged, 1 failed" in done.out
    assert f"beetle-lm review {out}" in done.out
    counts = json.loads((out / "run.json").read_text())["counts"]
    assert counts["images"] == 10
    assert (counts["ok"], counts["flagged"], counts["failed"]) == (3, 6, 1)


def test_flagged_photographs_alone_end_with_exit_code_0(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    blank = photos / "blank.png"
    done = command("predict", blank, "-m", model, "-o", tmp_path / "out", "-v")
    assert done.code == 0
    assert "blank.png: mean score 0.00, flagged: expected error 166.7 px on average" in done.err


def test_expected_errors_are_pixels_of_the_photograph(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command("predict", photos / "one-missing.png", "-m", model, "-o", out)
    errors = [float(row["expected_error_px"]) for row in read_table(out / "predictions.csv")]
    # 40 px of an input that is 96 px wide, of a photograph of 400 px
    assert errors == pytest.approx([0, 0, 40 * 400 / 96], abs=0.01)
    mean = rows(out / "specimens.csv")["one-missing"]["mean_expected_error_px"]
    assert float(mean) == pytest.approx(sum(errors) / 3, abs=0.01)


def test_from_python_a_result_carries_its_quality_flag(model: Path, draw: Draw) -> None:
    predictor = Predictor.load(model, device="cpu")
    right, wrong = predictor.predict([draw(SIZE, POINTS), draw(SIZE, WRONG["upside-down"][0])])
    assert right.flag is None and right.error is None
    assert wrong.flag is not None and wrong.error is None
    assert right.landmarks is not None and right.landmarks.expected_error is not None
    assert right.landmarks.expected_error == pytest.approx(0, abs=1e-3)


def test_flagged_photographs_are_framed_in_overlays_and_overview(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command("predict", photos, "-m", model, "-o", out, "--overlay")
    edges = {}
    for name in ("as-drawn", "blank"):
        pixels = np.asarray(Image.open(out / "overlays" / f"{name}.jpg"), float)
        edges[name] = pixels[-2, ::50], pixels.shape
    assert np.abs(edges["blank"][0] - FLAGGED).max() < 30
    assert np.abs(edges["as-drawn"][0] - FLAGGED).max(axis=1).min() > 60
    assert edges["blank"][1][0] > edges["as-drawn"][1][0]  # for the bar with the reason
    overview = np.asarray(Image.open(out / "overview.jpg"), float)
    framed = (np.abs(overview - FLAGGED) < 30).all(axis=2).sum()
    assert framed > 6 * 2 * 360 * 3  # six frames


def test_a_model_without_shapes_still_flags_what_it_is_not_sure_of(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    model = write_model("bare.onnx", limits=LIMITS)
    command("predict", photos, "-m", model, "-o", tmp_path / "out")
    status = {name: row["status"] for name, row in rows(tmp_path / "out" / "specimens.csv").items()}
    assert [name for name in status if status[name] == "flagged"] == ["blank", "one-missing"]


def test_zoo_show_tells_what_is_flagged(command: Command, model: Path, write_model: Any) -> None:
    told = command("zoo", "show", model).out
    assert "rotation outside -20 to 20 degrees" in told and "the mean of 9" in told
    told = command("zoo", "show", write_model("bare.onnx", limits=LIMITS)).out
    assert "shape and pose are not checked" in told
