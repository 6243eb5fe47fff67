"""What has been annotated and corrected, on the disk: one SQLite file for a set of photographs.

SQLite because records change in any order, and each change has to be whole on the disk before the
next photograph shows; the journal of a run only grows, in the order of its photographs. The file is
opened with a rollback journal, which works on network drives too, and each change is a transaction
that has reached the disk (fsync) when `save` returns.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beetle_lm.errors import Hint, OutputError
from beetle_lm.predict.landmarks import Floats
from beetle_lm.web.records import Acceptance, Curves, Move, Row, State, Traced

_FORMAT = 1
_MOVED = 1e-3  # pixels: what was written with five decimals and read again has not moved
_BRIEF = "name, status, reason, error, origin, state, revision"
_LANDMARKS = "proposed, expected, xy, proposed_curves, curves"
_CURVES = ("proposed_curves", "curves")  # columns that files of earlier versions do not have
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE photograph (
  name TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL, error REAL,
  origin TEXT NOT NULL, proposed BLOB, expected BLOB,
  state TEXT NOT NULL DEFAULT 'open', xy BLOB, revision INTEGER NOT NULL DEFAULT 0,
  seconds REAL NOT NULL DEFAULT 0, proposed_curves TEXT, curves TEXT
) WITHOUT ROWID;
CREATE TABLE picture (
  photograph TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL,
  orientation INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE move (
  id INTEGER PRIMARY KEY, photograph TEXT NOT NULL, landmark INTEGER NOT NULL, time REAL NOT NULL,
  x_before REAL, y_before REAL, x_after REAL, y_after REAL, expected REAL, origin TEXT NOT NULL
);
CREATE TABLE accepted (
  id INTEGER PRIMARY KEY, photograph TEXT NOT NULL, time REAL NOT NULL, error REAL,
  origin TEXT NOT NULL, moved INTEGER NOT NULL, off BLOB, expected BLOB
);
"""


class ChangedElsewhereError(Exception):
    """A photograph was saved by somebody else since it was read."""


class Store:
    """The records of a set of photographs.

    Args:
        path: the file; made where missing.
        names: the photographs, in their order; rows of others stay in the file and do not count.
        landmarks: how many landmarks each has.

    Raises:
        OutputError: the file cannot be opened, is another program's, or that of another scheme.
    """

    def __init__(self, path: Path, names: Sequence[str], landmarks: int) -> None:
        self.path, self.names, self._count = path, tuple(names), landmarks
        self._lock = threading.RLock()
        self.version = 0
        self._touched: dict[str, int] = {}
        try:
            self._connection = sqlite3.connect(
                path, check_same_thread=False, isolation_level=None, timeout=5
            )
            with self._changing():
                self._prepare(landmarks)
        except sqlite3.Error as error:
            raise OutputError(f"{path} cannot be used: {error}", Hint.ANOTHER_OUTPUT) from error

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def about(self, name: str) -> str:
        """What was remembered under a name; empty where nothing was."""
        with self._lock:
            found = self._connection.execute(
                "SELECT value FROM about WHERE name = ?", (name,)
            ).fetchone()
        return "" if found is None else str(found[0])

    def remember(self, name: str, value: str) -> None:
        """Remembers a text under a name."""
        with self._changing() as database:
            database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def rows(self) -> list[Row]:
        """All photographs of the set in their order, without their landmarks."""
        with self._lock:
            found = self._connection.execute(f"SELECT {_BRIEF} FROM photograph").fetchall()
        by_name = {each[0]: each for each in found}
        return [self._row(*by_name[name]) for name in self.names]

    def rows_with_landmarks(self, state: State) -> list[Row]:
        """The photographs of a state, in the order of the set, with their landmarks."""
        with self._lock:
            found = self._connection.execute(
                f"SELECT {_BRIEF}, {_LANDMARKS} FROM photograph WHERE state = ?", (state,)
            ).fetchall()
        by_name = {each[0]: each for each in found}
        return [self._row(*by_name[name]) for name in self.names if name in by_name]

    def row(self, name: str) -> Row:
        """One photograph, with its landmarks."""
        with self._lock:
            found = self._connection.execute(
                f"SELECT {_BRIEF}, {_LANDMARKS} FROM photograph WHERE name = ?",
                (name,),
            ).fetchone()
        return self._row(*found)

    def propose(self, rows: Iterable[Row]) -> None:
        """Takes landmarks that are proposed; what was saved of a photograph stays as it is."""
        rows = list(rows)
        with self._changing() as database:
            self._touch(row.name for row in rows)
            database.executemany(
                "UPDATE photograph SET status = ?, reason = ?, error = ?, origin = ?, proposed = ?,"
                " expected = ?, proposed_curves = ? WHERE name = ?",
                (
                    (
                        row.status,
                        row.reason,
                        row.error,
                        row.origin,
                        _packed(row.proposed),
                        _packed(row.expected),
                        _written(row.proposed_curves),
                        row.name,
                    )
                    for row in rows
                ),
            )

    def take(self, rows: Iterable[Row]) -> None:
        """Takes landmarks of a file as they stand: state and landmarks are those of the rows.

        So are curves, which what was saved of them earlier does not hide any more.
        """
        rows = list(rows)
        with self._changing() as database:
            self._touch(row.name for row in rows)
            database.executemany(
                "UPDATE photograph SET state = ?, xy = ?, origin = ?, curves = NULL,"
                " revision = revision + 1 WHERE name = ?",
                ((row.state, _packed(row.xy), row.origin, row.name) for row in rows),
            )

    def save(
        self,
        name: str,
        revision: int,
        state: State,
        xy: Floats | None,
        seconds: float = 0.0,
        curves: Curves | None = None,
    ) -> Row:
        """Saves a photograph; it is on the disk when this returns.

        Args:
            name: its name.
            revision: the one that was read before; guards against two who change it at once.
            state: what it is now.
            xy: (n, 2) its landmarks in pixels of the upright photograph, NaN missing.
            seconds: how long it was worked on.
            curves: its curves; None where there are none to save.

        Raises:
            ChangedElsewhereError: it was saved since that revision.
            OutputError: the disk is full or gone.
        """
        with self._changing() as database:
            before = self.row(name)
            if before.revision != revision:
                raise ChangedElsewhereError
            self._touch([name])
            now = time.time()
            database.executemany(
                "INSERT INTO move (photograph, landmark, time, x_before, y_before, x_after,"
                " y_after, expected, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _moves(before, xy, now),
            )
            database.execute(
                "UPDATE photograph SET state = ?, xy = ?, curves = ?, revision = revision + 1,"
                " seconds = seconds + ? WHERE name = ?",
                (state, _packed(xy), _written(curves), seconds, name),
            )
            is_first = before.state in ("open", "draft")
            if state == "accepted" and is_first and xy is not None and before.proposed is not None:
                off = np.hypot(*(xy - before.proposed).T)
                database.execute(
                    "INSERT INTO accepted (photograph, time, error, origin, moved, off, expected)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        name,
                        now,
                        before.error,
                        before.origin,
                        int(_differs(before.proposed, xy).sum()),
                        _packed(off),
                        _packed(before.expected),
                    ),
                )
        return replace(before, state=state, xy=xy, curves=curves, revision=revision + 1)

    def remember_picture(self, name: str, size: tuple[int, int], orientation: int) -> None:
        """Remembers upright size and EXIF orientation of a photograph, were it ever gone."""
        with self._changing() as database:
            database.execute(
                "INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?)", (name, *size, orientation)
            )

    def pictures(self) -> dict[str, tuple[tuple[int, int], int]]:
        """Upright size and EXIF orientation of the photographs that were remembered."""
        with self._lock:
            found = self._connection.execute("SELECT * FROM picture").fetchall()
        return {name: ((width, height), turn) for name, width, height, turn in found}

    def changed_since(self, version: int) -> list[str]:
        """Names of the photographs that changed after a version of the store."""
        with self._lock:
            return [name for name, touched in self._touched.items() if touched > version]

    def moves(self) -> Iterator[Move]:
        """Every landmark that was moved, in the order of time."""
        with self._lock:
            found = self._connection.execute(
                "SELECT photograph, landmark, time, x_before, y_before, x_after, y_after, expected,"
                " origin FROM move ORDER BY id"
            ).fetchall()
        for name, landmark, when, *xy, expected, origin in found:
            before, after = (
                None if x is None else (x, y) for x, y in (tuple(xy[:2]), tuple(xy[2:]))
            )
            yield Move(name, landmark, when, before, after, expected, origin)

    def acceptances(self) -> list[Acceptance]:
        """The photographs whose proposed landmarks were looked at, in the order of time."""
        with self._lock:
            found = self._connection.execute(
                "SELECT error, origin, moved, off, expected FROM accepted ORDER BY id"
            ).fetchall()
        return [
            Acceptance(error, origin, moved, np.frombuffer(off), _numbers(expected))
            for error, origin, moved, off, expected in found
        ]

    def _touch(self, names: Iterable[str]) -> None:
        self._touched.update(dict.fromkeys(names, self.version + 1))

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
                self.version += 1
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise OutputError(f"{self.path} cannot be written: {error}") from error
                raise

    def _prepare(self, landmarks: int) -> None:
        database = self._connection
        database.execute("PRAGMA synchronous").fetchone()
        there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if not there:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.executemany(
                "INSERT INTO about VALUES (?, ?)",
                [("format", str(_FORMAT)), ("landmarks", str(landmarks))],
            )
        elif not {"about", "photograph", "picture", "move", "accepted"} <= there or self.about(
            "format"
        ) != str(_FORMAT):
            raise OutputError(f"{self.path} is not a file of corrections of this beetle-lm")
        columns = {name for _, name, *_ in database.execute("PRAGMA table_info(photograph)")}
        for name in _CURVES:
            if name not in columns:
                database.execute(f"ALTER TABLE photograph ADD COLUMN {name} TEXT")
        saved = database.execute("SELECT count(*) FROM photograph WHERE revision > 0").fetchone()[0]
        if self.about("landmarks") != str(landmarks) and not saved:
            database.execute("UPDATE photograph SET proposed = NULL, expected = NULL, origin = ''")
            database.execute(
                "UPDATE about SET value = ? WHERE name = 'landmarks'", (str(landmarks),)
            )
        elif self.about("landmarks") != str(landmarks):
            raise OutputError(
                f"{self.path} has records of {self.about('landmarks')} landmarks, not of"
                f" {landmarks}",
                Hint.ANOTHER_OUTPUT,
            )
        database.executemany(
            "INSERT OR IGNORE INTO photograph (name, status, reason, origin)"
            " VALUES (?, '', '', '')",
            ((name,) for name in self.names),
        )

    def _row(
        self,
        name: str,
        status: str,
        reason: str,
        error: float | None,
        origin: Any,
        state: Any,
        revision: int,
        proposed: bytes | None = None,
        expected: bytes | None = None,
        xy: bytes | None = None,
        proposed_curves: str | None = None,
        curves: str | None = None,
    ) -> Row:
        return Row(
            name,
            status,
            reason,
            error,
            origin,
            _points(proposed),
            _numbers(expected),
            state,
            _points(xy),
            revision,
            _read(proposed_curves),
            _read(curves),
        )


def _moves(before: Row, xy: Floats | None, now: float) -> Iterator[tuple[object, ...]]:
    earlier = before.xy if before.xy is not None else before.proposed
    if xy is None:
        return
    old = np.full_like(xy, np.nan) if earlier is None else earlier
    for index in np.flatnonzero(_differs(old, xy)).tolist():
        expected = None if before.expected is None else _known(before.expected[index])
        yield (
            before.name,
            index,
            now,
            *map(_known, (*old[index], *xy[index])),
            expected,
            before.origin,
        )


def _differs(old: Floats, new: Floats) -> Any:
    """(n,) which landmarks are elsewhere, or are there in one of two alone."""
    missing = np.isnan(old[:, 0]), np.isnan(new[:, 0])
    moved = np.hypot(*(new - old).T) > _MOVED
    return moved | (missing[0] != missing[1])


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _packed(values: Floats | None) -> bytes | None:
    return None if values is None else np.asarray(values, np.float64).tobytes()


def _numbers(packed: bytes | None) -> Floats | None:
    return None if packed is None else np.frombuffer(packed, np.float64)


def _points(packed: bytes | None) -> Floats | None:
    return None if packed is None else np.frombuffer(packed, np.float64).reshape(-1, 2)


def _written(curves: Curves | None) -> str | None:
    if curves is None:
        return None
    return json.dumps(
        {name: [each.is_whole, each.points.tolist()] for name, each in curves.items()}
    )


def _read(written: str | None) -> Curves | None:
    if written is None:
        return None
    return {
        name: Traced(np.array(points, np.float64).reshape(-1, 2), is_whole)
        for name, (is_whole, points) in json.loads(written).items()
    }
