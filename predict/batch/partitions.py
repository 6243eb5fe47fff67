"""The rows of whole partitions: a file for each, the same whoever computes it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from beetle_lm.errors import Hint, OutputError
from beetle_lm.files import replacing
from beetle_lm.predict.batch.mirror import Mirror
from beetle_lm.predict.batch.rows import begins, content_of, line_of, result_of
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec

LARGEST = 500
"""Photographs in a partition, about, where there are many (`docs/scaling.md`)."""

_PARTITIONS = "partitions"
_DIGITS = 6


def partition_size(photographs: int, batch_size: int, shards: int = 1) -> int:
    """How many photographs a partition has: whole batches, and four partitions for each shard.

    Args:
        photographs: how many there are.
        batch_size: how many go through the model at once.
        shards: how many workers share them.
    """
    wanted = LARGEST if shards == 1 else min(LARGEST, -(-photographs // (4 * shards)))
    return -(-wanted // batch_size) * batch_size


class Partitions:
    """The partitions of a part's photographs, counted from 1, and the rows of those that are whole.

    A partition's file is written aside and moved into place. Its first line says of which job it
    is, so that rows of other settings or photographs are noticed wherever files are brought
    together.

    Args:
        folder: of all that is kept of the part.
        key: of the job: what its rows depend on.
        spec: the part.
        names: of all photographs, in their order.
        size: how many of them a partition has; the last one may have fewer.
        mirror: has partitions that are in a store.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        spec: PartSpec,
        names: Sequence[str],
        size: int,
        mirror: Mirror | None = None,
    ) -> None:
        self._mirror = mirror
        self._folder, self._key, self._spec = folder / _PARTITIONS, key, spec
        self._names, self._size = names, size

    @property
    def all_names(self) -> Sequence[str]:
        """The names of all photographs, in their order."""
        return self._names

    @property
    def numbers(self) -> range:
        """The numbers of all partitions."""
        return range(1, -(-len(self._names) // self._size) + 1)

    def span(self, number: int) -> range:
        """The indices of the photographs of a partition among all of them."""
        return range((number - 1) * self._size, min(number * self._size, len(self._names)))

    def number_of(self, index: int) -> int:
        """The number of the partition of a photograph, by its index among all of them."""
        return index // self._size + 1

    def names(self, number: int) -> Sequence[str]:
        """The names of the photographs of a partition."""
        span = self.span(number)
        return self._names[span.start : span.stop]

    def is_whole(self, number: int) -> bool:
        """Whether the rows of a partition are there."""
        path = self._path(number)
        return path.exists() or (self._mirror is not None and self._mirror.has(path))

    def whole(self) -> set[int]:
        """The numbers of the partitions whose rows are there."""
        names = {path.name for path in self._folder.iterdir()} if self._folder.is_dir() else set()
        if self._mirror is not None:
            names |= self._mirror.in_folder(self._folder)
        return {number for number in self.numbers if self._path(number).name in names}

    def write(self, number: int, rows: Iterable[bytes]) -> None:
        """Writes the rows of a partition, all of them, durably; once more changes nothing.

        Raises:
            OSError: they cannot be written.
            OutputError, StoreError: they cannot be written to the store.
        """
        self._folder.mkdir(exist_ok=True)
        path = self._path(number)
        with replacing(path, durable=True) as unfinished, unfinished.open("xb") as stream:
            stream.write(self._beginning(number))
            stream.writelines(rows)
        if self._mirror is not None:
            self._mirror.put(path)

    def __iter__(self) -> Iterator[Result]:
        """The results of all photographs, in their order; all partitions are there.

        Raises:
            OutputError: a partition is damaged, or of another job.
        """
        for number in self.numbers:
            yield from self.results(number)

    def results(self, number: int) -> Iterator[Result]:
        """The results of a partition that is there.

        Raises:
            OutputError: it is damaged, or of another job.
        """
        path = self._path(number)
        with self._opened(path) as stream:
            first = stream.readline()
            if first != self._beginning(number):
                told = "is damaged"
                if content_of(first).startswith(b'{"job":'):
                    told = "is of a run with other settings or photographs"
                raise OutputError(f"{path} {told}", Hint.MAKE_AGAIN)
            for name in self.names(number):
                row = stream.readline()
                if not begins(row, name):
                    raise OutputError(f"{path} is damaged", Hint.MAKE_AGAIN)
                yield result_of(row, self._spec)
            if stream.read(1):
                raise OutputError(f"{path} is damaged", Hint.MAKE_AGAIN)

    def _opened(self, path: Path) -> BinaryIO:
        if self._mirror is not None and not path.exists():
            return io.BytesIO(self._mirror.get(path))
        return path.open("rb")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:0{_DIGITS}}"

    def _beginning(self, number: int) -> bytes:
        count = len(self.span(number))
        return line_of({"job": self._key, "partition": number, "photographs": count})
