"""Landmarks of files that name them go by their names, in every command that reads landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from PIL import Image

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.landmark_names import common_names, in_order, own_names
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import read_tps

XY = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
PART = 'name = "wing"\nlandmark_names = ["tip", "base", "eye"]\n'


def record(names: tuple[str, ...] | None, image: str = "a.jpg") -> Record:
    count = 3 if names is None else len(names)
    return Record(XY[:count], image, names=names, score=np.arange(count) / 10)


def test_the_order_of_a_part() -> None:
    [found] = in_order([record(("eye", "tip", "base"))], ["tip", "base", "eye"], "wing")
    assert found.points.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert found.names == ("tip", "base", "eye")
    assert found.score is not None and found.score.tolist() == [0.1, 0.2, 0.0]


def test_a_landmark_that_no_photograph_has_is_missing() -> None:
    [found] = in_order([record(("eye", "tip"))], ["tip", "base", "eye"], "wing")
    np.testing.assert_array_equal(found.points, [[3, 4], [np.nan] * 2, [1, 2]])


@pytest.mark.parametrize("names", [None, ("1", "2", "10"), ("", "", "")])
def test_numbers_are_no_names(names: tuple[str, ...] | None) -> None:
    one = record(names)
    assert own_names(one) is None
    assert in_order([one], ["tip", "base", "eye"], "wing") == [one]
    assert in_order([record(("c", "a", "b"))], ["1", "2", "3"], "wing")[0].points is not None


def test_other_names_are_told() -> None:
    with pytest.raises(LandmarkError, match=r"of wing: Tip is none of tip$"):
        in_order([record(("Tip", "base", "eye"))], ["tip", "base", "eye"], "wing")
    with pytest.raises(LandmarkError, match="has the landmark 'tip' twice"):
        in_order([record(("tip", "tip", "eye"))], ["tip", "base", "eye"], "wing")


def test_names_that_all_have() -> None:
    assert common_names([record(("a", "b")), record(("a", "b"))]) == ("a", "b")
    assert common_names([record(("a", "b")), record(("b", "a"))]) is None
    assert common_names([record(None)]) is None


def coco(path: Path, names: list[str], *points: list[list[float]]) -> Path:
    images = [{"id": i, "file_name": f"{'ab'[i]}.jpg"} for i in range(len(points))]
    annotations = [
        {
            "id": i,
            "image_id": i,
            "category_id": 1,
            "keypoints": [v for x, y in own for v in (x, y, 2)],
        }
        for i, own in enumerate(points)
    ]
    whole = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "wing", "keypoints": names}],
    }
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "wing.toml"
    path.write_text(PART, encoding="utf-8")
    return path


def test_convert_orders_them_as_the_part_does(tmp_path: Path, part: Path, command: Command) -> None:
    source = coco(tmp_path / "in.json", ["eye", "tip", "base"], XY.tolist())
    out = tmp_path / "out.csv"
    done = command("convert", source, out, "--to", "tidy", "--part", part)
    assert done.code == 0, done.err
    rows = [line.split(",")[1:5] for line in out.read_text().splitlines()[1:]]
    assert rows == [
        ["1", "tip", "3.00000", "4.00000"],
        ["2", "base", "5.00000", "6.00000"],
        ["3", "eye", "1.00000", "2.00000"],
    ]
    done = command(
        "convert", coco(source, ["eye", "tip", "Base"], XY.tolist()), out, "--part", part,
        "--overwrite",
    )  # fmt: skip
    assert done.code == 1 and "Base is none of base" in done.err


def test_evaluate_matches_them(tmp_path: Path, command: Command) -> None:
    one = coco(tmp_path / "one.json", ["tip", "base", "eye"], XY.tolist())
    other = coco(tmp_path / "other.json", ["eye", "tip", "base"], XY[[2, 0, 1]].tolist())
    done = command("evaluate", one, other)
    assert done.code == 0 and " 0.00" in done.out, done.err
    done = command("evaluate", one, coco(other, ["eye", "tip", "leg"], XY.tolist()))
    assert done.code == 1 and "base is none of leg" in done.err


def test_merge_matches_them_and_takes_any_file(tmp_path: Path, command: Command) -> None:
    one = coco(tmp_path / "one.json", ["tip", "base", "eye"], XY.tolist(), XY.tolist())
    moved = XY[[2, 0, 1]] + [[0, 0], [0, 10], [0, 0]]
    other = coco(tmp_path / "other.json", ["eye", "tip", "base"], moved.tolist())
    out = tmp_path / "out.tps"
    done = command("merge", one, other, "-o", out)
    assert done.code == 2 and "--image-size WIDTHxHEIGHT" in done.err
    done = command("merge", one, other, "-o", out, "--image-size", "100x80")
    assert done.code == 0, done.err
    assert "a.jpg: 1 landmark replaced, by up to 10.0 px" in done.out
    first, second = read_tps(out)
    assert first.points.tolist() == [[1, 68], [3, 76], [5, 74]]
    assert second.points.tolist() == [[1, 78], [3, 76], [5, 74]]


def test_annotate_names_what_makes_a_tps_file(tmp_path: Path, command: Command) -> None:
    source = coco(tmp_path / "one.json", ["tip", "base", "eye"], XY.tolist())
    Image.new("L", (100, 80)).save(tmp_path / "a.jpg")
    done = command("annotate", tmp_path, "-o", source, "--part", "wing")
    assert done.code == 2 and "`beetle-lm convert` makes a TPS file of it" in done.err


def test_names_of_one_file_are_in_its_records(tmp_path: Path) -> None:
    path = coco(tmp_path / "one.json", ["tip", "base", "eye"], XY.tolist())
    assert {each.names for each in read_records(path)} == {("tip", "base", "eye")}
