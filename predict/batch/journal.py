"""The rows of an unfinished run: a file that only grows, and that shows how far it is whole."""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from beetle_lm.errors import Hint, OutputError
from beetle_lm.predict.landmarks import Floats, Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.text import printable
from beetle_lm.zoo.model_file.parts import PartSpec

_CHECKSUM = 9  # 8 hexadecimal digits and a space
_MARK = b'{"kept":'


class Rows:
    """Results on the disk, in the order of the photographs, each with all its digits.

    Each line is a checksum and a JSON object: a result, or a mark, which says that all before it,
    and whatever else belongs to it, has reached the disk. What follows the last mark does not
    count: it may be half written, and is cut off when the file is opened again.

    One process writes at a time. Whoever opens the file changes its size, so that two notice each
    other even where no lock keeps them apart, and neither goes on.

    Args:
        path: the file; made if it is not there.
        spec: the part.
        names: of all photographs, in their order; only rows of these count, in this order.

    Raises:
        OSError: the file cannot be read or written.
    """

    def __init__(self, path: Path, spec: PartSpec, names: Sequence[str]) -> None:
        self._path, self._spec, self._names = path, spec, names
        self.count = 0
        self.seconds = 0.0
        self._size = self._find_end() if path.exists() else 0
        self._stream: BinaryIO = path.open("ab")
        self._stream.truncate(self._size)
        self._written = self.count
        self._is_whole = True
        if self.count:
            self._write(self._mark())

    def append(self, results: Sequence[Result]) -> None:
        """Writes results after the others.

        Does nothing once that was cut short: nothing may follow what is half written.

        Raises:
            OSError: e.g. the disk is full.
            OutputError: another process has written into the file.
            ValueError: they are not those of the next photographs.
        """
        if not self._is_whole:
            return
        names = [result.name for result in results]
        wanted = list(self._names[self._written : self._written + len(results)])
        if names != wanted:
            raise ValueError(f"results of {names}, where those of {wanted} come next")
        self._write(b"".join(_line(_record(result)) for result in results))
        self._written += len(results)

    def keep(self, seconds: float) -> None:
        """Makes sure that all that was appended is on the disk, and marks it as whole.

        Does nothing once appending was cut short, as `append`.

        Args:
            seconds: how long all of it took to compute.

        Raises:
            OSError: e.g. the disk is full.
            OutputError: another process has written into the file.
        """
        if self._written == self.count or not self._is_whole:
            return
        self._write(self._mark(seconds))
        os.fsync(self._stream.fileno())
        self.count, self.seconds = self._written, seconds

    def check(self) -> None:
        """Makes sure that nobody else has written into the file.

        Raises:
            OutputError: another process has.
        """
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            size = -1
        if size != self._size:
            self._is_whole = False
            raise OutputError(
                f"another run has written to {self._path} meanwhile", Hint.RUN_IN_PROGRESS
            )

    def __iter__(self) -> Iterator[Result]:
        """The results that are kept, one after the other.

        Raises:
            OutputError: they are not those of the photographs, because another process has
                written into the file.
        """
        with self._path.open("rb") as stream:
            for name in self._names[: self.count]:
                line = stream.readline()
                while line[_CHECKSUM:].startswith(_MARK):
                    line = stream.readline()
                text = line[_CHECKSUM:]
                if not text.startswith(_beginning(name)):
                    self._is_whole = False
                    raise OutputError(
                        f"{self._path} has another row where that of {printable(name)} should be",
                        Hint.RUN_IN_PROGRESS,
                    )
                yield _result(json.loads(text), self._spec)

    def close(self) -> None:
        """Ends the writing; what was appended and not kept will not count."""
        with contextlib.suppress(OSError):  # what could not be written is not marked either
            self._stream.close()

    def _write(self, content: bytes) -> None:
        self.check()
        self._is_whole = False
        self._stream.write(content)
        self._stream.flush()
        self._size += len(content)
        self.check()  # two that both found it unchanged have both written now
        self._is_whole = True

    def _mark(self, seconds: float | None = None) -> bytes:
        seconds = self.seconds if seconds is None else seconds
        return _line({"kept": self._written, "seconds": round(seconds, 3)})

    def _find_end(self) -> int:
        end = position = found = 0
        with self._path.open("rb") as stream:
            for line in stream:
                text = line[_CHECKSUM:]
                if line != _checked(text):
                    break
                position += len(line)
                if not text.startswith(_MARK):
                    if found == len(self._names) or not text.startswith(
                        _beginning(self._names[found])
                    ):
                        break
                    found += 1
                    continue
                mark = json.loads(text)
                if mark["kept"] != found:
                    break
                end, self.count, self.seconds = position, found, mark["seconds"]
        return end


class Pace:
    """Says when to sync again: as often as costs at most a twentieth of the time, or 10 seconds."""

    _SHARE, _LONGEST = 20, 10.0

    def __init__(self) -> None:
        self._due = 0.0

    def is_due(self) -> bool:
        """Whether it is time again."""
        return time.monotonic() >= self._due

    def took(self, seconds: float) -> None:
        """Notes how long syncing has just taken."""
        self._due = time.monotonic() + min(self._SHARE * seconds, self._LONGEST)


def _line(record: dict[str, Any]) -> bytes:
    return _checked(json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n")


def _beginning(name: str) -> bytes:
    """How the row of a photograph begins, after its checksum."""
    return b'{"image":%s,' % json.dumps(name).encode("ascii")


def _checked(text: bytes) -> bytes:
    return b"%08x " % zlib.crc32(text) + text


def _record(result: Result) -> dict[str, Any]:
    record: dict[str, Any] = {
        "image": result.name,
        "size": result.size,
        "orientation": result.orientation,
        "error": result.error,
    }
    if result.hint is not None:
        record["hint"] = result.hint.name
    if result.scale is not None:
        record["scale"] = [result.scale.units_per_px, result.scale.note]
    if result.landmarks is not None:
        record["xy"] = result.landmarks.xy.tolist()
        record["score"] = _listed(result.landmarks.score)
        record["expected_error"] = _listed(result.landmarks.expected_error)
        record["flag"] = result.flag
        if result.landmarks.semilandmarks is not None:
            record["semilandmarks"] = result.landmarks.semilandmarks.tolist()
            record["semilandmark_error"] = _listed(result.landmarks.semilandmark_error)
    if result.box is not None:
        record["box"] = result.box.tolist()
    return record


def _result(record: dict[str, Any], spec: PartSpec) -> Result:
    landmarks = None
    if "xy" in record:
        landmarks = Landmarks(
            spec,
            np.array(record["xy"]),
            _array(record["score"]),
            _array(record["expected_error"]),
            _array(record.get("semilandmarks")),
            _array(record.get("semilandmark_error")),
        )
    size = record["size"]
    return Result(
        record["image"],
        None if size is None else (size[0], size[1]),
        record["orientation"],
        landmarks,
        record["error"],
        record.get("flag"),
        hint=Hint[record["hint"]] if "hint" in record else None,
        box=np.array(record["box"]) if "box" in record else None,
        scale=Scale(*record["scale"]) if "scale" in record else None,
    )


def _listed(values: Floats | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _array(values: list[Any] | None) -> Floats | None:
    return None if values is None else np.array(values)
