"""`beetle-lm convert` for other programs: what they read of it, what is lost, and told."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Command
from PIL import Image

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.curves import bezier, distances
from beetle_lm.predict.formats.curves import with_lines
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.tps import read_tps

TIDY = """image,landmark,name,x,y,score,expected_error_px
a b.jpg,1,tip,10.5,20.25,0.5,1.5
a b.jpg,2,base,12,70,,
b.jpg,1,tip,,,,
b.jpg,2,base,7,8,0.25,
"""
XY = [[[10.5, 20.25], [12.0, 70.0]], [[np.nan, np.nan], [7.0, 8.0]]]
UP = [[[10.5, 59.75], [12.0, 10.0]], [[np.nan, np.nan], [7.0, 72.0]]]
SHAPES = """<shapes type=list>
\t<scaling type=vector names=FALSE length=1 as.numeric=TRUE >0.5</scaling>
\t<landmarks.pixel type=matrix rownames=TRUE colnames=FALSE nrow=2 ncol=2 as.numeric=TRUE >
\t\tLM1\t10.5\t20.25
\t\tLM2\t12\t70
\t</landmarks.pixel>
\t<curves.control type=list>
\t\t<suture type=matrix rownames=FALSE colnames=FALSE nrow=5 ncol=2 as.numeric=TRUE >
\t\t\t10\t20
\t\t\t20\t60
\t\t\t30\t20
\t\t\t40\t5
\t\t\t50\t20
\t\t</suture>
\t</curves.control>
\t<curves.pixel type=list>
\t\t<suture type=matrix rownames=FALSE colnames=FALSE nrow=1 ncol=2 as.numeric=TRUE >
\t\t\t10\t20
\t\t</suture>
\t</curves.pixel>
</shapes>
"""


@pytest.fixture
def tidy(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(TIDY, encoding="utf-8")
    return path


def same(path: Path, wanted: list[list[list[float]]]) -> None:
    for record, xy in zip(read_records(path), wanted, strict=True):
        np.testing.assert_allclose(record.points, xy, atol=1e-9)


def test_nts_and_back(tidy: Path, tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out.nts"
    done = command("convert", tidy, out)
    assert done.code == 2 and "--image-size WIDTHxHEIGHT" in done.err
    done = command("convert", tidy, out, "--image-size", "100x80")
    assert done.code == 0, done.err
    assert "has no place for its names of landmarks, scores, expected errors" in done.err
    assert "no folders and no spaces; these names are changed: a b.jpg" in done.err
    assert out.read_text() == (
        "1 2L 4 1 -999 DIM=2\na_b.jpg\nb.jpg\n10.50000 59.75000\n12.00000 10.00000\n-999 -999\n"
        "7.00000 72.00000\n"
    )
    same(out, UP)


def test_nts_is_read_by_morphops(tidy: Path, tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out.nts"
    assert command("convert", tidy, out, "--image-size", "100x80").code == 0
    found, names = importlib.import_module("morphops").read_dta(out)
    assert names == ["a_b.jpg", "b.jpg"]
    np.testing.assert_array_equal(found, np.nan_to_num(UP, nan=-999))


def test_between_files_with_y_up_no_heights_are_needed(
    tidy: Path, tmp_path: Path, command: Command
) -> None:
    first, tps, second = tmp_path / "a.nts", tmp_path / "a.tps", tmp_path / "b.nts"
    assert command("convert", tidy, first, "--image-size", "100x80").code == 0
    assert command("convert", first, tps).code == 0
    assert [record.image for record in read_tps(tps)] == ["a_b.jpg", "b.jpg"]
    assert command("convert", tps, second).code == 0
    assert second.read_text() == first.read_text()


def test_label_studio_and_back(tidy: Path, tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out.json"
    done = command("convert", tidy, out, "--to", "label-studio")
    assert done.code == 2 and "needed, because Label Studio has percent" in done.err
    done = command("convert", tidy, out, "--to", "label-studio", "--image-size", "100x80")
    assert done.code == 0, done.err
    assert "a Label Studio file has no place for its expected errors" in done.err
    first, second = json.loads(out.read_text(encoding="utf-8"))
    assert first["data"] == {"image": "/data/local-files/?d=a%20b.jpg"}
    [item, _] = first["predictions"][0]["result"]
    assert (item["type"], item["from_name"], item["to_name"]) == ("keypointlabels", "kp", "image")
    assert (item["original_width"], item["original_height"]) == (100, 80)
    assert (item["value"]["x"], item["value"]["y"]) == (10.5, 25.3125)
    assert item["value"]["keypointlabels"] == ["tip"] and item["score"] == 0.5
    assert len(second["predictions"][0]["result"]) == 1
    same(out, XY)
    one, other = read_records(out)
    assert (one.name, other.name, one.names) == ("a b.jpg", "b.jpg", ("tip", "base"))
    np.testing.assert_array_equal(one.score, [0.5, np.nan])


def test_predictions_are_no_annotations(tidy: Path, tmp_path: Path, command: Command) -> None:
    """A task that somebody has not annotated yet has none, whatever was predicted for it."""
    out = tmp_path / "out.json"
    size = ("--image-size", "100x80")
    assert command("convert", tidy, out, "--to", "label-studio", *size).code == 0
    first, second = json.loads(out.read_text(encoding="utf-8"))
    first["annotations"], second["annotations"] = first.pop("predictions"), []
    out.write_text(json.dumps([first, second]))
    [one, other] = read_records(out)
    assert one.is_annotated and not other.is_annotated and one.score is None


def test_curves_and_scales_of_stereomorph_come_into_tps(tmp_path: Path, command: Command) -> None:
    """As points on the line, an even number: every second of an odd one might lie beside it."""
    shapes, out = tmp_path / "shapes", tmp_path / "out.tps"
    shapes.mkdir()
    (shapes / "a.txt").write_text(SHAPES)
    [read] = read_records(shapes)
    assert (read.curve_names, read.control_points, len(read.curves[0])) == (("suture",), True, 5)
    done = command("convert", shapes, out, "--image-size", "100x80")
    assert done.code == 0 and "has no place for its names of landmarks;" in done.err, done.err
    [record] = read_tps(out)
    assert (record.image, record.scale, record.curve_names) == ("a", 0.5, ("suture",))
    [curve] = record.curves
    assert len(curve) == 20
    line = bezier(read.curves[0])
    assert distances(np.array([0, 80]) + curve * [1, -1], line).max() < 1e-3
    [lined], remark = with_lines([record])
    assert (
        remark is None and distances(np.array([0, 80]) + lined.curves[0] * [1, -1], line).max() < 1
    )
    done = command("convert", shapes, tmp_path / "out.csv")
    assert "a table has no place for its scales, curves, names of landmarks" in done.err


@pytest.mark.parametrize(
    ("damage", "line", "message"),
    [
        (("\t\t\t20\t60\n", "\t\t\t20\n"), 8, "has something else than x and y"),
        (("20\t60", "20\t1e300"), 8, "goes where no photograph is"),
        (("\t\t</suture>\n\t</curves.control>", "\t</curves.control>"), 8, "'suture' has no end"),
        (("\t</curves.control>\n", ""), 7, "<curves.control> has no end"),
    ],
)
def test_damaged_curves(tmp_path: Path, damage: tuple[str, str], line: int, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(SHAPES.replace(*damage))
    with pytest.raises(LandmarkFileError, match=message) as error:
        read_records(path)
    assert error.value.line == line


@pytest.fixture
def sleap_io() -> Any:
    return pytest.importorskip("sleap_io", reason="the extra sleap is not installed")


@pytest.mark.parametrize("kind", ["coco", "deeplabcut"])
def test_sleap_io_reads_what_is_written(
    sleap_io: Any, tidy: Path, tmp_path: Path, command: Command, kind: str
) -> None:
    for name in ("a b.jpg", "b.jpg"):
        Image.new("L", (100, 80)).save(tmp_path / name)
    out = tmp_path / ("out.json" if kind == "coco" else "CollectedData_me.csv")
    done = command("convert", tidy, out, "--to", kind, "--image-size", "100x80")
    assert done.code == 0, done.err
    if kind == "coco":
        labels = sleap_io.load_coco(str(out), dataset_root=str(tmp_path))
    else:
        labels = sleap_io.load_dlc(str(out))
    at = [labels.skeleton.node_names.index(name) for name in ("tip", "base")]
    for frame, wanted in zip(labels, XY, strict=True):
        np.testing.assert_allclose(frame.instances[0].numpy()[at], wanted)
