"""Calls in separate processes: one that crashes, or never ends, takes nothing else with it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from beetle_lm.errors import Hint, IsolationError

_Given = ParamSpec("_Given")
_Value = TypeVar("_Value")
_START_LIMIT = 120.0  # seconds; imports from a network drive take their time
_END_LIMIT = 2.0
_CONTEXT = multiprocessing.get_context("spawn")  # on all systems alike, and safe beside threads


class WorkerLost(Exception):  # noqa: N818 - what happened to the worker, as a reason
    """The process that was called is gone; the text says why, as part of a sentence."""


class Isolation:
    """Calls functions in other processes, as many at once as threads ask for. Use as a context.

    A process serves one call after the other. It is replaced when it crashes or a call takes too
    long. Processes end when this one ends, however it ends.

    Args:
        time_limit: seconds after which a call is given up.

    Raises:
        IsolationError: a process cannot be started.
    """

    def __init__(self, time_limit: float = 60.0) -> None:
        self._time_limit = time_limit
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._idle.append(_Worker())  # fails at once if none can be started
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end()

    def call(
        self,
        function: Callable[_Given, _Value],
        *arguments: _Given.args,
        **named: _Given.kwargs,
    ) -> _Value:
        """Calls a function of a module in another process; arguments and value are pickled.

        What is logged there is logged here.

        Raises:
            WorkerLost: the process ended, or took too long and was ended.
            IsolationError: a process cannot be started.
            And whatever the function raises.
        """
        worker = self._take()
        try:
            value: Any = worker.call((function, arguments, named), self._time_limit)
        except BaseException:
            worker.kill()
            raise
        with self._lock:
            self._idle.append(worker)
        value, logged = value
        for record in logged:
            record.levelname = logging.getLevelName(record.levelno)  # as it is called here
            logging.getLogger(record.name).handle(record)
        if isinstance(value, _Raised):
            raise value.error
        returned: _Value = value
        return returned

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _Worker()
            if worker.is_alive():
                return worker
            worker.kill()  # something ended it while it had nothing to do


class _Raised:
    """What a call raised, on its way back."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Log(logging.Handler):
    """Keeps what is logged, in a form that can be pickled."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = record.getMessage(), None, None
        self.records.append(record)


class _Worker:
    """A worker process, as seen by the one that calls it."""

    def __init__(self) -> None:
        self._connection, other = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(other,), daemon=True)
        try:
            with _ctrl_c_blocked():
                self._process.start()
            other.close()
            if not self._connection.poll(_START_LIMIT):
                raise TimeoutError(f"no answer within {_START_LIMIT:g} s")
            self._connection.recv()
        except (OSError, EOFError, RuntimeError) as error:
            self.kill()
            raise IsolationError(
                "the processes that decode photographs cannot be started"
                f" ({error or type(error).__name__})",
                Hint.NO_ISOLATION,
            ) from error

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def call(self, request: object, time_limit: float) -> object:
        try:
            self._connection.send(request)
            if not self._connection.poll(time_limit):
                raise WorkerLost(f"it took longer than {time_limit:g} s")
            return self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join(_END_LIMIT)
            raise WorkerLost(f"the decoder crashed ({self._how_it_ended()})") from error

    def end(self) -> None:
        """Lets the process end by itself, as it has nothing to do."""
        self._connection.close()
        self._process.join(_END_LIMIT)
        self.kill()

    def kill(self) -> None:
        self._connection.close()
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()

    def _how_it_ended(self) -> str:
        code = self._process.exitcode
        if code is None:
            return "its process does not answer"
        if code < 0:
            with contextlib.suppress(ValueError):
                return signal.Signals(-code).name
        return f"exit code {code:#x}" if code > 0xFF else f"exit code {code}"


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Processes started inside never receive Ctrl-C, which goes to every process of a terminal."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection) -> None:
    """The worker process: answers calls until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", module="PIL")
    log = _Log()
    logging.getLogger().addHandler(log)
    with contextlib.suppress(EOFError, OSError):
        connection.send(os.getpid())
        while True:
            function, arguments, named = connection.recv()
            try:
                value = function(*arguments, **named)
            except Exception as error:  # whatever it is, the caller raises it
                value = _Raised(error)
            connection.send((value, log.records))
            log.records = []
