"""What the page and the server hand each other of a photograph, as JSON values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from beetle_lm.errors import RequestError
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import printable
from beetle_lm.web.store import Row

_STATES = ("open", "draft", "accepted", "excluded")
_FARTHEST = 1e9


def listed(row: Row) -> list[Any]:
    """A photograph in the list: state, status, mean expected error in pixels, revision, origin."""
    error = None if row.error is None else round(row.error, 3)
    return [row.state, row.status, error, row.revision, row.origin]


def shown(number: int, row: Row, size: tuple[int, int] | None, problem: str) -> dict[str, Any]:
    """A photograph with its landmarks.

    Args:
        number: its number in the list.
        row: what is known of it.
        size: width and height of the upright photograph; None where it cannot be read.
        problem: why it cannot.
    """
    return {
        "number": number,
        "name": printable(row.name),
        "size": size,
        "problem": problem,
        "status": row.status,
        "reason": printable(row.reason),
        "state": row.state,
        "origin": row.origin,
        "revision": row.revision,
        "xy": _points(row.xy),
        "proposed": _points(row.proposed),
        "expected": None if row.expected is None else _numbers(row.expected),
    }


def saved(body: dict[str, Any], count: int) -> tuple[int, Any, Floats | None, float]:
    """What a request to save holds.

    Args:
        body: the request.
        count: how many landmarks the part has.

    Returns:
        Revision, state, landmarks (n, 2) in pixels of the upright photograph, y down, NaN missing,
        or None without any, and seconds.

    Raises:
        RequestError: it is not what the page sends.
    """
    revision, state, points = body.get("revision"), body.get("state"), body.get("xy")
    seconds = body.get("seconds", 0.0)
    if type(revision) is not int or state not in _STATES or not _is_number(seconds):
        raise RequestError("the request to save is not what the page sends")
    seconds = max(float(seconds), 0.0)
    if points is None:
        return revision, state, None, seconds
    if not isinstance(points, list) or len(points) != count:
        raise RequestError(f"there must be {count} landmarks")
    xy = np.full((count, 2), np.nan)
    for index, point in enumerate(points):
        if point is None:
            continue
        fits = isinstance(point, list) and len(point) == 2
        if not fits or not all(map(_is_number, point)):
            raise RequestError("a landmark is two numbers, or null")
        xy[index] = point
    return revision, state, xy, seconds


def _is_number(value: object) -> bool:
    """Whether a value is a number that a photograph may have, and not NaN."""
    return type(value) in (int, float) and abs(value) < _FARTHEST  # type: ignore[arg-type]


def _points(xy: Floats | None) -> list[list[float] | None] | None:
    if xy is None:
        return None
    return [None if math.isnan(x) or math.isnan(y) else [x, y] for x, y in xy.tolist()]


def _numbers(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
