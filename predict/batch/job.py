"""What the rows of a part are made with: fixed when it is begun, the same for all who go on."""

from __future__ import annotations

import json
import shutil
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, overload

from beetle_lm.errors import Hint, OutputError, PartError
from beetle_lm.files import reachable, write_durably, write_json
from beetle_lm.predict.batch.partitions import Partitions
from beetle_lm.predict.batch.source import SourceRecord
from beetle_lm.predict.batch.staging import Staged, damaged, read_record
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.images.stored import StoredFile
from beetle_lm.text import printable

Settings = Mapping[str, object]
"""All that results depend on, as JSON values, by what a user would call it."""

_JOB, _PHOTOGRAPHS = "job.json", "photographs.jsonl"

_State = list[Any]  # of a photograph: its name, and its size and time or version where known


@dataclass(frozen=True, eq=False)
class Job:
    """The settings, the photographs and the partitions of a part that is begun.

    Args:
        staged: where all is kept of it.
        started: when it was begun, in ISO format.
        settings: all that rows depend on, but for the photographs.
        photographs: SHA-256 of the list of their names, sizes, and times or versions.
        partition: how many photographs a partition has.
        source: what is told of the source of landmarks.
    """

    staged: Staged
    started: str
    settings: Settings
    photographs: str
    partition: int
    source: SourceRecord

    @classmethod
    def begin(
        cls,
        staged: Staged,
        settings: Settings,
        images: Sequence[ImageFile],
        partition: int,
        source: SourceRecord,
    ) -> Job:
        """Begins a part; see `Job` for the arguments.

        Raises:
            OSError: the folder cannot be written.
            OutputError: another run has begun the part meanwhile, with other settings or
                photographs.
        """
        path = staged.path
        if path.exists():
            shutil.rmtree(reachable(path, deep=True))
        staged.results.mkdir(parents=True)
        write_durably(path / _PHOTOGRAPHS, (json.dumps(_state(one)) + "\n" for one in images))
        started = datetime.now(UTC).isoformat(timespec="seconds")
        photographs = _checksum(path / _PHOTOGRAPHS)
        settings = json.loads(json.dumps(settings))
        job = cls(staged, started, settings, photographs, partition, source)
        write_json(
            path / _JOB,
            {
                "started": started,
                "settings": settings,
                "photographs": photographs,
                "partition": partition,
                "key": job.key,
                "source": source.to_dict(),
            },
        )
        mirror = staged.mirror
        if mirror is not None and not mirror.share([path / _PHOTOGRAPHS, path / _JOB]):
            others = cls.read(staged)  # who began at the same time
            assert others is not None
            others.check(settings, images)
            return others
        return job

    @classmethod
    def read(cls, staged: Staged) -> Job | None:
        """The part as it was begun; None where it was not.

        Raises:
            OutputError: what was kept of it is damaged.
        """
        path = staged.path / _JOB
        if not path.exists():
            return None
        try:
            content = read_record(path)
            job = cls(
                staged,
                str(content["started"]),
                dict(content["settings"]),
                str(content["photographs"]),
                int(content["partition"]),
                SourceRecord.from_dict(content["source"]),
            )
        except (KeyError, TypeError, ValueError, PartError) as error:
            raise damaged(path) from error
        if job.partition < 1:
            raise damaged(path)
        return job

    @property
    def key(self) -> str:
        """What two jobs have in common whose rows are the same."""
        fixed = json.dumps([self.settings, self.photographs, self.partition], sort_keys=True)
        return sha256(fixed.encode()).hexdigest()[:32]

    def check(
        self,
        settings: Settings,
        images: Sequence[ImageFile],
        takes: Callable[[int], bool] = lambda number: True,
    ) -> None:
        """Makes sure that a worker would make the rows of this job.

        Args:
            settings: those of the worker.
            images: the photographs that it sees.
            takes: whether it takes the partition of a number; the photographs of others may have
                changed, but not their names.

        Raises:
            OutputError: it has other settings or photographs, or the record was changed.
        """
        self.check_settings(settings)
        path = self.staged.path / _PHOTOGRAPHS
        for index, (then, image) in enumerate(_side_by_side(_states(path), images)):
            if then is not None and image is not None and then[0] == image.name:
                if takes(index // self.partition + 1) and then != _state(image):
                    raise self._refusal(f"another file {image.name}, which has changed since")
            elif image is None or (then and then[0] not in {each.name for each in images}):
                gone = "" if then is None else then[0]
                raise self._refusal(f"the photograph {gone}, which is not there now")
            else:
                raise self._refusal(f"other photographs ({image.name} is new)")
        self.check_record()

    def check_settings(self, settings: Settings) -> None:
        """Makes sure that a worker has the settings of this job.

        Raises:
            OutputError: it has others.
        """
        now = json.loads(json.dumps(settings))
        for name in {**now, **self.settings}:  # a finder may have been there then, and none now
            if self.settings.get(name) != now.get(name):
                told = f"{self.settings.get(name)} then, {now.get(name)} now"
                raise self._refusal(f"another {name} ({told})")

    def check_record(self) -> None:
        """Makes sure that nobody has changed the record.

        Raises:
            OutputError: somebody has.
        """
        path = self.staged.path / _JOB
        if read_record(path).get("key") != self.key:
            raise damaged(path)
        if _checksum(self.staged.path / _PHOTOGRAPHS) != self.photographs:
            raise damaged(self.staged.path / _PHOTOGRAPHS)

    @property
    def batch_size(self) -> int:
        """How many photographs go through the model at once."""
        return int(str(self.settings["batch size"]))

    def numbers(self, photographs: int) -> range:
        """The numbers of the partitions of so many photographs."""
        return range(1, -(-photographs // self.partition) + 1)

    def partitions(self, names: Sequence[str]) -> Partitions:
        """The partitions of the photographs, by the names of all of them."""
        staged, spec = self.staged, self.source.spec
        return Partitions(staged.path, self.key, spec, names, self.partition, staged.mirror)

    def names(self) -> Sequence[str]:
        """The names of all photographs, in their order, by the list alone."""
        return _Listed(self.staged.path / _PHOTOGRAPHS)

    def _refusal(self, reason: str) -> OutputError:
        return OutputError(
            f"{self.staged.folder} holds an unfinished run with {printable(reason)}",
            Hint.START_ANEW,
        )


class _Listed(Sequence[str]):
    """The names in a list of states, which stays on the disk: 8 bytes are kept of each."""

    def __init__(self, path: Path) -> None:
        self._path, self._starts = path, array("Q", [0])
        with path.open("rb") as stream:
            for line in stream:
                self._starts.append(self._starts[-1] + len(line))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        return (state[0] for state in _states(self._path))

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        wanted = range(len(self))[index]
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        if not wanted:
            return []
        assert wanted.step == 1
        first = self._starts[wanted.start]
        with self._path.open("rb") as stream:
            stream.seek(first)
            lines = stream.read(self._starts[wanted.stop] - first).splitlines()
        return [json.loads(line)[0] for line in lines]


def _side_by_side(
    states: Iterator[_State], images: Sequence[ImageFile]
) -> Iterator[tuple[_State | None, ImageFile | None]]:
    for image in images:
        yield next(states, None), image
    for state in states:
        yield state, None


def _state(image: ImageFile) -> _State:
    """The photograph's name, and what is another one when it has changed."""
    if isinstance(image.place, StoredFile):  # nobody asks for each of millions
        told = image.place.size, image.place.version
        return [image.name] if told == (None, None) else [image.name, *told]
    try:
        found = image.place.stat()
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
                    raise damaged(path)
                yield state
    except (FileNotFoundError, ValueError, RecursionError) as error:
        raise damaged(path) from error


def _checksum(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
