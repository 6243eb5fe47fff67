"""The share of one worker of several."""

from __future__ import annotations

import re
from dataclasses import dataclass

from beetle_lm.errors import RequestError

_TOLD = re.compile(r"([0-9]{1,7})/([0-9]{1,7})")


@dataclass(frozen=True)
class Shard:
    """Which of several workers this is; all of them together compute each partition once.

    Args:
        number: of the worker, counted from 1.
        of: how many workers there are.

    Raises:
        RequestError: there is no such worker.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise RequestError(f"there is no shard {self}: shards are numbered from 1")

    @classmethod
    def read(cls, text: str) -> Shard:
        """Reads a shard, such as ``3/100``.

        Raises:
            RequestError: it is none.
        """
        match = _TOLD.fullmatch(text.strip())
        if match is None:
            raise RequestError(f"expected a shard such as 3/100, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    @property
    def file_name(self) -> str:
        """The shard as a part of a file's name."""
        return f"{self.number}-of-{self.of}"

    def takes(self, partition: int) -> bool:
        """Whether a partition is of this shard, by its number, counted from 1."""
        return partition % self.of == self.number % self.of

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
