"""One run at a time in a folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from beetle_lm.errors import OutputError

LOCK = ".incomplete.lock"
"""Name of the file in a folder of results that a run keeps locked while it lasts."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}
_HELD = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}

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

    Raises:
        HeldError: another run holds the lock.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LOCK
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        while self._descriptor is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._lock(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            if self._is_still_there(descriptor):
                self._descriptor = descriptor
            else:  # its last holder removed it after it was opened here
                os.close(descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is None:
            return
        try:
            if sys.platform != "win32":  # removed while it is held, so that nobody's is removed
                self._path.unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)
            self._descriptor = None
        if sys.platform == "win32":  # which removes no file that is open
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _lock(self, descriptor: int) -> None:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _HELD:
                raise HeldError(
                    f"another run is writing into {self._folder}; wait until it ends, or name"
                    " another folder with -o"
                ) from error
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning(
                "the file system of %s has no locks: a second run into it would not be noticed",
                self._folder,
            )

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
