"""What follows from all photographs of a set together, for the page."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from beetle_lm.errors import BeetleLMError
from beetle_lm.predict.evaluation.suspects import find_suspects
from beetle_lm.web.progress import progress
from beetle_lm.web.project import Project


class Overview:
    """Counts, suspects and mean shape as JSON values, made anew where the store has changed.

    Args:
        project: the photographs.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._numbers = {name: number for number, name in enumerate(project.store.names)}
        self._counted: tuple[int, dict[str, Any]] | None = None
        self._suspects: tuple[int, list[dict[str, Any]]] = (-1, [])
        self._shape: tuple[int, list[list[float]] | None] = (-1, None)
        self._lock = threading.Lock()

    def progress(self) -> dict[str, Any]:
        """How far the set is."""
        with self._lock:
            store = self._project.store
            version = store.version
            if self._counted is None or self._counted[0] != version:
                told = progress(store.rows(), store.acceptances(), len(self._project.spec))
                self._counted = version, told
            return self._counted[1]

    def suspects(self) -> list[dict[str, Any]]:
        """Accepted photographs whose landmarks cannot be right, or look swapped or flipped."""
        with self._lock:
            store = self._project.store
            version = store.version
            if self._suspects[0] != version:
                rows = [row for row in store.rows_with_landmarks("accepted") if row.xy is not None]
                found: list[dict[str, Any]] = []
                if rows:
                    names = [row.name for row in rows]
                    sizes = np.array([self._size(name) for name in names])
                    xy = np.array([row.xy for row in rows])
                    found = [
                        {
                            "number": self._numbers.get(suspect.name),
                            "reason": suspect.reason,
                            "measured": suspect.measured,
                        }
                        for suspect in find_suspects(names, xy, sizes)
                    ]
                self._suspects = version, found
            return self._suspects[1]

    def _size(self, name: str) -> tuple[float, float]:
        try:
            width, height = self._project.headers.of(name).size
        except BeetleLMError:
            return math.nan, math.nan
        return float(width), float(height)

    def mean_shape(self) -> list[list[float]] | None:
        """The mean shape as [x, y], y down; renewed every now and then."""
        with self._lock:
            version = self._project.store.version
            if self._shape[0] != version and (self._shape[1] is None or version % 10 == 0):
                mean = self._project.mean_shape()
                self._shape = version, None if mean is None else mean.round(5).tolist()
            return self._shape[1]
