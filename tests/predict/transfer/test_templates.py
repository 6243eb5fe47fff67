"""Annotated photographs that can be templates, and some that cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from mandibles import PART, SIZE, Points, mandible
from training_data import tps_record

from beetle_lm.errors import LandmarkError, SpecimenError
from beetle_lm.predict.templates.annotated import Templates


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("LM=3\n10 10\n500 300\n300 20\nIMAGE=m1.png\n", "has 3 landmarks"),
        ("LM=18\n" + "100 100\n" * 18 + "IMAGE=other.png\n", "no landmarks of m1.png"),
        ("LM=18\n" + "100 100\n" * 17 + "-1 -1\nIMAGE=m1.png\n", "landmark 18 of m1.png is miss"),
        ("LM=18\n" + "100 2000\n" * 18 + "IMAGE=m1.png\n", "outside the photograph"),
        ("", "no landmarks"),
    ],
)
def test_templates_that_do_not_fit_their_landmarks(
    folder: Path, tmp_path: Path, command: Command, text: str, told: str
) -> None:
    landmarks, out = tmp_path / "t.tps", tmp_path / "out"
    landmarks.write_text(text, encoding="utf-8")
    template = folder / "templates" / "m1.png"
    done = command(
        "transfer", template, landmarks, folder / "photographs", "-o", out, "--part", PART
    )
    assert done.code == 1
    assert told in done.err
    assert not out.exists()


def test_a_template_given_twice(folder: Path, tmp_path: Path, command: Command) -> None:
    template = folder / "templates" / "m1.png"
    done = command(
        "transfer", template, folder / "one.tps", folder / "photographs", "-t", template,
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert done.code == 2
    assert "same name" in done.err


@pytest.mark.parametrize("missing", ["template", "landmarks", "photographs"])
def test_files_that_are_not_there(
    folder: Path, tmp_path: Path, command: Command, missing: str
) -> None:
    given = {
        "template": folder / "templates" / "m1.png",
        "landmarks": folder / "one.tps",
        "photographs": folder / "photographs",
    }
    given[missing] = tmp_path / "nothing.tps"
    done = command("transfer", *given.values(), "-o", tmp_path / "out")
    assert done.code == 1
    assert "nothing.tps" in done.err


def test_templates_of_different_counts(folder: Path, tmp_path: Path) -> None:
    landmarks = tmp_path / "t.tps"
    second = tps_record("m6.png", mandible(6)[1][:5], SIZE[1])
    landmarks.write_text((folder / "one.tps").read_text() + second, encoding="utf-8")
    images = [folder / "templates" / name for name in ("m1.png", "m6.png")]
    with pytest.raises(LandmarkError, match=r"m6\.png has 5 landmarks.* 18"):
        Templates.read(images, landmarks)


def test_a_template_without_a_specimen(folder: Path, tmp_path: Path) -> None:
    landmarks = tmp_path / "t.tps"
    landmarks.write_text(tps_record("blank.png", mandible(1)[1], SIZE[1]), encoding="utf-8")
    with pytest.raises(SpecimenError, match=r"blank\.png cannot be a template: no specimen"):
        Templates.read([folder / "wrong" / "blank.png"], landmarks)


def test_the_one_record_without_a_name_is_that_of_the_one_template(
    folder: Path, tmp_path: Path
) -> None:
    landmarks = tmp_path / "t.tps"
    text = (folder / "one.tps").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(("IMAGE", "ID"))]
    landmarks.write_text("\n".join([*kept, "ID=0", ""]), encoding="utf-8")
    template = [folder / "templates" / "m1.png"]
    first = Templates.read(template, folder / "one.tps").fitted[0]
    assert np.allclose(Templates.read(template, landmarks).fitted[0].places, first.places)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (["0 0"] * 18, "lie in one place: it is not annotated yet"),
        (["-1 -1"] * 18, "is not annotated yet: it has no landmarks"),
        ([f"{1 + i / 9} {2 + i % 4 / 5}" for i in range(18)], "perhaps in millimetres"),
    ],
)
def test_templates_that_were_not_digitised(
    folder: Path, tmp_path: Path, command: Command, points: list[str], told: str
) -> None:
    landmarks, template = tmp_path / "t.tps", folder / "templates" / "m1.png"
    landmarks.write_text("\n".join(["LM=18", *points, "IMAGE=m1.png", ""]), encoding="utf-8")
    done = command("transfer", template, landmarks, folder / "photographs", "-o", tmp_path / "out")
    assert done.code == 1
    assert told in done.err
    assert not (tmp_path / "out").exists()


def test_templates_that_look_wrong_beside_other_records_are_named(
    folder: Path, tmp_path: Path, command: Command
) -> None:
    landmarks, template = tmp_path / "t.tps", folder / "templates" / "m1.png"

    def write(first: Points) -> None:
        others = "".join(tps_record(f"m{i}.png", mandible(i)[1], SIZE[1]) for i in range(2, 8))
        landmarks.write_text(tps_record("m1.png", first, SIZE[1]) + others, encoding="utf-8")

    photographs = folder / "photographs" / "m2.png"
    call = ("transfer", template, landmarks, photographs, "--overwrite", "-o", tmp_path / "out")
    xy = mandible(1)[1]
    write(xy)
    assert "look" not in command(*call).err
    swapped = xy.copy()
    swapped[[2, 9]] = xy[[9, 2]]
    write(swapped)
    done = command(*call)
    assert done.code in (0, 3)
    assert "warning: t.tps: m1.png: landmarks 3 and 10 look swapped" in done.err
    write(xy * (1, -1) + (0, SIZE[1]))
    assert "warning: t.tps: m1.png: the landmarks" in (err := command(*call).err)
    assert "mirrored" in err
    write(xy / 40)
    refused = command(*call)
    assert refused.code == 1
    assert "t.tps, m1.png: all landmarks lie in a corner" in refused.err
