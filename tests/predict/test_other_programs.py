"""Landmark files of other annotation programs, read by their content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Command
from PIL import Image

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record

DLIB = """<?xml version='1.0' encoding='ISO-8859-1'?>
<?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>
<dataset><name>wings</name><images>
  <image file='photos/a.jpg' width='100' height='80'>
    <box top='1' left='2' width='50' height='40'>
      <part name='0' x='10' y='20'/><part name='10' x='12' y='70'/><part name='2' x='30' y='40'/>
    </box>
  </image>
  <image file='photos/b.jpg'>
    <box top='1' left='2' width='50' height='40'><part name='10' x='7' y='8'/></box>
  </image>
  <image file='photos/c.jpg'/>
</images></dataset>
"""
CVAT = """<annotations><version>1.1</version>
  <image id="0" name="a.jpg" width="100" height="80">
    <points label="tip" occluded="0" points="10.5,20.25" z_order="0"/>
    <points label="base" occluded="0" points="12,70" z_order="0"/>
  </image>
  <image id="1" name="b.jpg" width="100" height="80">
    <skeleton label="wing">
      <points label="base" outside="1" points="0,0"/><points label="tip" outside="0" points="7,8"/>
    </skeleton>
  </image>
</annotations>
"""
CVAT_TOGETHER = """<annotations>
  <image name="a.jpg"><points label="wing" points="10.5,20.25;12,70"/></image>
</annotations>
"""
COCO: dict[str, Any] = {
    "info": {"year": 2026},
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 3, "file_name": "dir/b.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 3, "category_id": 1, "keypoints": [0, 0, 0, 7, 8, 1]},
        {"id": 2, "image_id": 7, "category_id": 1, "keypoints": [10.5, 20.25, 2, 12, 70, 2]},
        {"id": 3, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
    ],
    "categories": [{"id": 1, "keypoints": ["tip", "base"]}, {"id": 2, "name": "label"}],
}


def item(name: str, x: float, y: float) -> dict[str, object]:
    place = {"x": x, "y": y, "width": 0.5, "keypointlabels": [name]}
    return {
        "type": "keypointlabels",
        "original_width": 200,
        "original_height": 80,
        "value": place,
    }


LABEL_STUDIO = [
    {
        "id": 1,
        "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"},
        "annotations": [
            {"was_cancelled": True, "result": [item("tip", 1, 1)]},
            {"result": [item("tip", 5.25, 25.3125), item("base", 6, 87.5)]},
        ],
    },
    {
        "id": 2,
        "data": {"photo": "/data/local-files/?d=x/b.jpg"},
        "annotations": [],
    },
]
STEREOMORPH = """<shapes type=list>
\t<scaling type=vector names=FALSE length=1 as.numeric=TRUE >0.5</scaling>
\t<landmarks.pixel type=matrix rownames=TRUE colnames=FALSE nrow=2 ncol=2 as.numeric=TRUE >
\t\ttip\t10.5\t20.25
\t\tbase\t12\t70
\t</landmarks.pixel>
\t<landmarks.scaled type=matrix rownames=TRUE colnames=FALSE nrow=2 ncol=2 as.numeric=TRUE >
\t\ttip\t5.25\t-10.125
\t\tbase\t6\t-35
\t</landmarks.scaled>
\t<curves.control type=list>
\t\t<edge type=matrix rownames=FALSE colnames=FALSE nrow=3 ncol=2 as.numeric=TRUE >
\t\t\t10\t20
\t\t\t20\t40
\t\t\t30\t20
\t\t</edge>
\t</curves.control>
</shapes>
"""
SLICER = {
    "@schema": "https://raw.githubusercontent.com/slicer/slicer/master/markups-schema.json#",
    "markups": [
        {
            "type": "Fiducial",
            "coordinateSystem": "LPS",
            "controlPoints": [
                {"id": "1", "label": "tip", "position": [10.5, 20.25, 0.0]},
                {"id": "2", "label": "base", "position": [12, 70, 0], "positionStatus": "defined"},
                {"id": "3", "label": "eye", "position": [0, 0, 0], "positionStatus": "undefined"},
            ],
        }
    ],
}
FCSV = """# Markups fiducial file version = 4.10
# CoordinateSystem = 0
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,-10.5,-20.25,0,0,0,0,1,1,1,0,tip,,
vtkMRMLMarkupsFiducialNode_1,-12,-70,0,0,0,0,1,1,1,0,base,,
"""
NTS = """"manual, by me
1 2L 4 1 -999 DIM=2
a.jpg b.jpg
10.5 20.25 12 70
-999 -999 7 8
"""
NTS_ROWS = NTS.replace("2L", "2b").replace("a.jpg b.jpg\n", "").replace("\n10", "\na.jpg 10")
NTS_ROWS = NTS_ROWS.replace("\n-999 -999", "\n'second\nb.jpg -999 -999")
NTS_BARE = "1 2 4 1 9999 Dim=2\n10.5 20.25 12 70\n9999 9999 7 8\n"
NTS_ONE = "1 2L 2L 0 dim=2\ntip base x y\n10.5 20.25\n12 70\n"
RESULTS = " \tLabel\tArea\tX\tY\n1\ta.jpg:tip\t0\t10.5\t20.25\n2\ta.jpg:base\t0\t12\t70\n"
RESULTS_BARE = " ,Area,X,Y,Slice\n1,0,10.5,20.25,1\n2,0,12,70,1\n"
SLEAP = """track,frame_idx,instance.score,tip.score,tip.x,tip.y,base.x,base.y
,0,0.5,0.9,10.5,20.25,12,70
,4,,,,,7,8
"""
DEEPLABCUT = """scorer,,,me,me,me,me,set
bodyparts,,,tip,tip,base,base,
coords,,,x,y,x,y,
labeled-data,wings,a.jpg,10.5,20.25,12,70,train
labeled-data,wings,b.jpg,,,7,8,train
"""


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    path.write_text(text, encoding="utf-8")
    return path


def told(records: list[Record]) -> dict[str, list[list[float]]]:
    return {record.name: np.nan_to_num(record.points, nan=-1).tolist() for record in records}


A = [[10.5, 20.25], [12.0, 70.0]]
NONE = [-1.0, -1.0]


@pytest.mark.parametrize(
    ("name", "content", "points", "names"),
    [
        (
            "dlib.xml",
            DLIB,
            {
                "photos/a.jpg": [[10.0, 20.0], [30.0, 40.0], [12.0, 70.0]],
                "photos/b.jpg": [NONE, NONE, [7.0, 8.0]],
                "photos/c.jpg": [NONE, NONE, NONE],
            },
            ("0", "2", "10"),
        ),
        ("cvat.xml", CVAT, {"a.jpg": A, "b.jpg": [[7.0, 8.0], NONE]}, ("tip", "base")),
        ("cvat.xml", CVAT_TOGETHER, {"a.jpg": A}, None),
        ("coco.json", COCO, {"a.jpg": A, "dir/b.jpg": [NONE, [7.0, 8.0]]}, ("tip", "base")),
        ("tasks.json", LABEL_STUDIO, {"a.jpg": A, "b.jpg": [NONE, NONE]}, ("tip", "base")),
        ("a.txt", STEREOMORPH, {"a": A}, ("tip", "base")),
        ("a.mrk.json", SLICER, {"a": [*A, NONE]}, ("tip", "base", "eye")),
        ("a.fcsv", FCSV, {"a": A}, ("tip", "base")),
        ("a.nts", NTS, {"a.jpg": A, "b.jpg": [NONE, [7.0, 8.0]]}, None),
        ("a.txt", NTS_ROWS, {"a.jpg": A, "b.jpg": [NONE, [7.0, 8.0]]}, None),
        ("a.dta", NTS_BARE, {"1": A, "2": [NONE, [7.0, 8.0]]}, None),
        ("a.nts", NTS_ONE, {"a": A}, ("tip", "base")),
        ("a.txt", "10.5\t20.25\n12\t70\n", {"a": A}, None),
        ("a.csv", RESULTS, {"a.jpg": A}, ("tip", "base")),
        ("Results.csv", RESULTS_BARE, {"Results": A}, None),
        ("a.csv", SLEAP, {"0": A, "4": [NONE, [7.0, 8.0]]}, ("tip", "base")),
        (
            "a.csv",
            DEEPLABCUT,
            {"labeled-data/wings/a.jpg": A, "labeled-data/wings/b.jpg": [NONE, [7.0, 8.0]]},
            ("tip", "base"),
        ),
    ],
)
def test_each_program(
    tmp_path: Path,
    name: str,
    content: object,
    points: dict[str, list[list[float]]],
    names: tuple[str, ...] | None,
) -> None:
    records = list(read_records(written(tmp_path, name, content)))
    assert told(records) == points
    assert {record.names for record in records} == {names}
    assert {record.y_up for record in records} == {content in (NTS, NTS_ROWS, NTS_BARE, NTS_ONE)}


def test_a_folder_of_files_is_one_data_set(tmp_path: Path, command: Command) -> None:
    """Landmarks go by their names: what one file lacks is missing there."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    written(folder, "a.txt", STEREOMORPH)
    written(folder, "b.txt", STEREOMORPH.replace("\t\ttip\t10.5\t20.25\n", ""))
    written(folder, "README.txt", "not a shape")
    Image.new("L", (100, 80)).save(tmp_path / "a.jpg")
    done = command("convert", folder, tmp_path / "out.tps", "--image-size", "100x80")
    assert done.code == 0, done.err
    assert "a TPS file has no place for its names of landmarks" in done.err
    assert "not landmark files of one specimen, left out: README.txt" in done.err
    assert (tmp_path / "out.tps").read_text().splitlines()[:3] == [
        "LM=2",
        "10.50000 59.75000",
        "12.00000 10.00000",
    ]
    records = list(read_records(folder))
    assert told(records) == {"a": A, "b": [NONE, [12.0, 70.0]]}
    assert [record.scale for record in records] == [0.5, 0.5]


def test_a_file_of_a_folder_in_another_encoding_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(STEREOMORPH.replace("tip", "Spitze ä").encode("cp1252"))
    [record] = read_records(tmp_path)
    assert record.points.tolist() == A and record.names == ("Spitze ä", "base")


def test_boxes_without_parts_are_no_specimens(tmp_path: Path) -> None:
    """imglab marks with them what a detector shall ignore."""
    ignored = "<box top='5' left='5' width='9' height='9' ignore='1'/>"
    text = DLIB.replace("<box top='1'", f"{ignored}<box top='1'", 1)
    assert told(list(read_records(written(tmp_path, "a.xml", text)))).keys() == {
        f"photos/{name}.jpg" for name in "abc"
    }
    assert len(read_records(tmp_path / "a.xml")) == 3


def test_what_no_program_has_annotated(tmp_path: Path) -> None:
    with pytest.raises(LandmarkFileError, match="folder without landmark files of one specimen"):
        read_records(tmp_path)
    empty = {**COCO, "annotations": []}
    with pytest.raises(LandmarkFileError, match="has no landmarks"):
        read_records(written(tmp_path, "coco.json", empty))


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("a.xml", DLIB[:-30], 12, "is not well-formed XML"),
        ("a.xml", "<html>\n</html>", 1, "is XML, but of none of these: imglab"),
        ("a.xml", DLIB.replace("x='30'", "x='30px'"), 6, "'30px' is no coordinate"),
        ("a.xml", DLIB.replace("name='2'", "name='10'"), 6, "a second part '10'"),
        ("a.xml", DLIB.replace(" file='photos/a.jpg'", ""), 4, "an image without file="),
        ("a.xml", '<!DOCTYPE a [\n<!ENTITY b "c">]>\n<dataset/>', 2, "defines an entity"),
        ("a.xml", "<a>" * 200, 1, "nested too deeply"),
        ("a.xml", CVAT.replace('label="base" occ', 'label="tip" occ'), 4, "is placed twice"),
        ("a.xml", CVAT.replace("12,70", "12"), 4, "is no point x,y"),
        ("a.json", '{"images": [1,\n2', 2, "is not valid JSON"),
        ("a.json", "[" * 100_000, None, "too deep"),
        ("a.json", '{"version": "5.0", "shapes": []}', None, "is JSON, but of none of these: COCO"),
        ("a.json", {**COCO, "images": []}, None, "is of an image that is not listed"),
        ("a.json", {"images": [{"id": 1}], "annotations": []}, None, "is not as COCO has it"),
        ("a.json", json.dumps(COCO).replace("10.5", "1e300"), 1, "'1e.300' is no coordinate"),
        ("a.json", json.dumps(COCO).replace("10.5", "NaN"), 1, "'nan' is no coordinate"),
        ("a.json", json.dumps(COCO).replace("10.5, ", ""), 1, "no list of x, y and visibility"),
        ("a.json", json.dumps(LABEL_STUDIO).replace("value", "v"), None, "task 1 is not as Label"),
        ("a.json", json.dumps(SLICER).replace("70, 0]", "70, 3]"), None, "lies at z = 3"),
        ("a.json", json.dumps(SLICER).replace("Fiducial", "Curve"), None, "not a list of points"),
        ("a.json", json.dumps(SLICER).replace("LPS", "XYZ"), None, "system 'XYZ' is not known"),
        ("a.fcsv", FCSV.replace(",-12,-70,0,0,0,0,1,1,1,0,base,,", ",-12"), 5, "without id, x, y"),
        ("a.txt", STEREOMORPH.replace("</landmarks.pixel>", ""), 3, "has no end"),
        ("a.txt", STEREOMORPH.replace("\t12\t70", "\t12"), 5, "is no landmark: a name, x and y"),
        (
            "a.nts",
            NTS.replace(" 7 8", " 7"),
            5,
            "a matrix of 2 x 4 has 10 labels or numbers, found 9",
        ),
        ("a.nts", NTS.replace("DIM=2", "DIM=3"), 2, "only landmarks in two dimensions"),
        ("a.nts", NTS.replace("12", "1e9"), 4, "no photograph has a coordinate like '1e9'"),
        ("a.nts", NTS.replace("12", "x"), 4, "expected a number, found 'x'"),
        ("a.nts", NTS_ONE.replace("base", "tip"), 1, "two landmarks have the same label"),
        ("a.nts", "1 2 3 0 DIM=2\n1 2 3 4 5 6\n", 1, "3 columns are no pairs"),
        ("a.nts", "x\n", 1, "does not begin as an NTSYS matrix"),
        ("a.txt", "1\t2\n3\t4\t5\n", 2, "expected x and y as in the lines before"),
        ("a.csv", RESULTS_BARE.replace("70,1", "70,2"), 2, "points of 'a' are of several"),
        ("a.csv", SLEAP.replace(",base.y", ",base.z"), 1, "'base' has no y"),
        ("a.csv", SLEAP.replace(",7,8", ",7"), 3, "found 7 cells, the first row has 8"),
        ("a.csv", DEEPLABCUT.replace(",x,y,x,y", ",x,y,x,x"), 1, "'base' occurs twice"),
        ("a.csv", DEEPLABCUT.replace(",7,8", ",7,z"), 5, "expected a number, found 'z'"),
        ("a.slp", "", None, "is none of these: SLEAP"),
        ("a.jpg", "x", None, "must end in .tps, .csv, .xml, .json, .nts"),
    ],
)
def test_damaged_files_are_refused_with_their_place(
    tmp_path: Path, name: str, content: object, line: int | None, message: str
) -> None:
    with pytest.raises(LandmarkFileError, match=message) as error:
        read_records(written(tmp_path, name, content))
    assert error.value.line == line


def test_what_a_table_leaves_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_records(written(tmp_path, "a.csv", DEEPLABCUT))
    assert "passed over the columns 'set'" in caplog.text
    read_records(written(tmp_path, "b.csv", SLEAP))
    assert "has no names of photographs, only their numbers" in caplog.text


@pytest.mark.parametrize(
    "text",
    ['"","1.X","1.Y","2.X","2.Y"\n"a.jpg",1,2,3,4\n', "Id\tRawCoord1\tRawCoord2\na.jpg\t1\t2\n"],
)
def test_tables_of_geomorph_and_morphoj_have_y_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    [record] = read_records(written(tmp_path, "a.csv", text))
    assert record.y_up and record.image == "a.jpg" and record.points[0].tolist() == [1, 2]
    assert "y is taken to point up" in caplog.text


def test_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(
        json.dumps(COCO, ensure_ascii=False).replace("a.jpg", "ä.jpg").encode("cp1252")
    )
    with pytest.raises(LandmarkFileError, match="is not UTF-8"):
        read_records(path)


def test_a_model_is_trained_on_them(tmp_path: Path, command: Command) -> None:
    """A command that reads landmarks takes such a file as any other."""
    Image.new("L", (100, 80)).save(tmp_path / "a.jpg")
    Image.new("L", (100, 80)).save(tmp_path / "b.jpg")
    shapes = tmp_path / "shapes"
    shapes.mkdir()
    written(shapes, "a.txt", STEREOMORPH)
    written(shapes, "b.txt", STEREOMORPH)
    coco = written(tmp_path, "coco.json", COCO)
    done = command("evaluate", shapes, coco, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert "0.00" in done.out


@pytest.mark.parametrize("name", ["out.json", "out.xml"])
def test_what_is_written_is_read_again(tmp_path: Path, command: Command, name: str) -> None:
    content = {**COCO, "images": [{"id": 7, "file_name": "a<1>&'.jpg"}, COCO["images"][1]]}
    source, out = written(tmp_path, "in.json", content), tmp_path / name
    done = command("convert", source, out, "--image-size", "100x80")
    assert done.code == 0, done.err
    records = list(read_records(out))
    exact = name == "out.json"
    assert ("rounded" in done.err) != exact
    assert told(records) == {
        "a<1>&'.jpg": A if exact else [[10.0, 20.0], [12.0, 70.0]],
        "dir/b.jpg": [NONE, [7.0, 8.0]],
    }
    assert {record.names for record in records} == {("tip", "base") if exact else ("00", "01")}
    done = command("convert", source, out)
    assert done.code == 1 and "exists" in done.err


def test_a_table_for_deeplabcut(tmp_path: Path, command: Command) -> None:
    source, out = written(tmp_path, "in.json", COCO), tmp_path / "out.csv"
    done = command("convert", source, out, "--to", "deeplabcut")
    assert done.code == 0, done.err
    assert out.read_text(encoding="utf-8").splitlines() == [
        "scorer,beetle-lm,beetle-lm,beetle-lm,beetle-lm",
        "bodyparts,tip,tip,base,base",
        "coords,x,y,x,y",
        "a.jpg,10.50000,20.25000,12.00000,70.00000",
        "dir/b.jpg,,,7.00000,8.00000",
    ]
    assert told(list(read_records(out))) == {"a.jpg": A, "dir/b.jpg": [NONE, [7.0, 8.0]]}


def test_coco_has_what_its_readers_want(tmp_path: Path, command: Command) -> None:
    source, out = written(tmp_path, "in.json", COCO), tmp_path / "out.json"
    done = command("convert", source, out, "--image-size", "100x80")
    assert done.code == 0, done.err
    made = json.loads(out.read_text(encoding="utf-8"))
    assert made["images"][0] == {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}
    assert made["annotations"][0]["bbox"] == [10.5, 20.25, 1.5, 49.75]
    assert made["annotations"][1]["num_keypoints"] == 1
    assert made["categories"][0]["keypoints"] == ["tip", "base"]


def test_a_kind_that_does_not_fit_its_name_is_refused(tmp_path: Path, command: Command) -> None:
    source = written(tmp_path, "in.json", COCO)
    done = command("convert", source, tmp_path / "out.csv", "--to", "coco")
    assert done.code == 2 and "--to coco does not fit" in done.err
    done = command("convert", source, tmp_path / "out.xml", "--excel")
    assert done.code == 2 and "is for tables" in done.err
