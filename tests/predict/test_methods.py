"""`methods.txt`: what a run, and an evaluation, say for the methods of a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kinds import Command, Draw
from PIL import Image
from squares import POINTS, SIZE

from beetle_lm.predict.batch.methods import methods_text
from beetle_lm.predict.evaluation.methods import methods_text as evaluation_text

MODEL: dict[str, Any] = {
    "part": "wing",
    "landmarks": 12,
    "semilandmarks": 0,
    "version": "2.1",
    "file": "/home/anna/wing.onnx",
    "sha256": "ab" * 32,
    "weights_sha256": "cd" * 32,
    "provenance": "wings of Drosophila,\nby two people.",
    "photographs": 36,
    "measured": [{"data": "test photographs", "photographs": 10, "mean_px_256x192": 0.754}],
    "licence": "CC0-1.0",
}
RUN: dict[str, Any] = {
    "beetle_lm": "0.1.0",
    "model": MODEL,
    "provider": "CPUExecutionProvider",
    "photographs": "/home/anna/wings",
    "versions": {"python": "3.11.7", "onnxruntime": "1.32.0", "numpy": "2.4.6"},
    "options": {"min_score": 0.0, "flagged": "keep", "scale": None},
    "counts": {"images": 40, "flagged": 0, "failed": 0, "landmarks_below_min_score": 0},
    "started": "2026-11-27T23:05:23+00:00",
}


def test_a_run_says_what_placed_the_landmarks() -> None:
    told = methods_text(RUN)
    placed, origin, computed, cited = told.rstrip("\n").split("\n\n")
    assert placed == (
        "On 40 photographs, 12 landmarks of the part wing were placed automatically with beetle-lm"
        f" 0.1.0, by the model wing, version 2.1 (SHA-256 {'ab' * 32}; licence: CC0-1.0)."
    )
    assert origin == (
        "The model wing was made of: wings of Drosophila, by two people. 36 photographs took part"
        " in its training and validation. Its mean distance from manual landmarks was 0.75 px, of"
        " photographs stretched to 256 x 192 px, over 10 photographs (test photographs)."
    )
    assert computed == (
        "Computed on 2026-11-27 on CPUExecutionProvider with Python 3.11.7, ONNX Runtime 1.32.0"
        " and NumPy 2.4.6."
    )
    assert cited.startswith("To cite:\n") and "Zemmari" in cited
    assert "anna" not in told  # a folder of hers is nobody's business


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"counts": {"failed": 2}}, "2 photographs got no landmarks."),
        (
            {"counts": {"flagged": 1}, "options": {"flagged": "drop"}},
            "1 photograph was flagged for inspection and left out.",
        ),
        (
            {"counts": {"landmarks_below_min_score": 3}, "options": {"min_score": 0.5}},
            "3 landmarks with a score below 0.5 were written as missing.",
        ),
        ({"options": {"scale": 0.004}}, "0.004 units per pixel"),
        ({"options": {"scale": {"table": "s.csv", "sha256": "ef"}}}, "from a table (SHA-256 ef)"),
        ({"options": {"scale": "bar:5"}}, "from a bar of 5 units in the photographs"),
        ({"model": {"semilandmarks": 20}}, "12 landmarks and 20 semilandmarks"),
        ({"finder": {**MODEL, "part": "fly"}}, "found on whole specimens by the model fly"),
        ({"search": True}, "looked for at any place, turn and size"),
    ],
)
def test_what_was_asked_for_is_said(changed: dict[str, Any], said: str) -> None:
    run = dict(RUN)
    for name, value in changed.items():
        run[name] = RUN[name] | value if name in RUN else value
    assert said in methods_text(run)
    assert said not in methods_text(RUN)


def test_templates_are_no_model() -> None:
    model = {
        name: MODEL[name] for name in ("part", "landmarks", "semilandmarks", "file", "sha256")
    } | {"templates": ["a.jpg", "b.jpg"]}
    told = methods_text({**RUN, "model": model, "provider": "transfer"})
    assert "by registration of 2 annotated photographs (a.jpg, b.jpg; " in told
    assert "model" not in told and "Zemmari" not in told


def test_an_evaluation_without_shapes_says_nothing_of_them() -> None:
    spread = {"count": 9, "mean": 1.5, "sd": None, "median": 1.25, "p95": 3.0}
    told = evaluation_text(
        {
            "beetle_lm": "0.1.0",
            "specimens": 3,
            "landmarks": 4,
            "missing": {"predicted": 2, "manual": 1},
            "distance": {"px": spread},
            "shapes": {"specimens": 0, "notes": ["too few"]},
        }
    )
    assert told.startswith("Predicted landmarks of 3 specimens were compared with landmarks placed")
    assert "1.5 px (median 1.25, 95 % below 3)" in told
    assert "2 predicted and 1 manual landmark were missing and left out." in told
    assert "hapes" not in told and "Goodall" not in told


def test_runs_write_it(command: Command, model: Path, draw: Draw, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "a.png")
    out = tmp_path / "out"
    assert command("predict", tmp_path / "a.png", "-m", model, "-o", out).code == 0
    told = (out / "methods.txt").read_text(encoding="utf-8")
    assert told.startswith("On 1 photograph, 3 landmarks of the part dots were placed")
