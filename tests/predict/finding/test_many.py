"""All specimens of a photograph, such as a drawer of beetles."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from kinds import Command
from numpy.typing import NDArray

from beetle_lm.predict.evaluation.metrics import evaluate
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.predict.images.specimens import number_of, photograph_of, specimen_name
from beetle_lm.predict.landmarks import centroid_size
from beetle_lm.predict.predictor import Predictor

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "carabid"
SIZE = (720, 420)


def drawer() -> tuple[NDArray[np.uint8], list[NDArray[np.float64]]]:
    """RGB: two beetles, one of them upside down, and a label between them; and their landmarks."""
    picture, truths = np.full((SIZE[1], SIZE[0], 3), 230, np.uint8), []
    for left, record in zip((20, 490), read_tps(EXAMPLES / "landmarks.tps")[2:], strict=True):
        image = np.asarray(cv2.imread(str(EXAMPLES / "images" / (record.image or ""))), np.uint8)
        xy = record.in_image(image.shape[0])
        small = cv2.resize(image, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
        height, width = small.shape[:2]
        xy = xy * (np.array([width, height]) / image.shape[1::-1])
        if left == 20:
            small, xy = small[::-1, ::-1], np.array([width, height]) - xy
        picture[30 : 30 + height, left : left + width] = small[..., ::-1]
        truths.append(xy + np.array([left, 30]))
    cv2.rectangle(picture, (330, 150), (400, 190), (30, 30, 30), cv2.FILLED)
    return picture, truths


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_specimen_has_rows_of_its_own(command: Command, tmp_path: Path) -> None:
    picture, truths = drawer()
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "drawer.png"), picture[..., ::-1])
    label = (truths[0] - truths[0].mean(axis=0)) * 0.1 + np.array([365, 170])
    by_hand = [TpsRecord.from_image_xy(xy, SIZE, "drawer.png") for xy in (label, truths[1])]
    write_tps(tmp_path / "manual.tps", by_hand)
    out = tmp_path / "out"
    done = command(
        *("predict", tmp_path / "photos", "--part", "carabid", "--search", "--many", "--overlay"),
        *("--reference", tmp_path / "manual.tps", "-o", out),
    )
    assert done.code == 0, done.err
    assert "1 image: landmarks on 2 specimens" in done.out
    assert "predictions but without manual landmarks (1): drawer~specimen1.png" in done.err
    assert "manual landmarks but without predictions (1): drawer.png" in done.err
    records = read_tps(out / "landmarks.tps")
    assert [(one.image, one.id) for one in records] == [
        ("drawer.png", "drawer~specimen1"),
        ("drawer.png", "drawer~specimen2"),
    ]
    for record, true in zip(records, truths, strict=True):
        off = np.linalg.norm(record.in_image(SIZE[1]) - true, axis=1)
        assert np.nanmean(off) < 0.03 * centroid_size(true)
    names = [record.name for record in records]
    assert names == ["drawer~specimen1.png", "drawer~specimen2.png"]
    for table in ("landmarks.csv", "specimens.csv", "measurements.csv"):
        assert [row["image"] for row in rows_of(out / table)] == names
    [photograph] = rows_of(out / "photographs.csv")
    assert (photograph["specimens"], photograph["unsure"]) == ("2", "1")
    assert photograph["note"].startswith("2 specimens found; 1 more place stands out")
    assert (out / "overlays" / "drawer.jpg").exists()
    compared = rows_of(out / "evaluation" / "per_specimen.csv")
    assert [row["image"] for row in compared] == names[1:]
    done = command("review-list", out)
    assert done.out.startswith("2 specimens: 0 failed, ")
    assert sorted(one.name for one in read_tps(out / "review.tps")) == names


def test_parts_of_several_beetles() -> None:
    picture, truths = drawer()
    results = list(Predictor.load("pronotum", find=True, many=True).predict(picture))
    assert [result.specimen for result in results] == [1, 2]
    assert results[1].called == "array 1~specimen2"
    for result, true in zip(results, truths, strict=True):
        assert result.landmarks is not None
        apart = result.landmarks.xy.mean(axis=0) - np.nanmean(true[8:16], axis=0)
        assert np.linalg.norm(apart) < 0.1 * centroid_size(true)


def test_many_needs_a_way_to_look(command: Command, tmp_path: Path) -> None:
    done = command("predict", tmp_path, "--part", "elytra", "--many")
    assert done.code == 2
    assert "--many goes with --search" in done.err


def test_names_of_specimens() -> None:
    name = specimen_name("box/drawer 1.JPG", 12)
    assert name == "box/drawer 1~specimen12.JPG"
    assert (photograph_of(name), number_of(name)) == ("box/drawer 1.JPG", 12)
    assert photograph_of("beetle_specimen2.jpg") == "beetle_specimen2.jpg"
    assert specimen_name("x", 1) == "x~specimen1"


def test_specimens_of_one_photograph_are_compared_by_place() -> None:
    shape = np.array([[0.0, 0.0], [40.0, 0.0], [20.0, 30.0]])
    found = [
        Record(shape + place, specimen_name("a.jpg", number))
        for number, place in enumerate(([100, 100], [300, 100], [600, 100]), 1)
    ]
    manual = [Record(shape + place, "a.jpg") for place in ([301, 100], [900, 900], [101, 100])]
    compared = evaluate(found, manual, {"a.jpg": (1000, 1000)})
    assert compared.images == ("a~specimen1.jpg", "a~specimen2.jpg")
    assert np.allclose(compared.distances("px"), 1.0)
    assert compared.only_predicted == ("a~specimen3.jpg",)
    assert compared.only_manual == ("a.jpg",)
