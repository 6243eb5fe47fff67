"""`beetle-lm convert`: between TPS files and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from PIL import Image

from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.tps import read_tps

TPS = (
    "LM=2\n10.00000 20.00000\n-1.00000 -1.00000\nIMAGE=A.JPG\nID=7\nSCALE=0.5\n"
    "LM=2\n0.00000 0.00000\n30.50000 40.00000\nIMAGE=b.png\nID=8\n"
)
WIDE = (
    "image,x1,y1_down,x2,y2_down\nA.JPG,10.00000,60.00000,,\n"
    "b.png,0.00000,50.00000,30.50000,10.00000\n"
)
TIDY = (
    "image,landmark,name,x,y,score,expected_error_px\n"
    "A.JPG,1,1,10.00000,60.00000,,\nA.JPG,2,2,,,,\n"
    "b.png,1,1,0.00000,50.00000,,\nb.png,2,2,30.50000,10.00000,,\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A TPS file and its photographs: one of 100 x 80 in a sub-folder, one of 60 x 50."""
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    Image.new("L", (100, 80)).save(tmp_path / "photos" / "sub" / "a.jpg")
    Image.new("L", (60, 50)).save(tmp_path / "photos" / "b.png")
    (tmp_path / "in.tps").write_text(TPS, encoding="utf-8", newline="\n")
    return tmp_path


def read(path: Path) -> str:
    return path.read_bytes().decode()


def test_tps_to_wide_and_back(folder: Path, command: Command) -> None:
    photos = folder / "photos"
    done = command("convert", folder / "in.tps", folder / "out.csv", "--images", photos)
    assert done.code == 0
    assert done.out == ""
    assert "2 specimens" in done.err
    assert "scales" in done.err
    assert read(folder / "out.csv") == WIDE
    done = command("convert", folder / "out.csv", folder / "back.TPS", "--images", photos)
    assert done.code == 0
    expected = TPS.replace("SCALE=0.5\n", "").replace("ID=7", "ID=A").replace("ID=8", "ID=b")
    assert read(folder / "back.TPS") == expected


def test_tps_to_tidy_and_back(folder: Path, command: Command) -> None:
    photos = folder / "photos"
    out = folder / "out.csv"
    assert command("convert", folder / "in.tps", out, "--images", photos, "--to", "tidy").code == 0
    assert read(out) == TIDY
    assert command("convert", out, folder / "back.tps", "--images", photos).code == 0
    back = read_tps(folder / "back.tps")
    for one, other in zip(back, read_tps(folder / "in.tps"), strict=True):
        np.testing.assert_array_equal(one.points, other.points)


def test_tables_need_no_images(folder: Path, command: Command) -> None:
    wide, tidy, again = folder / "w.csv", folder / "t.csv", folder / "again.csv"
    wide.write_text(WIDE, encoding="utf-8")
    assert command("convert", wide, tidy, "--to", "tidy").code == 0
    assert read(tidy) == TIDY
    assert command("convert", tidy, again, "--to", "wide").code == 0
    assert read(again) == WIDE


def test_scores_and_names_stay_from_tidy_to_tidy(folder: Path, command: Command) -> None:
    text = "image,landmark,name,x,y,score,expected_error_px\na,1,tip,1.00000,2.00000,0.5000,3.000\n"
    (folder / "t.csv").write_text(text, encoding="utf-8")
    assert command("convert", folder / "t.csv", folder / "u.csv", "--to", "tidy").code == 0
    assert read(folder / "u.csv") == text


def test_excel(folder: Path, command: Command) -> None:
    size = ("--image-size", "100x80")
    assert command("convert", folder / "in.tps", folder / "e.csv", *size, "--excel").code == 0
    text = read(folder / "e.csv")
    assert text.startswith("\ufeffimage;x1;y1_down;x2;y2_down\nA.JPG;10,00000;60,00000;;\n")
    assert command("convert", folder / "e.csv", folder / "back.tps", *size).code == 0
    np.testing.assert_array_equal(read_tps(folder / "back.tps")[1].points, [[0, 0], [30.5, 40]])


@pytest.mark.parametrize(("source", "target"), [("in.tps", "o.csv"), ("w.csv", "o.tps")])
def test_a_height_that_is_needed_must_be_given(
    folder: Path, command: Command, source: str, target: str
) -> None:
    (folder / "w.csv").write_text(WIDE, encoding="utf-8")
    done = command("convert", folder / source, folder / target)
    assert done.code == 2
    assert "A.JPG" in done.err
    assert "--images" in done.err
    assert "--image-size" in done.err
    assert not (folder / target).exists()


def test_tables_of_ml_morph_need_heights_too(folder: Path, command: Command) -> None:
    (folder / "m.csv").write_text("id,X1,Y1\nb.png,1,2\n", encoding="utf-8")
    assert command("convert", folder / "m.csv", folder / "o.csv").code == 2
    photos = folder / "photos"
    assert command("convert", folder / "m.csv", folder / "o.csv", "--images", photos).code == 0
    assert read(folder / "o.csv") == "image,x1,y1_down\nb.png,1.00000,48.00000\n"


def test_a_photograph_that_is_not_there(folder: Path, command: Command) -> None:
    (folder / "photos" / "b.png").unlink()
    done = command("convert", folder / "in.tps", folder / "o.csv", "--images", folder / "photos")
    assert done.code == 1
    assert "in.tps, line 7: the height of the image 'b.png' is unknown" in done.err
    assert not (folder / "o.csv").exists()


def test_a_name_that_fits_two_photographs(folder: Path, command: Command) -> None:
    Image.new("L", (60, 40)).save(folder / "photos" / "sub" / "b.png")
    (folder / "x.tps").write_text("LM=0\nIMAGE=B.PNG\n", encoding="utf-8")
    done = command("convert", folder / "x.tps", folder / "o.csv", "--images", folder / "photos")
    assert done.code == 1
    assert "b.png or sub/b.png" in done.err


@pytest.mark.parametrize(("exif", "y"), [("apply", 58), ("stored", 28)])
def test_heights_of_turned_photographs(folder: Path, command: Command, exif: str, y: int) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (60, 30)).save(folder / "photos" / "t.jpg", exif=turned)
    (folder / "t.tps").write_text("LM=1\n1 2\nIMAGE=t.jpg\n", encoding="utf-8")
    options = ("--images", folder / "photos", "--exif", exif)
    assert command("convert", folder / "t.tps", folder / "t.csv", *options).code == 0
    (found,) = read_records(folder / "t.csv")
    assert found.points.tolist() == [[1, y]]


def test_tps_to_tps_keeps_all_and_needs_no_images(folder: Path, command: Command) -> None:
    text = (
        "LM=1\n1.00000 2.00000\nCURVES=1\nPOINTS=1\n3.00000 4.00000\nIMAGE=a.jpg\nID=1\n"
        "SCALE=0.001234\nCOMMENT=worn\nSEX=f\nRADII=1\n0.5\n"
    )
    (folder / "o.tps").write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert command("convert", folder / "o.tps", folder / "p.tps").code == 0
    assert read(folder / "p.tps") == text


def test_what_a_table_has_no_place_for_is_said(folder: Path, command: Command) -> None:
    text = "LM=0\nCURVES=0\nCOMMENT=c\nSEX=f\nIMAGE=a\nLM=0\nCURVES=1\nPOINTS=0\nIMAGE=b\n"
    (folder / "o.tps").write_text(text, encoding="utf-8")
    done = command("convert", folder / "o.tps", folder / "o.csv", "--image-size", "9x9")
    assert "no place for its curves, comments, keys SEX" in done.err


def test_nothing_is_overwritten_unasked(folder: Path, command: Command) -> None:
    before = read(folder / "in.tps")
    (folder / "there.csv").write_text("mine", encoding="utf-8")
    for target in ("there.csv", "in.tps"):
        done = command("convert", folder / "in.tps", folder / target, "--image-size", "100x80")
        assert done.code == 1
        assert "--overwrite" in done.err
    assert (read(folder / "there.csv"), read(folder / "in.tps")) == ("mine", before)
    options = ("--image-size", "100x80", "--overwrite")
    assert command("convert", folder / "in.tps", folder / "there.csv", *options).code == 0
    assert read(folder / "there.csv").startswith("image,x1")
    assert command("convert", folder / "in.tps", folder / "in.tps", "--overwrite").code == 0
    assert read(folder / "in.tps") == before


def test_part_names_the_landmarks_and_checks_their_number(folder: Path, command: Command) -> None:
    (folder / "leg.toml").write_text('landmark_names = ["hip", "knee"]', encoding="utf-8")
    options = ("--image-size", "100x80", "--to", "tidy", "--part")
    out = folder / "o.csv"
    assert command("convert", folder / "in.tps", out, *options, folder / "leg.toml").code == 0
    assert "A.JPG,2,knee,,," in read(out)
    out.unlink()
    done = command("convert", folder / "in.tps", out, *options, "elytra")
    assert done.code == 1
    assert "in.tps, line 1: elytra has 11 landmarks, found 2" in done.err
    done = command("convert", folder / "in.tps", out, *options, "elytron")
    assert done.code == 1
    assert "did you mean 'elytra'" in done.err


def test_wide_needs_one_number_and_tidy_needs_unique_names(folder: Path, command: Command) -> None:
    text = "LM=1\n1 2\nIMAGE=a.jpg\nLM=0\nIMAGE=a.jpg\n"
    (folder / "x.tps").write_text(text, encoding="utf-8")
    options = ("--image-size", "100x80", "--to")
    done = command("convert", folder / "x.tps", folder / "o.csv", *options, "wide")
    assert done.code == 1
    assert "x.tps, line 4: found 0 landmarks, the first specimen has 1" in done.err
    done = command("convert", folder / "x.tps", folder / "o.csv", *options, "tidy")
    assert done.code == 1
    assert "x.tps, line 4: the image 'a.jpg' was in line 1 already" in done.err
    assert not (folder / "o.csv").exists()


def test_landmarks_outside_the_image_are_moved_to_its_edge_with_a_warning(
    folder: Path, command: Command
) -> None:
    (folder / "x.csv").write_text("image,x1,y1_down\nb.png,-5,60\nA.JPG,1,80\n", encoding="utf-8")
    done = command("convert", folder / "x.csv", folder / "o.tps", "--images", folder / "photos")
    assert done.code == 0
    assert done.err.count("lies outside") == 1
    assert "x.csv, line 2: a landmark lies outside b.png (60 x 50 pixels)" in done.err
    assert read_tps(folder / "o.tps")[0].points.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["o.doc"], "must end in .tps, .nts, .csv, .json or .xml"),
        (["o.csv", "--to", "tps"], "--to tps does not fit"),
        (["o.tps", "--to", "wide"], "--to wide does not fit"),
        (["o.tps", "--excel"], "--excel is for tables"),
        (["o.csv", "--image-size", "big"], "3264x2448, got 'big'"),
        (["o.csv", "--image-size", "0x10"], "got '0x10'"),
        (["o.csv", "--image-size", "9x9", "--images", "."], "not both"),
    ],
)
def test_arguments_that_do_not_fit(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    done = command("convert", "in.tps", *options)
    assert done.code == 2
    assert said in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["in.tps", "photos"]


@pytest.mark.parametrize(
    ("source", "content", "said"),
    [
        ("x.tps", "LM=2\n1 2\n", "x.tps, line 1: LM=2, but 1 row"),
        ("x.csv", "image,x1\na,2\n", "x.csv, line 1: expected the columns"),
        ("x.png", "x", "must end in .tps, .csv, .xml, .json, .nts"),
        ("x.tps", None, "cannot be read"),
    ],
)
def test_bad_input(
    folder: Path, command: Command, source: str, content: str | None, said: str
) -> None:
    if content is not None:
        (folder / source).write_text(content, encoding="utf-8")
    done = command("convert", folder / source, folder / "o.csv", "--image-size", "9x9")
    assert done.code == 1
    assert said in done.err
    assert not (folder / "o.csv").exists()


def test_bad_folders(folder: Path, command: Command) -> None:
    done = command("convert", folder / "in.tps", folder / "o.csv", "--images", folder / "none")
    assert done.code == 1
    assert "no file or folder" in done.err
    target = folder / "nowhere" / "o.csv"
    done = command("convert", folder / "in.tps", target, "--image-size", "100x80")
    assert done.code == 1
    assert "cannot be written" in done.err


@pytest.mark.parametrize("name", ["wings/wings.tps", "mollusk/mollusk.tps"])
def test_real_landmarks_survive_the_way_through_both_tables(
    shared_data: Path, tmp_path: Path, command: Command, name: str
) -> None:
    source = shared_data / name
    images = ("--images", source.parent)
    wide, tidy, back = tmp_path / "w.csv", tmp_path / "t.csv", tmp_path / "b.tps"
    assert command("convert", source, wide, *images).code == 0
    assert command("convert", wide, tidy, "--to", "tidy").code == 0
    done = command("convert", tidy, back, *images)
    assert done.code == 0
    given, found = read_tps(source), read_tps(back)
    assert [one.image for one in found] == [one.image for one in given]
    moved = done.err.count("lies outside")
    differences = [np.abs(a.points - b.points).max() for a, b in zip(given, found, strict=True)]
    assert sum(difference > 1.1e-5 for difference in differences) <= moved
