"""What a comparison says of photographs that the model was made with, or that are templates."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from mandibles import SIZE as MANDIBLE_SIZE
from mandibles import mandible, write
from training_data import tps_record

pytest.importorskip("onnxruntime")

from kinds import Command, WriteModel
from results import read_table
from squares import POINTS, write_manual

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.model_file.seen import MOST_KEPT, SeenPhotographs


def test_photographs_that_the_model_was_trained_on_are_told(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    names = ["a.png", "b Ü.JPG"]
    write_manual(tmp_path / "manual.tps", dict.fromkeys(names, POINTS))
    files = [photos / name for name in (*names, "sub/a.png")]
    card = read_card(write_model())
    assert "photographs" not in json.loads(card.to_json())  # as before there was such an entry
    call = ("predict", photos, "--reference", tmp_path / "manual.tps", "-o")
    for number, chosen, words in (
        (1, files[:1], "1 of the 2 photographs that have manual landmarks is one that the model"),
        (3, files, "2 of the 2 photographs that have manual landmarks are among those that the"),
        (9, files, "at least 2 of the 2 photographs"),
        (1, files[2:], ""),
    ):
        seen = replace(card, photographs=SeenPhotographs.of(number, chosen))
        assert ModelCard.from_json(seen.to_json()) == seen
        out = tmp_path / f"{number}{len(chosen)}{len(words)}"
        done = command(*call, out, "-m", write_model(card=seen.to_json()))
        assert done.code == 0
        assert words in done.err and ("made with" in done.err) == bool(words)
        summary = json.loads((out / "evaluation" / "summary.json").read_text(encoding="utf-8"))
        assert any("made with" in note for note in summary["notes"]) == bool(words)
        assert summary["specimens"] == 2


def test_checksums_of_many_photographs_stay_small(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.jpg" for i in range(1500)]
    for number, file in enumerate(files):
        file.write_bytes(b"%d" % number)
    seen = SeenPhotographs.of(len(files), files)
    assert len(seen.checksums) <= MOST_KEPT * 8 and not seen.is_complete
    checksums = [sha256(file.read_bytes()).digest() for file in files]
    assert 300 <= sum(map(seen.has, checksums)) <= MOST_KEPT
    few = SeenPhotographs.of(40, files[:40])
    assert few.is_complete
    assert [few.has(one) for one in checksums[30:60]] == [True] * 10 + [False] * 20


@pytest.mark.parametrize(
    ("number", "checksums"),
    [(3, "AAAA"), (3, "????????"), (1, "AAAAAAAABBBBBBBB"), (-1, ""), (600, "AAAAAAAA" * 600)],
)
def test_damaged_checksums_are_refused(number: int, checksums: str) -> None:
    with pytest.raises(ModelError):
        SeenPhotographs(number, checksums)


def test_a_template_is_left_out_of_its_own_score(command: Command, tmp_path: Path) -> None:
    records = []
    for number in (1, 2, 3):
        pixels, xy = mandible(number)
        write(tmp_path / "photos" / f"m{number}.png", pixels)
        records.append(tps_record(f"m{number}.png", xy, MANDIBLE_SIZE[1]))
    (tmp_path / "all.tps").write_text("".join(records), encoding="utf-8")
    template = tmp_path / "photos" / "m1.png"
    call = ("transfer", template, tmp_path / "all.tps", tmp_path / "photos")
    done = command(*call, "--reference", tmp_path / "all.tps", "-o", tmp_path / "out")
    assert done.code == 0
    assert "m1.png is a template and not compared" in done.err
    rows = read_table(tmp_path / "out" / "evaluation" / "per_specimen.csv")
    assert [row["image"] for row in rows] == ["m2.png", "m3.png"]
    summary = tmp_path / "out" / "evaluation" / "summary.json"
    assert json.loads(summary.read_text(encoding="utf-8"))["only_in_manual"] == []
    assert len(read_table(tmp_path / "out" / "specimens.csv")) == 3
    alone = ("transfer", template, tmp_path / "all.tps", template)
    done = command(*alone, "--reference", tmp_path / "all.tps", "-o", tmp_path / "alone")
    assert "nothing was compared" in done.err


def test_what_can_be_done_about_large_photographs_is_said_once(
    command: Command, write_model: WriteModel, photos: Path, tmp_path: Path
) -> None:
    call = ("predict", photos, "-r", "-m", write_model(), "--max-pixels", 10)
    done = command(*call, "-o", tmp_path / "out")
    assert done.code == 3
    assert done.err.count("too large to be decoded") == 3
    assert done.err.count("--max-pixels raises this limit") == 1


def test_templates_have_the_same_limit_of_pixels(command: Command, tmp_path: Path) -> None:
    pixels, xy = mandible(1)
    write(tmp_path / "m1.png", pixels)
    record = tps_record("m1.png", xy, MANDIBLE_SIZE[1])
    (tmp_path / "all.tps").write_text(record, encoding="utf-8")
    call = ("transfer", tmp_path / "m1.png", tmp_path / "all.tps", tmp_path / "m1.png")
    done = command(*call, "--max-pixels", 10, "-o", tmp_path / "out")
    assert done.code == 1
    assert "m1.png is too large to be decoded" in done.err
    assert "--max-pixels raises this limit" in done.err
