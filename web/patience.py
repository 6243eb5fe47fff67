"""How long the server waits for a page, without counting the time that the computer sleeps."""

from __future__ import annotations

UNWATCHED_SECONDS = 600.0
"""How long the server waits for a page after the last one was closed."""

_ASLEEP_SECONDS = 15.0  # between two looks at the clock: the server was suspended, or the computer


class Patience:
    """Counts how long nobody has looked while something could have been shown.

    Args:
        now: seconds of any clock; it may run or not while the computer sleeps.
    """

    def __init__(self, now: float) -> None:
        self._last = self._seen = now

    def runs_out(self, now: float, seen: float, busy: bool) -> bool:
        """Whether it is over; asked about once a second.

        Args:
            now: seconds of the same clock.
            seen: when a page was last heard of.
            busy: whether something is at work.
        """
        slept = now - self._last > _ASLEEP_SECONDS
        self._last = now
        self._seen = now if busy or slept else max(self._seen, seen)
        return now - self._seen > UNWATCHED_SECONDS
