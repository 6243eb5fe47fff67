"""Scales from tables: which photograph a row means, and what is no scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from beetle_lm.errors import LandmarkFileError, RequestError
from beetle_lm.predict.scales.sources import Mark, SameScale, ScaleTable


def table(path: Path, text: str, encoding: str = "utf-8") -> ScaleTable:
    path.write_bytes(text.encode(encoding))
    return ScaleTable.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg,0.01\nb.jpg,0.02\n",
        "photograph,units per pixel\na.jpg,0.01\nb.jpg,0.02\n",
        "\ufeffphotograph;scale\r\na.jpg;0,01\r\nb.jpg;0,02\r\nc.jpg;\r\n",
        "a.jpg\t1e-2\n\nb.jpg\t0.02\n",
        "Bild;Scale (mm/px)\na.jpg;0.01\nb.jpg;0.02\n",
        "file,px_per_mm,mm_per_px\na.jpg,100,0.01\nb.jpg,50,0.02\n",
        "who,image,status,units_per_px\nme,a.jpg,ok,0.01\nme,b.jpg,ok,0.02\n",
    ],
)
def test_tables_that_are_read(tmp_path: Path, text: str) -> None:
    assert table(tmp_path / "s.csv", text).scales == {"a.jpg": 0.01, "b.jpg": 0.02}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg,-1\n", "line 1: expected units per pixel, above 0, found '-1'"),
        ("a.jpg,0.01\nb.jpg,wide\n", "line 2: expected units per pixel, above 0, found 'wide'"),
        ("a.jpg,0.01\na.jpg,0.02\n", "line 2: 'a.jpg' has another scale in line 1"),
        ("image,px per mm\na.jpg,100\n", "expected units per pixel, not pixels per unit"),
        ("a,b,c\n1,2,3\n", "expected two columns"),
        ("image,dpi\na.jpg,600\n", "line 1: expected units per pixel, .* found 'dpi'"),
        ("a.jpg,0.01mm\nb.jpg,0.02\n", "line 1: expected units per pixel, .* found '0.01mm'"),
        ("image,scale bar\na.jpg,5\n", "line 1: expected units per pixel"),
        ("a.jpg,0.01\nb.jpg\n", "line 2: expected the name of a photograph and its scale"),
        ("", "holds no scales"),
        ("photograph,scale\na.jpg,\n", "holds no scales"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LandmarkFileError, match=message):
        table(tmp_path / "s.csv", text)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LandmarkFileError, match="cannot be read"):
        ScaleTable.read(tmp_path / "gone.csv")


def test_rows_mean_photographs_as_elsewhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scales = table(tmp_path / "s.csv", "C:\\photos\\A.JPG,0.01\nx.png,0.02\ny,0.03\n")
    of = scales.among(["a.jpg", "one/x.png", "two/x.png", "y.tif", "z.png"])
    known = {name: of(name, None).units_per_px for name in ("a.jpg", "one/x.png", "y.tif", "z.png")}
    assert known == {"a.jpg": 0.01, "one/x.png": None, "y.tif": 0.03, "z.png": None}
    [record] = caplog.records  # once for all of them
    assert "3 photographs have no scale in" in record.getMessage()
    assert "one/x.png, two/x.png, z.png" in record.getMessage()


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_scale_is_above_0(scale: float) -> None:
    with pytest.raises(RequestError):
        SameScale(scale)


def test_a_bar_has_a_length_and_a_grid_has_none() -> None:
    assert Mark("bar", 2.5).record == "bar:2.5" and Mark("grid").record == "grid"
    with pytest.raises(RequestError):
        Mark("bar")
    with pytest.raises(RequestError):
        Mark("grid", 1.0)
    with pytest.raises(RequestError):
        Mark("bar", -1.0)
