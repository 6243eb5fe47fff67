"""TPS and CSV files: any bytes at all give records, or an error that names the line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.csv import csv_line, guarded, unguarded
from beetle_lm.predict.formats.own_tables import tidy_header, tidy_rows, wide_header, wide_row
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.tables import read_table
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps

# Each example writes over the file of the one before; the machine may be busy.
thoroughly = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
XY = np.array([[10.5, 20.25], [np.nan, np.nan], [0.0, 1234.5]])

line_ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
encodings = st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])
numbers = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(["NA", "nan", "", "-1", "1,5", "1e308", "1e309", "-1e-400", "٣", "0x1", "1_0"]),
)
keys = st.sampled_from(
    ["LM", "lm ", "LM3", "IMAGE", "ID", "SCALE", "CURVES", "POINTS", "COMMENT", "VARIABLES", ""]
)
tps_lines = st.one_of(
    st.tuples(keys, st.one_of(numbers, st.text(max_size=8))).map("=".join),
    st.lists(numbers, min_size=1, max_size=3).map(" ".join),
    st.text(max_size=12),
)
cells = st.one_of(
    numbers,
    st.sampled_from(["image", "x1", "y1_down", "y1_up", "landmark", "x", "y", "name", "'=1", '"']),
    st.text(max_size=8),
)
# What a file system takes for a name, and what comes of it in UTF-8.
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
).filter(str.strip)
formulas = st.text(st.sampled_from("=+-@＝ '\",;\t\r\na1"), min_size=1).filter(str.strip)  # noqa: RUF001


def rows(row: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Whole files of such rows, some in an encoding that cannot hold them."""
    return st.builds(
        lambda lines, end, encoding: end.join(lines).encode(encoding, "replace"),
        st.lists(row, max_size=12),
        line_ends,
        encodings,
    )


def holds(path: Path, content: bytes, read: Callable[[Path], object]) -> None:
    path.write_bytes(content)
    try:
        read(path)
    except LandmarkFileError as error:
        assert error.path == path
        assert error.line is not None
        lines = len(re.split(rb"\r\n|\n|\r", content))
        assert 1 <= error.line <= lines
        assert len(str(error)) < 500 + len(str(path))


@thoroughly
@given(st.one_of(rows(tps_lines), st.binary(), st.text().map(str.encode)))
def test_any_tps_file_is_read_or_its_line_is_named(tmp_path: Path, content: bytes) -> None:
    holds(tmp_path / "a.tps", content, read_records)


@thoroughly
@given(
    st.one_of(
        rows(st.lists(cells, max_size=6).map(",".join)),
        rows(st.lists(cells, max_size=6).map(";".join)),
        st.binary(),
    ),
    st.sampled_from([b"", b"image,x1,y1_down\n", b"image\tlandmark\tx\ty\n", b"id,X1,Y1,X2,Y2\n"]),
)
def test_any_table_is_read_or_its_line_is_named(
    tmp_path: Path, content: bytes, header: bytes
) -> None:
    path = tmp_path / "a.csv"
    holds(path, header + content, read_records)


@thoroughly
@given(name=st.one_of(names, formulas), landmark=st.one_of(names, formulas), excel=st.booleans())
def test_names_come_back_from_tables_as_they_were(
    tmp_path: Path, name: str, landmark: str, excel: bool
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(wide_header(3, excel) + wide_row(name, XY, excel), "utf-8", newline="")
    (found,) = read_table(path)
    assert found.image == name
    np.testing.assert_array_equal(found.points, XY)
    landmarks = (landmark, "2", "3")
    text = tidy_header(excel) + tidy_rows(name, landmarks, XY, None, None, excel)
    path.write_text(text, "utf-8", newline="")
    (found,) = read_table(path)
    assert (found.image, found.names) == (name, landmarks)


@thoroughly
@given(st.one_of(names, formulas))
def test_names_come_back_from_tps_files_on_one_line(tmp_path: Path, name: str) -> None:
    write_tps(tmp_path / "a.tps", [TpsRecord(XY, image=name)])
    (found,) = read_tps(tmp_path / "a.tps")
    written = re.sub("[\r\n]", " ", re.split(r"[\\/]", name)[-1]).strip()
    assert found.image == (written or None)
    assert found.id


@thoroughly
@given(st.lists(st.one_of(names, formulas), min_size=1, max_size=3))
def test_no_spreadsheet_finds_a_formula_in_a_name(texts: list[str]) -> None:
    line = csv_line(map(guarded, texts))
    found = re.split('[,;\t\r\n"]', line)  # by any separator, with or without regard to quotes
    for separator in ",;\t":
        found += [
            cell
            for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator)
            for cell in row
        ]
    assert not [cell for cell in found if re.match("[ ]*[=+\\-@＝＋－＠]", cell)]  # noqa: RUF001
    assert [unguarded(guarded(text)) for text in texts] == texts


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=cmd|' /C calc'!A0.jpg", "'=cmd|' /C calc'!A0.jpg"),
        ("-2.jpg", "'-2.jpg"),
        ("'-2.jpg", "''-2.jpg"),
        ("a;=1.jpg", '"a;\'=1.jpg"'),
        ("plain-name+2 (copy)=@.jpg", "plain-name+2 (copy)=@.jpg"),
        ("'quoted'.jpg", "'quoted'.jpg"),
    ],
)
def test_formulas_as_written(name: str, written: str) -> None:
    assert csv_line([guarded(name), "-1.50000"]) == f"{written},-1.50000\n"
