"""A run on the disk: what is kept of it until it is whole, and how its results come into place."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from beetle_lm.errors import OutputError
from beetle_lm.files import sync_folder, write_durably
from beetle_lm.predict.batch.lock import FolderLock
from beetle_lm.predict.batch.result_files import (
    MARK,
    MOVING,
    RESULTS,
    UNFINISHED,
    is_unfinished,
    refuse_existing,
)

ROWS = "rows"
"""Name of the file, in the folder of a part, of the photographs that are done."""

_EXPLANATION = (
    "Here is what a run of beetle-lm has done so far. The same command with --resume goes on.\n"
)


class UnfinishedRun:
    """Keeps what a run has done, beside the place of its results, until it is finished.

    Use it as a context: the folder is locked while it lasts. What was not finished with `finish`
    stays for another run to go on with, if there is a photograph in it, and else is removed.

    Args:
        folder: where the results go; made if need be.
        overwrite: replace the results of an earlier run, and drop an unfinished one.
        resume: go on with an unfinished run, if there is one.

    Raises:
        OutputError: another run is writing into the folder, it cannot be written, or it holds
            what may not be replaced.
    """

    def __init__(self, folder: Path, overwrite: bool = False, resume: bool = False) -> None:
        self.folder = folder
        self._overwrite, self._resume = overwrite, resume
        self._stack = ExitStack()

    @property
    def path(self) -> Path:
        """Where all that is unfinished lies."""
        return self.folder / UNFINISHED

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            refuse_existing(self.folder, self._overwrite, self._resume)  # now nobody else writes
            stack.callback(self._drop_unless_kept)
            with writing(self.folder):
                if not (self._resume and is_unfinished(self.folder)):
                    self._drop()
                    self.path.mkdir()
                    write_durably(self.path / MARK, [_EXPLANATION])
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def part(self, number: int) -> Path:
        """The folder of what is kept of one part; they are counted from 1."""
        return self.path / f"part-{number}"

    def finish(self) -> None:
        """Removes what was kept, because all results are in place.

        Raises:
            OutputError: the folder cannot be written.
        """
        with writing(self.folder):
            self._drop()

    def _drop(self) -> None:
        if self.path.exists():
            (self.path / MARK).unlink(missing_ok=True)  # first: without it the rest is rubbish
            sync_folder(self.path)
            shutil.rmtree(self.path)

    def _drop_unless_kept(self) -> None:
        if not any(rows.stat().st_size for rows in self.path.glob(f"part-*/{ROWS}")):
            with contextlib.suppress(OSError):
                self._drop()


def refuse_unless_free(folder: Path, overwrite: bool, resume: bool = False) -> None:
    """As `refuse_existing`, and makes sure that no run is writing into the folder.

    What is left over of a run that died when all was done, and it was tidying up, is removed.

    Raises:
        OutputError: one of these is not so.
    """
    if (folder / UNFINISHED).exists():
        with locked(folder), writing(folder):
            if not is_unfinished(folder):
                shutil.rmtree(folder / UNFINISHED)
    refuse_existing(folder, overwrite, resume)


def remove_stale(source: Path, folder: Path) -> None:
    """Removes from `folder` the results of an earlier run that those in `source` will not replace.

    Raises:
        OSError: the folder cannot be written.
    """
    for name in RESULTS[:-1]:
        if not (source / name).exists():
            _remove(folder / name)


def place(source: Path, folder: Path) -> None:
    """Moves all results from one folder into another; goes on where that was cut short.

    Raises:
        OSError: the folder cannot be written, e.g. because a program has a file open.
    """
    found = [name for name in RESULTS if (source / name).exists()]
    if found:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MOVING).touch()
    for name in found:
        if (folder / name).is_dir():
            _remove(folder / name)
        (source / name).replace(folder / name)
    (folder / MOVING).unlink(missing_ok=True)
    sync_folder(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder, which is made, and removed in the end if it is empty.

    Raises:
        OutputError: another run is writing into it, or it cannot be written.
    """
    with ExitStack() as stack:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.callback(_remove_empty, folder)
            stack.enter_context(FolderLock(folder))
        yield


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what goes wrong when a folder is written into a sentence for the user.

    Raises:
        OutputError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
