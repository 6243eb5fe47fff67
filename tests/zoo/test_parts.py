"""Parts: the paper's five, the whole beetle, and those of users."""

from __future__ import annotations

from pathlib import Path

import pytest

from beetle_lm.errors import PartError
from beetle_lm.zoo.model_file.parts import (
    PARTS,
    PRETRAIN_LANDMARKS,
    Curve,
    Measurement,
    PartSpec,
    find_part,
)

WING = """
name = "wing"
landmark_names = ["base", "tip", "notch"]

[[measurements]]
name = "length"
from = "base"
to = 2
"""


def test_parts_have_their_numbers_of_landmarks() -> None:
    assert {name: len(part) for name, part in PARTS.items()} == {
        "left-mandible": 16,
        "right-mandible": 18,
        "pronotum": 8,
        "elytra": 11,
        "head": 10,
        "carabid": 24,
    }


def test_pretraining_takes_eight_landmarks_of_three_parts() -> None:
    assert set(PRETRAIN_LANDMARKS) == {"pronotum", "elytra", "head"}
    for name, numbers in PRETRAIN_LANDMARKS.items():
        assert len(set(numbers)) == 8
        assert set(numbers) <= set(range(1, len(PARTS[name]) + 1))


@pytest.mark.parametrize("name", ["pronotum", "elytra", "head", "carabid"])
def test_symmetric_parts_mirror_right_to_left(name: str) -> None:
    part = PARTS[name]
    order = part.mirror_order
    assert order is not None
    assert [order[i] for i in order] == list(range(len(part)))  # twice is nothing
    for index, mirrored in enumerate(order):
        there, here = part.landmark_names[mirrored], part.landmark_names[index]
        swapped = here.replace("right", "?").replace("left", "right").replace("?", "left")
        assert there == swapped


@pytest.mark.parametrize("name", ["left-mandible", "right-mandible"])
def test_mandibles_are_never_mirrored(name: str) -> None:
    assert PARTS[name].mirror_order is None


def test_unknown_part_suggests_the_nearest() -> None:
    with pytest.raises(PartError, match=r"unknown part 'elytron'; did you mean 'elytra'\?"):
        find_part("elytron")
    with pytest.raises(PartError, match=r"unknown part 'xyz'; `beetle-lm zoo list`"):
        find_part("xyz")


@pytest.mark.parametrize(
    ("names", "pairs", "message"),
    [
        ((), (), "at least one landmark"),
        (("a", "a"), (), "must differ"),
        (("a", "b"), ((1, 3),), "mirror pairs"),
        (("a", "b"), ((0, 1),), "mirror pairs"),
        (("a", "b", "c"), ((1, 2), (2, 3)), "mirror pairs"),
        (("a", "b"), ((1, 1),), "mirror pairs"),
    ],
)
def test_bad_schemes_are_refused(
    names: tuple[str, ...], pairs: tuple[tuple[int, int], ...], message: str
) -> None:
    with pytest.raises(PartError, match=message):
        PartSpec("wing", names, pairs)


def test_part_needs_a_name() -> None:
    with pytest.raises(PartError, match="needs a name"):
        PartSpec(" ", ("a",))


def test_numbered_part() -> None:
    assert PartSpec.numbered("wing", 3).landmark_names == ("1", "2", "3")
    with pytest.raises(PartError):
        PartSpec.numbered("wing", 0)


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_part_as_json_values_and_back(part: PartSpec) -> None:
    assert PartSpec.from_dict(part.to_dict()) == part


@pytest.mark.parametrize(
    "entries",
    [
        {"name": "wing", "landmark_names": ["a"]},
        {"name": 1, "landmark_names": ["a"], "mirror_pairs": []},
        {"name": "wing", "landmark_names": "abc", "mirror_pairs": []},
        {"name": "wing", "landmark_names": ["a", "b"], "mirror_pairs": [[1]]},
        {"name": "wing", "landmark_names": ["a", "b"], "mirror_pairs": [["1", "2"]]},
    ],
)
def test_json_values_of_a_wrong_kind(entries: dict[str, object]) -> None:
    with pytest.raises(PartError):
        PartSpec.from_dict(entries)


def test_part_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "wing.toml"
    text = 'landmark_names = ["tip", "left", "right"]\nmirror_pairs = [[2, 3]]\n'
    path.write_text(text, encoding="utf-8")
    assert PartSpec.from_toml(path) == PartSpec("wing", ("tip", "left", "right"), ((2, 3),))
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text('name = "Flügel"\nlandmarks = 12\n', encoding=encoding)
        assert PartSpec.from_toml(path) == PartSpec.numbered("Flügel", 12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("landmarks = 0", "landmarks must be a whole number from 1 to 1000, got 0"),
        ("landmarks = true", "landmarks must be a whole number from 1 to 1000, got True"),
        ('landmarks = "12"', "landmarks must be a whole number from 1 to 1000, got '12'"),
        ("", "either landmark_names"),
        ('landmarks = 2\nlandmark_names = ["a", "b"]', "either landmark_names"),
        ("landmarks = 2_000_000_000", "from 1 to 1000, got 2000000000"),
        (f"landmarks = {'9' * 5000}", "cannot be read as a part"),
        (f"landmarks = {'[' * 100_000}", "cannot be read as a part"),
        ("landmark = 2", "unknown entry 'landmark'"),
        ("landmarks = ", "cannot be read as a part"),
        ("name = 3\nlandmarks = 2", "name must be a text, got 3"),
        ("landmark_names = []", "at least one landmark"),
        ('name = " "\nlandmarks = 2', "needs a name"),
    ],
    ids=lambda text: text[:40],
)
def test_bad_toml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wing.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PartError, match=message):
        PartSpec.from_toml(path)


def test_toml_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="cannot be read"):
        PartSpec.from_toml(tmp_path / "gone.toml")


def test_measurements_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "wing.toml"
    path.write_text(WING, encoding="utf-8")
    part = PartSpec.from_toml(path)
    assert part.measurements == (Measurement("length", 1, 2),)
    assert part.to_dict()["measurements"] == [{"name": "length", "from": 1, "to": 2}]
    assert PartSpec.from_dict(part.to_dict()) == part


def test_a_part_without_measurements_is_written_as_ever() -> None:
    assert list(PartSpec.numbered("wing", 2).to_dict()) == [
        "name",
        "landmark_names",
        "mirror_pairs",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("to = 2", "to = 4", "'length' must be measured between two of the landmarks 1 to 3"),
        ("to = 2", "to = 0", "got 1 and 0"),
        ("to = 2", "to = 1", "got 1 and 1"),
        ("to = 2", "to = true", "given by number or name, got 'True'"),
        ("to = 2", "to = 2.0", "given by number or name, got '2.0'"),
        ("to = 2", 'to = "top"', "given by number or name, got 'top'"),
        ("to = 2", 'to = "tipp"', "got 'tipp'; did you mean 'tip'"),
        ("to = 2", "", "entry 'measurements.0..to' is missing"),
        ("to = 2", "to = 2\nvia = 3", "unknown entry 'measurements.0..via'"),
        ('"length"', '" "', "a measurement needs a name"),
        ('"length"', '"\\u0007"', "a control character"),
        ('"length"', "3", "name must be a text, got 3"),
        ("to = 2", 'to = 2\n[[measurements]]\nname = "length"\nfrom = 1\nto = 3', "differ"),
    ],
)
def test_bad_measurements(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "wing.toml"
    path.write_text(WING.replace(old, new), encoding="utf-8")
    with pytest.raises(PartError, match=message):
        PartSpec.from_toml(path)


CURVED = """
landmark_names = ["tip", "left", "right", "base"]
mirror_pairs = [[2, 3]]
[[curves]]
name = "left margin"
from = "left"
to = "tip"
semilandmarks = 12
[[curves]]
name = "right margin"
from = 1
to = 3
"""


def test_curves_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "leaf.toml"
    path.write_text(CURVED)
    part = PartSpec.from_toml(path)
    assert part.curves == (Curve("left margin", 2, 1, 12), Curve("right margin", 1, 3, 20))
    assert part.semilandmarks == 32
    assert part.mirror_curves == ((1, True), (0, True))
    assert PartSpec.from_dict(part.to_dict()) == part


def test_curves_of_the_midline_have_no_known_mirror_image(tmp_path: Path) -> None:
    path = tmp_path / "leaf.toml"
    path.write_text(CURVED + '[[curves]]\nname = "vein"\nfrom = 1\nto = 4\n')
    assert PartSpec.from_toml(path).mirror_curves is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("to = 3", "to = 5", "the curve 'right margin' must run between landmarks 1 to 4, got 1"),
        ('to = "tip"', 'to = "top"', "the curve 'left margin' must run between landmarks, given"),
        ("semilandmarks = 12", "semilandmarks = 0", "semilandmarks"),
        ('"right margin"', '"left margin"', "curves must have names that differ"),
        ('"right margin"', '" "', "a curve needs a name"),
        ("to = 3", "", "missing"),
    ],
)
def test_bad_curves(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "leaf.toml"
    path.write_text(CURVED.replace(old, new))
    with pytest.raises(PartError, match=message):
        PartSpec.from_toml(path)
