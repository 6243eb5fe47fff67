"""One worker's share of a part: results become rows on the disk, and rows whole partitions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from beetle_lm.errors import OutputError
from beetle_lm.files import sync_files
from beetle_lm.predict.batch.journal import Journal, Pace, begun
from beetle_lm.predict.batch.partitions import Partitions
from beetle_lm.predict.batch.staging import writing
from beetle_lm.predict.result import Result


@dataclass(frozen=True, eq=False)
class _Added:
    """A result that no row was made of yet."""

    index: int
    result: Result
    picture: Future[Path | None] | None

    @property
    def is_drawn(self) -> bool:
        return self.picture is None or self.picture.done()


class Work:
    """The partitions of a part that one worker computes, one after the other.

    Use it as a context; what is left in the end can be resumed. Only whole batches count, so that
    a photograph goes through the model with the same others wherever a run was stopped.

    Args:
        folder: where the results of the part go, which errors name.
        partitions: all partitions of the part.
        numbers: those that this worker takes.
        batch_size: photographs that go through the model at once.
        journal: the worker's file of the rows of the partition that it has in work.
        on_kept: is told how many photographs of the share are on the disk, whenever there are more.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        partitions: Partitions,
        numbers: Collection[int],
        batch_size: int,
        journal: Path,
        on_kept: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.partitions, self.numbers, self.batch_size = partitions, numbers, batch_size
        self._folder, self._path, self._on_kept = folder, journal, on_kept
        self._added: list[_Added] = []
        self._pictures: list[Path] = []
        self._pace = Pace()
        self._journal: Journal | None = None
        self._number, self._done_of_number = 0, 0
        with writing(folder):
            number, seconds = begun(journal)
            self._clock = time.perf_counter() - seconds
            if number is not None and number in numbers:
                self._open(number)
                self._seal_if_kept()
        whole = partitions.whole()
        spans = {one: len(partitions.span(one)) for one in numbers}
        self.total = sum(spans.values())
        self.done = sum(spans[one] for one in numbers if one in whole)
        if self.begun is not None:
            self.done += self.kept(self.begun)
        if self.done:
            on_kept(self.done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with contextlib.suppress(OSError, OutputError):  # then what was kept has to suffice
                self._append_batches()
            with contextlib.suppress(OSError, OutputError):
                self._keep()
        finally:
            if self._journal is not None:
                self._journal.close()

    @property
    def begun(self) -> int | None:
        """The number of the partition that is in work."""
        number = 0 if self._journal is None else self._journal.partition
        return number if number and not self.partitions.is_whole(number) else None

    def kept(self, number: int) -> int:
        """How many photographs of a partition are on the disk, to stay whatever happens."""
        if self.partitions.is_whole(number):
            return len(self.partitions.span(number))
        if self._journal is not None and self._journal.partition == number:
            return self._journal.count
        return 0

    def wants(self, index: int) -> bool:
        """Whether the result of a photograph is not kept yet, by its index among all."""
        number = self.partitions.number_of(index)
        if number != self._number:
            self._number, self._done_of_number = number, self.kept(number)
        return index - self.partitions.span(number).start >= self._done_of_number

    def add(self, index: int, result: Result, picture: Future[Path | None] | None) -> None:
        """Takes the result of the next photograph, and the picture that is drawn of it, if any.

        A batch counts when its pictures are drawn; until then it waits for the next one.

        Args:
            index: of the photograph among all.
            result: what came of it.
            picture: the file, when it is drawn.

        Raises:
            OutputError: the disk cannot be written.
        """
        self._added.append(_Added(index, result, picture))
        batch = self._batch()
        is_drawn = all(added.is_drawn for added in batch)
        if batch and (is_drawn or len(self._added) >= 2 * self.batch_size):
            with writing(self._folder):
                self._append(batch)
                if self._pace.is_due():
                    self._keep()

    def all_added(self) -> None:
        """Writes all that was added: there are no more photographs.

        Raises:
            OutputError: the disk cannot be written.
        """
        with writing(self._folder):
            self._append_batches()
            self._keep()

    def check(self) -> None:
        """Makes sure that nobody else has written to the journal.

        Raises:
            OutputError: another process has.
        """
        if self._journal is not None:
            self._journal.check()

    def _batch(self) -> list[_Added]:
        """The results that go into the rows next; none while their batch is not whole."""
        if not self._added:
            return []
        span = self.partitions.span(self.partitions.number_of(self._added[0].index))
        first = self._added[0].index
        count = min(self.batch_size, span.stop - first)
        return self._added[:count] if len(self._added) >= count else []

    def _append_batches(self) -> None:
        while batch := self._batch():
            self._append(batch)

    def _append(self, batch: list[_Added]) -> None:
        number = self.partitions.number_of(batch[0].index)
        journal = self._journal
        if journal is None or journal.partition != number:
            journal = self._open(number)
        pictures = [added.picture.result() for added in batch if added.picture is not None]
        journal.append([added.result for added in batch])
        self._added = self._added[len(batch) :]  # not before: no row may be missing among others
        self._pictures += filter(None, pictures)
        if journal.is_full:
            self._keep()
            self._seal_if_kept()

    def _keep(self) -> None:
        if self._journal is None:
            return
        start = time.perf_counter()
        sync_files(self._pictures)  # first: a row that is kept has its picture
        self._pictures = []
        before = self._journal.count
        self._journal.keep(start - self._clock)
        self._pace.took(time.perf_counter() - start)
        if self._journal.count > before:
            self.done += self._journal.count - before
            self._on_kept(self.done)

    def _open(self, number: int) -> Journal:
        if self._journal is not None:
            self._journal.close()
        names = self.partitions.names(number)
        self._journal = Journal(self._path, number, names, time.perf_counter() - self._clock)
        return self._journal

    def _seal_if_kept(self) -> None:
        """Writes the partition that is in work if its rows are all kept, and it is not there."""
        journal = self._journal
        if (
            journal is not None
            and journal.is_kept
            and not self.partitions.is_whole(journal.partition)
        ):
            self.partitions.write(journal.partition, journal.rows())
