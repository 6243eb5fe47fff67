"""How the time of some work grows with its size: a test that no slow or busy machine can fail."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES = 8

MOST_GROWTH = 2.5 * TIMES
"""What linear work stays below, with room for the caches; quadratic work takes TIMES * TIMES."""


def growth(work: Callable[[int], None], size: int) -> float:
    """The processor time of `work(8 * size)` as a multiple of that of `work(size)`."""
    small = min(_seconds(work, size) for _ in range(3))
    return min(_seconds(work, TIMES * size) for _ in range(2)) / max(small, 1e-4)


def _seconds(work: Callable[[int], None], size: int) -> float:
    begin = time.process_time()
    work(size)
    return time.process_time() - begin
