"""One run at a time in a folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import errno
import logging
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from beetle_lm.errors import Hint, OutputError

LOCK = ".incomplete.lock"
"""Name of the file in a folder of results that a run keeps locked while it lasts."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}

_log = logging.getLogger("beetle_lm")


class HeldError(OutputError):
    """Another run holds the lock of a folder."""


class FolderLock:
    """Keeps other runs out of a folder while the context lasts.

    The operating system holds the lock and lets it go when the process ends, however it ends: a
    file that is left over locks nothing. Where the file system knows no locks (some network
    drives) there is a warning instead of a lock.

    Args:
        folder: the folder, which is there.
        patience: seconds to wait for another run to let it go.

    Raises:
        HeldError: another run holds the lock.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path, patience: float = 0.0) -> None:
        self._folder = folder
        # Never a soft lock, a mere file: it would outlive a process that was killed.
        self._lock = FileLock(folder / LOCK, timeout=patience, fallback_to_soft=False)

    def __enter__(self) -> Self:
        try:
            self._lock.acquire()
        except Timeout as error:
            raise HeldError(
                f"another run is writing into {self._folder}", Hint.RUN_IN_PROGRESS
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning(
                "the file system of %s has no locks: a second run into it would not be noticed",
                self._folder,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if sys.platform != "win32":  # where the lock's end removes it
                # While it is held, so that nobody else's is removed.
                (self._folder / LOCK).unlink(missing_ok=True)
        finally:
            self._lock.release()
