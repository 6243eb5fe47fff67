"""Curves of landmark files: smooth lines through points, StereoMorph's curves, names, order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.curves import bezier, distances, evenly_spaced, through
from beetle_lm.predict.formats.curves import curves_in_order, with_lines
from beetle_lm.predict.formats.merge import merge_files
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.zoo.model_file.parts import Curve, PartSpec

PART = PartSpec("shell", ("a", "b"), curves=(Curve("upper", 1, 2, 5), Curve("lower", 2, 1, 5)))


def circle(count: int, share: float = 0.5) -> np.ndarray:
    """Points on an arc of a circle of radius 100 about (150, 150)."""
    angle = np.linspace(0.0, 2 * np.pi * share, count)
    return 150 + 100 * np.column_stack((np.cos(angle), np.sin(angle)))


def test_a_line_through_few_points_of_a_circle_is_near_the_circle() -> None:
    line = through(circle(9))
    assert abs(np.linalg.norm(line - 150, axis=1) - 100).max() < 1.2
    straight = np.linalg.norm(evenly_spaced(circle(9), 50) - 150, axis=1)
    assert abs(straight - 100).max() > 1.5


def test_missing_and_repeated_points_are_left_out() -> None:
    points = circle(9)
    spoilt = np.insert(points, [2, 4], [points[1], [np.nan, np.nan]], axis=0)
    np.testing.assert_allclose(through(spoilt), through(points))
    assert through(np.array([[5.0, 5.0], [5.0, 5.0], [np.nan, np.nan]])).shape == (0, 2)


def test_evenly_spaced_points_are_evenly_spaced_along_the_line() -> None:
    line = np.array([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0], [10.0, 5.0]])
    points = evenly_spaced(line, 4)
    np.testing.assert_allclose(points, [[0, 0], [5, 0], [10, 0], [10, 5]])


def test_distances_are_from_the_line_and_not_from_its_points() -> None:
    line = np.array([[0.0, 0.0], [10.0, 0.0]])
    found = distances(np.array([[5.0, 2.0], [-3.0, 4.0], [np.nan, np.nan]]), line)
    np.testing.assert_allclose(found, [2, 5, np.nan])


def test_every_second_point_of_a_bezier_curve_lies_beside_it() -> None:
    line = bezier(np.array([[0.0, 0.0], [5.0, 10.0], [10.0, 0.0]]))
    assert line[:, 1].max() == pytest.approx(5.0)  # half as high as the control point
    np.testing.assert_array_equal(line[[0, -1]], [[0, 0], [10, 0]])


def as_record(*curves: np.ndarray, **known: object) -> Record:
    return Record(np.array([[1.0, 1.0], [9.0, 9.0]]), "a.png", curves=curves, **known)  # type: ignore[arg-type]


def test_odd_numbers_of_points_that_differ_are_those_of_stereomorph() -> None:
    records = [as_record(circle(2 * count + 3), circle(5)) for count in range(4)]
    lined, remark = with_lines(records)
    assert remark == (
        "8 curves of different odd numbers of points were read as StereoMorph keeps them: every"
        " second point is a control point beside the curve"
    )
    inside = np.linalg.norm(lined[0].curves[0] - 150, axis=1).min()
    assert inside < 80  # control points are off the curve, which cuts corners


@pytest.mark.parametrize(
    "counts",
    [[5] * 8, [5, 7, 9, 11], [5, 7, 9, 11, 12, 13, 15, 17]],
    ids=["all alike", "too few to tell", "one is even"],
)
def test_other_numbers_of_points_lie_on_their_curves(counts: list[int]) -> None:
    lined, remark = with_lines([as_record(circle(count, 0.1)) for count in counts])
    assert remark is None
    for record in lined:
        assert abs(np.linalg.norm(record.curves[0] - 150, axis=1) - 100).max() < 1.0


def test_a_file_that_says_how_its_curves_are_kept_is_believed() -> None:
    drawn = as_record(circle(3, 0.25), control_points=True)
    [lined], remark = with_lines([drawn])
    assert remark is None
    assert np.linalg.norm(lined.curves[0] - 150, axis=1).min() < 90


def test_curves_come_into_the_order_of_the_part_by_their_names() -> None:
    first, second = circle(5), circle(7)
    swapped = as_record(first, second, curve_names=("lower", "upper"))
    assert [len(curve) for curve in curves_in_order(swapped, PART)] == [7, 5]
    assert [len(curve) for curve in curves_in_order(as_record(first, second), PART)] == [5, 7]
    assert [len(curve) for curve in curves_in_order(as_record(first), PART)] == [5, 0]
    lone = as_record(first, curve_names=("lower",))
    assert [len(curve) for curve in curves_in_order(lone, PART)] == [0, 5]


def test_curves_that_the_part_does_not_have_are_refused() -> None:
    with pytest.raises(LandmarkError, match="shell has 2 curves, got 3"):
        curves_in_order(as_record(*[circle(5)] * 3), PART)
    odd = as_record(circle(5), circle(5), curve_names=("upper", "other"))
    with pytest.raises(LandmarkError, match="shell has no curve 'other'"):
        curves_in_order(odd, PART)


def test_names_of_curves_survive_in_a_tps_file(tmp_path: Path) -> None:
    curves = (circle(5), circle(3))
    names = ("outer margin", "suture")
    record = TpsRecord(circle(4), "a.png", curves=curves, curve_names=names, comments=("note",))
    write_tps(tmp_path / "a.tps", [record])
    assert "COMMENT=curves: outer margin; suture\n" in (tmp_path / "a.tps").read_text()
    [again] = read_tps(tmp_path / "a.tps")
    assert again.curve_names == names
    assert again.comments == ("note",)
    assert [len(curve) for curve in again.curves] == [5, 3]


def test_a_comment_that_fits_no_curves_stays_a_comment(tmp_path: Path) -> None:
    record = TpsRecord(circle(4), "a.png", curves=(circle(5),), comments=("curves: one; two",))
    write_tps(tmp_path / "a.tps", [record])
    [again] = read_tps(tmp_path / "a.tps")
    assert again.curve_names is None
    assert again.comments == ("curves: one; two",)


def test_outlines_are_closed_curves_after_the_others(tmp_path: Path) -> None:
    rows = [f"{x:.3f} {y:.3f}" for x, y in circle(12, 11 / 12).tolist()]
    text = ["LM=1", "250 150", "CURVES=1", "POINTS=2", "1 1", "2 2", "OUTLINES=1", "POINTS=12"]
    (tmp_path / "a.tps").write_text("\n".join([*text, *rows, "IMAGE=a.png", "ID=a", ""]))
    [record] = read_tps(tmp_path / "a.tps")
    [lined], remark = with_lines([record])
    assert remark is None
    assert len(lined.curves) == 2
    outline = lined.curves[1]
    np.testing.assert_array_equal(outline[0], outline[-1])
    assert abs(np.linalg.norm(outline - 150, axis=1) - 100).max() < 4


def test_merged_files_keep_the_lines_of_control_points(tmp_path: Path) -> None:
    ends = np.array([[250.0, 150.0], [50.0, 150.0]])
    drawn = [TpsRecord(ends, f"{i}.png", curves=(circle(2 * i + 3), circle(5))) for i in range(4)]
    newer = [TpsRecord(ends, "9.png", curves=(circle(22), circle(22)))]
    write_tps(tmp_path / "drawn.tps", drawn)
    write_tps(tmp_path / "newer.tps", newer)
    merge_files(tmp_path / "drawn.tps", tmp_path / "newer.tps", tmp_path / "both.tps")
    merged, remark = with_lines(read_tps(tmp_path / "both.tps"))
    assert remark is None
    wanted, _ = with_lines(drawn)
    for found, right in zip(merged, wanted, strict=False):
        for line, control in zip(found.curves, right.curves, strict=True):
            assert distances(line, control).max() < 2.0  # as points of curves: up to 50
