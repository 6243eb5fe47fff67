"""CSV tables: what is written for MorphoJ, R and Excel, and what is read of others'."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from growth import MOST_GROWTH, growth
from kinds import WriteFile
from mutation import mutated

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.convert import convert_file
from beetle_lm.predict.formats.own_tables import tidy_header, tidy_rows, wide_header, wide_row
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.sizes import SizesByName
from beetle_lm.predict.formats.tables import read_table

NAN = float("nan")
XY = np.array([[10.5, 20.25], [NAN, NAN], [1e-9, 1234.567891]])
AWKWARD = 'a, "b";\tKäfer\nx.jpg'


@pytest.fixture
def table(tmp_path: Path) -> WriteFile:
    """Writes a table from text or bytes."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "some.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def y_down(path: Path) -> list[Record]:
    """The records of a table that says that y points down."""
    found = read_records(path)
    assert not any(record.y_up for record in found)
    return list(found)


def test_wide_table_as_written() -> None:
    assert wide_header(2) == "image,x1,y1_down,x2,y2_down\n"
    assert wide_row("a b.jpg", XY) == "a b.jpg,10.50000,20.25000,,,0.00000,1234.56789\n"


def test_tidy_table_as_written() -> None:
    assert tidy_header() == "image,landmark,name,x,y,score,expected_error_px\n"
    score, error = np.array([0.98765, NAN, 1]), np.array([2, NAN, 0])
    text = tidy_rows("a.jpg", ("tip", "base, left", "3"), XY, score, error)
    assert text == (
        "a.jpg,1,tip,10.50000,20.25000,0.9877,2.000\n"
        'a.jpg,2,"base, left",,,,\n'
        "a.jpg,3,3,0.00000,1234.56789,1.0000,0.000\n"
    )
    assert tidy_rows("a.jpg", ("tip",), XY[:1]) == "a.jpg,1,tip,10.50000,20.25000,,\n"
    with pytest.raises(ValueError, match="zip"):
        tidy_rows("a.jpg", ("tip",), XY)


def test_excel_tables_as_written() -> None:
    assert wide_header(1, excel=True) == "\ufeffimage;x1;y1_down\n"
    assert wide_row("a,b.jpg", XY[:1], excel=True) == "a,b.jpg;10,50000;20,25000\n"
    assert tidy_header(excel=True) == "\ufeffimage;landmark;name;x;y;score;expected_error_px\n"
    text = tidy_rows("a.jpg", ("tip",), XY[:1], np.array([0.5]), excel=True)
    assert text == "a.jpg;1;tip;10,50000;20,25000;0,5000;\n"


@pytest.mark.parametrize("excel", [False, True])
@pytest.mark.parametrize("image", ["a.jpg", AWKWARD, "'x'", "left/a.jpg", " a .jpg", "=1+1"])
def test_wide_round_trip(table: WriteFile, excel: bool, image: str) -> None:
    rows = [wide_row(image, XY, excel), wide_row("b.jpg", XY[::-1], excel)]
    path = table(wide_header(3, excel) + "".join(rows))
    first, second = y_down(path)
    assert (first.image, second.image) == (image, "b.jpg")
    assert (first.line, second.line) == (2, 3 + image.count("\n"))
    np.testing.assert_allclose(first.points, XY, rtol=0, atol=5.1e-6)
    np.testing.assert_array_equal(second.points, first.points[::-1])


@pytest.mark.parametrize("excel", [False, True])
def test_tidy_round_trip(table: WriteFile, excel: bool) -> None:
    names, score = ("tip", AWKWARD, "3"), np.array([0.5, NAN, 0.25])
    error = np.array([1.5, NAN, 0.125])
    rows = [
        tidy_rows(AWKWARD, names, XY, score, error, excel),
        tidy_rows("b", ("1",), XY[:1], None, None, excel),
    ]
    path = table(tidy_header(excel) + "".join(rows))
    first, second = read_table(path)
    assert (first.image, first.names, first.line) == (AWKWARD, names, 2)
    np.testing.assert_allclose(first.points, XY, rtol=0, atol=5.1e-6)
    np.testing.assert_array_equal(first.score, score)
    np.testing.assert_array_equal(first.expected_error, error)
    assert (second.image, second.names) == ("b", ("1",))
    assert second.score is not None and np.isnan(second.score).all()
    assert [each.image for each in y_down(path)] == [AWKWARD, "b"]


def test_names_that_are_no_text_can_be_written(table: WriteFile) -> None:
    path = table(wide_header(1) + wide_row("a\udcff.jpg", XY[:1]))
    assert y_down(path)[0].image == "a%FF.jpg"


def test_pythons_csv_reader_sees_plain_numbers(table: WriteFile) -> None:
    path = table(wide_header(3) + wide_row(AWKWARD, XY))
    with path.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["image"] == AWKWARD
    assert float(row["y3_down"]) == 1234.56789
    assert row["x2"] == ""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_delimiters_line_ends_and_encodings(
    table: WriteFile, delimiter: str, end: str, encoding: str
) -> None:
    lines = ["Image,X1,Y1_down,x2,y2_DOWN", "Käfer.jpg,1.5,2,NA,nan", "", "b.jpg, 3 ,4,,7"]
    text = end.join(lines).replace(",", delimiter)
    first, second = y_down(table(text.encode(encoding)))
    assert first.image == "Käfer.jpg"
    np.testing.assert_array_equal(first.points, [[1.5, 2], [NAN, NAN]])
    np.testing.assert_array_equal(second.points, [[3, 4], [NAN, NAN]])
    assert second.line == 4


def test_decimal_commas_with_semicolons(table: WriteFile) -> None:
    (found,) = y_down(table("image;x1;y1_down\na,b.jpg;1,5;2.25\n"))
    assert found.image == "a,b.jpg"
    assert found.points.tolist() == [[1.5, 2.25]]


def test_quoted_cells_of_r(table: WriteFile) -> None:
    (found,) = y_down(table('"image","x1","y1_down"\n"a ""b"".jpg","1","2"\n'))
    assert found.image == 'a "b".jpg'


@pytest.mark.parametrize("header", ["id,X1,Y1,X2,Y2", "id,X0,Y0,X1,Y1"])
def test_tables_of_ml_morph_have_y_up(table: WriteFile, header: str) -> None:
    path = table(f"{header}\na.jpg,10,20,30,-5\n")
    (found,) = read_records(path)
    assert found.y_up
    assert found.in_image(480).tolist() == [[10, 460], [30, 485]]
    with pytest.raises(LandmarkFileError, match=r"some\.csv, line 2: the height .*'a\.jpg'"):
        convert_file(path, path.with_name("a.tps"), "tps", sizes=SizesByName({}))


def test_y_up_by_name(table: WriteFile) -> None:
    wide = read_records(table("image,x1,y1_up\na,1,2\n"))
    assert wide[0].in_image(20).tolist() == [[1, 18]]
    tidy = read_records(table("image,landmark,x,y_up\na,1,1,2\n"))
    assert tidy[0].in_image(20).tolist() == [[1, 18]]


def test_columns_in_any_order_and_unknown_ones(
    table: WriteFile, caplog: pytest.LogCaptureFixture
) -> None:
    path = table("sex,y2_down,x1,image,x2,y1_down,\nf,4,1,a.jpg,3,2,\n")
    assert y_down(path)[0].points.tolist() == [[1, 2], [3, 4]]
    assert "passed over the columns 'sex'" in caplog.text
    path = table("score,y,image,x,landmark\n,4,a,3,2\n0.5,2,a,1,1\n")
    (found,) = read_table(path)
    assert found.points.tolist() == [[1, 2], [3, 4]]
    np.testing.assert_array_equal(found.score, [0.5, NAN])
    assert found.names is None


def test_rows_of_a_tidy_table_may_be_mixed(table: WriteFile) -> None:
    path = table("image,landmark,x,y\nb,2,3,4\na,1,5,6\nb,1,1,2\n")
    found = y_down(path)
    assert [(each.image, each.points.tolist(), each.line) for each in found] == [
        ("b", [[1, 2], [3, 4]], 2),
        ("a", [[5, 6]], 3),
    ]


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", 1, "empty"),
        ("\n,,\n", 1, "empty"),
        ("image,x1,y1_down\n", 1, "no row"),
        ("hello\nworld\n", 1, "expected the columns image,x1,y1_down"),
        ("image\na.jpg\n", 1, "expected the columns"),
        ("x1,y1_down\n1,2\n", 1, "expected the columns"),
        ("image,x1,y1_down,x2\na,1,2,3\n", 1, "expected the columns"),
        ("image,x1,y1_down,x3,y3_down\na,1,2,3,4\n", 1, "expected the columns"),
        ("image,x2,y2_down\na,1,2\n", 1, "expected the columns"),
        ("image,x1,y1_down,X1\na,1,2,3\n", 1, "'X1' occurs twice"),
        ("image,x1,y1_up,y1_down\na,1,2,3\n", 1, "do not say where y points"),
        ("image,x1,y1\na,1,2\n", 1, "do not say where y points"),
        ("image,x1,y1_up,x2,y2_down\na,1,2,3,4\n", 1, "do not say where y points"),
        ("image,x1,y1_down\na,1,2\nb,1\n", 3, "found 2 cells, the first row has 3"),
        ("image,x1,y1_down\na,1,2,3\n", 2, "found 4 cells"),
        ('image,x1,y1_down\n"a\nb",1,2\nc,1,two\n', 4, "'two'"),
        ("image,x1,y1_down\na,1,inf\n", 2, "'inf'"),
        ("image,x1,y1_down\na,1,1e999\n", 2, "'1e999'"),
        ("image,x1,y1_down\n,1,2\n", 2, "name of the image is empty"),
        ('image,x1,y1_down\n"a,1,2\n', 2, "is not CSV"),
        ("image,x1,y1_down\n" + "a" * 200_000 + ",1,2\n", 2, "is not CSV"),
        ("image,x1,y1_down\na,1,2\n\x00\n", 3, "null byte"),
        ("image,landmark,x\na,1,2\n", 1, "expected the columns"),
        ("image,landmark,x,y,y_up\na,1,2,3,4\n", 1, "expected the columns"),
        ("image,landmark,x,y\na,one,2,3\n", 2, "'one'"),
        ("image,landmark,x,y\na,0,2,3\n", 2, "'0'"),
        ("image,landmark,x,y\na,999999,2,3\n", 2, "found landmark 999999 of 'a', which has 1 row"),
        (
            "image,landmark,x,y\na,1,2,3\nb,1,2,3\na,1,2,3\n",
            4,
            "landmark 1 of 'a' is there a second",
        ),
        ("image,landmark,x,y,score\na,1,2,3,high\n", 2, "'high'"),
    ],
)
def test_an_error_names_file_line_and_what_was_found(
    table: WriteFile, text: str, line: int, found: str
) -> None:
    path = table(text)
    with pytest.raises(LandmarkFileError) as caught:
        y_down(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert found in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandmarkFileError, match=r"must end in \.tps, \.csv, \.xml, \.json, \.nts"):
        y_down(tmp_path / "landmarks.xlsx")


def test_any_bytes_give_specimens_or_an_error_that_names_the_file(table: WriteFile) -> None:
    rng = random.Random(7)
    names = ("tip", AWKWARD, "3")
    seeds = [
        (header + row).encode()
        for excel in (False, True)
        for header, row in [
            (wide_header(3, excel), wide_row(AWKWARD, XY, excel) + wide_row("b", XY, excel)),
            (tidy_header(excel), tidy_rows(AWKWARD, names, XY, None, None, excel)),
        ]
    ]
    pieces = [b",", b";", b'"', b"\n", b"\r", b"1e400", b"x9", b"\x81", b"\0", b"999999", b"-"]
    outcomes = {True: 0, False: 0}
    for _ in range(1000):
        path = table(mutated(rng.choice(seeds), rng, pieces, most=2))
        try:
            found = read_table(path)
        except LandmarkFileError as error:
            assert error.path == path
            outcomes[False] += 1
        else:
            assert not any(np.isinf(each.points).any() for each in found)
            outcomes[True] += 1
    assert min(outcomes.values()) > 100


@pytest.mark.parametrize(
    "piece",
    [
        ("", "image,", "x1,y1_down\na,1,2\n"),
        ("", '"', ""),
        ("", ";", "\n"),
        ("image,x1,y1_down\na,", "9", ",1\n"),
        ("image,x1,y1_down\n", "a,1,2\n", ""),
        ("image,x1,y1_down\n", '"a\n', '",1,2\n'),
        ("image,landmark,x,y\n", "a,1,1,2\n", ""),
        ("image,landmark,x,y\n", "\r", "a,1,1,1e9999\n"),
    ],
    ids=repr,
)
def test_large_nonsense_is_read_in_linear_time(
    table: WriteFile, piece: tuple[str, str, str]
) -> None:
    begin, middle, end = piece

    def read(times: int) -> None:
        path = table(begin + middle * times + end)
        try:
            read_table(path)
        except LandmarkFileError as error:
            assert error.line is not None
            assert len(str(error)) < 500

    assert growth(read, 20_000 // len(middle)) < MOST_GROWTH


def test_wide_and_long_tables_are_read_in_linear_time(table: WriteFile) -> None:
    def wide(times: int) -> None:
        xy = np.ones((times, 2))
        read_table(table(wide_header(times) + wide_row("a.jpg", xy)))

    def tidy(times: int) -> None:
        names = [str(number) for number in range(times)]
        read_table(table(tidy_header() + tidy_rows("a.jpg", names, np.ones((times, 2)))))

    assert growth(wide, 500) < MOST_GROWTH
    assert growth(tidy, 500) < MOST_GROWTH
