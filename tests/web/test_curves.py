"""The curves of the pages without a browser: which there are, what is shown and what is written."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import ask
from pages import SIZE, draw_photographs, quadrangle

from beetle_lm.errors import LandmarkFileError, RequestError
from beetle_lm.predict.curves import bezier, distances, evenly_spaced, through
from beetle_lm.predict.formats.curves import curves_in_order, with_lines
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.web.commands import _part_file
from beetle_lm.web.messages import saved
from beetle_lm.web.project import Project, annotation_project
from beetle_lm.web.proposals import proposal
from beetle_lm.zoo.model_file.parts import Curve, Measurement, PartSpec

CORNERS = ("a", "b", "c", "d")
PLAIN = PartSpec("wing", CORNERS)
CURVED = PartSpec("wing", CORNERS, curves=(Curve("front", 1, 2, 20), Curve("hind", 3, 4, 9)))


def bow(number: int, between: tuple[int, int], count: int) -> Any:
    """Points on an arc between two corners, both included, y down."""
    first, last = (np.array(quadrangle(number))[each] for each in between)
    share = np.linspace(0, 1, count)[:, None]
    across = (last - first)[::-1] * (1, -1)
    return first + share * (last - first) + 0.2 * np.sin(np.pi * share) * across


def record(number: int, *curves: Any, names: tuple[str, ...] | None = None) -> TpsRecord:
    flipped = tuple(np.array([0, SIZE[1]]) + each * (1, -1) for each in curves)
    points = np.array([0, SIZE[1]]) + np.array(quadrangle(number)) * (1, -1)
    return TpsRecord(points, f"{number:02}.png", curves=flipped, curve_names=names)


def project(folder: Path, *records: TpsRecord, spec: PartSpec = PLAIN, count: int = 3) -> Project:
    photographs = folder / "photographs"
    if not photographs.exists():
        draw_photographs(photographs, [f"{i:02}.png" for i in range(count)])
    if records:
        write_tps(folder / "wing.tps", records)
    return annotation_project([photographs], folder / "wing.tps", spec)


def shown(made: Project, number: int) -> list[Any]:
    return made.shown_curves(made.store.row(f"{number:02}.png")) or []


def save(made: Project, number: int, curves: list[Any], state: Any = "accepted") -> None:
    row = made.store.row(f"{number:02}.png")
    made.save(number, row.revision, state, np.array(quadrangle(number)), 0.0, curves)


def written(folder: Path, number: int) -> TpsRecord:
    [found] = [each for each in read_tps(folder / "wing.tps") if each.image == f"{number:02}.png"]
    return found


def test_the_line_of_the_page_is_the_line_that_is_learned() -> None:
    rng = np.random.default_rng(5)
    many = [rng.uniform(0, 900, (count, 2)) for count in (2, 3, 5, 12)]
    closed = np.vstack([many[2], many[2][:1]])
    twice = np.insert(many[3], 4, many[3][4], axis=0)
    given = [*many, closed, twice, np.array([[3.0, 4.0]] * 2), many[0][:1], many[0][:0]]
    for points, found in zip(
        given, ask([("through", {"points": each.tolist()}) for each in given]), strict=True
    ):
        line = np.array(found["points"]).reshape(-1, 2)
        if len(points) == 2:  # how many pieces a straight line has is a matter of rounding
            assert not len(line) or distances(line, points).max() < 1e-9
        else:
            np.testing.assert_allclose(line, through(points), atol=1e-9)
        if len(line):
            np.testing.assert_allclose(line[found["at"]], points, atol=1e-9)


def test_where_a_line_is_nearest() -> None:
    line = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]
    [found] = ask([("nearest", {"line": line, "place": [13.0, 4.0]})])
    assert found == {"far": 3, "before": 1, "at": [10, 4]}


def test_curves_of_a_file_are_those_of_the_page(tmp_path: Path) -> None:
    free = np.array([[300.0, 200.0], [320.0, 260.0], [350.0, 220.0]])
    curves = bow(0, (0, 1), 7), bow(0, (3, 2), 5), free
    made = project(tmp_path, record(0, *curves), record(1))
    assert [(curve.start, curve.end) for curve in made.curves] == [(0, 1), (3, 2), (None, None)]
    assert [curve.written for curve in made.curves] == [42] * 3
    front, hind, other = shown(made, 0)
    np.testing.assert_allclose(front, curves[0][1:-1], atol=1e-4)  # its ends are the landmarks
    np.testing.assert_allclose(hind, curves[1][1:-1], atol=1e-4)
    np.testing.assert_allclose(other, free, atol=1e-4)
    assert made.shown_curves(made.store.row("01.png")) is None  # nobody has said anything
    made.close()


def test_what_nobody_changed_is_written_as_it_was(tmp_path: Path) -> None:
    first = record(0, bow(0, (0, 1), 7), bow(0, (2, 3), 5))
    made = project(tmp_path, first)
    before = (tmp_path / "wing.tps").read_bytes()
    save(made, 0, shown(made, 0))
    made.write()
    assert (tmp_path / "wing.tps").read_bytes() == before
    front, hind = shown(made, 0)
    front[2] += (0, 8)
    save(made, 0, [front, hind])
    made.close()
    after = written(tmp_path, 0)
    assert after.curve_names == ("curve 1", "curve 2")
    assert [len(curve) for curve in after.curves] == [42, 5]
    np.testing.assert_array_equal(after.curves[1], read_tps(tmp_path / "wing.tps")[0].curves[1])
    line = through(np.vstack([quadrangle(0)[0], front, quadrangle(0)[1]]))
    assert distances(after.curves_in_image(SIZE[1])[0], line).max() < 0.05


def test_outlines_are_closed_curves(tmp_path: Path) -> None:
    ring = np.array(quadrangle(0))[[1, 2, 3, 0]] + np.array([[6, 6], [8, 4], [2, 2], [0, 0]])
    rows = [f"{x:.5f} {SIZE[1] - y:.5f}" for x, y in ring]
    others = ("OUTLINES=1", "POINTS=4", *rows, "VARIABLES=a 1")
    made = project(tmp_path, replace(record(0), others=others))
    before = (tmp_path / "wing.tps").read_bytes()
    assert [(curve.start, curve.end) for curve in made.curves] == [(0, 0)]
    [points] = shown(made, 0)
    np.testing.assert_allclose(points, ring[:3], atol=1e-4)  # it begins at its landmark
    save(made, 0, [points])
    made.write()
    assert (tmp_path / "wing.tps").read_bytes() == before
    save(made, 0, [points + np.array([0, 4])])
    made.close()
    after = written(tmp_path, 0)
    assert after.others == ("VARIABLES=a 1",) and after.outlines == ()
    moved = points + np.array([0, 4])
    line = through(np.vstack([quadrangle(0)[:1], moved, quadrangle(0)[:1]]))
    assert distances(after.curves_in_image(SIZE[1])[0], line).max() < 0.5


def test_many_points_are_shown_as_few_that_make_the_same_line(tmp_path: Path) -> None:
    whole = evenly_spaced(through(bow(0, (0, 1), 9)), 42)
    made = project(tmp_path, record(0, whole[::-1], names=("front",)), spec=CURVED)
    front, hind = shown(made, 0)
    assert hind is None and len(front) <= 8
    line = through(np.vstack([quadrangle(0)[0], front, quadrangle(0)[1]]))
    assert distances(whole, line).max() < 0.6
    assert made.curves[0].written == 42
    made.close()


def test_missing_curves_have_their_rows(tmp_path: Path) -> None:
    made = project(tmp_path, spec=CURVED)
    save(made, 0, [None, bow(0, (2, 3), 5)[1:-1]])
    save(made, 1, [None, None])
    made.close()
    both, none = written(tmp_path, 0), written(tmp_path, 1)
    assert both.curve_names == ("front", "hind") and none.curves == ()
    assert np.isnan(both.curves[0]).all() and len(both.curves[0]) == 42
    again = project(tmp_path, spec=CURVED)
    assert shown(again, 0)[0] is None and len(shown(again, 0)[1]) == 3
    assert shown(again, 1) == [None, None]
    again.close()


def test_saved_curves_are_never_taken_for_control_points(tmp_path: Path) -> None:
    made = project(tmp_path, spec=CURVED, count=8)
    for number in range(8):
        front = bow(number, (0, 1), 5 + 2 * (number % 3))[1:-1]
        save(made, number, [front, None if number % 2 else bow(number, (2, 3), 7)[1:-1]])
    made.close()
    lined, remark = with_lines(read_tps(tmp_path / "wing.tps"))
    assert remark is None
    there = [[len(line) > 2 for line in curves_in_order(each, CURVED)] for each in lined]
    assert there == [[True, number % 2 == 0] for number in range(8)]


def test_a_model_proposes_curves(tmp_path: Path) -> None:
    made = project(tmp_path, spec=CURVED)
    inner = [evenly_spaced(through(bow(1, each, 9)), 22)[1:-1] for each in ((0, 1), (2, 3))]
    semilandmarks = np.vstack([inner[0], inner[1][:9]])
    landmarks = Landmarks(CURVED, np.array(quadrangle(1)), semilandmarks=semilandmarks)
    result = Result("01.png", SIZE, 1, landmarks, None)
    made.store.propose([proposal(result, "01.png", made.curves)])
    front, _ = shown(made, 1)
    line = through(np.vstack([quadrangle(1)[0], front, quadrangle(1)[1]]))
    assert len(front) <= 8 and distances(inner[0], line).max() < 0.6
    save(made, 1, shown(made, 1))
    made.close()
    assert [len(curve) for curve in written(tmp_path, 1).curves] == [42, 42]


def test_control_points_of_stereomorph_become_points_of_the_curve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    controls = [bow(i, (0, 1), 5 + 2 * (i % 3)) for i in range(9)]
    made = project(tmp_path, *(record(i, each) for i, each in enumerate(controls)), count=9)
    assert "they are written as points of the curves" in caplog.text
    line = through(np.vstack([quadrangle(4)[0], shown(made, 4)[0], quadrangle(4)[1]]))
    assert distances(bezier(controls[4]), line).max() < 0.6
    front = shown(made, 0)[0]
    save(made, 0, [front + np.array([0, 5])])
    made.close()
    records = read_tps(tmp_path / "wing.tps")
    assert with_lines(records)[1] is None
    assert distances(records[4].curves_in_image(SIZE[1])[0], bezier(controls[4])).max() < 0.6


def test_a_curve_that_the_part_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(LandmarkFileError, match="line 1: wing has no curve 'other'"):
        front = bow(0, (0, 1), 6)
        project(tmp_path, record(0, front, front, names=("front", "other")), spec=CURVED)


def test_a_file_of_corrections_from_before_there_were_curves(tmp_path: Path) -> None:
    made = project(tmp_path, spec=CURVED)
    save(made, 0, [None, None])
    made.close()
    with sqlite3.connect(tmp_path / "wing.tps.sqlite") as database:
        database.execute("ALTER TABLE photograph DROP COLUMN curves")
        database.execute("ALTER TABLE photograph DROP COLUMN proposed_curves")
    database.close()
    again = project(tmp_path, spec=CURVED)
    assert again.store.row("00.png").state == "accepted"
    assert again.shown_curves(again.store.row("00.png")) is None
    save(again, 0, [bow(0, (0, 1), 5)[1:-1], None])
    again.close()
    assert len(written(tmp_path, 0).curves) == 2


@pytest.mark.parametrize(
    ("curves", "problem"),
    [
        ([None], "there must be 2 curves"),
        ([None, [[1, 2, 3]]], "a list of points"),
        ([None, "x"], "a list of points"),
        ([None, [[1, 2]] * 501], "at most 500 points"),
    ],
)
def test_requests_that_are_not_what_the_page_sends(curves: object, problem: str) -> None:
    body = {"revision": 0, "state": "draft", "xy": None, "curves": curves}
    with pytest.raises(RequestError, match=problem):
        saved(body, 4, 2)


def test_a_training_from_the_page_knows_the_curves(tmp_path: Path) -> None:
    spec = PartSpec("wing", CORNERS, ((1, 2),), (Measurement("length", 1, 3),), CURVED.curves)
    made = project(tmp_path, spec=spec)
    made.runs.folder.mkdir()
    assert PartSpec.from_toml(_part_file(made)) == spec
    made.close()
