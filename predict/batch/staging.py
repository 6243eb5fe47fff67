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
from beetle_lm.files import sync_files, sync_folder, write_durably, write_json
from beetle_lm.predict.batch.journal import Pace, Rows
from beetle_lm.predict.batch.lock import FolderLock
from beetle_lm.predict.batch.result_files import (
    MARK,
    MOVING,
    RESULTS,
    UNFINISHED,
    is_unfinished,
    refuse_existing,
)
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.result import Result
from beetle_lm.text import printable
from beetle_lm.zoo.model_file.parts import PartSpec

ROWS = "rows"
"""Name of the file, in the folder of a part, of the photographs that are done."""

_SETTINGS, _PHOTOGRAPHS, _WHOLE = "settings.json", "photographs.jsonl", "whole.json"

Settings = Mapping[str, object]
"""All that results depend on, as JSON values, by what a user would call it."""

_EXPLANATION = "Here is what a run of beetle-lm has done so far, so that it can be resumed.\n"


class UnfinishedRun:
    """Keeps what a run has done, beside the place of its results, until it is finished.

    Use it as a context: the folder is locked while it lasts. A run that did not reach `finish` can
    be resumed if a photograph of it is done; otherwise nothing of it stays.

    Args:
        folder: where the results go; made if need be.
        overwrite: replace the results of an earlier run, and drop an unfinished one.
        resume: resume an unfinished run, if there is one.

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
        """The folder of what is kept of one part; parts are counted from 1."""
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
            (self.path / MARK).unlink(
                missing_ok=True
            )  # first: without it the rest is only left over
            sync_folder(self.path)
            shutil.rmtree(self.path)

    def _drop_unless_kept(self) -> None:
        if not any(rows.stat().st_size for rows in self.path.glob(f"part-*/{ROWS}")):
            with contextlib.suppress(OSError):
                self._drop()


class UnfinishedPart:
    """The photographs of a part that are done, and its results while they are being written.

    Use it as a context; what is left in the end can be resumed. Only whole batches count, so that
    a photograph goes through the model with the same others wherever the run was stopped.

    Args:
        path: where all is kept; if it exists, the part is resumed.
        folder: where the results go.
        spec: the part.
        settings: what must be the same when the part is resumed.
        images: the photographs, which must be unchanged then.
        batch_size: photographs that go through the model at once.
        on_kept: is told how many photographs are on the disk, whenever there are more.

    Raises:
        OutputError: the part was begun with other settings or photographs, or the folder cannot
            be written.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        spec: PartSpec,
        settings: Settings,
        images: Sequence[ImageFile],
        batch_size: int,
        on_kept: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._path, self._folder = path, folder
        self.batch_size = batch_size
        self._on_kept = on_kept
        self._added: list[tuple[Result, Future[Path] | None]] = []
        self._pictures: list[Path] = []
        self._pace = Pace()
        with writing(folder):
            if (path / _SETTINGS).exists():
                begun = _read(path / _SETTINGS)
                self._check(begun["settings"], settings, images)
                self.started = str(begun["started"])
            else:
                self.started = datetime.now(UTC).isoformat(timespec="seconds")
                self._begin(settings, images)
            self.rows = Rows(path / ROWS, spec)
        self._clock = time.perf_counter() - self.rows.seconds
        if self.rows.count:
            on_kept(self.rows.count)

    @property
    def results(self) -> Path:
        """Where results are written before they are moved into place."""
        return self._path / "results"

    @property
    def whole(self) -> dict[str, Any] | None:
        """What `seal` was given; None before that."""
        path = self._path / _WHOLE
        return _read(path) if path.exists() else None

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
            with contextlib.suppress(OSError):
                self._keep()
        finally:
            self.rows.close()

    def add(self, result: Result, picture: Future[Path] | None) -> None:
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

    def seal(self, summary: dict[str, Any], written: Sequence[Path]) -> None:
        """Writes run.json, and notes that the results are whole: now they are only moved.

        Args:
            summary: the content of run.json.
            written: the files that were written since all photographs were added.

        Raises:
            OutputError: the disk cannot be written.
        """
        with writing(self._folder):
            write_json(self.results / "run.json", summary)
            sync_files(written)
            remove_stale(self.results, self._folder)
            write_json(self._path / _WHOLE, summary)

    def place(self) -> None:
        """Moves those results into their folder that are not there yet.

        Raises:
            OutputError: the disk cannot be written.
        """
        with writing(self._folder):
            place(self.results, self._folder)

    def _append(self, count: int) -> None:
        batch = self._added[:count]
        pictures = [picture.result() for _, picture in batch if picture is not None]
        self.rows.append([result for result, _ in batch])
        self._added = self._added[count:]  # not before: no row may be missing among others
        self._pictures += pictures

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
            shutil.rmtree(self._path)
        self.results.mkdir(parents=True)
        write_durably(self._path / _PHOTOGRAPHS, map(_state, images))
        write_json(self._path / _SETTINGS, {"started": self.started, "settings": settings})

    def _check(self, begun: Settings, settings: Settings, images: Sequence[ImageFile]) -> None:
        for name, now in json.loads(json.dumps(settings)).items():
            if begun.get(name) != now:
                raise self._refusal(f"another {name} ({begun.get(name)} then, {now} now)")
        with (self._path / _PHOTOGRAPHS).open(encoding="utf-8", newline="") as stream:
            for line, image in _side_by_side(stream, images):
                if image is None or (line is not None and json.loads(line)[0] < image.name):
                    name = json.loads(line or "[]")[0]
                    raise self._refusal(f"the photograph {name}, which is not there now")
                if line is None or json.loads(line)[0] != image.name:
                    raise self._refusal(f"other photographs ({image.name} is new)")
                if line != _state(image):
                    raise self._refusal(f"another file {image.name}, which has changed since")

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
    """Moves all results from one folder into another; continues where that was cut short.

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
    """Turns what goes wrong while a folder or file is written into a sentence for the user.

    Raises:
        OutputError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error


def _side_by_side(
    lines: Iterator[str], images: Sequence[ImageFile]
) -> Iterator[tuple[str | None, ImageFile | None]]:
    for image in images:
        yield next(lines, None), image
    for line in lines:
        yield line, None


def _state(image: ImageFile) -> str:
    """A line that is another one when the photograph has changed."""
    try:
        found = image.path.stat()
    except OSError:  # told when its turn comes
        return json.dumps([image.name]) + "\n"
    return json.dumps([image.name, found.st_size, found.st_mtime_ns]) + "\n"


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
