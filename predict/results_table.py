"""Results as one table, for pandas, seaborn or R."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.data_frame import data_frame
from beetle_lm.predict.formats.own_tables import TIDY_COLUMNS
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec

_PHOTOGRAPH_COLUMNS = ("image", "status", "reason", "width", "height", "mean_expected_error_px")


def results_table(results: Iterable[Result], layout: Literal["wide", "tidy"] = "wide") -> Any:
    """The results of one part as a table, in their order; a failed photograph is in it too.

    Wide has a row for each photograph: ``image``, ``status`` ('ok', 'flagged' or 'failed'),
    ``reason``, ``width``, ``height`` and ``mean_expected_error_px``, and then the coordinates
    ``x1``, ``y1_down``, ``x2``, ... as in `landmarks.csv`, and the part's measurements in pixels
    with their expected errors, as in `measurements.csv`. Tidy has a row for each landmark, as in
    `predictions.csv`: ``image``, ``landmark`` (its number, from 1), ``name``, ``x``, ``y``,
    ``score`` and ``expected_error_px``.

    Coordinates, sizes and expected errors are pixels of the upright photograph, with the origin at
    its top-left corner and y down; scores go from 0 to 1. NaN is missing: all coordinates of a
    failed photograph are.

    Args:
        results: of `Predictor.predict`.
        layout: 'wide' or 'tidy'.

    Returns:
        A pandas DataFrame where pandas is installed, else a list with a dict for each row, by the
        same column names, which a notebook shows as a table.

    Raises:
        LandmarkError: the results are of more than one part.
        ValueError: there is no such layout.
    """
    if layout not in ("wide", "tidy"):
        raise ValueError(f"the layout of a table is 'wide' or 'tidy', not {layout!r}")
    results = list(results)
    spec = _part_of(results)
    if layout == "wide":
        return data_frame(_wide_columns(spec), [_wide_row(result, spec) for result in results])
    rows = [row for result in results for row in _tidy_rows(result, spec)]
    return data_frame(TIDY_COLUMNS, rows)


def _part_of(results: Sequence[Result]) -> PartSpec | None:
    """The part of the results; None where all failed."""
    specs = [result.landmarks.spec for result in results if result.landmarks is not None]
    for spec in specs:
        if spec != specs[0]:
            names = " and ".join(dict.fromkeys((specs[0].name, spec.name)))
            raise LandmarkError(f"a table holds results of one part, these are of several: {names}")
    return specs[0] if specs else None


def _wide_columns(spec: PartSpec | None) -> list[str]:
    numbers = range(1, 1 + (0 if spec is None else len(spec)))
    coordinates = [column for i in numbers for column in (f"x{i}", f"y{i}_down")]
    lengths = [] if spec is None else [one.name for one in spec.measurements]
    measured = [f"{name}_{kind}" for name in lengths for kind in ("px", "px_expected_error")]
    return [*_PHOTOGRAPH_COLUMNS, *coordinates, *measured]


def _wide_row(result: Result, spec: PartSpec | None) -> list[object]:
    width, height = result.size or (np.nan, np.nan)
    error = result.mean_expected_error
    return [
        result.called,
        result.status,
        result.error or result.flag or "",
        width,
        height,
        np.nan if error is None else error,
        *_coordinates(result, spec).ravel().tolist(),
        *_lengths(result, spec),
    ]


def _tidy_rows(result: Result, spec: PartSpec | None) -> list[list[object]]:
    if spec is None:
        return []
    unknown = np.full(len(spec), np.nan)
    landmarks = result.landmarks
    scores = unknown if landmarks is None or landmarks.score is None else landmarks.score
    errors = unknown
    if landmarks is not None and landmarks.expected_error is not None:
        errors = landmarks.expected_error
    columns = spec.landmark_names, _coordinates(result, spec), scores.tolist(), errors.tolist()
    return [
        [result.called, number, name, *xy.tolist(), score, error]
        for number, (name, xy, score, error) in enumerate(zip(*columns, strict=True), start=1)
    ]


def _coordinates(result: Result, spec: PartSpec | None) -> Floats:
    if result.landmarks is not None:
        return result.landmarks.xy
    return np.full((0 if spec is None else len(spec), 2), np.nan)


def _lengths(result: Result, spec: PartSpec | None) -> list[float]:
    """The measurements, each followed by its expected error."""
    if result.landmarks is None:
        return [np.nan] * (0 if spec is None else 2 * len(spec.measurements))
    return [
        value
        for length in result.measurements.values()
        for value in (length.value, length.expected_error)
    ]
