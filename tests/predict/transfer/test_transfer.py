"""Landmarks from annotated photographs, on drawn mandibles whose landmarks are known."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from kinds import Command
from mandibles import PART, SIZE, Points, bent, errors, mandible, write
from tiff_files import RGB, TiffPage, tiff_file
from training_data import tps_record

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.images.read import Read
from beetle_lm.predict.inputs import Photograph
from beetle_lm.predict.result import Result
from beetle_lm.predict.templates.annotated import Templates
from beetle_lm.predict.templates.place import Transfer, combined
from beetle_lm.predict.templates.registration import Fit


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row for row in csv.DictReader(stream)}


def truth(folder: Path) -> dict[str, Points]:
    records = read_tps(folder / "landmarks.tps")
    return {str(record.image): record.in_image(SIZE[1]) for record in records}


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
        off = errors(record.in_image(SIZE[1]), known[name])
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
        pixels = cv2.imread(str(path))
        assert pixels is not None
        write(photographs / path.name, pixels[..., ::-1].astype(np.uint8))
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
    template = (folder / "templates" / "m1.png", folder / "one.tps")
    arguments = ("transfer", *template, folder / "photographs", "--workers", 1)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert command(*arguments, "-o", whole).code == 0
    place = Transfer._place
    placed: list[int] = []

    def stopping(self: Transfer, numbered: tuple[int, Photograph], read: Read) -> Result:
        placed.append(numbered[0])
        if len(placed) == 2:
            raise KeyboardInterrupt
        return place(self, numbered, read)

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


def test_other_pages_of_a_file_with_a_template_are_compared(
    tmp_path: Path, command: Command
) -> None:
    pages = [mandible(number) for number in (1, 2, 3)]
    stack, out = tmp_path / "stack.tif", tmp_path / "out"
    stack.write_bytes(tiff_file(*(TiffPage(pixels, RGB) for pixels, _ in pages)))
    (tmp_path / "template.tps").write_text(
        tps_record("stack.tif", pages[0][1], SIZE[1]), encoding="utf-8"
    )
    manual = (
        tps_record(f"stack_page{number}.tif", xy, SIZE[1])
        for number, (_, xy) in enumerate(pages, start=1)
    )
    (tmp_path / "manual.tps").write_text("".join(manual), encoding="utf-8")
    call = ("transfer", stack, tmp_path / "template.tps", stack, "-o", out, "--pages", "all")
    done = command(*call, "--reference", tmp_path / "manual.tps")
    assert done.code == 0, done.err
    assert "stack.tif holds 3 pictures, of which the first is the template" in done.err
    assert "page 1 of stack.tif is a template and not compared" in done.err
    with (out / "evaluation" / "per_specimen.csv").open(encoding="utf-8", newline="") as stream:
        compared = {row["image"]: float(row["mean_px"]) for row in csv.DictReader(stream)}
    assert set(compared) == {"stack_page2.tif", "stack_page3.tif"}
    assert max(compared.values()) < 0.004 * max(SIZE)
