"""TPS files: every rule that the programs which read ours ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from beetle_lm.errors import LandmarkError, OutputError
from beetle_lm.predict.formats.tps import (
    TpsFormatter,
    TpsRecord,
    format_record,
    read_tps,
    write_tps,
)

PLAIN = "LM=2\n10.50000 20.25000\n30.00000 40.00000\nIMAGE=a.jpg\nID=7\nSCALE=0.05\n"
NAN = float("nan")


def record(points: ArrayLike = ((10.5, 20.25), (30, 40)), **fields: Any) -> TpsRecord:
    return TpsRecord(np.array(points, np.float64), **fields)


def test_written_text_is_what_other_programs_read() -> None:
    text = format_record(
        record(
            [[1234567.1234567, 0], [NAN, NAN], [1e-7, 1e-12]],
            image="folder/sub\\Käfer 1.JPG",
            id="7",
            scale=1e-5,
        )
    )
    assert text == (
        "LM=3\n1234567.12346 0.00000\n-1.00000 -1.00000\n0.00000 0.00000\n"
        "IMAGE=Käfer 1.JPG\nID=7\nSCALE=0.00001\n"
    )


def test_an_unknown_scale_is_left_out_and_an_id_is_always_there() -> None:
    assert format_record(record(image="x/a.b.jpg")).splitlines()[3:] == ["IMAGE=a.b.jpg", "ID=a.b"]
    assert format_record(record()).splitlines()[3:] == ["ID=specimen"]


def test_a_line_end_in_a_name_does_not_break_the_record(tps: Callable[[str | bytes], Path]) -> None:
    text = format_record(record(image="a\nb.jpg", id="1\r2", comments=("x\ny",)))
    (found,) = read_tps(tps(text))
    assert (found.image, found.id) == ("a b.jpg", "1 2")


def test_a_file_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    write_tps(tmp_path / "a.tps", [record(image="a\udcff.jpg")])
    assert read_tps(tmp_path / "a.tps")[0].image == "a%FF.jpg"


def test_ids_are_unique_in_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = [record(id="a"), record(id="a_2"), record(id="a "), record(id="\na")]
    given += [record(image="left/b.jpg"), record(image="right/b.jpg"), record(), record()]
    write_tps(tmp_path / "a.tps", given)
    ids = [found.id for found in read_tps(tmp_path / "a.tps")]
    assert ids == ["a", "a_2", "a_3", "a_4", "b", "b_2", "specimen", "specimen_2"]
    assert "the ID a occurs more than once; it is written as a_3" in caplog.text
    assert "b_2" not in caplog.text


@pytest.mark.parametrize("name", ["CARABIDAE_01.jpg", "SCALE_2.png"])
def test_names_that_geomorph_takes_for_an_id_are_warned_of_once(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    formatter = TpsFormatter()
    for _ in range(3):
        formatter.format(record(image=f"ID/{name}"))
    assert len(caplog.records) == 1
    assert f"IMAGE={name}" in caplog.text


def test_other_names_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    TpsFormatter().format(record(image="SCALE-ID/carabid_01.jpg", id="ID 5"))
    assert not caplog.records


def test_file_is_utf8_without_bom_with_lf(tmp_path: Path) -> None:
    write_tps(tmp_path / "a.tps", [record(image="Käfer.jpg"), record()])
    data = (tmp_path / "a.tps").read_bytes()
    assert data.startswith(b"LM=2\n")
    assert b"\r" not in data
    assert "IMAGE=Käfer.jpg\n".encode() in data
    rows = [line for line in data.decode().splitlines() if "=" not in line]
    assert len(rows) == 4
    assert all(re.fullmatch(r"\d+\.\d{5} \d+\.\d{5}", row) for row in rows)


def test_image_coordinates_point_down_from_the_top() -> None:
    found = TpsRecord.from_image_xy(np.array([[0, 0], [100, 80], [3, 1], [NAN, 5]]), (100, 80), "a")
    assert found.points[:3].tolist() == [[0, 80], [100, 0], [3, 79]]
    assert np.isnan(found.points[3]).all()
    assert found.in_image(80)[:3].tolist() == [[0, 0], [100, 80], [3, 1]]


def test_predictions_outside_the_image_are_moved_to_its_edge() -> None:
    found = TpsRecord.from_image_xy(np.array([[-5, 90], [120, -3], [50, 80.00001]]), (100, 80), "a")
    assert found.points.tolist() == [[0, 0], [100, 80], [50, 0]]
    assert "-" not in format_record(found)


def test_a_record_is_checked_when_it_is_made() -> None:
    for points in ([[1, 2, 3]], [1, 2], [[1, np.inf]], [[-2, -3]]):
        with pytest.raises(LandmarkError):
            record(points)
    with pytest.raises(LandmarkError, match="scale"):
        record(scale=0.0)
    with pytest.raises(LandmarkError):
        record(curves=(np.zeros(3),))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[TpsRecord]:
        yield record()
        raise RuntimeError

    (tmp_path / "a.tps").write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError):
        write_tps(tmp_path / "a.tps", broken())
    assert [path.name for path in tmp_path.iterdir()] == ["a.tps"]
    assert (tmp_path / "a.tps").read_text(encoding="utf-8") == "old"
    with pytest.raises(OutputError, match="cannot be written"):
        write_tps(tmp_path / "nowhere" / "a.tps", [record()])


def test_round_trip_keeps_everything(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    given = [
        TpsRecord(
            np.where(rng.random((9, 1)) < 0.2, np.nan, np.round(rng.uniform(0, 4000, (9, 2)), 5)),
            image=f"Käfer {number}.jpg",
            id=f"#{number}",
            scale=None if number % 2 else float(rng.uniform(1e-6, 2)),
            curves=(np.round(rng.uniform(0, 99, (number, 2)), 5),) * (number % 3),
            comments=("one", "=two")[: number % 3],
            others=("SEX=f", "RADII=2", "1.5", "2")[: 4 * (number % 2)],
        )
        for number in range(12)
    ]
    write_tps(tmp_path / "a.tps", given)
    found = read_tps(tmp_path / "a.tps")
    for one, other in zip(given, found, strict=True):
        np.testing.assert_array_equal(one.points, other.points)
        for field in ("image", "id", "scale", "comments", "others"):
            assert getattr(one, field) == getattr(other, field)
        for curve, again in zip(one.curves, other.curves, strict=True):
            np.testing.assert_array_equal(curve, again)
    write_tps(tmp_path / "b.tps", found)
    assert (tmp_path / "b.tps").read_bytes() == (tmp_path / "a.tps").read_bytes()


@pytest.mark.filterwarnings("default")
def test_ktch_reads_what_is_written(tmp_path: Path) -> None:
    io = pytest.importorskip("ktch.io")
    xy = np.array([[10.123456, 20], [NAN, NAN], [99.5, 79.25]])
    curve = np.array([[1.5, 2], [3, 4.25]])
    given = [
        TpsRecord.from_image_xy(xy, (100, 80), "sub/Käfer 1.jpg", scale=0.00125),
        record(image="b.png", id="x y", curves=(curve, curve[:1]), comments=("hello",)),
    ]
    write_tps(tmp_path / "a.tps", given)
    first, second = io.read_tps(tmp_path / "a.tps")
    np.testing.assert_array_equal(first.landmarks, [[10.12346, 60], [-1, -1], [99.5, 0.75]])
    assert (first.image_path, first.specimen_name) == ("Käfer 1.jpg", "Käfer 1")
    assert first.scale == 0.00125
    np.testing.assert_array_equal(second.landmarks, given[1].points)
    assert (second.specimen_name, second.scale) == ("x y", None)
    assert [one.tolist() for one in second.curves] == [curve.tolist(), curve[:1].tolist()]


@pytest.mark.filterwarnings("default")
def test_what_ktch_writes_is_read(tmp_path: Path) -> None:
    io = pytest.importorskip("ktch.io")
    points = [np.array([[1.25, 2], [NAN, NAN]]), np.array([[3.5, 4], [1e-5, 6]])]
    curves = [[np.array([[1.0, 2.0]])], [np.array([[3.0, 4.0], [5.0, 6.0]])]]
    io.write_tps(
        tmp_path / "k.tps",
        points,
        image_path=["a.jpg", "b.jpg"],
        idx=["i", "j"],
        scale=[0.5, 2],
        semilandmarks=curves,
        comments=["", "said"],
    )
    found = read_tps(tmp_path / "k.tps")
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one.points, points[number])
        np.testing.assert_array_equal(one.curves[0], curves[number][0])
    assert [(one.image, one.id, one.scale) for one in found] == [
        ("a.jpg", "i", 0.5),
        ("b.jpg", "j", 2.0),
    ]
    assert found[1].comments == ("said",)
