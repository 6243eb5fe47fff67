"""What the page and the server hand each other of a photograph, as JSON values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from beetle_lm.errors import RequestError
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import printable
from beetle_lm.web.records import Row

_STATES = ("open", "draft", "accepted", "excluded")
_FARTHEST = 1e9
_MOST = 500  # points of a curve


def listed(row: Row) -> list[Any]:
    """A photograph in the list: state, status, mean expected error in pixels, revision, origin."""
    error = None if row.error is None else round(row.error, 3)
    return [row.state, row.status, error, row.revision, row.origin]


def shown(
    number: int,
    row: Row,
    size: tuple[int, int] | None,
    problem: str,
    curves: Sequence[Floats | None] | None = None,
) -> dict[str, Any]:
    """A photograph with its landmarks.

    Args:
        number: its number in the list.
        row: what is known of it.
        size: width and height of the upright photograph; None where it cannot be read.
        problem: why it cannot.
        curves: (m, 2) points of each curve between its landmarks, None where it is missing, and in
            place of all where nobody has drawn any.
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
        "curves": None if curves is None else [_points(points) for points in curves],
    }


def saved(
    body: dict[str, Any], count: int, curves: int = 0
) -> tuple[int, Any, Floats | None, float, list[Floats | None] | None]:
    """What a request to save holds.

    Args:
        body: the request.
        count: how many landmarks the part has.
        curves: how many curves the page has.

    Returns:
        Revision, state, landmarks (n, 2) in pixels of the upright photograph, y down, NaN missing,
        or None without any, seconds, and the points (m, 2) of each curve between its landmarks in
        the same frame, None for one that is missing; None in place of all where none are sent.

    Raises:
        RequestError: it is not what the page sends.
    """
    revision, state, points = body.get("revision"), body.get("state"), body.get("xy")
    seconds = body.get("seconds", 0.0)
    if type(revision) is not int or state not in _STATES or not _is_number(seconds):
        raise RequestError("the request to save is not what the page sends")
    seconds = max(float(seconds), 0.0)
    drawn = _drawn(body.get("curves"), curves)
    if points is None:
        return revision, state, None, seconds, drawn
    if not isinstance(points, list) or len(points) != count:
        raise RequestError(f"there must be {count} landmarks")
    xy = np.full((count, 2), np.nan)
    for index, point in enumerate(points):
        if point is None:
            continue
        if not _is_point(point):
            raise RequestError("a landmark is two numbers, or null")
        xy[index] = point
    return revision, state, xy, seconds, drawn


def _drawn(curves: object, count: int) -> list[Floats | None] | None:
    if curves is None:
        return None
    if not isinstance(curves, list) or len(curves) != count:
        raise RequestError(f"there must be {count} curves")
    drawn: list[Floats | None] = []
    for points in curves:
        if points is None or points == []:
            drawn.append(None)
            continue
        if not isinstance(points, list) or not all(map(_is_point, points)):
            raise RequestError("a curve is a list of points, each two numbers, or null")
        if len(points) > _MOST:
            raise RequestError(f"a curve has at most {_MOST} points")
        drawn.append(np.array(points, np.float64))
    return drawn


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    """Whether a value is a number that a photograph may have, and not NaN."""
    return type(value) in (int, float) and abs(value) < _FARTHEST  # type: ignore[arg-type]


def _points(xy: Floats | None) -> list[list[float] | None] | None:
    if xy is None:
        return None
    return [None if math.isnan(x) or math.isnan(y) else [x, y] for x, y in xy.tolist()]


def _numbers(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
