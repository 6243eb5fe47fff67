"""The results of a run as one Parquet file: a row for each photograph, with every digit.

It is what millions of photographs are written to: readers of columns take it in at once, and text
tables are made of it when they are wanted. pyarrow writes and reads it, and only here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from beetle_lm.errors import Hint, ImageError, LandmarkFileError, PartError
from beetle_lm.libraries import first_line, require_extra
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.result_row import ResultRow
from beetle_lm.predict.landmarks import Floats, curve_points
from beetle_lm.text import encodable
from beetle_lm.zoo.model_file.parts import PartSpec

PARQUET = "landmarks.parquet"
"""The file's name in a folder of results."""

SUFFIX = ".parquet"

_ROWS = 5000  # in a row group: what is in memory at once
_ABOUT = b"beetle_lm"
_TEXTS = ("image", "status", "reason", "scale_note")
_SIZES = ("width", "height")
_COLUMNS = ("x{}", "y{}_down", "score{}", "expected_error{}_px")
_OF_CURVES = ("semilandmark{}_x", "semilandmark{}_y_down", "semilandmark{}_expected_error_px")


@dataclass(frozen=True)
class About:
    """What a file says of all its rows.

    Args:
        spec: the part.
        stored: coordinates are in the frame of the stored pixels, not of the upright picture.
        drops: flagged photographs have no coordinates, and stand in no landmark file.
    """

    spec: PartSpec
    stored: bool
    drops: bool = False

    @property
    def columns(self) -> list[str]:
        """The names of the columns of landmarks: all of the first landmark, and so on.

        Those of semilandmarks, curve after curve, follow.
        """
        numbers, along = range(1, len(self.spec) + 1), range(1, self.spec.semilandmarks + 1)
        return [
            *(column.format(number) for number in numbers for column in _COLUMNS),
            *(column.format(number) for number in along for column in _OF_CURVES),
        ]


def check_installed() -> None:
    """Makes sure that Parquet files can be written and read.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    with require_extra("parquet"):
        import pyarrow.parquet  # noqa: F401


class ParquetWriter:
    """Writes rows, a few thousand at a time, as a context.

    Args:
        path: the file.
        about: what it says of its rows.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, about: About) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._about, self._rows = about, list[ResultRow]()
        fields = [
            *(pa.field(name, pa.string()) for name in _TEXTS),
            *(pa.field(name, pa.int32()) for name in _SIZES),
            pa.field("units_per_px", pa.float64()),
            *(pa.field(name, pa.float64()) for name in about.columns),
        ]
        told = {
            "part": about.spec.to_dict(),
            "frame": "stored" if about.stored else "upright",
            "flagged": "drop" if about.drops else "keep",
        }
        self._schema = pa.schema(fields, {_ABOUT: json.dumps(told).encode()})
        self._writer = parquet.ParquetWriter(
            str(path), self._schema, compression="zstd", use_dictionary=["status", "reason"]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write()
        self._writer.close()

    def add(self, row: ResultRow) -> None:
        """Writes a row, sooner or later.

        Raises:
            OSError: e.g. the disk is full.
        """
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            self._write()

    def _write(self) -> None:
        import pyarrow as pa

        rows, spec = self._rows, self._about.spec
        if not rows:
            return
        table = np.full((len(rows), len(spec), len(_COLUMNS)), np.nan)
        along = np.full((len(rows), spec.semilandmarks, len(_OF_CURVES)), np.nan)
        for index, row in enumerate(rows):
            if row.xy is not None:
                table[index, :, :2] = row.xy
            if row.score is not None and row.expected_error is not None:
                table[index, :, 2], table[index, :, 3] = row.score, row.expected_error
            if row.semilandmarks is not None:
                along[index, :, :2] = row.semilandmarks
            if row.semilandmark_error is not None:
                along[index, :, 2] = row.semilandmark_error
        numbers = np.hstack([part.reshape(len(rows), -1) for part in (table, along)]).T
        columns: list[Any] = [
            [encodable(row.image) for row in rows],
            [row.status for row in rows],
            [encodable(row.reason) or None for row in rows],
            [encodable(row.scale_note) or None for row in rows],
            *([None if row.size is None else row.size[side] for row in rows] for side in (0, 1)),
            [row.units_per_px for row in rows],
        ]
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=False)
        ]
        # A missing number is null, which every reader takes for missing.
        arrays += [pa.array(np.ascontiguousarray(one), mask=np.isnan(one)) for one in numbers]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


class ParquetResults:
    """The rows of a file, which are read a few thousand at a time.

    Args:
        path: the file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        LandmarkFileError: it cannot be read, or is none that beetle-lm wrote.
    """

    def __init__(self, path: Path) -> None:
        check_installed()
        self.path = path
        with self._opened() as file:
            metadata = file.schema_arrow.metadata or {}
            try:
                told = json.loads(metadata[_ABOUT])
                spec = PartSpec.from_dict(told["part"])
                self.about = About(spec, told["frame"] == "stored", told["flagged"] == "drop")
            except (KeyError, TypeError, ValueError, PartError) as error:
                raise self._damaged() from error
            wanted = (*_TEXTS, *_SIZES, "units_per_px", *self.about.columns)
            if not set(wanted) <= set(file.schema_arrow.names):
                raise self._damaged()
            self._count = int(file.metadata.num_rows)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ResultRow]:
        """The rows in their order.

        Raises:
            LandmarkFileError: the file is damaged.
        """
        with self._opened() as file:
            for batch in file.iter_batches(_ROWS):
                yield from self._rows(batch)

    @property
    def names(self) -> Iterable[str]:
        """The names of the photographs in their order, which may be gone through several times."""
        return _Names(self._opened)

    def records(self) -> list[Record]:
        """The photographs that have landmarks, or whose landmarks are all missing, as records.

        Raises:
            LandmarkFileError: the file is damaged.
        """
        return [
            self._record(row, row.xy, number)
            for number, row in enumerate(self, 1)
            if row.xy is not None
        ]

    def _record(self, row: ResultRow, xy: Floats, number: int) -> Record:
        spec = self.about.spec
        curves = {} if row.semilandmarks is None else curve_points(spec, xy, row.semilandmarks)
        return Record(
            xy,
            row.image,
            scale=row.units_per_px,
            number=number,
            names=spec.landmark_names,
            score=row.score,
            expected_error=row.expected_error,
            curves=tuple(curves.values()),
            curve_names=tuple(curves) or None,
            control_points=False,
        )

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of the photographs that were read, by their names.

        Raises:
            LandmarkFileError: the file is damaged.
        """
        return {row.image: row.size for row in self if row.size is not None}

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(str(self.path)) as file:
                yield file
        except (pa.ArrowException, KeyError) as error:
            raise self._damaged() from error
        except OSError as error:
            reason = error.strerror or str(error).split("\n", 1)[0]
            raise LandmarkFileError(self.path, None, f"cannot be read: {reason}") from error

    def _damaged(self) -> LandmarkFileError:
        found = "expected a Parquet file of landmarks, as this beetle-lm writes it"
        return LandmarkFileError(self.path, None, found, Hint.PREDICT_AGAIN)

    def _rows(self, batch: Any) -> Iterator[ResultRow]:
        texts = [batch.column(name).to_pylist() for name in (*_TEXTS, *_SIZES, "units_per_px")]
        numbers = [batch.column(name).to_numpy(zero_copy_only=False) for name in self.about.columns]
        spec, count = self.about.spec, batch.num_rows
        every = np.array(numbers, dtype=np.float64).T
        last = len(spec) * len(_COLUMNS)
        table = every[:, :last].reshape(count, len(spec), len(_COLUMNS))
        along = every[:, last:].reshape(count, spec.semilandmarks, len(_OF_CURVES))
        for index, (image, status, reason, note, width, height, scale) in enumerate(
            zip(*texts, strict=True)
        ):
            values = table[index]
            placed = status != "failed"
            written = placed and not (self.about.drops and status == "flagged")
            yield ResultRow(
                image,
                status,
                reason or "",
                None if width is None or height is None else (width, height),
                values[:, :2] if written else None,
                values[:, 2] if placed else None,
                values[:, 3] if placed else None,
                None if scale is None or math.isnan(scale) else scale,
                note or "",
                along[index, :, :2] if written else None,
                along[index, :, 2] if placed else None,
            )


def columns_of(path: Path) -> list[str]:
    """The names of the columns of any Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        ImageError: the file cannot be read.
    """
    check_installed()
    with _any(path) as file:
        return list(file.schema_arrow.names)


def values_of(path: Path, columns: Sequence[str | None]) -> Iterator[tuple[object, ...]]:
    """The values of some columns of any Parquet file, row by row.

    Args:
        path: the file.
        columns: their names; None gives None.

    Raises:
        ImageError: the file cannot be read.
    """
    wanted = [name for name in columns if name is not None]
    with _any(path) as file:
        for batch in file.iter_batches(_ROWS, columns=wanted):
            nothing = [None] * batch.num_rows
            found = [
                nothing if name is None else batch.column(name).to_pylist() for name in columns
            ]
            yield from zip(*found, strict=True)


@contextmanager
def _any(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(str(path)) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ImageError(f"{path} cannot be read: {reason}") from error


@dataclass(frozen=True)
class _Names:
    opened: Callable[[], AbstractContextManager[Any]]

    def __iter__(self) -> Iterator[str]:
        with self.opened() as file:
            for batch in file.iter_batches(_ROWS, columns=["image"]):
                yield from batch.column(0).to_pylist()
