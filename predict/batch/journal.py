"""The rows of the partition that a worker has in work: a file that shows how far it is whole."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from beetle_lm.errors import Hint, OutputError
from beetle_lm.predict.batch.rows import begins, content_of, line_of, row_of
from beetle_lm.predict.result import Result
from beetle_lm.text import printable

ROWS = "rows"
"""How the names of journals begin, in the folder of a part."""

_PARTITION, _MARK = b'{"partition":', b'{"kept":'


class Journal:
    """Rows on the disk of the partition that one worker has in work.

    The first line says which partition it is. Each further one is a row, or a mark, which says that
    all before it, and whatever else belongs to it, has reached the disk. What follows the last mark
    does not count: it may be half written, and is cut off when the file is opened again. What the
    file has of another partition is dropped.

    One process writes at a time. Whoever opens the file changes its size, so that two notice each
    other even where no lock keeps them apart, and neither goes on.

    Args:
        path: the file; made if it is not there.
        partition: the number of the partition.
        names: of its photographs, in their order; only rows of these count, in this order.
        seconds: how long the worker took for other partitions, where the file is begun.

    Raises:
        OSError: the file cannot be read or written.
    """

    def __init__(
        self, path: Path, partition: int, names: Sequence[str], seconds: float = 0.0
    ) -> None:
        self._path, self.partition, self._names = path, partition, names
        self.count = 0
        self.seconds = seconds
        is_begun = begun(path)[0] == partition
        self._size = self._find_end() if is_begun else 0
        self._stream: BinaryIO = path.open("ab")
        self._written = self.count
        self._is_whole = True
        try:
            self._stream.truncate(self._size)
            if self.count:
                self._write(self._mark())
            elif seconds and not self._size:
                self._write(self._beginning())
        except BaseException:
            self.close()
            raise

    def append(self, results: Sequence[Result]) -> None:
        """Writes results after the others.

        Does nothing once that was cut short: nothing may follow what is half written.

        Raises:
            OSError: e.g. the disk is full.
            OutputError: another process has written into the file.
            ValueError: they are not those of the next photographs.
        """
        if not self._is_whole:
            return
        names = [result.name for result in results]
        wanted = list(self._names[self._written : self._written + len(results)])
        if names != wanted:
            raise ValueError(f"results of {names}, where those of {wanted} come next")
        beginning = b"" if self._size else self._beginning()
        self._write(beginning + b"".join(map(row_of, results)))
        self._written += len(results)

    def keep(self, seconds: float) -> None:
        """Makes sure that all that was appended is on the disk, and marks it as whole.

        Does nothing once appending was cut short, as `append`.

        Args:
            seconds: how long all of it took to compute, and the partitions before.

        Raises:
            OSError: e.g. the disk is full.
            OutputError: another process has written into the file.
        """
        if self._written == self.count or not self._is_whole:
            return
        self._write(self._mark(seconds))
        os.fsync(self._stream.fileno())
        self.count, self.seconds = self._written, seconds

    def check(self) -> None:
        """Makes sure that nobody else has written into the file.

        Raises:
            OutputError: another process has.
        """
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            size = -1
        if size != self._size:
            self._is_whole = False
            raise OutputError(
                f"another run has written to {self._path} meanwhile", Hint.RUN_IN_PROGRESS
            )

    @property
    def is_full(self) -> bool:
        """Whether the rows of all photographs of the partition were written."""
        return self._written == len(self._names)

    @property
    def is_kept(self) -> bool:
        """Whether all of these rows are on the disk, to stay whatever happens."""
        return self.count == len(self._names)

    def rows(self) -> Iterator[bytes]:
        """The rows that are kept, line by line.

        Raises:
            OutputError: they are not those of the photographs, because another process has
                written into the file.
        """
        with self._path.open("rb") as stream:
            stream.readline()
            for name in self._names[: self.count]:
                line = stream.readline()
                while content_of(line).startswith(_MARK):
                    line = stream.readline()
                if not begins(line, name):
                    self._is_whole = False
                    raise OutputError(
                        f"{self._path} has another row where that of {printable(name)} should be",
                        Hint.RUN_IN_PROGRESS,
                    )
                yield line

    def close(self) -> None:
        """Ends the writing; what was appended and not kept will not count."""
        with contextlib.suppress(OSError):  # what could not be written is not marked either
            self._stream.close()

    def _write(self, content: bytes) -> None:
        self.check()
        self._is_whole = False
        self._stream.write(content)
        self._stream.flush()
        self._size += len(content)
        self.check()  # two that both found it unchanged have both written now
        self._is_whole = True

    def _beginning(self) -> bytes:
        return line_of({"partition": self.partition, "seconds": round(self.seconds, 3)})

    def _mark(self, seconds: float | None = None) -> bytes:
        seconds = self.seconds if seconds is None else seconds
        return line_of({"kept": self._written, "seconds": round(seconds, 3)})

    def _find_end(self) -> int:
        end = found = 0
        with self._path.open("rb") as stream:
            end = position = len(stream.readline())
            for line in stream:
                content = content_of(line)
                position += len(line)
                if not content.startswith(_MARK):
                    if found == len(self._names) or not begins(line, self._names[found]):
                        break
                    found += 1
                    continue
                mark = json.loads(content)
                if mark["kept"] != found:
                    break
                end, self.count, self.seconds = position, found, mark["seconds"]
        return end


def begun(path: Path) -> tuple[int | None, float]:
    """The partition that a journal has begun, and how long its worker took for all that it did.

    Args:
        path: the file; there may be none.

    Returns:
        The number, None where there is none, and seconds.

    Raises:
        OSError: the file cannot be read.
    """
    partition, seconds = None, 0.0
    with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
        content = content_of(stream.readline())
        if content.startswith(_PARTITION):
            record = json.loads(content)
            partition, seconds = record["partition"], record["seconds"]
            for line in stream:
                content = content_of(line)
                if not content:
                    break
                if content.startswith(_MARK):
                    seconds = json.loads(content)["seconds"]
    return partition, seconds


class Pace:
    """Says when to sync again: as often as costs at most a twentieth of the time, or 10 seconds."""

    _SHARE, _LONGEST = 20, 10.0

    def __init__(self) -> None:
        self._due = 0.0

    def is_due(self) -> bool:
        """Whether it is time again."""
        return time.monotonic() >= self._due

    def took(self, seconds: float) -> None:
        """Notes how long syncing has just taken."""
        self._due = time.monotonic() + min(self._SHARE * seconds, self._LONGEST)


def seconds_of(folder: Path) -> float:
    """How long all workers took together, by their journals in the folder of a part.

    Raises:
        OSError: the folder cannot be read.
    """
    return sum(begun(path)[1] for path in folder.glob(f"{ROWS}*"))
