"""An unfinished run on the disk: what is kept of it, and how its results come into place."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beetle_lm.errors import Hint, OutputError
from beetle_lm.files import reachable, sync_files, sync_folder, write_durably, write_json
from beetle_lm.predict.batch.journal import Pace, Rows
from beetle_lm.predict.batch.lock import FolderLock
from beetle_lm.predict.batch.placing import Replaceable, place, remove_stale
from beetle_lm.predict.batch.result_files import (
    MARK,
    UNFINISHED,
    is_unfinished,
    refuse_existing,
)
from beetle_lm.predict.images.earlier import SUMMARY
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.result import Result
from beetle_lm.text import printable
from beetle_lm.zoo.model_file.parts import PartSpec

ROWS = "rows"
"""Name of the file, in the folder of a part, of the photographs that are done."""

_SETTINGS, _PHOTOGRAPHS, _WHOLE = "settings.json", "photographs.jsonl", "whole.json"
_EARLIER = "earlier.jsonl"

_State = list[Any]  # of a photograph: its name, and its size and time where it was there

Settings = Mapping[str, object]
"""All that results depend on, as JSON values, by what a user would call it."""

_EXPLANATION = "Here is what a run of beetle-lm has done so far, so that it can be resumed.\n"


class UnfinishedRun:
    """Keeps what a run has done, beside the place of its results, until it is finished.

    Use it as a context: the folder is locked while it lasts. A run that did not reach `finish` can
    be resumed if a photograph of it is done; otherwise nothing of it stays.

    Args:
        folder: where the results go; made if need be.
        parts: the folders of the parts' results, `folder` itself or folders in it.
        overwrite: replace the results of an earlier run, and drop an unfinished one.
        resume: resume an unfinished run, if there is one.

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
    ) -> None:
        self.folder = folder
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
            refuse_existing(self.folder, self._overwrite, self._resume)  # now nobody else writes
            stack.callback(self._drop_unless_kept)
            with writing(self.folder):
                if not (self._resume and is_unfinished(self.folder)):
                    self._drop()
                    self.path.mkdir()
                    earlier = tuple(self._folders) if self._overwrite else ()
                    Replaceable.write(self.path / _EARLIER, self.folder, earlier)
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

    def part(self, number: int, folder: Path) -> Staged:
        """What is kept of one part, counted from 1, whose results go into a folder."""
        return Staged(self.path / f"part-{number}", folder, self._earlier)

    @property
    def together(self) -> Staged:
        """What is kept of the results of all parts together."""
        return Staged(self.path, self.folder, self._earlier)

    def finish(self) -> None:
        """Removes what was kept, because all results are in place.

        Raises:
            OutputError: the folder cannot be written.
        """
        with writing(self.folder):
            self._drop()

    def _drop(self) -> None:
        if self.path.exists():
            (self.path / MARK).unlink(
                missing_ok=True
            )  # first: without it the rest is only left over
            sync_folder(self.path)
            shutil.rmtree(reachable(self.path, deep=True))

    def _drop_unless_kept(self) -> None:
        if not any(rows.stat().st_size for rows in self.path.glob(f"part-*/{ROWS}")):
            with contextlib.suppress(OSError):
                self._drop()


class Staged:
    """Results that are written aside, and moved into their folder when they are whole.

    Args:
        path: where all is kept until then.
        folder: where the results go.
        earlier: what they may replace there.
    """

    def __init__(self, path: Path, folder: Path, earlier: Replaceable) -> None:
        self.path, self.folder = path, folder
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
        return _read(path, "counts") if path.exists() else None

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


class UnfinishedPart:
    """The photographs of a part that are done, and its results while they are being written.

    Use it as a context; what is left in the end can be resumed. Only whole batches count, so that
    a photograph goes through the model with the same others wherever the run was stopped.

    Args:
        staged: where all is kept; if it is there, the part is resumed.
        spec: the part.
        settings: what must be the same when the part is resumed.
        images: the photographs, which must be unchanged then.
        batch_size: photographs that go through the model at once.
        on_kept: is told how many photographs are on the disk, whenever there are more.

    Raises:
        OutputError: the part was begun with other settings or photographs, what was kept of it is
            damaged, or the folder cannot be written.
    """

    def __init__(
        self,
        staged: Staged,
        spec: PartSpec,
        settings: Settings,
        images: Sequence[ImageFile],
        batch_size: int,
        on_kept: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._path, self._folder = staged.path, staged.folder
        self._results = staged.results
        self.batch_size = batch_size
        self._on_kept = on_kept
        self._added: list[tuple[Result, Future[Path | None] | None]] = []
        self._pictures: list[Path] = []
        self._pace = Pace()
        with writing(self._folder):
            if (self._path / _SETTINGS).exists():
                begun = _read(self._path / _SETTINGS, "settings", "started")
                self._check(begun["settings"], settings, images)
                self.started = str(begun["started"])
            else:
                self.started = datetime.now(UTC).isoformat(timespec="seconds")
                self._begin(settings, images)
            names = [image.name for image in images]
            self.rows = Rows(self._path / ROWS, spec, names)
        self._clock = time.perf_counter() - self.rows.seconds
        if self.rows.count:
            on_kept(self.rows.count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with contextlib.suppress(OSError, OutputError):  # then what was kept has to suffice
                self._append(len(self._added) // self.batch_size * self.batch_size)
            with contextlib.suppress(OSError, OutputError):
                self._keep()
        finally:
            self.rows.close()

    def add(self, result: Result, picture: Future[Path | None] | None) -> None:
        """Takes the result of the next photograph, and the picture that is drawn of it, if any.

        A batch counts when its pictures are drawn; until then it waits for the next one.

        Raises:
            OutputError: the disk cannot be written.
        """
        self._added.append((result, picture))
        batch = self._added[: self.batch_size]
        is_drawn = all(drawing is None or drawing.done() for _, drawing in batch)
        if len(self._added) >= (1 if is_drawn else 2) * self.batch_size:
            with writing(self._folder):
                self._append(self.batch_size)
                if self._pace.is_due():
                    self._keep()

    def all_added(self) -> None:
        """Writes all that was added: there are no more photographs.

        Raises:
            OutputError: the disk cannot be written.
        """
        with writing(self._folder):
            self._append(len(self._added))
            self._keep()

    def _append(self, count: int) -> None:
        batch = self._added[:count]
        pictures = [picture.result() for _, picture in batch if picture is not None]
        self.rows.append([result for result, _ in batch])
        self._added = self._added[count:]  # not before: no row may be missing among others
        self._pictures += filter(None, pictures)

    def _keep(self) -> None:
        start = time.perf_counter()
        sync_files(self._pictures)  # first: a row that is kept has its picture
        self._pictures = []
        before = self.rows.count
        self.rows.keep(start - self._clock)
        self._pace.took(time.perf_counter() - start)
        if self.rows.count > before:
            self._on_kept(self.rows.count)

    def _begin(self, settings: Settings, images: Sequence[ImageFile]) -> None:
        if self._path.exists():
            shutil.rmtree(reachable(self._path, deep=True))
        self._results.mkdir(parents=True)
        states = (json.dumps(_state(image)) + "\n" for image in images)
        write_durably(self._path / _PHOTOGRAPHS, states)
        write_json(self._path / _SETTINGS, {"started": self.started, "settings": settings})

    def _check(self, begun: object, settings: Settings, images: Sequence[ImageFile]) -> None:
        if not isinstance(begun, dict):
            raise _damaged(self._path / _SETTINGS)
        now = json.loads(json.dumps(settings))
        for name in {**now, **begun}:  # of both: a finder may have been there then, and none now
            if begun.get(name) != now.get(name):
                told = f"{begun.get(name)} then, {now.get(name)} now"
                raise self._refusal(f"another {name} ({told})")
        for then, image in _side_by_side(_states(self._path / _PHOTOGRAPHS), images):
            if then is not None and image is not None and then[0] == image.name:
                if then != _state(image):
                    raise self._refusal(f"another file {image.name}, which has changed since")
            elif image is None or (then and then[0] not in {each.name for each in images}):
                gone = "" if then is None else then[0]
                raise self._refusal(f"the photograph {gone}, which is not there now")
            else:
                raise self._refusal(f"other photographs ({image.name} is new)")

    def _refusal(self, reason: str) -> OutputError:
        return OutputError(
            f"{self._folder} holds an unfinished run with {printable(reason)}",
            Hint.START_ANEW,
        )


def refuse_unless_free(folder: Path, overwrite: bool, resume: bool = False) -> None:
    """Does what `refuse_existing` does, and makes sure that no run is writing into the folder.

    What a run left over that died when all was done, while it tidied up, is removed.

    Raises:
        OutputError: as `refuse_existing`, or another run is writing into the folder.
    """
    if (folder / UNFINISHED).exists():
        with locked(folder), writing(folder):
            if not is_unfinished(folder):
                shutil.rmtree(reachable(folder / UNFINISHED, deep=True))
    refuse_existing(folder, overwrite, resume)


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
    """Turns what goes wrong while a folder or file is written into a sentence for the user.

    Raises:
        OutputError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error


def _side_by_side(
    states: Iterator[_State], images: Sequence[ImageFile]
) -> Iterator[tuple[_State | None, ImageFile | None]]:
    for image in images:
        yield next(states, None), image
    for state in states:
        yield state, None


def _state(image: ImageFile) -> _State:
    """The photograph's name, and what is another one when it has changed."""
    try:
        found = image.path.stat()
    except OSError:  # told when its turn comes
        return [image.name]
    return [image.name, found.st_size, found.st_mtime_ns]


def _states(path: Path) -> Iterator[_State]:
    """The states of photographs that are kept in a file.

    Raises:
        OutputError: it is damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for line in stream:
                state = json.loads(line)
                if not (isinstance(state, list) and state and isinstance(state[0], str)):
                    raise _damaged(path)
                yield state
    except (FileNotFoundError, ValueError, RecursionError) as error:
        raise _damaged(path) from error


def _read(path: Path, *needed: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        OutputError: it is damaged, or lacks an entry that is needed.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(content, dict) or not all(name in content for name in needed):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> OutputError:
    return OutputError(f"{path} is damaged: the unfinished run cannot go on", Hint.DROP)
