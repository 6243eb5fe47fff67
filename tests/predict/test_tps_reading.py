"""TPS files: every rule that reading other programs' files asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.convert import convert_file
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.sizes import SizesByName
from beetle_lm.predict.formats.tps import format_record, read_tps, write_tps

PLAIN = "LM=2\n10.50000 20.25000\n30.00000 40.00000\nIMAGE=a.jpg\nID=7\nSCALE=0.05\n"
NAN = float("nan")


def test_plain_record(tps: Callable[[str | bytes], Path]) -> None:
    (found,) = read_tps(tps(PLAIN))
    assert found.points.tolist() == [[10.5, 20.25], [30, 40]]
    assert (found.image, found.id, found.scale, found.line) == ("a.jpg", "7", 0.05, 1)
    assert found.curves == found.comments == found.others == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_bom(tps: Callable[[str | bytes], Path], end: str, bom: bytes) -> None:
    text = ("\n" + PLAIN + "\n" + PLAIN).replace("\n", end)
    first, second = read_tps(tps(bom + text.encode()))
    assert first.points.tolist() == second.points.tolist() == [[10.5, 20.25], [30, 40]]
    assert (first.id, first.line, second.line) == ("7", 2, 9)


def test_last_line_may_lack_its_end(tps: Callable[[str | bytes], Path]) -> None:
    assert read_tps(tps(PLAIN.rstrip()))[0].scale == 0.05


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_cp1252_where_it_is_not_utf8(tps: Callable[[str | bytes], Path], bom: bytes) -> None:
    name = "Käfer\u2019s.jpg"
    text = PLAIN.replace("a.jpg", name)
    assert read_tps(tps(text.encode("utf-8")))[0].image == name
    assert read_tps(tps(bom + text.encode("cp1252")))[0].image == name


def test_unicode_line_separators_do_not_end_a_line(tps: Callable[[str | bytes], Path]) -> None:
    name = "a\u2028b\x85c\x0bd.jpg"
    assert read_tps(tps(PLAIN.replace("a.jpg", name)))[0].image == name


def test_keys_in_any_case_and_with_spaces(tps: Callable[[str | bytes], Path]) -> None:
    (found,) = read_tps(tps("lm = 1\n 1\t2 \nImage= a b=c.jpg \nid=x\nscale=2\n"))
    assert found.points.tolist() == [[1, 2]]
    assert (found.image, found.id, found.scale) == ("a b=c.jpg", "x", 2.0)


@pytest.mark.parametrize("gap", ["  ", "\t", " \t "])
def test_spaces_and_tabs_between_numbers(tps: Callable[[str | bytes], Path], gap: str) -> None:
    assert read_tps(tps(f"LM=1\n{gap}1.5{gap}-2e1{gap}\n"))[0].points.tolist() == [[1.5, -20]]


def test_image_id_and_scale_may_be_absent_or_empty(tps: Callable[[str | bytes], Path]) -> None:
    bare, empty, zero = read_tps(tps("LM=1\n1 2\nLM=1\n1 2\nIMAGE=\nID=\nSCALE=\nLM=0\nSCALE=0\n"))
    for found in (bare, empty, zero):
        assert found.image is found.id is None and found.scale is None
    assert zero.points.shape == (0, 2)


def test_comment_and_comments(tps: Callable[[str | bytes], Path], tmp_path: Path) -> None:
    records = read_tps(tps("LM=1\n1 2\nCOMMENT=one\ncomments=two = 2\nID=1\n"))
    assert records[0].comments == ("one", "two = 2")
    write_tps(tmp_path / "again.tps", records)
    assert read_tps(tmp_path / "again.tps")[0].comments == ("one", "two = 2")


def test_decimal_commas_are_read_with_one_warning(
    tps: Callable[[str | bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = tps("LM=2\n1 2\n10,5 20,25\nSCALE=0,5\nLM=1\n1,5 2,5\n")
    first, second = read_tps(path)
    assert first.points.tolist() == [[1, 2], [10.5, 20.25]]
    assert first.scale == 0.5
    assert second.points.tolist() == [[1.5, 2.5]]
    assert [r.getMessage() for r in caplog.records] == [
        f"{path}, line 3: decimal commas were read as decimal points"
    ]


CURVED = (
    "LM=1\n1.00000 2.00000\nCURVES=2\nPOINTS=2\n1.00000 1.00000\n-1.00000 -1.00000\n"
    "POINTS=1\n5.00000 6.50000\nIMAGE=a.jpg\nID=7\n"
)


def test_curves_are_kept_and_written_back(tps: Callable[[str | bytes], Path]) -> None:
    (found,) = read_tps(tps(CURVED))
    assert [len(curve) for curve in found.curves] == [2, 1]
    assert np.isnan(found.curves[0][1]).all()
    assert found.curves[1].tolist() == [[5, 6.5]]
    assert format_record(found) == CURVED


OTHERS = (
    "OUTLINES=1\nPOINTS=2\n1 1\n2.123456789 2\nVARIABLES=sex=f,age=2\nPOINTS=1\n9 9\nRADII=1\n0.5\n"
)


def test_records_of_outlines_with_keys_of_their_own(tps: Callable[[str | bytes], Path]) -> None:
    rows = [f"{x}.00000 {x + 1}.00000" for x in range(50)]
    texts = [
        "\n".join(
            ["LM=50", *rows, f"IMAGE=Family-Genus species {i}", f"ID={i} #{i + 1} ", "From_ID=x"]
        )
        for i in range(30)
    ]
    found = read_tps(tps("\n".join(texts) + "\n"))
    assert [one.id for one in found] == [f"{i} #{i + 1}" for i in range(30)]
    assert all(one.points[:, 0].tolist() == list(range(50)) for one in found)
    assert found[29].others == ("From_ID=x",)
    assert found[29].line == 29 * 54 + 1


def test_unknown_keys_and_their_rows_are_kept_in_order(tps: Callable[[str | bytes], Path]) -> None:
    (found,) = read_tps(tps(PLAIN + OTHERS))
    assert found.others == tuple(OTHERS.splitlines())
    assert found.points.tolist() == [[10.5, 20.25], [30, 40]]
    assert format_record(found) == PLAIN + OTHERS


def test_three_dimensions_are_refused(tps: Callable[[str | bytes], Path]) -> None:
    with pytest.raises(LandmarkFileError, match=r"some\.tps, line 7: LM3= .*three dimensions"):
        read_tps(tps(PLAIN + "LM3=1\n1 2 3\n"))


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("LM=3\n1 2\n3 4\nID=1\n", 1, "LM=3, but 2 rows"),
        ("LM=3\n1 2\n3 4\n", 1, "LM=3, but 2 rows"),
        ("LM=0\n\nLM=1\n1 2\n3 4\nID=1\n", 3, "LM=1, but 2 rows"),
        ("LM=1000000000\n1 2\n", 1, "LM=1000000000, but 1 row of"),
        ("LM=1\n1 2\nCURVES=1\nPOINTS=2\n1 2\nID=1\n", 4, "POINTS=2, but 1 row of"),
        ("LM=1\n1 2\nCURVES=2\nPOINTS=1\n1 2\nID=1\n", 3, "CURVES=2, but 1 POINTS="),
        ("LM=two\n1 2\n", 1, "'two'"),
        ("LM=-1\n", 1, "'-1'"),
        ("LM=\n", 1, "LM= needs a whole number"),
        ("LM=" + "9" * 10**6 + "\n", 1, "needs a whole number"),
        ("LM=1\r\n1 x\r\n", 2, "'1 x'"),
        ("LM=1\n1\n", 2, "'1'"),
        ("LM=1\n1 2 3\n", 2, "'1 2 3'"),
        ("LM=1\n1,2\n", 2, "'1,2'"),
        ("LM=1\n1, 2\n", 2, "'1, 2'"),
        ("LM=1\n1_0 2\n", 2, "'1_0 2'"),
        ("LM=1\n\u0661 2\n", 2, "'\u0661 2'"),
        ("LM=1\n1e999 2\n", 2, "'1e999 2'"),
        ("LM=1\ninf 2\n", 2, "'inf 2'"),
        ("LM=1\n1 2\nID=1\n3 4\n", 4, "'3 4'"),
        ("LM=1\n1 2\nID=1\nID=2\n", 4, "second ID="),
        ("LM=1\n1 2\nSCALE=big\n", 3, "'big'"),
        ("LM=1\n1 2\nSCALE=-1\n", 3, "'-1'"),
        ("hello\n", 1, "begin with LM=, found 'hello'"),
        ("ID=1\nLM=1\n1 2\n", 1, "begin with LM=, found 'ID=1'"),
        ("LM=1\n1 2\n\x00\n", 3, "null byte"),
    ],
)
def test_an_error_names_file_line_and_what_was_found(
    tps: Callable[[str | bytes], Path], text: str, line: int, found: str
) -> None:
    path = tps(text)
    with pytest.raises(LandmarkFileError) as caught:
        read_tps(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert found in str(caught.value)
    assert f"some.tps, line {line}: " in str(caught.value)
    assert len(str(caught.value)) < 400


def test_files_that_are_no_text_or_not_there(
    tps: Callable[[str | bytes], Path], tmp_path: Path
) -> None:
    for content in (b"", b"\n \n"):
        with pytest.raises(LandmarkFileError, match=r"line 1: .*no LM= line"):
            read_tps(tps(content))
    with pytest.raises(LandmarkFileError, match=r"line 1: .*UTF-16"):
        read_tps(tps(PLAIN.encode("utf-16")))
    with pytest.raises(LandmarkFileError, match=r"line 2: found the byte 0x81"):
        read_tps(tps(b"LM=0\nID=\x81\n"))
    with pytest.raises(LandmarkFileError, match=r"absent\.tps: cannot be read"):
        read_tps(tmp_path / "absent.tps")
    with pytest.raises(LandmarkFileError, match="cannot be read"):
        read_tps(tmp_path)


@pytest.mark.parametrize("row", ["-1 -1", "-1.00000 -1.00000", "NA NA", "nan nan", "NaN 3", "4 na"])
def test_missing_landmarks(
    tps: Callable[[str | bytes], Path], caplog: pytest.LogCaptureFixture, row: str
) -> None:
    (found,) = read_tps(tps(f"LM=2\n{row}\n1 2\n"))
    assert np.isnan(found.points[0]).all()
    assert found.points[1].tolist() == [1, 2]
    assert not caplog.records


def test_any_pair_of_negatives_is_missing_and_said_so(
    tps: Callable[[str | bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    (found,) = read_tps(tps("LM=2\n1 2\n-0.5 -9999\n"))
    assert np.isnan(found.points[1]).all()
    assert "line 3: a point with two negative coordinates" in caplog.text


def test_one_negative_coordinate_is_a_point_beside_the_image(
    tps: Callable[[str | bytes], Path],
) -> None:
    (found,) = read_tps(tps("LM=2\n-1 5\n5 -1\n"))
    assert found.points.tolist() == [[-1, 5], [5, -1]]


def test_records_in_image_coordinates(tps: Callable[[str | bytes], Path]) -> None:
    path = tps("LM=1\n10 20\nIMAGE=a.jpg\nID=x\nSCALE=2\nLM=1\n-1 -1\nID=y\nLM=1\n0 0\n")
    first, second, third = read_records(path)
    assert [record.name for record in (first, second, third)] == ["a.jpg", "y", "3"]
    assert (first.image, first.id, first.scale, first.line) == ("a.jpg", "x", 2.0, 1)
    assert first.y_up
    assert first.in_image(50).tolist() == [[10, 30]]
    assert np.isnan(second.in_image(50)).all()
    assert third.in_image(50).tolist() == [[0, 50]]
    with pytest.raises(LandmarkFileError, match=r"some\.tps, line 6: .*height .*'y'"):
        convert_file(path, path.with_name("a.csv"), "tidy", sizes=SizesByName({"a.jpg": (100, 50)}))


def test_shapes_need_no_height(tps: Callable[[str | bytes], Path]) -> None:
    (found,) = read_records(tps("LM=2\n10 20\n30 25\n"))
    assert np.diff(found.y_down, axis=0).tolist() == np.diff(found.in_image(50), axis=0).tolist()
