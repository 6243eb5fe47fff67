"""Which photographs of a folder of results to check first."""

from __future__ import annotations

import csv
import heapq
import itertools
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from beetle_lm.errors import Hint, LandmarkFileError, OutputError
from beetle_lm.predict.batch.result_files import is_unfinished
from beetle_lm.predict.batch.staging import writing
from beetle_lm.predict.batch.writers import SPECIMEN_COLUMNS
from beetle_lm.predict.formats.csv import csv_line, guarded, unguarded
from beetle_lm.predict.formats.identifiers import shared_base_names
from beetle_lm.predict.formats.own_tables import TIDY_COLUMNS
from beetle_lm.predict.formats.parquet import PARQUET, ParquetResults
from beetle_lm.predict.formats.records import flip_y
from beetle_lm.predict.formats.tps import TpsFormatter, TpsRecord, read_tps
from beetle_lm.predict.images.find import Place, folder_of, place_below
from beetle_lm.predict.images.specimens import number_of, photograph_of
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, encodable, fixed

COLUMNS = (
    "part",
    "image",
    "status",
    "reason",
    "mean_expected_error_px",
    "worst_landmark",
    "worst_name",
    "worst_expected_error_px",
    "mean_score",
)
"""The columns of `review.csv`."""

_SPECIMENS = "specimens.csv"
_RANKS = {"failed": 0, "flagged": 1, "ok": 2}


@dataclass(frozen=True, eq=False)
class PlacedLandmarks:
    """The landmarks of a photograph as its results have them.

    Args:
        names: the landmarks' names.
        xy: (n, 2) pixels, y down, in the frame of the results; NaN where left out.
        score: (n,) from 0 to 1.
        expected_error: (n,) pixels.
    """

    names: tuple[str, ...]
    xy: Floats
    score: Floats
    expected_error: Floats

    @property
    def worst(self) -> int:
        """The index of the landmark with the largest expected error."""
        return int(np.argmax(self.expected_error))


@dataclass(frozen=True, eq=False)
class Reviewed:
    """A photograph to check.

    Args:
        part: its part.
        image: its name.
        photograph: where its file was when it was predicted.
        stored: the landmarks are in the frame of the stored pixels, not of the upright picture.
        size: width and height in the frame of its landmarks; None where it was not read.
        scale: units per pixel, None where unknown.
        status: 'failed', 'flagged' or 'ok'.
        reason: why it is not ok.
        mean_error: mean expected error in pixels; None where it failed.
        mean_score: mean score; None where it failed.
        placed: its landmarks; None where it failed, or the run wrote no table of them.
        xy: (n, 2) their coordinates, from the TPS file where there is no table; None where neither
            has them.
    """

    part: str
    image: str
    photograph: Place
    stored: bool
    size: tuple[int, int] | None
    scale: float | None
    status: str
    reason: str
    mean_error: float | None
    mean_score: float | None
    placed: PlacedLandmarks | None = None
    xy: Floats | None = None

    @property
    def rank(self) -> tuple[int, float, str, str]:
        """Sorts by how much a photograph needs checking: failed, flagged, then the least sure."""
        return _RANKS[self.status], self.mean_score or 0.0, self.part, self.image


@dataclass(eq=False)
class Review:
    """What there is to check.

    Args:
        worst: the photographs to check first, the worst of them first.
        counts: how many photographs have each status.
    """

    worst: list[Reviewed] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_RANKS, 0))

    @property
    def unit(self) -> str:
        """What is counted: 'photograph', or 'specimen' where photographs show several."""
        several = any(number_of(one.image) is not None for one in self.worst)
        return "specimen" if several else "photograph"

    @property
    def suspicious(self) -> int:
        """How many photographs failed or are flagged."""
        return self.counts["failed"] + self.counts["flagged"]


def review(folder: Path, number: int) -> Review:
    """Reads the results of a run, of one part or of several.

    Memory does not grow with the number of photographs.

    Args:
        folder: the run's folder of results.
        number: how many photographs to give at most.

    Raises:
        OutputError: the folder holds no results, or those of an unfinished run.
        LandmarkFileError: a table of the results is damaged.
    """
    found = Review()
    parts = _parts(folder)

    def every() -> Iterator[Reviewed]:
        for name, path, summary in parts:
            for one in _specimens(name, path, summary):
                found.counts[one.status] += 1
                yield one

    chosen = heapq.nsmallest(number, every(), key=lambda one: one.rank)
    tables = {name: path / "predictions.csv" for name, path, _ in parts}
    placed = {name: _placed(path, name, chosen) for name, path in tables.items()}
    written = {
        name: _written(path.with_name("landmarks.tps"), name, chosen)
        for name, path in tables.items()
        if not path.exists()
    }
    for one in chosen:
        if one.placed is not None:  # the row of a Parquet file has it all
            found.worst.append(one)
            continue
        landmarks = placed[one.part].get(one.image)
        xy = written.get(one.part, {}).get(one.image) if landmarks is None else landmarks.xy
        found.worst.append(replace(one, placed=landmarks, xy=xy))
    return found


@dataclass(frozen=True, eq=False)
class Results:
    """What a run wrote of the photographs of one part, to be corrected.

    Args:
        folder: the folder of these results.
        part: the part's name.
        photographs: the folder that the names of the photographs are below, or its address.
        stored: landmarks are in the frame of the stored pixels, not of the upright picture.
        model: the model's file, None where templates placed the landmarks.
    """

    folder: Path
    part: str
    photographs: Path | str
    stored: bool
    model: Path | None

    @classmethod
    def read(cls, folder: Path) -> list[Results]:
        """Reads what a run says of itself: the results of each of its parts.

        Raises:
            OutputError: the folder holds no results, or those of an unfinished run.
        """
        return [cls._of(path, summary) for _, path, summary in _parts(folder)]

    @classmethod
    def _of(cls, folder: Path, summary: dict[str, Any]) -> Results:
        file = summary["model"].get("file") if "weights_sha256" in summary["model"] else None
        return cls(
            folder,
            str(summary["model"]["part"]),
            folder_of(summary["photographs"]),
            summary["frame"] == "stored",
            None if file is None else Path(file),
        )

    def specimens(self) -> Iterator[Reviewed]:
        """The photographs in the order of the run, with their landmarks.

        Memory does not grow with their number, but where the run wrote no table of landmarks.

        Raises:
            LandmarkFileError: a table of the results is damaged.
        """
        summary = _summary(self.folder)
        table = self.folder / "predictions.csv"
        if not (self.folder / _SPECIMENS).exists():  # or Parquet alone
            yield from _specimens(self.part, self.folder, summary)
            return
        if not table.exists():  # a run may write TPS alone
            every = list(_specimens(self.part, self.folder, summary))
            written = _written(self.folder / "landmarks.tps", self.part, every)
            yield from (replace(one, xy=written.get(one.image)) for one in every)
            return
        rows = _grouped(table)
        ahead = next(rows, None)
        for one in _specimens(self.part, self.folder, summary):
            if ahead is None or ahead[0] != one.image:
                yield one
                continue
            yield replace(one, placed=ahead[1], xy=ahead[1].xy)
            ahead = next(rows, None)


def review_rows(found: Review) -> Iterator[str]:
    """The text of `review.csv`."""
    yield csv_line(COLUMNS)
    for one in found.worst:
        worst = ("", "", "")
        if one.placed is not None:
            index = one.placed.worst
            error = _fixed(float(one.placed.expected_error[index]), 3)
            worst = str(index + 1), guarded(one.placed.names[index]), error
        yield encodable(
            csv_line(
                (
                    guarded(one.part),
                    guarded(one.image),
                    one.status,
                    guarded(one.reason),
                    _fixed(one.mean_error, 3),
                    *worst,
                    _fixed(one.mean_score, 4),
                )
            )
        )


def review_records(found: Review) -> Iterator[str]:
    """The text of `review.tps`: the same photographs in the same order.

    One whose landmarks are in none of the run's files has ``LM=0``, to be digitised. A comment
    gives status and reason.
    """
    formatter = TpsFormatter()
    shared = bool(shared_base_names(list({photograph_of(one.image) for one in found.worst})))
    for one in found.worst:
        xy, size = np.empty((0, 2)), (0, 0)
        if one.xy is not None and one.size is not None:
            xy, size = one.xy, one.size
        record = TpsRecord.from_image_xy(xy, size, one.image, scale=one.scale)
        comments = ("; ".join(filter(None, (one.status, one.reason))),)
        yield formatter.format(replace(record, comments=comments), keep_folders=shared)


def stamp(files: Sequence[Path]) -> None:
    """Gives the files of a review one time, by which `is_changed` knows them.

    Raises:
        OutputError: a file is gone.
    """
    with writing(files[0].parent):
        now = files[-1].stat().st_mtime_ns
        for file in files:
            os.utime(file, ns=(now, now))


def is_changed(files: Sequence[Path]) -> bool:
    """Whether there are files of a review that were written or removed since `stamp`."""
    there = [file for file in files if file.exists()]
    times = {file.stat().st_mtime_ns for file in there}
    return len(times) > 1 or 0 < len(there) < len(files)


def _fixed(value: float | None, decimals: int) -> str:
    return "" if value is None else fixed(value, decimals)


def _parts(folder: Path) -> list[tuple[str, Path, dict[str, Any]]]:
    """The folders that have tables, each with its part and its run.json.

    Two models of a run may be of one part: there the name of the folder is that of the part.
    """
    if is_unfinished(folder):
        raise OutputError(f"{folder} holds an unfinished run", Hint.FINISH_FIRST)
    summary = _summary(folder)
    if "parts" not in summary:
        return [(str(summary["model"]["part"]), folder, summary)]
    return [(name, folder / name, _summary(folder / name)) for name in summary["parts"]]


def _summary(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if "parts" in summary:
            [folder / name for name in dict(summary["parts"])]
        else:
            str(summary["model"]["part"]), Path(summary["photographs"]), summary["frame"]
    except FileNotFoundError as error:
        raise OutputError(f"{folder} holds no results", Hint.RESULTS_FOLDER) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{path} is not what this beetle-lm writes", Hint.PREDICT_AGAIN
        ) from error
    return dict(summary)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of one of our own tables, each with the line that it ends in."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if tuple(reader.fieldnames or ()) != columns:
                raise _damaged(path, 1, f"the columns {', '.join(columns)}")
            for row in reader:
                if None in row or None in row.values():
                    raise _damaged(path, reader.line_num, f"{len(columns)} cells")
                yield reader.line_num, row
    except OSError as error:
        raise LandmarkFileError(path, None, f"cannot be read: {error.strerror or error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise _damaged(path, None, "CSV in UTF-8") from error


def _damaged(path: Path, line: int | None, wanted: str) -> LandmarkFileError:
    found = f"expected {wanted}, as this beetle-lm writes it"
    return LandmarkFileError(path, line, found, Hint.PREDICT_AGAIN)


def _specimens(part: str, folder: Path, summary: dict[str, Any]) -> Iterator[Reviewed]:
    path = folder / _SPECIMENS
    if not path.exists() and (folder / PARQUET).exists():
        yield from _of_parquet(part, ParquetResults(folder / PARQUET), summary)
        return
    for line, row in _rows(path, SPECIMEN_COLUMNS):
        if row["status"] not in _RANKS:
            raise _damaged(path, line, "a status")
        name = unguarded(row["image"])
        yield Reviewed(
            part,
            name,
            place_below(folder_of(summary["photographs"]), photograph_of(name)),
            summary["frame"] == "stored",
            _size(path, line, row),
            _number(path, line, row["units_per_px"]),
            row["status"],
            unguarded(row["reason"]),
            _number(path, line, row["mean_expected_error_px"]),
            _number(path, line, row["mean_score"]),
        )


def _of_parquet(part: str, results: ParquetResults, summary: dict[str, Any]) -> Iterator[Reviewed]:
    names = results.about.spec.landmark_names
    for row in results:
        placed = None
        if row.xy is not None and row.score is not None and row.expected_error is not None:
            placed = PlacedLandmarks(names, row.xy, row.score, row.expected_error)
        yield Reviewed(
            part,
            row.image,
            place_below(folder_of(summary["photographs"]), photograph_of(row.image)),
            results.about.stored,
            row.size,
            row.units_per_px,
            row.status,
            row.reason,
            None if row.expected_error is None else float(row.expected_error.mean()),
            None if row.score is None else float(row.score.mean()),
            placed,
            None if placed is None else placed.xy,
        )


def _placed(path: Path, part: str, chosen: list[Reviewed]) -> dict[str, PlacedLandmarks]:
    """The landmarks of the photographs that were chosen, by their names."""
    wanted = {one.image for one in chosen if one.part == part and one.status != "failed"}
    if not wanted or not path.exists():  # a run may write TPS alone
        return {}
    return dict(_grouped(path, wanted))


def _grouped(
    path: Path, wanted: Collection[str] | None = None
) -> Iterator[tuple[str, PlacedLandmarks]]:
    """The landmarks of each photograph of a table, or of those that are wanted, in its order."""
    for image, rows in itertools.groupby(
        _rows(path, TIDY_COLUMNS), key=lambda numbered: unguarded(numbered[1]["image"])
    ):
        if wanted is not None and image not in wanted:
            continue
        names, values = [], []
        for line, row in rows:
            cells = (
                _number(path, line, row[key]) for key in ("x", "y", "score", "expected_error_px")
            )
            names.append(unguarded(row["name"]))
            values.append([np.nan if cell is None else cell for cell in cells])
        table = np.array(values)
        yield image, PlacedLandmarks(tuple(names), table[:, :2], table[:, 2], table[:, 3])


def _written(path: Path, part: str, chosen: list[Reviewed]) -> dict[str, Floats]:
    """The landmarks (n, 2) that the TPS file has of the photographs that were chosen, y down."""
    if not path.exists():
        return {}
    points = {record.image: record.points for record in read_tps(path)}
    found = {}
    for one in chosen:
        own = points.get(one.image, points.get(base_name(one.image)))
        if one.part == part and own is not None and one.size is not None:
            found[one.image] = flip_y(own, one.size[1])
    return found


def _size(path: Path, line: int, row: dict[str, str]) -> tuple[int, int] | None:
    width, height = (_number(path, line, row[side]) for side in ("width", "height"))
    return None if width is None or height is None else (int(width), int(height))


def _number(path: Path, line: int, cell: str) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError as error:
        raise _damaged(path, line, "a number") from error
