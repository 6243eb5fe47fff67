"""How far a set of photographs is, and what is still to be expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from beetle_lm.web.records import Acceptance, Row

_FEWEST = 5  # acceptances before anything is foretold
_NEIGHBOURS = 0.25  # of the acceptances say how many corrections a photograph needs
_SHOWN = 200  # acceptances in the curve
_WINDOW = 10  # acceptances in a moving mean


def progress(
    rows: Sequence[Row], acceptances: Sequence[Acceptance], landmarks: int
) -> dict[str, Any]:
    """Counts for the page, as JSON values.

    Args:
        rows: all photographs.
        acceptances: those whose proposed landmarks were looked at, in the order of time.
        landmarks: how many landmarks a photograph has.
    """
    states = [row.state for row in rows]
    done = states.count("accepted") + states.count("excluded")
    return {
        "total": len(rows),
        "accepted": states.count("accepted"),
        "excluded": states.count("excluded"),
        "draft": states.count("draft"),
        "left": len(rows) - done,
        "corrections": _curve(acceptances),
        "untouched": sum(one.moved == 0 for one in acceptances),
        "looked_at": len(acceptances),
        "expected_left": expected_corrections(rows, acceptances, landmarks),
        "calibration": calibration(acceptances),
    }


def expected_corrections(
    rows: Sequence[Row], acceptances: Sequence[Acceptance], landmarks: int
) -> int | None:
    """How many landmarks will still be moved or placed; None while that cannot be told.

    A photograph needs as many corrections as those that were accepted with about the same mean
    expected error. One without expected errors needs as many as the last ones that were proposed
    without a model, and all its landmarks while there are none.
    """
    known = [one for one in acceptances if one.error is not None and one.error > 0]
    left = [row for row in rows if row.state in ("open", "draft")]
    errors = np.array([row.error for row in left if row.error is not None and row.error > 0])
    last = [one.moved for one in acceptances if one.error is None][-_WINDOW:]
    each = float(np.mean(last)) if len(last) >= _FEWEST else float(landmarks)
    unknown = round((len(left) - len(errors)) * each)
    if len(errors) == 0:
        return unknown
    if len(known) < _FEWEST:
        return None
    known = sorted(known, key=lambda one: one.error or 0)
    at = np.log([one.error or 1 for one in known])
    moved = np.array([one.moved for one in known], float)
    width = max(_FEWEST, round(_NEIGHBOURS * len(known)))
    sums = np.concatenate([[0.0], np.cumsum(moved)])
    sides = [np.searchsorted(at, np.log(errors), side) for side in ("left", "right")]
    begin = np.clip((sides[0] + sides[1] - width) // 2, 0, len(known) - width)
    return round(float(((sums[begin + width] - sums[begin]) / width).sum())) + unknown


def calibration(acceptances: Sequence[Acceptance]) -> dict[str, float] | None:
    """How far accepted landmarks were from what was proposed, against what had been expected.

    Returns:
        The mean distance and the mean expected error in pixels, and of how many landmarks; None
        where no expected errors are known.
    """
    pairs = [(one.off, one.expected) for one in acceptances if one.expected is not None]
    if not pairs:
        return None
    off, expected = (np.concatenate(each) for each in zip(*pairs, strict=True))
    there = np.isfinite(off) & np.isfinite(expected)
    if not there.any():
        return None
    return {
        "off": float(off[there].mean()),
        "expected": float(expected[there].mean()),
        "landmarks": int(there.sum()),
    }


def _curve(acceptances: Sequence[Acceptance]) -> list[float]:
    """Corrections for each photograph in turn, as a moving mean of the last ones."""
    moved = np.array([one.moved for one in acceptances], float)
    means = [moved[max(0, i - _WINDOW + 1) : i + 1].mean() for i in range(len(moved))]
    if len(means) > _SHOWN:
        means = [means[i] for i in np.linspace(0, len(means) - 1, _SHOWN).astype(int)]
    return [round(float(mean), 2) for mean in means]
