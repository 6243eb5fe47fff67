"""A part that lies in any way, or is small in the photograph, is searched for."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from kinds import Command
from numpy.typing import NDArray

from beetle_lm.errors import ModelError
from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.predictor import Predictor
from beetle_lm.train.synthetic.render import render, specimen_rng

GROUND = (205, 205, 205)


def drawn_mandible(number: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    pixels, landmarks = render(
        "right-mandible", specimen_rng(7, "right-mandible", number), (816, 612)
    )
    return pixels, landmarks.xy


def laid(
    pixels: NDArray[np.uint8], xy: NDArray[np.float64], degrees: float, zoom: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A photograph whose specimen is turned and smaller, on ground of one tone."""
    height, width = pixels.shape[:2]
    middle = (width / 2 - 0.5, height / 2 - 0.5)
    matrix = np.array(cv2.getRotationMatrix2D(middle, degrees, zoom), np.float64)
    rim = np.median(np.concatenate((pixels[0], pixels[-1])), axis=0).tolist()
    picture = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=rim)
    return np.asarray(picture, np.uint8), (xy - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5


def predicted(
    command: Command, folder: Path, out: Path, *options: object
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    done = command("predict", folder, "--part", "right-mandible", *options, "-o", out)
    assert done.code == 0, done.err
    with (out / "specimens.csv").open(encoding="utf-8", newline="") as stream:
        flags = {row["image"]: row["reason"] for row in csv.DictReader(stream)}
    return {r.image or "": r.in_image(612) for r in read_tps(out / "landmarks.tps")}, flags


def share_off(xy: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    size = np.sqrt(np.square(true - true.mean(axis=0)).sum())
    return float(np.linalg.norm(xy - true, axis=1).mean() / size)


POSES: Sequence[tuple[float, float]] = ((100, 0.5), (-150, 0.6), (45, 0.5))


def test_turned_mandibles_at_half_their_size(command: Command, tmp_path: Path) -> None:
    truth = {}
    for number, (degrees, zoom) in enumerate(POSES):
        picture, xy = laid(*drawn_mandible(number + 1), degrees, zoom)
        (tmp_path / "photos").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), picture[..., ::-1])
        truth[f"{number}.png"] = xy
    plain, _ = predicted(command, tmp_path / "photos", tmp_path / "plain")
    assert all(share_off(plain[name], xy) > 0.1 for name, xy in truth.items())
    found, flags = predicted(command, tmp_path / "photos", tmp_path / "found", "--search")
    assert all(share_off(found[name], xy) < 0.03 for name, xy in truth.items())
    assert not any(flags.values())


def test_nothing_to_be_found_is_flagged(command: Command, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    paper = np.random.default_rng(0).normal(200, 4, (612, 816, 3)).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "photos" / "paper.png"), paper)
    _, flags = predicted(command, tmp_path / "photos", tmp_path / "out", "--search")
    assert flags["paper.png"]


def test_two_specimens_are_told(command: Command, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    halves = [
        cv2.resize(drawn_mandible(number)[0], (408, 306), interpolation=cv2.INTER_AREA)
        for number in (1, 2)
    ]
    picture = np.full((612, 816, 3), np.median(halves[0][0], axis=0), np.uint8)
    picture[150:456, :408], picture[150:456, 408:] = halves
    cv2.imwrite(str(tmp_path / "photos" / "two.png"), picture[..., ::-1])
    _, flags = predicted(command, tmp_path / "photos", tmp_path / "out", "--search")
    assert "several specimens" in flags["two.png"]


def test_a_model_without_shapes_cannot_search(model: Path) -> None:
    with pytest.raises(ModelError, match="cannot search"):
        Predictor.load(model, search=True)
