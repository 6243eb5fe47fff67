"""Runs what may hang, and gives up on it.

The Hub's client has no limit of its own on the time that many of its calls take, and no time-out of
a socket covers a name server that is silent. So such calls run in a thread of their own, which is
left to itself when it shows no sign of life for a while. It hands over what it gets to the one who
waits, so a thread that was left behind cannot touch a file.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, TypeVar

from beetle_lm.zoo.model_file.bounds import LONGEST_CARD

T = TypeVar("T")

Give = Callable[[T | None], None]
"""What a call hands its results to, or None as a sign of life."""

STREAMED = "beetle_lm.streamed"
"""Extension of a request whose answer is taken piece by piece, by one who counts them himself."""

_LOOK_EVERY = 0.1  # seconds; on Windows a longer wait could not be interrupted with Ctrl-C
_MOST_AHEAD = 64  # handed over and not yet taken

_thread = threading.local()  # what the call of a thread gives to, and whether it was given up


class GaveUpError(Exception):
    """There was no sign of life for as long as was waited; says for how many seconds."""


class TooLongError(Exception):
    """An answer is longer than any that is of use; says how many bytes it may have."""


class _AbandonedError(BaseException):
    """Ends the thread that nobody waits for any more."""


class _DoneError(Exception):
    """The work came to its end."""


def on_request(*_: object) -> None:
    """For the client's hooks: ends the thread of a call that was given up.

    Else the client would ask again for half a minute, and close connections of later calls.
    """
    if hasattr(_thread, "abandoned") and _thread.abandoned.is_set():
        raise _AbandonedError


def on_response(response: Any) -> None:
    """For the client's hooks: an answer is a sign of life, if not one that makes it ask again.

    So is each piece of it, however few bytes, and there may be `LONGEST_CARD` bytes of them: the
    client reads answers whole.
    """
    if not hasattr(_thread, "give"):
        return
    lives = response.status_code < 400
    if lives:
        _thread.give(None)
    if STREAMED not in response.request.extensions or response.has_redirect_location:
        response.iter_bytes = partial(
            _bounded, response.iter_bytes, _thread.give if lives else None
        )


def _bounded(
    pieces: Callable[..., Iterator[bytes]], give: Give[bytes] | None, *arguments: Any
) -> Iterator[bytes]:
    received = 0
    for piece in pieces(*arguments):
        received += len(piece)
        if received > LONGEST_CARD:
            raise TooLongError(f"{LONGEST_CARD}")
        if give is not None:
            give(None)
        yield piece


def watched(work: Callable[[Give[T]], object], patience: float) -> Generator[T, None, None]:
    """Gives what `work` hands over, as it comes; it runs in a thread of its own.

    Args:
        work: is called with a function that takes what it has.
        patience: seconds without a sign of life after which it is given up.

    Raises:
        GaveUpError: there was none.
        Exception: whatever `work` raises.
    """
    handed: queue.Queue[T | Exception | None] = queue.Queue(_MOST_AHEAD)
    abandoned = threading.Event()

    def give(what: T | Exception | None) -> None:
        while not abandoned.is_set():
            with contextlib.suppress(queue.Full):
                return handed.put(what, timeout=_LOOK_EVERY)
        raise _AbandonedError

    def run() -> None:
        _thread.give, _thread.abandoned = give, abandoned
        with contextlib.suppress(_AbandonedError):
            try:
                work(give)
                give(_DoneError())
            except Exception as error:
                give(error)

    # A daemon, or a call that hangs would keep the program from ending.
    threading.Thread(target=run, name="hub", daemon=True).start()
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                what = handed.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise GaveUpError(f"{patience:.0f}") from None
                continue
            if isinstance(what, _DoneError):
                return
            if isinstance(what, Exception):
                raise what
            if what is not None:
                yield what
            deadline = time.monotonic() + patience
    finally:
        abandoned.set()
