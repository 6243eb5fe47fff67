"""How often a run sees its results onto the disk."""

from __future__ import annotations

import time


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
