"""Drawn photographs: exact landmarks, the same for the same seed, in the layout of all others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from kinds import Command
from numpy.typing import NDArray

from beetle_lm.errors import PartError, RequestError
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.images.read import find_images, read_image
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.train.synthetic.canvas import fill
from beetle_lm.train.synthetic.render import DRAWN, render, specimen_rng
from beetle_lm.train.synthetic.shapes import FRAME
from beetle_lm.zoo.model_file.parts import PARTS

ROOT = Path(__file__).parents[2]
SMALL = (204, 153)


def series(
    part: str, count: int, size: tuple[int, int] = SMALL, seed: int = 1
) -> list[tuple[NDArray[np.uint8], Landmarks]]:
    return [render(part, specimen_rng(seed, part, number), size) for number in range(1, count + 1)]


@pytest.mark.parametrize("part", DRAWN)
def test_picture_and_landmarks_fit_each_other(part: str) -> None:
    for size in (SMALL, (90, 160)):
        for pixels, landmarks in series(part, 3, size):
            assert pixels.dtype == np.uint8
            assert pixels.shape == (size[1], size[0], 3)
            assert landmarks.spec is PARTS[part]
            assert not landmarks.missing.any()
            assert (landmarks.xy > 0).all()
            assert (landmarks.xy < size).all()
            assert pixels.std() > 20


@pytest.mark.parametrize("part", DRAWN)
def test_same_seed_same_picture_other_seed_another(part: str) -> None:
    first, landmarks = series(part, 1)[0]
    again, landmarks_again = series(part, 1)[0]
    other, other_landmarks = series(part, 1, seed=2)[0]
    assert np.array_equal(first, again)
    assert np.array_equal(landmarks.xy, landmarks_again.xy)
    assert np.abs(first.astype(int) - other).mean() > 5
    assert np.abs(landmarks.xy - other_landmarks.xy).max() > 2


@pytest.mark.parametrize("part", DRAWN)
def test_the_specimen_does_not_depend_on_the_size(part: str) -> None:
    small, of_small = render(part, specimen_rng(3, part, 1), (408, 306))
    large, of_large = render(part, specimen_rng(3, part, 1), (816, 612))
    assert np.allclose(of_small.xy * 2, of_large.xy)
    reduced = cv2.resize(large, (102, 77), interpolation=cv2.INTER_AREA).astype(float)
    likewise = cv2.resize(small, (102, 77), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(reduced - likewise).mean() < 6


@pytest.mark.parametrize("part", ["left-mandible", "right-mandible"])
def test_mandible_landmarks_lie_on_the_drawn_outline(part: str) -> None:
    on_edge, away = [], []
    for pixels, landmarks in series(part, 6, (816, 612)):
        on_edge += [contrast(pixels, point) for point in landmarks.xy]
        away += [contrast(pixels, point - np.array([0, 90])) for point in landmarks.xy[:1]]
    assert np.mean(np.array(on_edge) > 35) > 0.95
    assert np.mean(np.array(away) > 35) < 0.2


def test_mandible_apex_is_the_tip_to_within_a_pixel() -> None:
    for pixels, landmarks in series("right-mandible", 6, (816, 612)):
        x, y = landmarks.xy[0]
        around = pixels[int(y) - 12 : int(y) + 13, int(x) - 12 : int(x) + 13].mean(axis=2)
        dark = around < (np.percentile(around, 2) + np.percentile(around, 98)) / 2
        rows, columns = np.nonzero(dark)
        nearest = np.hypot(columns + int(x) - 11.5 - x, rows + int(y) - 11.5 - y).min()
        assert nearest < 2
        assert dark.mean() < 0.45  # a tip, not the middle of an edge or of the mandible


def test_elytra_corners_lie_on_the_drawn_outline() -> None:
    shoulders = []
    for pixels, landmarks in series("elytra", 6, (816, 612)):
        shoulders += [contrast(pixels, landmarks.xy[number - 1]) for number in (5, 10)]
    assert np.mean(np.array(shoulders) > 35) > 0.9


@pytest.mark.parametrize("part", ["elytra", "pronotum", "head"])
def test_landmarks_of_mirrored_halves_lie_on_their_own_side(part: str) -> None:
    for _, landmarks in series(part, 4):
        for right, left in PARTS[part].mirror_pairs:
            assert landmarks.xy[right - 1, 0] > landmarks.xy[left - 1, 0]


def test_filled_outlines_end_where_they_are_drawn() -> None:
    angles = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    for radius in (10.25, 60.5):
        mask = np.zeros((160, 160), np.uint8)
        ring = np.column_stack([80.3 + radius * np.cos(angles), 79.6 + radius * np.sin(angles)])
        fill(mask, ring)
        assert abs(np.sqrt(mask.sum() / 255 / np.pi) - radius) < 0.15


@pytest.mark.parametrize("part", DRAWN)
def test_mean_shape_is_that_of_the_manual_landmarks(part: str, shared_data: Path) -> None:
    manual = read_records(shared_data / "carabids" / "manual" / f"{part}.tps")
    wanted = np.mean([record.in_image(FRAME[1]) for record in manual], axis=0)
    drawn = np.mean([landmarks.xy for _, landmarks in series(part, 60, (68, 64))], axis=0)
    distance = superimposed_distance(drawn, wanted)
    assert distance.max() < 0.02


def test_shapes_file_is_what_the_script_makes(shared_data: Path, tmp_path: Path) -> None:
    made = tmp_path / "shapes.json"
    subprocess.run(
        [
            sys.executable,
            ROOT / "bench" / "make_shapes.py",
            shared_data / "carabids" / "manual",
            "-o",
            made,
        ],
        check=True,
        capture_output=True,
    )
    new = json.loads(made.read_text(encoding="utf-8"))
    kept = json.loads((ROOT / "train" / "synthetic" / "shapes.json").read_text(encoding="utf-8"))
    assert new["provenance"] == kept["provenance"]
    for part, entries in kept["parts"].items():
        assert new["parts"][part]["specimens"] == entries["specimens"]
        for key in ("mean", "components"):
            assert np.allclose(new["parts"][part][key], entries[key], atol=0.05)


def test_bad_calls() -> None:
    with pytest.raises(PartError, match="carabid cannot be drawn; these can: left-mandible, "):
        render("carabid", np.random.default_rng(0))
    with pytest.raises(PartError, match="did you mean 'elytra'"):
        render("elytron", np.random.default_rng(0))
    with pytest.raises(RequestError, match="10 x 10"):
        render("elytra", np.random.default_rng(0), (10, 10))


def test_command_writes_the_project_layout(command: Command, tmp_path: Path) -> None:
    arguments = ("render", "elytra", "-o", tmp_path, "--seed", 4, "--size", "204x153")
    said = command(*arguments, "-n", 3)
    assert said.code == 0
    assert said.out.startswith("3 images in ")
    folder = tmp_path / "elytra"
    names = [image.name for image in find_images([folder / "images"])]
    assert names == ["elytra_0001.jpg", "elytra_0002.jpg", "elytra_0003.jpg"]
    assert sorted(path.name for path in folder.iterdir()) == ["images", "landmarks.tps"]
    records = read_records(folder / "landmarks.tps")
    assert [record.image for record in records] == names
    for number, record in enumerate(records, 1):
        pixels, landmarks = render("elytra", specimen_rng(4, "elytra", number), SMALL)
        assert np.abs(record.in_image(SMALL[1]) - landmarks.xy).max() < 1e-4
        read = read_image(folder / "images" / record.name, 3).pixels
        assert np.abs(read.astype(int) - pixels).mean() < 6


def test_longer_series_begins_like_the_shorter(command: Command, tmp_path: Path) -> None:
    for count, place in ((2, "short"), (4, "long")):
        said = command("render", "head", "-n", count, "-o", tmp_path / place, "--size", "96x72")
        assert said.code == 0
    short, long = (tmp_path / place / "head" for place in ("short", "long"))
    for name in ("head_0001.jpg", "head_0002.jpg"):
        assert (short / "images" / name).read_bytes() == (long / "images" / name).read_bytes()
    text = (long / "landmarks.tps").read_text(encoding="utf-8")
    assert text.startswith((short / "landmarks.tps").read_text(encoding="utf-8"))


def test_nothing_is_overwritten_unasked(command: Command, tmp_path: Path) -> None:
    arguments = ("render", "pronotum", "-o", tmp_path, "--size", "96x72", "-n")
    assert command(*arguments, 3).code == 0
    before = (tmp_path / "pronotum" / "landmarks.tps").read_bytes()
    mine = tmp_path / "pronotum" / "images" / "mine.jpg"
    mine.write_bytes(b"not the command's")
    said = command(*arguments, 2)
    assert said.code == 1
    assert "--overwrite" in said.err
    assert (tmp_path / "pronotum" / "landmarks.tps").read_bytes() == before
    assert command(*arguments, 2, "--overwrite").code == 0
    names = sorted(path.name for path in (tmp_path / "pronotum" / "images").iterdir())
    assert names == ["mine.jpg", "pronotum_0001.jpg", "pronotum_0002.jpg"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("elytron", "-n", "1"), 1, "did you mean 'elytra'"),
        (("elytra", "-n", "0"), 2, "Usage"),
        (("elytra", "-n", "1", "--size", "big"), 2, "got 'big'"),
        (("elytra", "-n", "1", "--size", "20x10"), 2, "20 x 10"),
        (("elytra", "-n", "1", "--seed", "-1"), 2, "Usage"),
    ],
)
def test_bad_arguments(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    said = command("render", *arguments, "-o", tmp_path / "out")
    assert said.code == code
    assert words in said.err
    assert not (tmp_path / "out").exists()


def test_output_that_cannot_be_written(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    said = command("render", "elytra", "-n", 1, "-o", tmp_path / "file", "--size", "96x72")
    assert said.code == 1
    assert "cannot be written" in said.err


def test_drawing_needs_no_torch() -> None:
    code = "import sys, beetle_lm.train.synthetic.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def contrast(pixels: NDArray[np.uint8], point: NDArray[np.float64]) -> float:
    """Range of brightness within 4 pixels of a point."""
    x, y = (int(value) for value in point)
    around = pixels[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].mean(axis=2)
    low, high = np.percentile(around, (5, 95))
    return float(high - low)


def superimposed_distance(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances of landmarks after Procrustes superimposition, as shares of the centroid size."""
    first, second = (shape - shape.mean(axis=0) for shape in (first, second))
    first, second = (shape / np.linalg.norm(shape) for shape in (first, second))
    left, _, right = np.linalg.svd(first.T @ second)
    distances: NDArray[np.float64] = np.linalg.norm(first @ left @ right - second, axis=1)
    return distances
