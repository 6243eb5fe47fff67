"""Photographs that keep coming: what is new in a folder, and what was placed before."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.source import Source, Sources
from beetle_lm.predict.images.kinds import extensions
from beetle_lm.predict.images.read import ImageFile, Read
from beetle_lm.predict.images.reading import Threads
from beetle_lm.predict.inputs import Photograph
from beetle_lm.predict.result import Result

States = Mapping[Path, tuple[int, int]]
"""Size and time of the photographs in a folder."""

_State = tuple[str, int, int]
_PATIENCE = 10  # looks at a folder where files go on changing, before what is there is taken


def states_in(folder: Path, recursive: bool) -> States:
    """Sizes and times of the files in a folder that end like images; none where it is not there."""
    found = {}
    for path, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if recursive and not name.startswith(".")]
        for name in names:
            file = Path(path, name)
            if not name.startswith(".") and file.suffix.lower() in extensions():
                try:
                    state = file.stat()
                except OSError:  # gone since
                    continue
                found[file] = state.st_size, state.st_mtime_ns
    return found


def wait_for_others(look: Callable[[], States], before: States, wait: Callable[[], None]) -> States:
    """Waits until a folder holds other photographs than before, and all of them are whole.

    A file counts as whole when it has not changed from one look to the next. Where some file
    changes at every look, what is there is taken after ten of them.

    Args:
        look: what the folder holds now.
        before: what it held.
        wait: lets some time pass.

    Returns:
        What it holds.
    """
    last, changing = before, 0
    while True:
        wait()
        now = look()
        changing = changing + 1 if now != last else 0
        if now and now != before and (now == last or changing >= _PATIENCE):
            return now
        last = now


class Remembering:
    """Sources that place the landmarks of a photograph once, until its file changes.

    Args:
        sources: place them.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._known: dict[_State, tuple[Result, ...]] = {}
        self.new: set[str] = set()
        """Names of the photographs that were placed when they were last gone through."""

    @property
    def parts(self) -> Sequence[Source]:
        """See `Sources`."""
        return self._sources.parts

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[tuple[Result, ...], None, None]:
        """See `Sources`."""
        asked = deque[tuple[_State, tuple[Result, ...] | None]]()
        self.new = set()

        def unknown() -> Iterator[ImageFile]:
            for photograph in photographs:
                assert isinstance(photograph, ImageFile)  # as all those of a plan
                state = _state(photograph)
                asked.append((state, self._known.get(state)))
                if asked[-1][1] is None:
                    self.new.add(state[0])
                    yield photograph

        def known() -> Iterator[tuple[Result, ...]]:
            while asked and (results := asked[0][1]) is not None:
                asked.popleft()
                yield results

        with closing(self._sources.place(unknown(), batch_size, threads, read)) as placed:
            for results in placed:
                yield from known()
                state, _ = asked.popleft()
                self._known[state] = results
                yield results
        yield from known()


class Loaded:
    """The sources of each group of parts, made ready once.

    Args:
        load: makes them ready; see `run_plan`.
    """

    def __init__(self, load: Callable[[Sequence[Task], Plan], Sources]) -> None:
        self._load = load
        self._sources: dict[tuple[str, ...], Remembering] = {}

    def __call__(self, tasks: Sequence[Task], plan: Plan) -> Remembering:
        """The sources of some parts."""
        parts = tuple(task.part for task in tasks)
        if parts not in self._sources:
            self._sources[parts] = Remembering(self._load(tasks, plan))
        return self._sources[parts]

    def is_new(self, task: Task, name: str) -> bool:
        """Whether a photograph was placed when those of a part were last gone through."""
        return any(task.part in parts and name in one.new for parts, one in self._sources.items())


def _state(image: ImageFile) -> _State:
    try:
        found = image.path.stat()
    except OSError:  # told when it is read
        return image.name, -1, -1
    return image.name, found.st_size, found.st_mtime_ns
