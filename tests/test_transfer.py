"""Landmarks from annotated photographs, on drawn mandibles whose landmarks are known."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Command
from numpy.typing import NDArray
from training_data import tps_record

from beetle_lm.errors import LandmarkError, SpecimenError
from beetle_lm.predict.images import Picture
from beetle_lm.predict.registration import Fit
from beetle_lm.predict.specimen import find_specimen, near_landmarks
from beetle_lm.predict.templates import Templates
from beetle_lm.predict.tps_reader import read_tps
from beetle_lm.predict.transfer import Transfer, combined
from beetle_lm.train.render import render, specimen_rng

PART, SIZE = "right-mandible", (816, 612)
DIAGONAL = float(np.hypot(*SIZE))
Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]


def mandible(number: int, part: str = PART) -> tuple[Pixels, Points]:
    pixels, landmarks = render(part, specimen_rng(0, part, number), SIZE)
    return pixels, landmarks.xy


def turned(pixels: Pixels, xy: Points, degrees: float) -> tuple[Pixels, Points]:
    """A picture turned around its middle, on ground that goes on."""
    middle = np.array(SIZE) / 2
    of_pixels = cv2.getRotationMatrix2D(tuple(middle - 0.5), degrees, 0.8)
    of_points = cv2.getRotationMatrix2D(tuple(middle), degrees, 0.8)
    picture = cv2.warpAffine(pixels, of_pixels, SIZE, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(picture, np.uint8), xy @ of_points[:, :2].T + of_points[:, 2]


def bent(pixels: Pixels, xy: Points, share: float) -> tuple[Pixels, Points]:
    """A picture whose rows are moved to the right by the square of their distance from the middle.

    The middle is that of the landmarks; the unit is their centroid size over the root of their
    number, and there rows are moved by `share` of it.
    """
    middle, size = xy[:, 1].mean(), float(np.sqrt(xy.var(axis=0).sum()))
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in SIZE))
    off = share * (y + 0.5 - middle) ** 2 / size
    picture = cv2.remap(
        pixels, x - off.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    moved = np.c_[xy[:, 0] + share * (xy[:, 1] - middle) ** 2 / size, xy[:, 1]]
    return np.asarray(picture, np.uint8), moved


def write(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]))


def blank() -> Pixels:
    grain = np.random.default_rng(0).normal(0, 4, (SIZE[1], SIZE[0], 3))
    return np.asarray(np.clip(205 + grain, 0, 255), np.uint8)


def errors(xy: Points, truth: Points) -> Points:
    """Distances in shares of the photograph's diagonal."""
    return np.asarray(np.hypot(*(xy - truth).T) / DIAGONAL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two templates, three photographs, and pictures on which no template fits."""
    root = tmp_path_factory.mktemp("transfer")
    records = []
    for number in (1, 6, 2, 3):
        pixels, xy = mandible(number)
        name = f"m{number}.png"
        write(root / ("templates" if number in (1, 6) else "photographs") / name, pixels)
        records.append(tps_record(name, xy, SIZE[1]))
    pixels, xy = turned(*mandible(2), 150)
    write(root / "photographs" / "turned.png", pixels)
    records.append(tps_record("turned.png", xy, SIZE[1]))
    (root / "landmarks.tps").write_text("".join(records), encoding="utf-8")
    (root / "one.tps").write_text(records[0], encoding="utf-8")
    write(root / "wrong" / "blank.png", blank())
    write(root / "wrong" / "head.png", mandible(1, "head")[0])
    write(root / "wrong" / "elytra.png", mandible(1, "elytra")[0])
    write(root / "wrong" / "half.png", mandible(2)[0][: SIZE[1] // 2])
    return root


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row for row in csv.DictReader(stream)}


def truth(folder: Path) -> dict[str, Points]:
    records = read_tps(folder / "landmarks.tps")
    return {str(record.image): record.image_xy(SIZE[1]) for record in records}


def test_one_template(folder: Path, tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out"
    template, landmarks = folder / "templates" / "m1.png", folder / "one.tps"
    done = command(
        "transfer", template, landmarks, folder / "photographs", "-o", out, "--part", PART,
        "--overlay", "--reference", folder / "landmarks.tps",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "3 images: landmarks on 3" in done.out
    known = truth(folder)
    found = {str(record.image): record for record in read_tps(out / "landmarks.tps")}
    assert set(found) == {"m2.png", "m3.png", "turned.png"}
    for name, record in found.items():
        off = errors(record.image_xy(SIZE[1]), known[name])
        assert off.mean() < 0.004, name
        assert off.max() < 0.025, name
    assert {row["status"] for row in rows(out / "specimens.csv").values()} == {"ok"}
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {
        "landmarks.csv", "predictions.csv", "run.json", "overview.jpg", "overlays/turned.jpg",
        "evaluation/per_landmark.csv",
    } <= written  # fmt: skip
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert told["model"]["templates"] == ["m1.png"]
    assert command("review-list", out).code == 0
    again = command("transfer", template, landmarks, folder / "photographs", "-o", out)
    assert again.code == 1
    assert "--overwrite" in again.err


def test_several_templates_are_averaged(folder: Path) -> None:
    images = [folder / "templates" / name for name in ("m1.png", "m6.png")]
    photograph = folder / "photographs" / "m3.png"
    results = []
    for chosen in (images[:1], images[1:], images):
        templates = Templates.read(chosen, folder / "landmarks.tps")
        (result,) = Transfer(templates).predict([photograph])
        assert result.landmarks is not None
        results.append(result.landmarks.xy)
    one, other, both = results
    between = np.abs(both - one) + np.abs(both - other)
    assert np.allclose(between, np.abs(one - other), atol=1e-6)
    assert errors(both, truth(folder)["m3.png"]).mean() < 0.004


def test_landmarks_count_by_how_alike_their_surroundings_are() -> None:
    zeros, alike = np.zeros((2, 2)), np.array([0.8, 0.4])
    one = Fit(zeros, alike, 0.6, 100.0)
    other = Fit(zeros + 10, alike[::-1], 0.6, 100.0)
    xy, likeness = combined([one, other])
    assert np.allclose(xy, [[0, 0], [10, 10]], atol=0.1)
    assert np.allclose(likeness, 0.8, atol=0.01)


def test_a_bent_specimen(folder: Path) -> None:
    templates = Templates.read([folder / "templates" / "m1.png"], folder / "landmarks.tps")
    pixels, xy = bent(*mandible(2), 0.1)  # an affine map alone slips by a tooth
    (result,) = Transfer(templates).predict([pixels])
    assert result.landmarks is not None
    assert errors(result.landmarks.xy, xy).mean() < 0.004


def test_wrong_pictures_fail_with_a_reason(folder: Path, tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out"
    photographs = tmp_path / "photographs"
    for path in [*(folder / "wrong").iterdir(), folder / "photographs" / "m2.png"]:
        write(photographs / path.name, cv2.imread(str(path))[..., ::-1])
    (photographs / "broken.jpg").write_bytes(b"no picture")
    arguments = ("transfer", folder / "templates" / "m1.png", folder / "one.tps", photographs)
    done = command(*arguments, "-o", out)
    assert done.code == 3
    found = rows(out / "specimens.csv")
    assert found.pop("m2.png")["status"] == "ok"
    assert len(found) == 5
    for name, row in found.items():
        assert row["status"] == "failed", name
        assert row["reason"], name
        assert row["reason"] in done.err
    assert "no specimen" in found["blank.png"]["reason"]
    assert "edge" in found["half.png"]["reason"]
    assert [record.image for record in read_tps(out / "landmarks.tps")] == ["m2.png"]


def test_a_run_is_resumed(
    folder: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("transfer", folder / "templates" / "m1.png", folder / "one.tps")
    arguments = (*arguments, folder / "photographs", "--workers", 1)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert command(*arguments, "-o", whole).code == 0
    place, placed = Transfer._place, []

    def stopping(self: Transfer, item: object, number: int, read: object) -> object:
        placed.append(number)
        if len(placed) == 2:
            raise KeyboardInterrupt
        return place(self, item, number, read)  # type: ignore[arg-type]

    monkeypatch.setattr(Transfer, "_place", stopping)
    stopped = command(*arguments, "-o", out)
    assert stopped.code == 130
    assert "1 of 3 images done" in stopped.err
    assert "unfinished" in command(*arguments, "-o", out).err
    other = command(
        "transfer", folder / "templates" / "m6.png", folder / "landmarks.tps",
        folder / "photographs", "--part", PART, "-o", out, "--resume",
    )  # fmt: skip
    assert other.code == 1
    assert "another" in other.err
    placed.append(0)
    resumed = command(*arguments, "-o", out, "--resume")
    assert resumed.code == 0, resumed.err
    assert "going on after 1 of 3" in resumed.err
    for name in ("landmarks.tps", "landmarks.csv", "predictions.csv", "specimens.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


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


def test_uneven_light_and_a_flat_band_do_not_hide_the_specimen() -> None:
    pixels, xy = mandible(2)
    mask = find_specimen(Picture.from_array(pixels, 3)).mask
    light = np.linspace(0.75, 1.1, SIZE[0])[None, :, None]
    uneven = np.asarray(np.clip(pixels * light, 0, 255), np.uint8)
    uneven[:, :30] = 190  # retouched
    specimen = find_specimen(Picture.from_array(uneven, 3))
    both = float((mask & specimen.mask).sum() / (mask | specimen.mask).sum())
    assert both > 0.95
    inside = specimen.placement.to_input(xy.mean(axis=0)).astype(int)
    assert specimen.mask[inside[1], inside[0]] == 1


def test_what_is_far_from_all_landmarks_of_a_template_is_left_out() -> None:
    pixels, xy = mandible(2)
    clean = find_specimen(Picture.from_array(pixels, 3))
    base = tuple(int(value) for value in xy[13])
    end = (base[0] + 90, base[1] + 70)
    with_tissue = pixels.copy()
    cv2.line(with_tissue, base, end, (60, 50, 40), 40)
    specimen = find_specimen(Picture.from_array(with_tissue, 3))
    landmarks = specimen.placement.to_input(xy)
    x, y = specimen.placement.to_input(np.array(end, np.float64)).astype(int)
    assert specimen.mask[y, x] == 1
    kept = near_landmarks(specimen, landmarks)
    assert kept.mask[y, x] == 0
    both = float((clean.mask & kept.mask).sum() / clean.mask.sum())
    assert both > 0.95
    alone = near_landmarks(specimen, landmarks[:1])  # one does not tell where the specimen ends
    assert alone.mask[y, x] == 1
