"""Finding the photograph that a landmark file means."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from growth import MOST_GROWTH, growth

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.names import NameIndex, listed, pair_by_image
from beetle_lm.predict.formats.records import Record

XY = np.array([[1.0, 2.0], [3.0, 5.0]])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("male/1.jpg", "male/1.jpg"),
        ("C:\\study\\male\\1.jpg", "male/1.jpg"),
        ("MALE\\1.JPG", "male/1.jpg"),
        ("female/1", "female/1.jpg"),
        ("1.jpg", None),
        ("1", None),
        ("2", "male/2.tif"),
        ("2.jpg", "male/2.tif"),
        (" 2.TIF ", "male/2.tif"),
        ("a.b", "male/a.b.jpg"),
        ("a", None),
        (unicodedata.normalize("NFC", "käfer.jpg"), unicodedata.normalize("NFD", "käfer.jpg")),
        ("", None),
        ("male/", None),
    ],
)
def test_the_longest_end_of_a_path_that_is_the_same_decides(name: str, found: str | None) -> None:
    decomposed = unicodedata.normalize("NFD", "käfer.jpg")
    names = ["male/1.jpg", "female/1.jpg", "male/2.tif", "male/a.b.jpg", decomposed]
    assert NameIndex(names).find(name) == found


def test_case_decides_where_nothing_else_does() -> None:
    index = NameIndex(["x/A.jpg", "y/a.jpg"])
    assert index.find("a.jpg") == "y/a.jpg"
    assert index.find("z/A.jpg") == "x/A.jpg"
    assert index.find("X/a.jpg") == "x/A.jpg"


def test_a_near_miss_is_named() -> None:
    index = NameIndex(["wing_0012.jpg", "wing_0013.jpg", "other.jpg"])
    assert index.nearest("wing-0012.jpg") == "wing_0012.jpg"
    assert index.nearest("Wing_12.jpg") in ("wing_0012.jpg", "wing_0013.jpg")
    assert index.nearest("q") is None


def test_at_most_five_candidates_are_listed() -> None:
    names = [f"{number}/photo.jpg" for number in range(2000)]
    several, count = NameIndex(names).candidates("photo.jpg")
    assert count == 2000
    assert len(several) == 5
    assert listed(several, count).endswith(", 100/photo.jpg, 1000/photo.jpg and 1995 more")
    manual = [Record(XY, "photo.jpg", line=1)]
    with pytest.raises(LandmarkError, match="may stand for several images") as caught:
        pair_by_image([Record(XY, name) for name in names], manual)
    assert len(str(caught.value)) < 300


def test_equal_names_take_linear_time() -> None:
    def find(times: int) -> None:
        names = [f"{number}/photo.jpg" for number in range(times)]
        index = NameIndex(names)
        for name in names:
            index.find("photo.jpg")
            index.candidates("photo.jpg")
            index.nearest("phato.jpg")
            assert index.find(name.upper()) == name

    assert growth(find, 300) < MOST_GROWTH


def test_specimens_of_two_files_match_whatever_the_ending() -> None:
    predicted = [Record(XY, "a/1.jpg"), Record(XY, "b/1.jpg"), Record(XY, "2.jpg")]
    manual = [Record(XY, id="2"), Record(XY, "B\\1.TIF"), Record(XY, "a\\1.tif")]
    pairs = pair_by_image(predicted, manual)
    assert [(one.name, other.name) for one, other in pairs] == [
        ("a/1.jpg", "a\\1.tif"),
        ("b/1.jpg", "B\\1.TIF"),
        ("2.jpg", "2"),
    ]


def test_a_record_without_a_name_matches_no_photograph() -> None:
    with pytest.raises(LandmarkError, match="no specimen is in both"):
        pair_by_image([Record(XY, "1.jpg")], [Record(XY, number=1)])
