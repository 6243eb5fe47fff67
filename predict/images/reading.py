"""How a run reads its photographs: here, or in processes that may crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.read import MAX_PIXELS, Picture, read_image
from beetle_lm.predict.images.sandbox import Isolation, WorkerLost
from beetle_lm.text import printable


class Read(Protocol):
    """Reads a photograph as `read_image` does."""

    def __call__(
        self, path: Path, channels: int, at_least: tuple[int, int] | None = None
    ) -> Picture:
        """See `read_image`."""


@contextmanager
def reading(max_pixels: int = MAX_PIXELS, isolate: bool = False) -> Iterator[Read]:
    """Gives what reads photographs, and may be called from several threads at once.

    Args:
        max_pixels: photographs of more pixels are refused.
        isolate: decode in processes of their own: a decoder that crashes, or takes longer than a
            minute, fails its photograph and nothing else.

    Raises:
        IsolationError: the processes cannot be started.
    """
    read = partial(read_image, max_pixels=max_pixels)
    if not isolate:
        yield read
        return
    with Isolation() as isolation:

        def isolated(path: Path, channels: int, at_least: tuple[int, int] | None = None) -> Picture:
            try:
                return isolation.call(read, path, channels, at_least)
            except WorkerLost as lost:
                raise ImageError(f"{printable(path.name)} cannot be decoded: {lost}") from lost

        yield isolated
