"""What is known of photographs that are annotated or reviewed, as the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from beetle_lm.predict.landmarks import Floats

State = Literal["open", "draft", "accepted", "excluded"]
"""Not looked at yet; changed and not accepted; accepted; left out of the data set."""

Origin = Literal["", "model", "templates", "file"]
"""What proposed the landmarks: nothing, a model, annotated photographs, a landmark file."""


@dataclass(frozen=True, eq=False)
class Traced:
    """A curve on one photograph.

    Args:
        points: (m, 2) pixels of the upright photograph, y down.
        is_whole: whether they are all that a landmark file has of the curve, from end to end, and
            nobody changed them; or else those that were placed between its landmarks.
    """

    points: Floats
    is_whole: bool


Curves = Mapping[str, Traced]
"""Curves by their names, without those that are missing."""


@dataclass(frozen=True, eq=False)
class Row:
    """A photograph and what is known of its landmarks.

    Args:
        name: its name, unique in the set.
        status: 'ok', 'flagged', 'failed', or '' where nothing was proposed.
        reason: why it is flagged, or has no landmarks.
        error: mean expected error in pixels; None where unknown.
        origin: what proposed its landmarks.
        proposed: (n, 2) pixels of the upright photograph, y down, NaN missing; None without any.
        expected: (n,) expected errors in pixels; None where unknown.
        state: how far it is.
        xy: (n, 2) its landmarks in the same frame as they were saved; None before.
        revision: how often it was saved.
        proposed_curves: the curves that were proposed, each from end to end; None without any.
        curves: its curves as they were saved; None where nobody saved any.
    """

    name: str
    status: str = ""
    reason: str = ""
    error: float | None = None
    origin: Origin = ""
    proposed: Floats | None = None
    expected: Floats | None = None
    state: State = "open"
    xy: Floats | None = None
    revision: int = 0
    proposed_curves: Curves | None = None
    curves: Curves | None = None


@dataclass(frozen=True)
class Move:
    """One landmark that was moved, placed or taken away.

    Args:
        photograph: its name.
        landmark: the landmark's index, from 0.
        time: when, in seconds since 1970.
        before: x and y in pixels of the upright photograph; None where there was no landmark.
        after: the same afterwards.
        expected: the expected error in pixels; None where unknown.
        origin: what had proposed the landmark.
    """

    photograph: str
    landmark: int
    time: float
    before: tuple[float, float] | None
    after: tuple[float, float] | None
    expected: float | None
    origin: str


@dataclass(frozen=True, eq=False)
class Acceptance:
    """A photograph whose proposed landmarks were looked at.

    Args:
        error: the mean expected error that they had, in pixels; None where unknown.
        origin: what had proposed them.
        moved: how many landmarks differ from what was proposed.
        off: (n,) how far in pixels, NaN where a landmark is missing.
        expected: (n,) what had been expected; None where unknown.
    """

    error: float | None
    origin: str
    moved: int
    off: Floats
    expected: Floats | None
