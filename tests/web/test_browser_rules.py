"""The page judges landmarks and writes files by the rules of `predict`, to the letter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Problem, ask
from kinds import WriteModel

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.writers import ResultFiles, Written
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.predict.procrustes import least_squares_map
from beetle_lm.predict.quality import quality_flag
from beetle_lm.predict.result import Result
from beetle_lm.text import fixed
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.model_file.parts import Curve, Measurement, PartSpec
from beetle_lm.zoo.registry import resolve


def test_numbers_are_written_alike() -> None:
    rng = np.random.default_rng(1)
    values = [*rng.normal(0, 500, 300), 0.0, -0.0, 0.5, 1.5, 2.5, -0.000001, 408.015625, 1e-9]
    values += [number / 64 for number in range(-40, 200)]
    every = (0, 1, 3, 4, 5)
    given = list(map(float, values))
    asked = [("fixed", {"values": given, "decimals": decimals}) for decimals in every]
    for decimals, found in zip(every, ask(asked), strict=True):
        assert found == [fixed(value, decimals) for value in given]


@pytest.mark.parametrize("part", ["elytra", "carabid"])
def test_flags_are_the_same_in_every_word(part: str) -> None:
    card = read_card(resolve(part))
    assert card.shapes is not None
    rng = np.random.default_rng(7)
    mean, diagonal = np.array(card.shapes.mean), np.hypot(*card.input_size)
    asked, flags = [], []
    for number in range(200):
        turn, size = rng.uniform(-np.pi, np.pi) * (number % 2), rng.uniform(0.3, 1.1) * diagonal
        cos, sin = np.cos(turn), np.sin(turn)
        spread = rng.choice([0.0, 0.01, 0.05])
        shape = mean + rng.normal(0, 1, mean.shape) * spread
        xy = shape @ np.array([[cos, sin], [-sin, cos]]) * size + 200
        if number == 3:
            xy[:] = 5.0
        errors = rng.uniform(0, rng.choice([5.0, 40.0, 200.0]), len(mean))
        pixels = float(rng.uniform(0.3, 6))
        flags.append(quality_flag(card, xy, errors, pixels) or "")
        question = {"xy": xy.tolist(), "errors": errors.tolist(), "pixels": pixels}
        asked.append(("flag", {**question, "card": json.loads(card.to_json())}))
    assert ask(asked) == flags
    assert sum(map(bool, flags)) > 20 and len(set(flags)) > 100


def test_the_map_upright_is_the_same() -> None:
    rng = np.random.default_rng(2)
    pairs = [(rng.normal(300, 90, (24, 2)), rng.normal(100, 40, (24, 2))) for _ in range(20)]
    asked = [("similarity", {"source": a.tolist(), "target": b.tolist()}) for a, b in pairs]
    for (source, target), found in zip(pairs, ask(asked), strict=True):
        np.testing.assert_allclose(found, least_squares_map(source, target).ravel(), atol=1e-9)


SPEC = PartSpec(
    "dots",
    ("red", "=green", 'a "blue", one'),
    measurements=(Measurement("length, all", 1, 3), Measurement("-width", 2, 3)),
)
CURVED = replace(SPEC, curves=(Curve("=edge; left", 1, 2, 4), Curve("ring", 3, 3, 6)))
NAMES = (
    "b/one.jpg",
    "a/one.jpg",
    "two.JPG",
    "two.png",
    "=3+4.tif",
    "<img src=x onerror=alert(1)>.png",
    "kein Käfer, \u7532\u866b.png",
    ".hidden",
    "tail.",
    "\U0001f41e.png",
    "\uff5e.png",
)


def results(spec: PartSpec) -> list[Result]:
    rng = np.random.default_rng(5)
    found = []
    for number, name in enumerate(sorted(NAMES)):
        if number == 4:
            found.append(Result(name, None, 1, None, f"{name} is truncated, =x"))
            continue
        size = (int(rng.integers(200, 4000)), int(rng.integers(200, 4000)))
        xy = np.clip(rng.uniform(-0.1, 1.1, (3, 2)) * size, 0, size)
        score = rng.uniform(0, 1, 3)
        landmarks = Landmarks(spec, xy, score, rng.uniform(0, 90, 3))
        if spec.curves:
            count = spec.semilandmarks
            curves = np.clip(rng.uniform(-0.1, 1.1, (count, 2)) * size, 0, size)
            landmarks = replace(
                landmarks, semilandmarks=curves, semilandmark_error=rng.uniform(0, 90, count)
            )
        flag = "expected error 9.1 px on average (limit 3.0)" if number % 3 == 0 else None
        found.append(Result(name, size, 1, landmarks, None, flag))
    return found


def as_specimen(result: Result) -> dict[str, Any]:
    there = result.landmarks
    told = {
        "name": result.name,
        "status": result.status,
        "reason": result.error or result.flag or "",
        "size": result.size,
    }
    if there is None or there.score is None or there.expected_error is None:
        none: dict[str, Any] = {"score": [], "errors": [], "semilandmarks": [], "across": []}
        return {**told, "xy": None, **none}
    values = {"score": there.score.tolist(), "errors": there.expected_error.tolist()}
    along, across = there.semilandmarks, there.semilandmark_error
    values["semilandmarks"] = [] if along is None else along.tolist()
    values["across"] = [] if across is None else across.tolist()
    return {**told, "xy": there.xy.tolist(), **values}


@pytest.mark.parametrize("spec", [SPEC, CURVED], ids=["landmarks", "curves"])
def test_files_are_those_of_predict(tmp_path: Path, spec: PartSpec) -> None:
    found = results(spec)
    with ResultFiles(tmp_path, spec, [result.name for result in found], Options()) as files:
        for result in found:
            files.add(result, Written.of(result, "apply"))
    shuffled = [found[index] for index in np.random.default_rng(0).permutation(len(found))]
    question = {"part": spec.to_dict(), "specimens": list(map(as_specimen, shuffled))}
    [written] = ask([("files", question)])
    assert written == {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(tmp_path.iterdir(), key=lambda path: list(written).index(path.name))
    }
    [ordered] = ask([("sorted", {"names": list(NAMES)})])
    assert ordered == sorted(NAMES)


def test_cards_are_read_out_of_model_files(write_model: WriteModel, tmp_path: Path) -> None:
    model = write_model()
    content = model.read_bytes()
    files = {"whole": content, "cut": content[:-9], "none": b"", "text": b"hello, this is no model"}
    files["no-card"] = content.replace(b"beetle_lm_card", b"beetle_lm_carp")
    files["format"] = content.replace(b'"format": 2', b'"format": 9')
    files["channels"] = content.replace(b'"channels": 3', b'"channels": 2')
    asked = []
    for name, text in files.items():
        (tmp_path / f"{name}.onnx").write_bytes(text)
        asked.append(("card", {"path": str(tmp_path / f"{name}.onnx")}))
    whole, *others = ask(asked)
    assert whole == json.loads(read_card(model).to_json())
    assert all(isinstance(each, Problem) for each in others)
    reasons = dict(zip(list(files)[1:], others, strict=True))
    assert "carries no card" in reasons["no-card"]
    assert "format version 9" in reasons["format"]
    assert "channels" in reasons["channels"]


def test_bundled_models_are_read(tmp_path: Path) -> None:
    parts = ("elytra", "head", "pronotum", "left-mandible", "right-mandible", "carabid")
    paths = [resolve(part) for part in parts]
    for path, found in zip(paths, ask([("card", {"path": str(p)}) for p in paths]), strict=True):
        assert found == json.loads(read_card(path).to_json())
