"""TPS files: every rule that other programs' files and readers ask for."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import numpy as np
import pytest

from beetle_lm.errors import LandmarkError, LandmarkFileError, OutputError
from beetle_lm.predict.annotations import read_annotations
from beetle_lm.predict.tps import TpsFormatter, TpsRecord, format_record, write_tps
from beetle_lm.predict.tps_reader import read_tps

PLAIN = "LM=2\n10.50000 20.25000\n30.00000 40.00000\nIMAGE=a.jpg\nID=7\nSCALE=0.05\n"
NAN = float("nan")


@pytest.fixture
def tps(tmp_path: Path):
    """Writes a TPS file from text or bytes."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "some.tps"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def record(points=((10.5, 20.25), (30, 40)), **fields) -> TpsRecord:
    return TpsRecord(np.array(points, np.float64), **fields)


def test_plain_record(tps):
    (found,) = read_tps(tps(PLAIN))
    assert found.points.tolist() == [[10.5, 20.25], [30, 40]]
    assert (found.image, found.id, found.scale, found.line) == ("a.jpg", "7", 0.05, 1)
    assert found.curves == found.comments == found.others == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_bom(tps, end, bom):
    text = ("\n" + PLAIN + "\n" + PLAIN).replace("\n", end)
    first, second = read_tps(tps(bom + text.encode()))
    assert first.points.tolist() == second.points.tolist() == [[10.5, 20.25], [30, 40]]
    assert (first.id, first.line, second.line) == ("7", 2, 9)


def test_last_line_may_lack_its_end(tps):
    assert read_tps(tps(PLAIN.rstrip()))[0].scale == 0.05


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_cp1252_where_it_is_not_utf8(tps, bom):
    name = "Käfer\u2019s.jpg"
    text = PLAIN.replace("a.jpg", name)
    assert read_tps(tps(text.encode("utf-8")))[0].image == name
    assert read_tps(tps(bom + text.encode("cp1252")))[0].image == name


def test_unicode_line_separators_do_not_end_a_line(tps):
    name = "a\u2028b\x85c\x0bd.jpg"
    assert read_tps(tps(PLAIN.replace("a.jpg", name)))[0].image == name


def test_keys_in_any_case_and_with_spaces(tps):
    (found,) = read_tps(tps("lm = 1\n 1\t2 \nImage= a b=c.jpg \nid=x\nscale=2\n"))
    assert found.points.tolist() == [[1, 2]]
    assert (found.image, found.id, found.scale) == ("a b=c.jpg", "x", 2.0)


@pytest.mark.parametrize("gap", ["  ", "\t", " \t "])
def test_spaces_and_tabs_between_numbers(tps, gap):
    assert read_tps(tps(f"LM=1\n{gap}1.5{gap}-2e1{gap}\n"))[0].points.tolist() == [[1.5, -20]]


def test_image_id_and_scale_may_be_absent_or_empty(tps):
    bare, empty, zero = read_tps(tps("LM=1\n1 2\nLM=1\n1 2\nIMAGE=\nID=\nSCALE=\nLM=0\nSCALE=0\n"))
    for found in (bare, empty, zero):
        assert found.image is found.id is found.scale is None
    assert zero.points.shape == (0, 2)


def test_comment_and_comments(tps, tmp_path):
    records = read_tps(tps("LM=1\n1 2\nCOMMENT=one\ncomments=two = 2\nID=1\n"))
    assert records[0].comments == ("one", "two = 2")
    write_tps(tmp_path / "again.tps", records)
    assert read_tps(tmp_path / "again.tps")[0].comments == ("one", "two = 2")


def test_decimal_commas_are_read_with_one_warning(tps, caplog):
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


def test_curves_are_kept_and_written_back(tps):
    (found,) = read_tps(tps(CURVED))
    assert [len(curve) for curve in found.curves] == [2, 1]
    assert np.isnan(found.curves[0][1]).all()
    assert found.curves[1].tolist() == [[5, 6.5]]
    assert format_record(found) == CURVED


OTHERS = (
    "OUTLINES=1\nPOINTS=2\n1 1\n2.123456789 2\nVARIABLES=sex=f,age=2\nPOINTS=1\n9 9\nRADII=1\n0.5\n"
)


def test_records_of_outlines_with_keys_of_their_own(tps):
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


def test_unknown_keys_and_their_rows_are_kept_in_order(tps):
    (found,) = read_tps(tps(PLAIN + OTHERS))
    assert found.others == tuple(OTHERS.splitlines())
    assert found.points.tolist() == [[10.5, 20.25], [30, 40]]
    assert format_record(found) == PLAIN + OTHERS


def test_three_dimensions_are_refused(tps):
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
def test_an_error_names_file_line_and_what_was_found(tps, text, line, found):
    path = tps(text)
    with pytest.raises(LandmarkFileError) as caught:
        read_tps(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert found in str(caught.value)
    assert f"some.tps, line {line}: " in str(caught.value)
    assert len(str(caught.value)) < 400


def test_files_that_are_no_text_or_not_there(tps, tmp_path):
    for content in (b"", b"\n \n"):
        with pytest.raises(LandmarkFileError, match="no LM= line"):
            read_tps(tps(content))
    with pytest.raises(LandmarkFileError, match="UTF-16"):
        read_tps(tps(PLAIN.encode("utf-16")))
    with pytest.raises(LandmarkFileError, match=r"line 2: found the byte 0x81"):
        read_tps(tps(b"LM=0\nID=\x81\n"))
    with pytest.raises(LandmarkFileError, match=r"absent\.tps: cannot be read"):
        read_tps(tmp_path / "absent.tps")
    with pytest.raises(LandmarkFileError, match="cannot be read"):
        read_tps(tmp_path)


@pytest.mark.parametrize("row", ["-1 -1", "-1.00000 -1.00000", "NA NA", "nan nan", "NaN 3", "4 na"])
def test_missing_landmarks(tps, caplog, row):
    (found,) = read_tps(tps(f"LM=2\n{row}\n1 2\n"))
    assert np.isnan(found.points[0]).all()
    assert found.points[1].tolist() == [1, 2]
    assert not caplog.records


def test_any_pair_of_negatives_is_missing_and_said_so(tps, caplog):
    (found,) = read_tps(tps("LM=2\n1 2\n-0.5 -9999\n"))
    assert np.isnan(found.points[1]).all()
    assert "line 3: a point with two negative coordinates" in caplog.text


def test_one_negative_coordinate_is_a_point_beside_the_image(tps):
    (found,) = read_tps(tps("LM=2\n-1 5\n5 -1\n"))
    assert found.points.tolist() == [[-1, 5], [5, -1]]


def test_written_text_is_what_other_programs_read():
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


def test_an_unknown_scale_is_left_out_and_an_id_is_always_there():
    assert format_record(record(image="x/a.b.jpg")).splitlines()[3:] == ["IMAGE=a.b.jpg", "ID=a.b"]
    assert format_record(record()).splitlines()[3:] == ["ID=specimen"]


def test_a_line_end_in_a_name_does_not_break_the_record(tps):
    text = format_record(record(image="a\nb.jpg", id="1\r2", comments=("x\ny",)))
    (found,) = read_tps(tps(text))
    assert (found.image, found.id) == ("a b.jpg", "1 2")


def test_a_file_name_that_is_no_text_can_be_written(tmp_path):
    write_tps(tmp_path / "a.tps", [record(image="a\udcff.jpg")])
    assert read_tps(tmp_path / "a.tps")[0].image == "a?.jpg"


def test_ids_are_unique_in_a_file(tmp_path, caplog):
    given = [record(id="a"), record(id="a_2"), record(id="a "), record(id="\na")]
    given += [record(image="left/b.jpg"), record(image="right/b.jpg"), record(), record()]
    write_tps(tmp_path / "a.tps", given)
    ids = [found.id for found in read_tps(tmp_path / "a.tps")]
    assert ids == ["a", "a_2", "a_3", "a_4", "b", "b_2", "specimen", "specimen_2"]
    assert "the ID a occurs more than once; it is written as a_3" in caplog.text
    assert "b_2" not in caplog.text


@pytest.mark.parametrize("name", ["CARABIDAE_01.jpg", "SCALE_2.png"])
def test_names_that_geomorph_takes_for_an_id_are_warned_of_once(name, caplog):
    formatter = TpsFormatter()
    for _ in range(3):
        formatter.format(record(image=f"ID/{name}"))
    assert len(caplog.records) == 1
    assert f"IMAGE={name}" in caplog.text


def test_other_names_are_not_warned_of(caplog):
    TpsFormatter().format(record(image="SCALE-ID/carabid_01.jpg", id="ID 5"))
    assert not caplog.records


def test_file_is_utf8_without_bom_with_lf(tmp_path):
    write_tps(tmp_path / "a.tps", [record(image="Käfer.jpg"), record()])
    data = (tmp_path / "a.tps").read_bytes()
    assert data.startswith(b"LM=2\n")
    assert b"\r" not in data
    assert "IMAGE=Käfer.jpg\n".encode() in data
    rows = [line for line in data.decode().splitlines() if "=" not in line]
    assert len(rows) == 4
    assert all(re.fullmatch(r"\d+\.\d{5} \d+\.\d{5}", row) for row in rows)


def test_image_coordinates_point_down_from_the_top():
    found = TpsRecord.from_image_xy(np.array([[0, 0], [100, 80], [3, 1], [NAN, 5]]), (100, 80), "a")
    assert found.points[:3].tolist() == [[0, 80], [100, 0], [3, 79]]
    assert np.isnan(found.points[3]).all()
    assert found.image_xy(80)[:3].tolist() == [[0, 0], [100, 80], [3, 1]]


def test_predictions_outside_the_image_are_moved_to_its_edge():
    found = TpsRecord.from_image_xy(np.array([[-5, 90], [120, -3], [50, 80.00001]]), (100, 80), "a")
    assert found.points.tolist() == [[0, 0], [100, 80], [50, 0]]
    assert "-" not in format_record(found)


def test_a_record_is_checked_when_it_is_made():
    for points in ([[1, 2, 3]], [1, 2], [[1, np.inf]], [[-2, -3]]):
        with pytest.raises(LandmarkError):
            record(points)
    with pytest.raises(LandmarkError, match="scale"):
        record(scale=0.0)
    with pytest.raises(LandmarkError):
        record(curves=(np.zeros(3),))


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    def broken():
        yield record()
        raise RuntimeError

    (tmp_path / "a.tps").write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError):
        write_tps(tmp_path / "a.tps", broken())
    assert [path.name for path in tmp_path.iterdir()] == ["a.tps"]
    assert (tmp_path / "a.tps").read_text(encoding="utf-8") == "old"
    with pytest.raises(OutputError, match="cannot be written"):
        write_tps(tmp_path / "nowhere" / "a.tps", [record()])


def test_round_trip_keeps_everything(tmp_path):
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
def test_ktch_reads_what_is_written(tmp_path):
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
def test_what_ktch_writes_is_read(tmp_path):
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


def test_annotations_of_records(tps):
    path = tps("LM=1\n10 20\nIMAGE=a.jpg\nID=x\nSCALE=2\nLM=1\n-1 -1\nID=y\nLM=1\n0 0\n")
    asked = []

    def size_of(image):
        asked.append(image)
        return (100, 50)

    first, second, third = read_annotations(path, size_of)
    assert asked == ["a.jpg", "y", "3"]
    assert (first.image, first.id, first.scale, first.line) == ("a.jpg", "x", 2.0, 1)
    assert first.xy.tolist() == [[10, 30]]
    assert np.isnan(second.xy).all()
    assert third.xy.tolist() == [[0, 50]]
    with pytest.raises(LandmarkFileError, match=r"some\.tps, line 6: .*height .*'y'"):
        read_annotations(path, lambda image: (100, 50) if image == "a.jpg" else None)


MUTABLE = (
    "LM=2\r\n10.5 20.25\r\nNA NA\r\nIMAGE=Käfer.jpg\r\nID=7\r\nSCALE=0,05\r\n" + CURVED + OTHERS
).encode()


def test_any_bytes_give_records_or_an_error_that_names_the_file(tps):
    rng = random.Random(2024)
    pieces = [
        b"LM=",
        b"=",
        b"\n",
        b"\r",
        b"POINTS=",
        b"CURVES=9",
        b"-1 ",
        b"1e400 ",
        b"\x81",
        b"\0",
    ]
    outcomes = {True: 0, False: 0}
    for _ in range(1000):
        data = bytearray(MUTABLE)
        for _ in range(rng.randrange(1, 5)):
            at, kind = rng.randrange(len(data)), rng.randrange(4)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                del data[at : at + rng.randrange(1, 9)]
            elif kind == 2:
                data[at:at] = rng.choice(pieces)
            else:
                data[at:at] = data[: rng.randrange(40)]
        path = tps(bytes(data))
        try:
            found = read_tps(path)
        except LandmarkFileError as error:
            assert error.path == path
            outcomes[False] += 1
        else:
            assert not any(np.isinf(one.points).any() for one in found)
            assert len(read_tps(tps("".join(map(format_record, found))))) == len(found)
            outcomes[True] += 1
    assert min(outcomes.values()) > 100


@pytest.mark.parametrize(
    "content",
    [
        b"LM=1\n" + b"9" * 4_000_000 + b" 1\n",
        b"LM=1\n" + b"1" * 2_000_000 + b"." + b"1" * 2_000_000 + b"x 1\n",
        b"LM=1\n" + b"1 " * 2_000_000 + b"\n",
        b"LM=0\n" + b"=" * 4_000_000,
        b"LM=0\nID=" + b"a \t" * 1_000_000 + b"\n",
        b"LM=0\n" + b"POINTS=1\n1 1\n" * 100_000,
        b"LM=0\n" * 100_000,
        b"\r\n" * 2_000_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_large_nonsense_is_read_in_linear_time(tps, content):
    path = tps(content)
    begin = time.perf_counter()
    try:
        read_tps(path)
    except LandmarkFileError as error:
        assert len(str(error)) < 400
    assert time.perf_counter() - begin < 10


@pytest.mark.parametrize(
    ("name", "records", "landmarks"),
    [
        ("carabids/manual/pronotum.tps", 293, 8),
        ("carabids/manual/elytra.tps", 293, 11),
        ("carabids/manual/head.tps", 293, 10),
        ("carabids/manual/left-mandible.tps", 286, 16),
        ("carabids/manual/right-mandible.tps", 290, 18),
        ("lucanidae/Elytron.TPS", 1302, 50),
        ("lucanidae/Pronotum.TPS", 1302, 25),
        ("wings/wings.tps", 46, 12),
        ("mollusk/mollusk.tps", 166, 15),
    ],
)
@pytest.mark.parametrize("variant", ["as it is", "CRLF without ID", "CR with BOM"])
def test_real_files_are_read_in_full(shared_data, tmp_path, name, records, landmarks, variant):
    data = (shared_data / name).read_bytes()
    if variant == "CRLF without ID":
        data = re.sub(rb"(?m)^ID=.*\n", b"", data).replace(b"\n", b"\r\n")
    elif variant == "CR with BOM":
        data = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r")
    path = tmp_path / Path(name).name
    path.write_bytes(data)
    found = read_tps(path)
    assert len(found) == records
    assert {len(one.points) for one in found} == {landmarks}
    assert all(one.image for one in found)
    assert all((one.id is None) == (variant == "CRLF without ID") for one in found)
    numbers = re.findall(rb"(?m)^[ ]*([\d.]+) +([\d.]+)[ ]*$", re.sub(rb"\r\n?", b"\n", data))
    points = np.concatenate([one.points for one in found])
    np.testing.assert_array_equal(points, np.array(numbers, dtype=np.float64))
    write_tps(tmp_path / "again.tps", found)
    again = read_tps(tmp_path / "again.tps")
    assert [one.others for one in again] == [one.others for one in found]
    np.testing.assert_allclose(
        np.concatenate([one.points for one in again]), points, rtol=0, atol=5.1e-6
    )
