"""The files that annotating and correcting leave: TPS records, and a table of every move."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from beetle_lm.errors import BeetleLMError, ImageError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.csv import csv_line, guarded
from beetle_lm.predict.formats.identifiers import unique_ids
from beetle_lm.predict.formats.records import flip_y
from beetle_lm.predict.formats.tps import TpsFormatter, TpsRecord
from beetle_lm.predict.images.header import Header, read_header
from beetle_lm.predict.images.orientation import ExifFrame, to_stored
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, encodable, fixed
from beetle_lm.web.curves import PageCurve
from beetle_lm.web.records import Move, Row

MOVE_COLUMNS = (
    *("image", "landmark", "name", "x_before", "y_before", "x_after", "y_after"),
    *("moved_px", "expected_error_px", "proposed_by", "time"),
)
"""The columns of `corrections.csv`; coordinates are in the frame of the run, y down."""


class Headers:
    """What photographs say of themselves, each read once.

    Args:
        photographs: where they are.
    """

    def __init__(self, photographs: Iterable[ImageFile]) -> None:
        self._images = {photograph.name: photograph for photograph in photographs}
        self._known: dict[str, Header] = {}
        self.remembered: Mapping[str, tuple[tuple[int, int], int]] = {}

    def of(self, name: str) -> Header:
        """The header of a photograph; what is remembered of one that is gone.

        Raises:
            ImageError: it cannot be read, and nothing is remembered.
        """
        if name not in self._known:
            try:
                self._known[name] = read_header(self._images[name])
            except ImageError:
                if name not in self.remembered:
                    raise
                self._known[name] = Header("", *self.remembered[name])
        return self._known[name]


@dataclass(frozen=True, eq=False)
class Records:
    """Makes records of a landmark file from what was accepted.

    Args:
        names: all photographs, in their order.
        headers: what they say of themselves.
        frame: the frame of the coordinates in the file.
        earlier: the records of before, by photograph: their ID, scale, curves, comments and further
            lines are kept.
        scales: units per pixel by photograph, for records without a scale; unknown for others.
        curves: the curves of the page.
    """

    names: tuple[str, ...]
    headers: Headers
    frame: ExifFrame
    earlier: Mapping[str, TpsRecord]
    scales: Mapping[str, float] = field(default_factory=dict)
    curves: tuple[PageCurve, ...] = ()
    _lines: dict[str, tuple[int, tuple[Floats, ...]]] = field(default_factory=dict)

    @cached_property
    def _ids(self) -> dict[str, str]:
        return unique_ids(self.names)

    def accepted(self, rows: Iterable[Row]) -> dict[str, TpsRecord]:
        """The records of accepted photographs, by their names, in the order of the rows."""
        return {
            row.name: self._record(row, row.xy, self._ids[row.name])
            for row in rows
            if row.xy is not None
        }

    def all(self, rows: Iterable[Row]) -> Iterator[TpsRecord]:
        """The earlier records in their order, as they are now, and then those that are new.

        A record whose photograph is not among the accepted ones has no landmarks.
        """
        accepted = self.accepted(rows)
        for name, record in self.earlier.items():
            if name in accepted:
                yield accepted.pop(name)
            elif name in self._ids and record.is_annotated:
                yield replace(record, points=np.empty((0, 2)))
            else:
                yield record
        yield from accepted.values()

    def _record(self, row: Row, xy: Floats, id: str) -> TpsRecord:
        header = self.headers.of(row.name)
        xy = in_frame(xy, header, self.frame)
        scale = self.scales.get(row.name)
        made = TpsRecord.from_image_xy(xy, header.size_in(self.frame), row.name, id, scale)
        earlier = self.earlier.get(row.name)
        kept = made if earlier is None else earlier
        if row.curves is not None:
            kept = self._with_curves(kept, row, header)
        own = f"flagged: {row.reason}"  # a run's remark, which somebody has now looked at
        return replace(
            kept,
            points=made.points,
            image=kept.image or row.name,
            id=kept.id or id,
            scale=scale if kept.scale is None else kept.scale,
            comments=tuple(comment for comment in kept.comments if comment != own),
        )

    def _with_curves(self, record: TpsRecord, row: Row, header: Header) -> TpsRecord:
        """A record with the curves of its row: all of the page's as soon as one of them is there.

        Where nobody changed any of them it says what its file says.
        """
        traced = [(row.curves or {}).get(curve.name) for curve in self.curves]
        if not any(traced) or row.xy is None:
            return replace(record.without_outlines, curves=(), curve_names=None)
        is_own = all(each is not None and each.is_whole for each in traced)
        if is_own and record.outlines:
            return record
        known = self._lines.get(row.name)
        if known is None or known[0] != row.revision:
            upright = (
                curve.as_written(each, row.xy)
                for curve, each in zip(self.curves, traced, strict=True)
            )
            lines = tuple(self._in_file(each, header) for each in upright)
            known = self._lines[row.name] = row.revision, lines
        is_unnamed = is_own and record.curves and record.curve_names is None
        return replace(
            record.without_outlines,
            curves=known[1],
            curve_names=None if is_unnamed else tuple(curve.name for curve in self.curves),
        )

    def _in_file(self, points: Floats, header: Header) -> Floats:
        points = flip_y(in_frame(points, header, self.frame), header.size_in(self.frame)[1])
        return np.where(np.abs(points) < 1e-9, 0.0, points)  # none is negative by rounding


def in_frame(xy: Floats, header: Header, frame: ExifFrame) -> Floats:
    """Landmarks (n, 2) of the upright photograph in the frame of a file, y down."""
    return xy if frame == "apply" else to_stored(xy, header.orientation, header.size)


def tps_text(records: Iterable[TpsRecord]) -> Iterator[str]:
    """The text of a TPS file; folders stand where photographs would share a name."""
    formatter, records = TpsFormatter(), list(records)
    images = {record.image for record in records if record.image is not None}
    times = Counter(base_name(image).casefold() for image in images)
    for record in records:
        yield formatter.format(record, times[base_name(record.image or "").casefold()] > 1)


def moves_text(
    moves: Iterable[Move], landmarks: Sequence[str], headers: Headers, frame: ExifFrame
) -> Iterator[str]:
    """The text of `corrections.csv`.

    Args:
        moves: in the order of time.
        landmarks: their names.
        headers: of the photographs.
        frame: the frame of the coordinates.
    """
    yield csv_line(MOVE_COLUMNS)
    for move in moves:
        header = headers.of(move.photograph)
        before, after = (
            np.array([[np.nan, np.nan] if each is None else each])
            for each in (move.before, move.after)
        )
        cells = [
            "" if np.isnan(value) else fixed(value, 3)
            for each in (before, after)
            for value in in_frame(each, header, frame)[0].tolist()
        ]
        way = float(np.hypot(*(after - before)[0]))
        yield encodable(
            csv_line(
                (
                    guarded(move.photograph),
                    move.landmark + 1,
                    guarded(landmarks[move.landmark]),
                    *cells,
                    "" if np.isnan(way) else fixed(way, 3),
                    "" if move.expected is None else fixed(move.expected, 3),
                    move.origin,
                    datetime.fromtimestamp(move.time, UTC).isoformat(timespec="seconds"),
                )
            )
        )


class Writer:
    """Writes files whenever something has changed, in a thread of its own.

    What was saved is on the disk before that, in the store: these files follow within a moment, and
    `close` writes what is left.

    Args:
        write: writes all files.
    """

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._changed, self._ends = threading.Event(), False
        self.problem = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def changed(self) -> None:
        """Says that there is something new to write."""
        self._changed.set()

    def close(self) -> None:
        """Writes what is left and ends."""
        self._ends = True
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            ends = self._ends
            try:
                self._write()
                self.problem = ""
            except BeetleLMError as error:
                self.problem = str(error)
            if ends:
                return


def write_records(path: Path, records: Iterable[TpsRecord]) -> None:
    """Writes a TPS file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(path, tps_text(records))
