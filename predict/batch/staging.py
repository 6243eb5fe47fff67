"""An unfinished run on the disk: what is kept of it, and how its results come into place."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beetle_lm.errors import Hint, OutputError
from beetle_lm.files import reachable, sync_files, sync_folder, write_durably, write_json
from beetle_lm.predict.batch.journal import ROWS
from beetle_lm.predict.batch.lock import FolderLock
from beetle_lm.predict.batch.mirror import Mirror
from beetle_lm.predict.batch.placing import Replaceable, place, remove_stale
from beetle_lm.predict.batch.result_files import (
    MARK,
    UNFINISHED,
    is_unfinished,
    refuse_existing,
)
from beetle_lm.predict.images.earlier import SUMMARY

REQUEST = "request.json"
"""Name of the file, among what is unfinished, of what the run was asked for."""

_WHOLE, _EARLIER = "whole.json", "earlier.jsonl"
_PATIENCE = 600.0  # seconds that a shard waits until others have begun the run, or joined it
_SHARD = "shard-"

_EXPLANATION = "Here is what a run of beetle-lm has done so far, so that it can be resumed.\n"


class UnfinishedRun:
    """Keeps what a run has done, beside the place of its results, until it is finished.

    Use it as a context: the folder is locked while it lasts. A run that did not reach `finish` can
    be resumed if a photograph of it is done; otherwise nothing of it stays. Several that share a
    run use `shared` instead.

    Args:
        folder: where the results go; made if need be.
        parts: the folders of the parts' results, `folder` itself or folders in it.
        overwrite: replace the results of an earlier run, and drop an unfinished one.
        resume: resume an unfinished run, if there is one.
        request: what is asked for, as JSON values, which is kept where the run is begun.
        mirror: the folder's, where it stands for one of a store.

    Raises:
        OutputError: another run is writing into the folder, it cannot be written, or it holds
            what may not be replaced.
    """

    def __init__(
        self,
        folder: Path,
        parts: Sequence[Path],
        overwrite: bool = False,
        resume: bool = False,
        request: Mapping[str, object] | None = None,
        mirror: Mirror | None = None,
    ) -> None:
        self.folder, self._mirror = folder, mirror
        self._request = request or {}
        self._earlier = Replaceable(self.path / _EARLIER, folder)
        self._folders = dict.fromkeys((folder, *parts))
        self._overwrite, self._resume = overwrite, resume
        self._stack = ExitStack()

    @property
    def path(self) -> Path:
        """The folder of all that is unfinished."""
        return self.folder / UNFINISHED

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            for shard in self.path.glob(f"{_SHARD}*"):
                with locked(shard):  # now nobody else writes
                    pass
            refuse_existing(self.folder, self._overwrite, self._resume)
            stack.callback(self._drop_unless_kept)
            self._begin_unless_resumed()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextmanager
    def shared(self, shard: str) -> Iterator[None]:
        """Begins or joins a run whose photographs several workers share; what is done stays.

        Args:
            shard: the worker, who is alone with that name.

        Raises:
            OutputError: another run is writing into the folder, the same worker is at work
                already, the folder cannot be written, or it holds results.
        """
        with self.alone():
            refuse_existing(self.folder, overwrite=False, resume=True)
            self._begin_unless_resumed()
        with locked(self.path / f"{_SHARD}{shard}"):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps others that share the run from beginning a part of it meanwhile.

        Raises:
            OutputError: another run is writing into the folder.
        """
        with locked(self.folder, _PATIENCE):
            yield

    @property
    def request(self) -> dict[str, Any]:
        """What the run that was begun was asked for.

        Raises:
            OutputError: the file that keeps it is damaged, or not there.
        """
        return read_record(self.path / REQUEST, "tasks", "options")

    def part(self, number: int, folder: Path) -> Staged:
        """What is kept of one part, counted from 1, whose results go into a folder."""
        return Staged(self.path / f"part-{number}", folder, self._earlier, self._mirror)

    @property
    def together(self) -> Staged:
        """What is kept of the results of all parts together."""
        return Staged(self.path, self.folder, self._earlier)

    def finish(self) -> None:
        """Removes what was kept, because all results are in place; in a store they are put now.

        Raises:
            OutputError: the folder cannot be written.
            StoreError: the store does not answer.
        """
        if self._mirror is not None:
            self._mirror.publish()
        with writing(self.folder):
            self._drop()

    def _begin_unless_resumed(self) -> None:
        if self._resume and is_unfinished(self.folder):
            return
        with writing(self.folder):
            self._drop()
            self.path.mkdir()
            earlier = tuple(self._folders) if self._overwrite else ()
            Replaceable.write(self.path / _EARLIER, self.folder, earlier)
            write_json(self.path / REQUEST, self._request)
            write_durably(self.path / MARK, [_EXPLANATION])
        if self._mirror is not None:  # the mark first: without it the rest is only left over
            self._mirror.share([self.path / name for name in (MARK, _EARLIER, REQUEST)])

    def _drop(self) -> None:
        if self.path.exists():
            # First: without it the rest is only left over.
            (self.path / MARK).unlink(missing_ok=True)
            sync_folder(self.path)
            shutil.rmtree(reachable(self.path, deep=True))

    def _drop_unless_kept(self) -> None:
        kept = (*self.path.glob(f"part-*/{ROWS}*"), *self.path.glob("part-*/partitions/*"))
        if not any(file.stat().st_size for file in kept):
            with contextlib.suppress(OSError):
                self._drop()


class Staged:
    """Results that are written aside, and moved into their folder when they are whole.

    Args:
        path: where all is kept until then.
        folder: where the results go.
        earlier: what they may replace there.
        mirror: the folder's, where it stands for one of a store.
    """

    def __init__(
        self, path: Path, folder: Path, earlier: Replaceable, mirror: Mirror | None = None
    ) -> None:
        self.path, self.folder, self.mirror = path, folder, mirror
        self._earlier = earlier

    @property
    def results(self) -> Path:
        """Where results are written before they are moved into place."""
        return self.path / "results"

    @property
    def whole(self) -> dict[str, Any] | None:
        """What `seal` was given; None before that.

        Raises:
            OutputError: the file that keeps it is damaged.
        """
        path = self.path / _WHOLE
        return read_record(path, "counts") if path.exists() else None

    def seal(self, summary: dict[str, Any], written: Sequence[Path]) -> None:
        """Writes run.json, and notes that the results are whole: now they are only moved.

        Args:
            summary: the content of run.json.
            written: the files that have not been seen onto the disk yet.

        Raises:
            OutputError: the disk cannot be written.
        """
        with writing(self.folder):
            write_json(self.results / SUMMARY, summary)
            sync_files(written)
            remove_stale(self.results, self.folder, self._earlier)
            write_json(self.path / _WHOLE, summary)

    def place(self) -> None:
        """Moves those results into their folder that are not there yet.

        Raises:
            OutputError: the disk cannot be written, or something is in the way that is no earlier
                result.
        """
        with writing(self.folder):
            place(self.results, self.folder, self._earlier)


def refuse_unless_free(
    folder: Path, overwrite: bool, resume: bool = False, *, shared: bool = False
) -> None:
    """Does what `refuse_existing` does, and makes sure that no run is writing into the folder.

    What a run left over that died when all was done, while it tidied up, is removed.

    Args:
        folder: where results are to go.
        overwrite: see `refuse_existing`.
        resume: see `refuse_existing`.
        shared: others may be writing into it that share the run.

    Raises:
        OutputError: as `refuse_existing`, or another run is writing into the folder.
    """
    if (folder / UNFINISHED).exists() and not shared:
        with locked(folder), writing(folder):
            if not is_unfinished(folder):
                shutil.rmtree(reachable(folder / UNFINISHED, deep=True))
    refuse_existing(folder, overwrite, resume)


@contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Keeps other runs out of a folder, which is made, and removed in the end if it is empty.

    Args:
        folder: the folder.
        patience: seconds to wait for another run that is in it.

    Raises:
        OutputError: another run is writing into it, or it cannot be written.
    """
    with ExitStack() as stack:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.callback(_remove_empty, folder)
            stack.enter_context(FolderLock(folder, patience))
        yield


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what goes wrong while a folder or file is written into a sentence for the user.

    Raises:
        OutputError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error


def read_record(path: Path, *needed: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        OutputError: it is damaged, or lacks an entry that is needed.
    """
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError) as error:
        raise damaged(path) from error
    if not isinstance(content, dict) or not all(name in content for name in needed):
        raise damaged(path)
    return content


def damaged(path: Path) -> OutputError:
    """What is said of a record of an unfinished run that nobody can read, or that was changed."""
    return OutputError(f"{path} is damaged: the unfinished run cannot go on", Hint.DROP)
