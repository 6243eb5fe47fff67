"""The landmark files and tables of a run: what is written of each result."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np

from beetle_lm.predict.batch.options import Flagged, Options
from beetle_lm.predict.batch.result_files import (
    CURVES,
    MEASUREMENTS,
    PHOTOGRAPHS,
    SLIDERS,
    has_tables,
)
from beetle_lm.predict.batch.staging import writing
from beetle_lm.predict.formats.csv import csv_line, guarded
from beetle_lm.predict.formats.identifiers import Identifiers, shared_base_names
from beetle_lm.predict.formats.own_tables import tidy_header, tidy_rows, wide_header, wide_row
from beetle_lm.predict.formats.parquet import PARQUET, About, ParquetWriter
from beetle_lm.predict.formats.result_row import ResultRow
from beetle_lm.predict.formats.semilandmarks import (
    curve_header,
    curve_rows,
    semilandmark_names,
    sliders,
)
from beetle_lm.predict.formats.tps import TpsFormatter
from beetle_lm.predict.images.orientation import ExifFrame, to_stored, upright_size
from beetle_lm.predict.images.specimens import photograph_of
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.measurements import lengths
from beetle_lm.predict.result import Result
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.text import base_name, encodable, fixed, precise
from beetle_lm.zoo.model_file.parts import PartSpec

SPECIMEN_COLUMNS = (
    "image",
    "status",
    "reason",
    "width",
    "height",
    "mean_score",
    "min_score",
    "mean_expected_error_px",
    "missing",
    "units_per_px",
    "scale_note",
)

PHOTOGRAPH_COLUMNS = ("image", "specimens", "flagged", "unsure", "note")
"""Those of the table of photographs whose specimens are all looked for."""

_SCORE_DECIMALS, _ERROR_DECIMALS = 4, 3
_LENGTH_COLUMNS = ("px", "px_expected_error", "units", "units_expected_error")

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class Written:
    """A result as it is written: in the frame that was chosen, with weak landmarks left out.

    Args:
        xy: (n, 2) pixels, y down; NaN where the score is below the limit, and in all places where
            the photograph is flagged and its landmarks are to be missing.
        score: (n,) scores of all landmarks.
        expected_error: (n,) expected errors of all landmarks, in pixels.
        semilandmarks: (s, 2) of the part's curves, like `xy`; those of all curves are missing where
            the photograph is flagged and its landmarks are to be.
        semilandmark_error: (s,) their expected errors, in pixels.
        size: width and height of the photograph in that frame.
        below: how many scores are below the limit.
        dropped: the photograph is flagged and stands in no landmark file.
    """

    xy: Floats
    score: Floats
    expected_error: Floats
    semilandmarks: Floats
    semilandmark_error: Floats
    size: tuple[int, int]
    below: int = 0
    dropped: bool = False

    @classmethod
    def of(
        cls,
        result: Result,
        frame: ExifFrame,
        min_score: float = 0.0,
        flagged: Flagged = "keep",
    ) -> Written | None:
        """What is written of a result; None for one without landmarks."""
        if result.landmarks is None or result.size is None:
            return None
        xy, score, size = result.landmarks.xy, result.landmarks.score, result.size
        expected_error = result.landmarks.expected_error
        if score is None or expected_error is None:
            return None
        curves, across = result.landmarks.semilandmarks, result.landmarks.semilandmark_error
        if curves is None or across is None:
            curves, across = np.empty((0, 2)), np.empty(0)
        if frame == "stored":
            xy = to_stored(xy, result.orientation, size)
            curves = to_stored(curves, result.orientation, size)
            size = upright_size(size, result.orientation)
        weak = score < min_score
        is_flagged = result.status == "flagged"
        all_missing = is_flagged and flagged == "missing"
        missing = weak | all_missing
        return cls(
            np.where(missing[:, None], np.nan, xy),
            score,
            expected_error,
            np.full_like(curves, np.nan) if all_missing else curves,
            across,
            size,
            int(weak.sum()),
            is_flagged and flagged == "drop",
        )

    @property
    def missing(self) -> int:
        """How many landmarks are left out."""
        return int(np.isnan(self.xy[:, 0]).sum())


class ResultFiles:
    """Writes the landmark files and tables of a run, one result after the other, as a context.

    Args:
        folder: where they go.
        spec: the part.
        names: of the images, in their order; gone through several times.
        options: what is written and how.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        spec: PartSpec,
        names: Iterable[str],
        options: Options,
    ) -> None:
        self._folder = folder
        self._spec = spec
        self._options = options
        self._appended = bool(spec.curves) and options.curves == "append"
        self._names = spec.landmark_names
        if self._appended:
            self._names += semilandmark_names(spec)
        self._ids, self._shared = Identifiers(()), frozenset[str]()
        if "tps" in self._options.formats:
            self._ids, self._shared = Identifiers(names), frozenset(shared_base_names(names))
        self._about = About(spec, options.exif == "stored", options.flagged == "drop")
        self._parquet: ParquetWriter | None = None
        self._tps = TpsFormatter()
        self._files = ExitStack()
        self._streams: dict[str, TextIO] = {}

    @property
    def paths(self) -> list[Path]:
        """The files."""
        binary = () if self._parquet is None else (PARQUET,)
        return [self._folder / name for name in (*self._streams, *binary)]

    def __enter__(self) -> Self:
        with ExitStack() as stack, writing(self._folder):
            if "tps" in self._options.formats:
                self._open(stack, "landmarks.tps", "")
            if "csv" in self._options.formats:
                self._open(stack, "landmarks.csv", wide_header(len(self._names)))
                self._open(stack, "predictions.csv", tidy_header())
            if has_tables(self._options.formats):
                self._open(stack, "specimens.csv", ",".join(SPECIMEN_COLUMNS) + "\n")
                if self._options.many:
                    self._open(stack, PHOTOGRAPHS, ",".join(PHOTOGRAPH_COLUMNS) + "\n")
                if self._spec.measurements:
                    self._open(stack, MEASUREMENTS, measurements_header(self._spec))
                if self._appended:
                    self._open(stack, SLIDERS, sliders(self._spec))
                elif self._spec.curves and "csv" in self._options.formats:
                    self._open(stack, CURVES, curve_header())
            if "parquet" in self._options.formats:
                writer = ParquetWriter(self._folder / PARQUET, self._about)
                self._parquet = stack.enter_context(writer)
            self._files = stack.pop_all()
        if self._shared:
            _log.warning(
                "photographs in different folders have the same name, e.g. %s: in landmarks.tps"
                " their IMAGE= has the folders too",
                min(self._shared),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with writing(self._folder):
            self._files.__exit__(kind, error, trace)

    def add(self, result: Result, written: Written | None, scale: Scale | None = None) -> None:
        """Writes one result.

        Args:
            result: what came of a photograph.
            written: what is written of its landmarks, None if it has none.
            scale: of the photograph, None where nobody asked for it.

        Raises:
            OutputError: the folder cannot be written, e.g. because the disk is full.
        """
        with writing(self._folder):
            row = _row(result, written, scale)
            if self._parquet is not None:
                self._parquet.add(row)
            if not has_tables(self._options.formats):
                return
            self._write_specimen(result, written, scale)
            if written is not None and not written.dropped:
                units_per_px = None if scale is None else scale.units_per_px
                self._write_landmarks(row)
                if self._spec.measurements:
                    measured = measurements_row(self._spec, result, written, units_per_px)
                    self._streams[MEASUREMENTS].write(measured)

    def add_photograph(self, result: Result) -> None:
        """Writes what a photograph shows, where all of its specimens are looked for.

        Args:
            result: what came of it.

        Raises:
            OutputError: the folder cannot be written, e.g. because the disk is full.
        """
        if PHOTOGRAPHS not in self._streams:
            return
        placed = [one for one in result.specimens if one.specimen is not None]
        flagged = sum(one.status == "flagged" for one in placed)
        note = guarded(result.error or result.note)
        row = (guarded(result.name), len(placed), flagged, len(result.unsure), note)
        with writing(self._folder):
            self._streams[PHOTOGRAPHS].write(encodable(csv_line(row)))

    def _open(self, stack: ExitStack, name: str, header: str) -> None:
        stream = (self._folder / name).open("w", encoding="utf-8", newline="")
        self._streams[name] = stack.enter_context(stream)
        stream.write(header)

    def _write_specimen(self, result: Result, written: Written | None, scale: Scale | None) -> None:
        size: tuple[int | str, int | str] = result.size or ("", "")
        confidence: tuple[str, ...] = ("", "", "")
        missing: int | str = ""
        if written is not None:
            size = written.size
            confidence = (
                fixed(float(written.score.mean()), _SCORE_DECIMALS),
                fixed(float(written.score.min()), _SCORE_DECIMALS),
                fixed(float(written.expected_error.mean()), _ERROR_DECIMALS),
            )
            missing = written.missing
        reason = guarded(result.error or result.flag or "")
        units = ("", "") if scale is None else (_units(scale.units_per_px), guarded(scale.note))
        name = guarded(result.called)
        row = (name, result.status, reason, *size, *confidence, missing, *units)
        self._streams["specimens.csv"].write(encodable(csv_line(row)))

    def _write_landmarks(self, row: ResultRow) -> None:
        if self._appended:
            row = row.appended()
        record = row.tps_record(self._ids.of(row.image), self._spec)
        if record is not None and "tps" in self._options.formats:
            keep_folders = base_name(photograph_of(row.image)) in self._shared
            self._streams["landmarks.tps"].write(self._tps.format(record, keep_folders))
        if row.xy is not None and "csv" in self._options.formats:
            self._streams["landmarks.csv"].write(wide_row(row.image, row.xy))
            rows = tidy_rows(row.image, self._names, row.xy, row.score, row.expected_error)
            self._streams["predictions.csv"].write(rows)
        if CURVES in self._streams and row.semilandmarks is not None:
            self._streams[CURVES].write(
                curve_rows(row.image, self._spec, row.semilandmarks, row.semilandmark_error)
            )


def _row(result: Result, written: Written | None, scale: Scale | None) -> ResultRow:
    placed = written is not None and not written.dropped
    return ResultRow(
        result.called,
        result.status,
        result.error or result.flag or "",
        result.size if written is None else written.size,
        written.xy if written is not None and placed else None,
        None if written is None else written.score,
        None if written is None else written.expected_error,
        None if scale is None else scale.units_per_px,
        "" if scale is None else scale.note,
        written.semilandmarks if written is not None and placed else None,
        None if written is None else written.semilandmark_error,
    )


def measurements_header(spec: PartSpec) -> str:
    """The first line of `measurements.csv`: four columns for each measurement."""
    columns = [f"{one.name}_{kind}" for one in spec.measurements for kind in _LENGTH_COLUMNS]
    return encodable(csv_line(("image", "status", "units_per_px", *map(guarded, columns))))


def measurements_row(
    spec: PartSpec, result: Result, written: Written, units_per_px: float | None
) -> str:
    """The row of one photograph in `measurements.csv`.

    Args:
        spec: the part.
        result: what came of the photograph.
        written: what is written of its landmarks; those that it lacks end no length.
        units_per_px: its scale, None where unknown.
    """
    cells: list[str] = []
    for length in lengths(spec, written.xy, written.expected_error).values():
        cells += [_cell(value, _ERROR_DECIMALS) for value in (length.value, length.expected_error)]
        if units_per_px is None:
            cells += ["", ""]
        else:  # as fine as in pixels, whatever the unit
            decimals = max(0, _ERROR_DECIMALS + math.ceil(-math.log10(units_per_px)))
            in_units = length.times(units_per_px)
            cells += [_cell(value, decimals) for value in (in_units.value, in_units.expected_error)]
    row = (guarded(result.called), result.status, _units(units_per_px), *cells)
    return encodable(csv_line(row))


def _units(units_per_px: float | None) -> str:
    return "" if units_per_px is None else precise(units_per_px, 0)


def _cell(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else fixed(value, decimals)
