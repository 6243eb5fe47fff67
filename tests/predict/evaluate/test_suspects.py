"""Landmarks that cannot be right, and those that one change makes like the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from beetle_lm import evaluate
from beetle_lm.errors import LandmarkError
from beetle_lm.predict.evaluation.suspects import find_suspects, in_words
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats

SIZE = np.array([640.0, 480.0])
# The outline of a wing, seen with y down; not symmetric.
WING = np.array(
    [[90, 200], [120, 290], [210, 330], [340, 340], [460, 310], [540, 240], [480, 190], [300, 170]],
    np.float64,
)


def specimens(count: int, seed: int = 0) -> tuple[list[str], Floats, Floats]:
    """Wings that vary in shape, size, place and turn as real ones do."""
    rng = np.random.default_rng(seed)
    middle = WING.mean(axis=0)
    xy = []
    for _ in range(count):
        angle, size = rng.normal(0, 0.08), rng.normal(1, 0.05)
        turn = size * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        xy.append((WING + rng.normal(0, 6, WING.shape) - middle) @ turn + middle + rng.normal(0, 8))
    return [f"wing_{i}.jpg" for i in range(count)], np.array(xy), np.tile(SIZE, (count, 1))


def swapped(xy: Floats) -> Floats:
    return xy[[0, 1, 3, 2, 4, 5, 6, 7]]


Change = Callable[[Floats], Floats]


@pytest.mark.parametrize("count", [5, 12, 60])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (swapped, "landmarks 3 and 4 look swapped"),
        (lambda xy: xy[[5, 1, 3, 2, 4, 0, 6, 7]], "3 and 4"),
        (lambda xy: xy * (1, -1) + (0, 480), "upside down and mirrored"),
        (lambda xy: xy * (-1, 1) + (640, 0), "mirrored, left for right"),
        (lambda xy: SIZE - xy, "lie upside down against the others"),
        (lambda xy: xy[:, ::-1] * (-1, 1) + (480, 0), "lie turned against the others"),
        (lambda xy: xy[::-1], "reverse order"),
        (lambda xy: xy / 2, "on a picture of another size (of about"),
        (lambda xy: (xy - (0, 480)) / 2 + (0, 480), "on a picture of another size (of about"),
        (lambda xy: xy / 100, "in a corner of the photograph; are they in millimetres?"),
        (lambda xy: xy * 1e305, "lies in no picture"),
    ],
)
def test_a_fault_is_named_and_nothing_else(change: Change, said: str, count: int) -> None:
    names, xy, sizes = specimens(count)
    assert find_suspects(names, xy, sizes) == ()
    xy[2] = change(xy[2])
    [suspect] = find_suspects(names, xy, sizes)
    assert suspect.name == "wing_2.jpg" and said in str(suspect)
    assert suspect.impossible == ("corner" in said or "no picture" in said)


def test_several_faults_do_not_hide_each_other() -> None:
    names, xy, sizes = specimens(20)
    for row in (3, 8, 11, 12, 17):
        xy[row, :, 1] = 480 - xy[row, :, 1]
    xy[5] = swapped(xy[5])
    found = find_suspects(names, xy, sizes)
    assert [suspect.name for suspect in found] == [
        f"wing_{row}.jpg" for row in (3, 5, 8, 11, 12, 17)
    ]
    lines = in_words(found)
    assert len(lines) == 2
    assert lines[0].startswith("5 specimens (wing_3.jpg, wing_8.jpg, wing_11.jpg, ...): the")
    assert lines[1].startswith("wing_5.jpg: landmarks 3 and 4 look swapped (Procrustes distance")


def test_missing_landmarks_are_no_fault_and_hide_none() -> None:
    names, xy, sizes = specimens(12)
    xy[np.arange(12), np.arange(12) % 8] = np.nan
    xy[4, 5:] = np.nan
    xy[6] = np.nan
    assert find_suspects(names, xy, sizes) == ()
    xy[7] = swapped(xy[7])  # of which landmark 8 is missing
    [suspect] = find_suspects(names, xy, sizes)
    assert suspect.name == "wing_7.jpg" and "3 and 4" in suspect.reason


def test_nothing_is_said_where_nothing_can_be_known() -> None:
    names, xy, sizes = specimens(3)
    xy[1] = swapped(xy[1])
    assert find_suspects(names, xy, sizes) == ()
    assert find_suspects([], xy[:0], sizes[:0]) == ()
    assert find_suspects(names, xy[:, :2], sizes) == ()
    zeros = np.zeros((8, 8, 2))
    assert find_suspects([str(i) for i in range(8)], zeros, np.tile(SIZE, (8, 1))) == ()
    rng = np.random.default_rng(1)
    assert find_suspects(list("abcdefgh"), rng.uniform(0, 480, (8, 8, 2))) == ()


def test_specimens_that_lie_anyhow_are_not_turned() -> None:
    names, xy, sizes = specimens(24)
    for row in range(24):
        points = (xy[row] - SIZE / 2) @ (1, 1j) * np.exp(1j * row)
        xy[row] = np.stack((points.real, points.imag), axis=1) * 0.7 + SIZE / 2
    assert find_suspects(names, xy, sizes) == ()
    xy[5, :, 0] = 640 - xy[5, :, 0]
    [suspect] = find_suspects(names, xy, sizes)
    assert suspect.reason == "the landmarks look mirrored"


def test_all_on_smaller_copies() -> None:
    names, xy, sizes = specimens(8)
    for corner, said in ((np.zeros(2), "top left"), (np.array([0, 480]), "bottom left")):
        [suspect] = find_suspects(names, (xy - corner) / 2 + corner, sizes)
        assert suspect.name == "" and said in in_words([suspect])[0]


def records(xy: Floats) -> list[Record]:
    return [Record(points, f"wing_{i}.jpg") for i, points in enumerate(xy)]


def test_evaluations_say_what_looks_wrong_with_the_manual_landmarks() -> None:
    _, xy, _ = specimens(8)
    size = (640, 480)
    assert evaluate(records(xy), records(xy + 1), image_size=size).notes == ()
    manual = xy + 1
    manual[3] = swapped(manual[3])
    evaluation = evaluate(records(xy), records(manual), image_size=size)
    [note] = evaluation.notes
    assert note.startswith("manual landmarks, wing_3.jpg: landmarks 3 and 4 look swapped")
    assert note in str(evaluation)
    with pytest.raises(LandmarkError, match=r"cannot be right: 8 specimens \(wing_0.jpg, .*corner"):
        evaluate(records(xy), records(xy / 100), image_size=size)
    manual = xy + 1
    manual[2] /= 100
    notes = evaluate(records(xy), records(manual), image_size=size).notes
    assert any("wing_2.jpg: all landmarks lie in a corner" in note for note in notes)


def test_faults_that_all_share_are_seen_beside_the_predictions() -> None:
    _, xy, _ = specimens(3)
    [*_, note] = evaluate(records(xy), records(xy / 100)).notes
    assert "span 100 times as much as the manual ones" in note
    [*_, note] = evaluate(records(xy), records(xy * (1, -1) + (0, 480))).notes
    assert "mirrored against the predicted ones" in note
