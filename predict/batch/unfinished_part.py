"""What is kept of one part of an unfinished run, and what has to be the same to go on with it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beetle_lm.errors import OutputError
from beetle_lm.files import sync_files, write_durably, write_json
from beetle_lm.predict.batch.journal import Rows
from beetle_lm.predict.batch.pace import Pace
from beetle_lm.predict.batch.staging import ROWS, place, remove_stale, writing
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.result import Result
from beetle_lm.text import printable
from beetle_lm.zoo.model_file.parts import PartSpec

_SETTINGS, _PHOTOGRAPHS, _WHOLE = "settings.json", "photographs.jsonl", "whole.json"

Settings = Mapping[str, object]
"""All that results depend on, as JSON values, by what a user would call it."""


class UnfinishedPart:
    """The photographs of a part that are done, and its results while they are being written.

    Use it as a context; what is left in the end can be gone on with. Only whole batches count, so
    that a photograph goes through the model beside the same others whenever the run was stopped.

    Args:
        path: where all is kept; if it is there, the part is gone on with.
        folder: where the results go.
        spec: the part.
        settings: what has to be the same when the part is gone on with.
        images: the photographs, which have to be unchanged then.
        batch_size: photographs that go through the model at once.
        on_kept: is told how many photographs are kept, whenever there are more.

    Raises:
        OutputError: the part was begun with other settings or photographs, or the disk cannot be
            written.
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
        self._batch: list[Result] = []
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
            self._keep()
        except OSError:  # then what was kept before has to do
            pass
        finally:
            self.rows.close()

    def add(self, result: Result, picture: Path | None) -> None:
        """Takes the result of the next photograph, and the picture that was drawn of it, if any.

        Raises:
            OutputError: the disk cannot be written.
        """
        self._batch.append(result)
        if picture is not None:
            self._pictures.append(picture)
        if len(self._batch) == self.batch_size:
            with writing(self._folder):
                self._append()
                if self._pace.is_due():
                    self._keep()

    def all_added(self) -> None:
        """Keeps all that was added: there are no more photographs.

        Raises:
            OutputError: the disk cannot be written.
        """
        with writing(self._folder):
            self._append()
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

    def _append(self) -> None:
        batch, self._batch = self._batch, []
        self.rows.append(batch)

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
            f"{self._folder} holds an unfinished run with {printable(reason)}; go on with what it"
            " was begun with, or start anew with --overwrite"
        )


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
