"""Runs what may hang, and gives up on it.

The Hub's client has no limit of its own on the time that many of its calls take, and no time-out of
a socket covers a name server that is silent. So such calls run in a thread of their own, which is
left to itself when it shows no sign of life for a while. It only ever hands bytes over: whoever
waits for it writes them, so a thread that was left behind cannot touch a file.
"""

from __future__ import annotations

import contextlib
import io
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

Emit = Callable[[bytes], None]
"""What the work calls with bytes that it has received, or with none as a sign of life."""

_LOOK_EVERY = 0.1  # seconds; on Windows a longer wait could not be interrupted with Ctrl-C
_MOST_AHEAD = 64  # pieces received and not yet taken


class GaveUpError(Exception):
    """There was no sign of life for as long as was waited."""


class _AbandonedError(BaseException):
    """Ends the thread that nobody waits for any more."""


_call = threading.local()


def end_if_abandoned(*_: object) -> None:
    """Ends the calling thread if it works on a call that was given up; for the client's hooks.

    Without it the client would ask again for half a minute, and close connections that calls after
    it use.
    """
    if (abandoned := getattr(_call, "abandoned", None)) is not None and abandoned.is_set():
        raise _AbandonedError


def watched(
    work: Callable[[Emit], T],
    patience: float,
    take: Callable[[bytes], object] = lambda piece: None,
) -> T:
    """What `work` returns; it runs in a thread, as long as it shows signs of life.

    Args:
        work: is called with a function that takes the bytes it receives.
        patience: seconds without a sign of life after which it is given up.
        take: is called with those bytes, in the calling thread.

    Raises:
        GaveUpError: no sign of life within `patience`.
        Exception: whatever `work` or `take` raises.
    """
    pieces: queue.Queue[bytes] = queue.Queue(_MOST_AHEAD)
    over, abandoned = threading.Event(), threading.Event()
    results: list[T] = []
    errors: list[Exception] = []

    def emit(piece: bytes) -> None:
        while not abandoned.is_set():
            try:
                pieces.put(piece, timeout=_LOOK_EVERY)
                return
            except queue.Full:
                continue
        raise _AbandonedError

    def run() -> None:
        _call.abandoned = abandoned
        try:
            results.append(work(emit))
        except _AbandonedError:
            pass
        except Exception as error:
            errors.append(error)
        finally:
            over.set()
            with contextlib.suppress(queue.Full):
                pieces.put_nowait(b"")  # wakes who waits

    # A daemon, or a call that hangs would keep the program from ending.
    threading.Thread(target=run, name="hub", daemon=True).start()
    try:
        deadline = time.monotonic() + patience
        while True:
            finished = over.is_set()  # before looking for pieces, so that none is left behind
            try:
                take(pieces.get(timeout=0 if finished else _LOOK_EVERY))
                deadline = time.monotonic() + patience
            except queue.Empty:
                if finished:
                    break
                if time.monotonic() > deadline:
                    raise GaveUpError from None
    finally:
        abandoned.set()
    if errors:
        raise errors[0]
    return results[0]


class WatchedBytes(io.BytesIO):
    """Bytes whose reading is a sign of life of an upload."""

    def __init__(self, content: bytes, emit: Emit) -> None:
        super().__init__(content)
        self._emit = emit

    def read(self, size: int | None = -1, /) -> bytes:
        """As any stream does."""
        self._emit(b"")
        return super().read(size)
