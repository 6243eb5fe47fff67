"""Curves from the landmark file to the results, by the command line, on drawn photographs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from kinds import Command
from training_data import SIZE, small_recipe

from beetle_lm import Predictor
from beetle_lm.predict.curves import distances, through
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.predict.landmarks import centroid_size


def draw_leaves(folder: Path, count: int, seed: int) -> tuple[Path, Path]:
    """Dark leaves on a light ground: two tips are landmarks, the upper edge is a curve."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    records = []
    for number in range(count):
        start, end = np.array([[20.0, 40.0], [76.0, 40.0]]) + rng.uniform(-5, 5, (2, 2))
        up, down = rng.uniform(8, 22), rng.uniform(4, 12)
        share = np.linspace(0, 1, 41)[:, None]
        chord = start + share * (end - start)
        bow = np.sin(np.pi * share) * np.array([0.0, 1.0])
        edge, lower = chord - up * bow, chord + down * bow
        large = np.full((SIZE[1] * 4, SIZE[0] * 4), rng.uniform(180, 240), np.uint8)
        outline = np.vstack([edge, lower[::-1]])
        cv2.fillPoly(large, [np.rint(outline * 4).astype(np.int32)], 40)
        name = f"leaf_{number:03d}.png"
        pixels = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / "images" / name), pixels)
        picked = edge[np.linspace(0, 40, int(rng.integers(6, 12))).astype(int)]
        xy = np.vstack([start, end, (start + end) / 2])
        records.append(TpsRecord.from_image_xy(xy, SIZE, name, curves={"upper edge": picked}))
    write_tps(folder / "landmarks.tps", records)
    return folder / "images", folder / "landmarks.tps"


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Photographs, their landmarks, and the run that was trained on most of them."""
    folder = tmp_path_factory.mktemp("leaves")
    images, landmarks = draw_leaves(folder / "data", 30, seed=1)
    (folder / "test.txt").write_text("".join(f"leaf_{i:03d}.png\n" for i in range(6)))
    recipe = small_recipe(
        folder / "small.toml", network="nano", epochs=5, steps_per_epoch=30, batch_size=8
    )
    command = ["train", images, landmarks, "--part", "leaf", "--recipe", recipe]
    command += ["--test", folder / "test.txt", "-o", folder / "run", "--quiet"]
    python = [sys.executable, "-m", "beetle_lm", *map(str, command)]
    done = subprocess.run(python, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return images, landmarks, folder / "run"


def test_curves_are_learned_beside_the_landmarks(leaves: tuple[Path, Path, Path]) -> None:
    *_, run = leaves
    summary = json.loads((run / "test" / "summary.json").read_text(encoding="utf-8"))
    [curve] = summary["per_curve"]
    assert curve["curve"] == "upper edge"
    assert curve["distance"]["px"]["count"] == 6 * 20
    assert curve["distance"]["px"]["mean"] < 2.0
    assert summary["distance"]["px"]["mean"] < 4.0


def test_predictions_have_the_curves(
    leaves: tuple[Path, Path, Path], tmp_path: Path, command: Command
) -> None:
    images, landmarks, run = leaves
    model, out = run / "leaf.onnx", tmp_path / "out"
    done = command("predict", images, "-m", model, "-o", out, "--overlay", "--reference", landmarks)
    assert done.code == 0, done.err
    assert "semilandmarks from manual curves" in done.out + done.err
    records = read_tps(out / "landmarks.tps")
    true = {record.image: record for record in read_tps(landmarks)}
    off = []
    for record in records:
        assert record.curve_names == ("upper edge",)
        [curve] = record.curves
        assert len(curve) == 22
        np.testing.assert_allclose(curve[[0, -1]], record.points[:2], atol=1e-5)
        off.append(distances(curve[1:-1], through(true[record.image].curves[0])).mean())
    assert np.mean(off) < 2.0
    rows = (out / "curves.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "image,curve,semilandmark,x,y,expected_error_px"
    assert len(rows) == 1 + 30 * 20
    x, y, error = (float(cell) for cell in rows[1].split(",")[3:])
    height = SIZE[1]
    np.testing.assert_allclose((x, height - y), records[0].curves[0][1], atol=1e-5)
    assert 0 < error < 100
    overlay = cv2.imread(str(out / "overlays" / "leaf_000.jpg"))
    assert overlay is not None
    scale = overlay.shape[1] / SIZE[0]
    seen = overlay[round(y * scale), round(x * scale)].astype(int)  # blue, green, red
    assert seen[2] > seen[0] + 60  # the curve's yellow

    evaluated = command("evaluate", out / "landmarks.tps", landmarks, "--images", images)
    assert evaluated.code == 0, evaluated.err
    assert "upper edge" in evaluated.out


def test_semilandmarks_can_be_appended_with_their_sliders(
    leaves: tuple[Path, Path, Path], tmp_path: Path, command: Command
) -> None:
    images, _, run = leaves
    plain, out = tmp_path / "plain", tmp_path / "out"
    for folder, choice in ((plain, "curves"), (out, "append")):
        done = command("predict", images, "-m", run / "leaf.onnx", "-o", folder, "--curves", choice)
        assert done.code == 0, done.err
    one, other = read_tps(plain / "landmarks.tps")[0], read_tps(out / "landmarks.tps")[0]
    assert not other.curves and len(other.points) == 23
    np.testing.assert_array_equal(other.points[:3], one.points)
    np.testing.assert_array_equal(other.points[3:], one.curves[0][1:-1])
    sliders = (out / "sliders.csv").read_text(encoding="utf-8").split()
    assert sliders[:3] == ["before,slide,after", "1,4,5", "4,5,6"]
    assert sliders[-1] == "22,23,2"
    assert not (out / "curves.csv").exists() and not (plain / "sliders.csv").exists()
    header = (out / "landmarks.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.endswith("x23,y23_down")
    table = (out / "predictions.csv").read_text(encoding="utf-8")
    assert "leaf_000.png,4,upper edge 1," in table


def test_a_notebook_gets_the_curves(leaves: tuple[Path, Path, Path]) -> None:
    images, _, run = leaves
    result = next(Predictor.load(run / "leaf.onnx").predict(images / "leaf_000.png"))
    assert result.landmarks is not None
    line = result.landmarks.curves["upper edge"]
    assert line.shape == (22, 2)
    np.testing.assert_array_equal(line[0], result.landmarks.xy[0])
    assert result.landmarks.semilandmark_error is not None
    assert centroid_size(line) > 50
    assert result.plot() is not None


def test_a_recipe_that_learns_no_curves_says_so(
    leaves: tuple[Path, Path, Path], tmp_path: Path, command: Command, mean_recipe: Path
) -> None:
    images, landmarks, _ = leaves
    run = tmp_path / "run"
    done = command(
        *("train", images, landmarks, "--part", "leaf", "--recipe", mean_recipe, "-o", run)
    )
    assert done.code == 0, done.err
    assert "landmarks.tps: curves are not learned by this recipe, only landmarks are" in (
        done.out + done.err
    )


def test_curves_of_another_number_of_semilandmarks_start_anew(
    leaves: tuple[Path, Path, Path], tmp_path: Path, command: Command
) -> None:
    images, landmarks, earlier = leaves
    part = tmp_path / "leaf.toml"
    part.write_text(
        'landmarks = 3\n[[curves]]\nname = "upper edge"\nfrom = 1\nto = 2\nsemilandmarks = 40\n'
    )
    recipe = small_recipe(tmp_path / "r.toml", network="nano", epochs=1, steps_per_epoch=1)
    done = command(
        *("train", images, landmarks, "--part", part, "--recipe", recipe, "--init", earlier),
        *("-o", tmp_path / "run"),
    )
    assert done.code == 0, done.err
    assert "new: all that knows the curves, 1 curve" in done.out + done.err
