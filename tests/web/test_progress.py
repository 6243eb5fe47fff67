"""What is left is foretold from what was needed so far; what to annotate next differs."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.images.read import Picture
from beetle_lm.web.choice import embedding, farthest_first, next_photographs
from beetle_lm.web.progress import calibration, expected_corrections, progress
from beetle_lm.web.records import Acceptance, Row, State


def accepted(error: float | None, moved: int, off: float = 0.0) -> Acceptance:
    expected = None if error is None else np.full(10, error)
    return Acceptance(error, "model", moved, np.full(10, off), expected)


def left(error: float | None) -> Row:
    return Row("x.jpg", "ok", "", error, "model")


def test_nothing_is_foretold_from_too_little() -> None:
    assert expected_corrections([left(3.0)], [accepted(3.0, 1)] * 4, 10) is None
    assert expected_corrections([left(None)] * 3, [], 10) == 30
    assert expected_corrections([], [], 10) == 0


def test_photographs_need_what_those_of_their_error_needed() -> None:
    seen = [accepted(2.0, 0)] * 10 + [accepted(20.0, 6)] * 10
    assert expected_corrections([left(2.0)] * 30, seen, 10) == 0
    assert expected_corrections([left(20.0)] * 30, seen, 10) == 180
    assert expected_corrections([left(20.0)] * 5 + [left(None)], seen, 10) == 40


def test_proposals_without_a_model_are_foretold_from_the_last_ones() -> None:
    assert expected_corrections([left(None)] * 20, [accepted(None, 2)] * 6, 10) == 40


def test_counts() -> None:
    states: tuple[State, ...] = ("open", "draft", "accepted", "accepted", "excluded")
    rows = [Row(f"{i}.jpg", state=state) for i, state in enumerate(states)]
    told = progress(rows, [accepted(2.0, 0), accepted(2.0, 4)], 10)
    assert (told["total"], told["accepted"], told["excluded"], told["left"]) == (5, 2, 1, 2)
    assert told["corrections"] == [0.0, 2.0] and told["untouched"] == 1


def test_expected_errors_are_held_against_what_came_out() -> None:
    assert calibration([accepted(None, 1)]) is None
    assert calibration([accepted(4.0, 1, 6.0), accepted(2.0, 1, 2.0)]) == {
        "off": 4.0,
        "expected": 3.0,
        "landmarks": 20,
    }


def seen(value: int, stripes: int) -> np.ndarray:
    pixels = np.full((60, 80), value, np.uint8)
    pixels[:, :: max(1, stripes)] = 255 - value
    return embedding(Picture.from_array(pixels, 1))


def test_what_differs_most_comes_next() -> None:
    embeddings = {
        "a.jpg": seen(60, 20),
        "b.jpg": seen(61, 20),
        "c.jpg": seen(62, 20),
        "other.jpg": seen(200, 3),
    }
    assert farthest_first(embeddings, ["a.jpg"], 1) == ["other.jpg"]
    assert farthest_first(embeddings, ["other.jpg"], 2)[0] != "other.jpg"
    assert sorted(farthest_first(embeddings, [], 9)) == sorted(embeddings)
    assert farthest_first(embeddings, list(embeddings), 3) == []


def test_later_the_least_sure_come_that_are_not_all_alike() -> None:
    embeddings = {f"{i}.jpg": seen(60 + i, 20) for i in range(8)} | {"odd.jpg": seen(200, 3)}
    rows = [Row(f"{i}.jpg", "ok", "", 10.0 - i, "model") for i in range(8)]
    rows += [Row("odd.jpg", "ok", "", 9.5, "model"), Row("f.jpg", "failed", "why", None, "")]
    chosen = next_photographs(rows, embeddings, 3)
    assert chosen[0] == "f.jpg" and "odd.jpg" in chosen
    done = [Row(row.name, "ok", "", row.error, "model", state="accepted") for row in rows]
    assert next_photographs(done, embeddings, 3) == []
