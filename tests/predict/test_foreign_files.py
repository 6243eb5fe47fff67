"""Landmark files as other programs write them: encodings, tables, codes for missing landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import Command

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.annotated import read_annotated
from beetle_lm.predict.formats.read import read_both, read_records
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps

NAN = float("nan")
RECORD = "LM=3\n10 20\n30 40\n50 70\n"
ZEROS = "LM=3\n0 0\n0 0\n0 0\n"


def written(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1251", "жук 1.jpg"),
        ("cp1250", "chrząszcz ł.jpg"),
        ("gbk", "甲虫 1.jpg"),
        ("cp932", "カブトムシ.jpg"),
        ("cp1253", "σκαθάρι.jpg"),
        ("cp866", "жук 1.jpg"),
        ("cp1252", "Käfer.jpg"),
    ],
)
def test_the_names_of_photographs_tell_the_encoding(
    tmp_path: Path, encoding: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "a.tps", f"{RECORD}IMAGE={name}\n", encoding)
    (found,) = read_records(path, [f"photos/{name}", "other.jpg"])
    assert found.image == name
    assert f"was read as {encoding}" in caplog.text
    table = written(tmp_path / "a.csv", f"image,x1,y1_down\n{name},1,2\n", encoding)
    assert read_records(table, [name])[0].image == name
    both = written(tmp_path / "b.tps", f"{RECORD}IMAGE={name}\n")
    assert read_both(both, path)[1][0].image == name


def test_an_unknown_encoding_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path / "a.tps", f"{RECORD}IMAGE=жук.jpg\n", "cp1251")
    read_records(path)
    assert "save it as UTF-8" in caplog.text
    caplog.clear()
    written(path, f"{RECORD}IMAGE=a.jpg\nCOMMENT=Käfer\n", "cp1252")
    read_records(path)
    assert not caplog.records


@pytest.mark.parametrize("end", ["\x1a", "\r\n\x1a\r\n", "\x1a\x1a"])
def test_a_ctrl_z_ends_a_dos_file(tmp_path: Path, end: str) -> None:
    path = written(tmp_path / "a.tps", RECORD + "IMAGE=a.jpg" + end)
    assert read_records(path)[0].image == "a.jpg"


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_a_tps_file_of_another_name_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    (found,) = read_records(written(tmp_path / name, "\n lm = 1\n1 2\nIMAGE=a.jpg\n"))
    assert isinstance(found, TpsRecord)


TABLES = {
    "padded": "image,x01,y01_down,x02,y02_down\na.jpg,1,2,3,4.5\n",
    "named": "filename,LM1_x,LM1_y_down,LM2_x,LM2_y_down\na.jpg,1,2,3,4.5\n",
    "sep": "sep=;\nimage;x1;y1_down;x2;y2_down\na.jpg;1,0;2,0;3,0;4,5\n",
    "R": '"image" "x1" "y1_down" "x2" "y2_down"\n"1" "a.jpg" 1 2 3 4.5\n',
    "R with tabs": '"image"\t"x1"\t"y1_down"\t"x2"\t"y2_down"\n"1"\t"a.jpg"\t1\t2\t3\t4.5\n',
    "R's row names": '"x1" "y1_down" "x2" "y2_down"\n"a.jpg" 1 2 3 4.5\n',
    "write.csv": '"","x1","y1_down","x2","y2_down"\n"a.jpg",1,2,3,4.5\n',
    "DeepLabCut": (
        "scorer,AB,AB,AB,AB\nbodyparts,tip,tip,base,base\ncoords,x,y,x,y\na.jpg,1,2,3,4.5\n"
    ),
    "DeepLabCut, its predictions": (
        "scorer,net,net,net,net,net,net\nbodyparts,tip,tip,tip,base,base,base\n"
        "coords,x,y,likelihood,x,y,likelihood\na.jpg,1,2,0.9,3,4.5,0.8\n"
    ),
    "DeepLabCut, a path in three columns": (
        "scorer,,,AB,AB,AB,AB\nbodyparts,,,tip,tip,base,base\ncoords,,,x,y,x,y\n"
        "labeled-data,wings,a.jpg,1,2,3,4.5\n"
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_that_can_be_meant_one_way_only(tmp_path: Path, kind: str) -> None:
    (found,) = read_records(written(tmp_path / "a.txt", TABLES[kind]))
    assert (found.image or "").endswith("a.jpg")
    assert found.points.tolist() == [[1, 2], [3, 4.5]]
    assert not found.y_up


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("filename,LM1_x,LM1_y\na,1,2\n", "name them LM1_y_down, ... where"),
        ("image,x1,y1_down,x2\na,1,2,3\n", "'x2' has no y beside it"),
        ("image,x1,y1_down\na,1,5,2,5\n", "cells must be separated by ';'"),
        ("image,x1,y1_down\nrow,a,1,2\n", "row.names = FALSE"),
        ("sample_no,x1,y1_down\n7,1,2\n", "call it image"),
        ("scorer,A\nindividuals,b\nbodyparts,c\ncoords,x\n", "DeepLabCut"),
        ("image,x1,y1_down,x01\na,1,2,3\n", "are the same column"),
        ("image,x1,y1_down\na,1e9,2\n", "no photograph has a coordinate like '1e9'"),
    ],
)
def test_other_tables_are_told_what_to_change(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(LandmarkFileError) as caught:
        read_records(written(tmp_path / "a.csv", text))
    assert told in str(caught.value)


@pytest.mark.parametrize("code", ["-1", "-999", "NA", "", ".", "nan", "#N/A"])
def test_codes_for_missing_landmarks(
    tmp_path: Path, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"image,x1,y1_down,x2,y2_down\na,{code},{code},3,4\nb,{code},{code},5,6\n"
    for record in read_records(written(tmp_path / "a.csv", text)):
        assert np.isnan(record.points).all(axis=1).tolist() == [True, False]
    if code.startswith("-"):
        (told,) = [each.getMessage() for each in caplog.records]
        assert f"line 2: 2 landmarks were read as missing, with the coordinates {code}" in told
    else:
        assert not caplog.records
    if code:
        (found,) = read_tps(written(tmp_path / "a.tps", f"LM=2\n{code} {code}\n3 4\n"))
        assert np.isnan(found.points).all(axis=1).tolist() == [True, False]


def test_coordinates_beside_the_photograph_are_no_codes(tmp_path: Path) -> None:
    text = "image,x1,y1_down,x2,y2_down\na,-1,-2,-1,4\n"
    (found,) = read_records(written(tmp_path / "a.csv", text))
    assert found.points.tolist() == [[-1, -2], [-1, 4]]


def test_what_is_not_annotated_yet_is_left_out_with_one_remark(tmp_path: Path) -> None:
    text = ZEROS + "ID=a\n" + "LM=0\nIMAGE=b.jpg\n" + "LM=3\n5 5\n5 5\n5 5\nIMAGE=c.jpg\n"
    text += RECORD + "IMAGE=d.jpg\n" + "LM=3\n0 0\n1 2\n3 4\nIMAGE=e.jpg\n"
    text += "LM=3\n-1 -1\nNA NA\n-1 -1\nID=f\n"
    found = read_annotated(written(tmp_path / "a.tps", text))
    assert [record.name for record in found.records] == ["d.jpg", "e.jpg"]
    assert np.isnan(found.records[1].points[:, 0]).tolist() == [True, False, False]
    assert found.remarks == (
        "a.tps: 1 landmark at 0 0 (first in the record of line 18) is taken for missing",
        "a.tps: 4 not annotated yet, not used: a, b.jpg, c.jpg, f",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("LM=0\nIMAGE=a.jpg\n" + ZEROS, "line 1: has no landmarks: none of its 2 records"),
        (
            "LM=0\nIMAGE=a.jpg\nLM=0\nCURVES=1\nPOINTS=1\n1 2\n",
            "line 3: has curves but no landmarks",
        ),
        (ZEROS.replace("0 0", "-1 -1"), "line 1: has no landmarks"),
    ],
)
def test_a_file_without_landmarks_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(LandmarkFileError, match=told):
        read_annotated(written(tmp_path / "a.tps", text))


def test_curves_are_told_of(tmp_path: Path) -> None:
    curved = RECORD + "CURVES=1\nPOINTS=2\n1 2\n3 4\nIMAGE=a.jpg\n"
    (told,) = read_annotated(written(tmp_path / "a.tps", RECORD + "ID=b\n" + curved)).remarks
    assert "curves in 1 record (from line 6, 2 points) are not learned" in told


def test_folders_stay_where_names_would_collide(tmp_path: Path, command: Command) -> None:
    text = "".join(f"{RECORD}IMAGE={name}\n" for name in ("m\\1.jpg", "f\\1.JPG", "f\\2.jpg"))
    out = tmp_path / "out.tps"
    assert command("convert", written(tmp_path / "a.tps", text), out).code == 0
    assert [record.image for record in read_tps(out)] == ["m\\1.jpg", "f\\1.JPG", "2.jpg"]
    write_tps(out, iter(read_tps(out)[:1]))
    assert read_tps(out)[0].image == "1.jpg"


def test_small_numbers_survive(tmp_path: Path, command: Command) -> None:
    text = "LM=2\n0.1234567891 0.0000012345\n284.00000 0.50000\nIMAGE=a.jpg\nID=1\n"
    text += "SCALE=0.000012345678\n"
    source = written(tmp_path / "a.tps", text)
    table, back = tmp_path / "a.csv", tmp_path / "b.tps"
    assert command("convert", source, back).code == 0
    assert back.read_text() == text
    size = ("--image-size", "300x480")
    assert command("convert", source, table, *size).code == 0
    assert "0.1234567891,479.9999987655,284.00000,479.50000" in table.read_text()
    assert command("convert", table, back, *size, "--overwrite").code == 0
    np.testing.assert_array_equal(read_tps(back)[0].points, read_tps(source)[0].points)


def test_convert_keeps_zeros_and_says_so(tmp_path: Path, command: Command) -> None:
    source = written(tmp_path / "a.tps", "LM=2\n0 0\n3 4\nIMAGE=a.jpg\nLM=2\n0 0\n0 0\nID=b\n")
    done = command("convert", source, tmp_path / "a.csv", "--image-size", "100x80")
    assert "1 landmark at 0 0 (first in the record of line 1) is kept" in done.err
    assert "1 not annotated yet, written without coordinates: b" in done.err
    assert (tmp_path / "a.csv").read_text().splitlines()[1:] == [
        "a.jpg,0.00000,80.00000,3.00000,76.00000",
        "b,,,,",
    ]
