"""What the folder of results holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from beetle_lm.errors import Hint, OutputError
from beetle_lm.predict.formats.parquet import PARQUET
from beetle_lm.predict.images.earlier import (
    MOVING,
    OVERLAYS,
    OVERVIEW,
    REVIEW_SHEET,
    SUMMARY,
    is_of_another_program,
)

Format = Literal["tps", "csv", "parquet"]
"""A kind of landmark file."""

MEASUREMENTS = "measurements.csv"
"""The lengths that a part names."""

CURVES, SLIDERS = "curves.csv", "sliders.csv"
"""The semilandmarks of the part's curves; and, where they are appended, which slide between which.
"""

PHOTOGRAPHS = "photographs.csv"
"""How many specimens each photograph shows, where all are looked for."""

METHODS = "methods.txt"
"""The run in the words of a paper's methods."""

REVIEW = ("review.csv", "review.tps", REVIEW_SHEET)
"""What `beetle-lm review-list` makes of results; removed when they are replaced."""

RESULTS = (
    "landmarks.tps",
    "landmarks.csv",
    "predictions.csv",
    "specimens.csv",
    PHOTOGRAPHS,
    CURVES,
    SLIDERS,
    MEASUREMENTS,
    PARQUET,
    OVERLAYS,
    OVERVIEW,
    "evaluation",
    METHODS,
    *REVIEW,
    SUMMARY,
)
"""All that a run may write, in the order in which it is moved into place."""

UNFINISHED = ".incomplete"
"""Name of the folder, in that of the results, of all that an unfinished run has done so far."""

MARK = "unfinished.txt"
"""Name of the file in `UNFINISHED` without which what is there is only left over."""


def is_unfinished(folder: Path) -> bool:
    """Whether a run into a folder began and did not finish."""
    return (folder / UNFINISHED / MARK).is_file()


def refuse_existing(folder: Path, overwrite: bool, resume: bool = False) -> None:
    """Makes sure that nothing but earlier results is replaced, and they only where that is wanted.

    Args:
        folder: where results are to go.
        overwrite: earlier results may be replaced, and an unfinished run may be dropped.
        resume: an unfinished run may be resumed.

    Raises:
        OutputError: the folder is a file, or holds an unfinished run or results that may not be
            replaced, or files that are called like results but are from no run.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, results need a folder", Hint.ANOTHER_OUTPUT)
    if is_unfinished(folder):
        if resume:
            return
        if not overwrite:
            raise OutputError(f"{folder} holds an unfinished run", Hint.UNFINISHED_RUN)
    existing = [name for name in RESULTS if (folder / name).exists()]
    if existing and RESULTS[-1] not in existing and not (folder / MOVING).exists():
        raise OutputError(
            f"{folder} holds {existing[0]}, but no {RESULTS[-1]}: it is not from an earlier run and"
            " is never overwritten",
            Hint.ANOTHER_OUTPUT,
        )
    if SUMMARY in existing and is_of_another_program(folder):
        raise OutputError(
            f"{folder} holds {SUMMARY} of another program, which is never overwritten",
            Hint.ANOTHER_OUTPUT,
        )
    if existing and not overwrite:
        raise OutputError(f"{folder} holds results already", Hint.REPLACE_OR_ANOTHER_OUTPUT)


def has_tables(formats: Sequence[Format]) -> bool:
    """Whether text tables are written of the photographs: not beside a Parquet file alone."""
    return any(one != "parquet" for one in formats)


def planned(
    formats: Sequence[Format],
    overlay: bool,
    evaluation: bool,
    measurements: bool,
    curves: bool = False,
    appended: bool = False,
    many: bool = False,
) -> list[str]:
    """Names of the results that a run with these options writes."""
    left_out = set(REVIEW)
    if "tps" not in formats:
        left_out.add("landmarks.tps")
    if "csv" not in formats:
        left_out |= {"landmarks.csv", "predictions.csv"}
    if "parquet" not in formats:
        left_out.add(PARQUET)
    if not has_tables(formats):
        left_out |= {"specimens.csv", MEASUREMENTS, SLIDERS}
    if not (many and has_tables(formats)):
        left_out.add(PHOTOGRAPHS)
    if not overlay:
        left_out |= {OVERLAYS, OVERVIEW}
    if not measurements:
        left_out.add(MEASUREMENTS)
    if not (curves and "csv" in formats and not appended):
        left_out.add(CURVES)
    if not (curves and appended):
        left_out.add(SLIDERS)
    if not evaluation:
        left_out.add("evaluation")
    return [name for name in RESULTS if name not in left_out]
