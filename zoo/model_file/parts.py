"""The parts that landmarks are placed on: their names, their landmarks, what is measured."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from beetle_lm.encoding import NotUtf8Error, utf8_text
from beetle_lm.entries import Entry, Range, load
from beetle_lm.errors import PartError
from beetle_lm.text import CONTROL_CHARACTER, shown
from beetle_lm.zoo.model_file.bounds import MOST_LANDMARKS


@dataclass(frozen=True)
class Measurement:
    """A length that is measured between two landmarks.

    Args:
        name: what it is called, e.g. ``elytra length``.
        start: the landmark at one end, by its number, counted from 1 as in tpsDig.
        end: the landmark at the other end.
    """

    name: str
    start: Annotated[int, Entry("from")]
    end: Annotated[int, Entry("to")]

    def to_dict(self) -> dict[str, Any]:
        """The measurement as JSON values, by the names that it has in files."""
        return {"name": self.name, "from": self.start, "to": self.end}


@dataclass(frozen=True)
class PartSpec:
    """A part of an organism and its landmark scheme.

    Args:
        name: what the user calls it, e.g. ``elytra``.
        landmark_names: one unique name per landmark, in the order of the scheme.
        mirror_pairs: pairs of landmark numbers, counted from 1 as in tpsDig, that a mirror swaps;
            landmarks in no pair lie on the midline. Empty means that nothing is known: photographs
            of the part are then never mirrored in training.
        measurements: the lengths that are measured, each with a name of its own.

    Raises:
        PartError: no landmarks, a repeated name, a control character in a name, or pairs or
            measurements outside the scheme.
    """

    name: str
    landmark_names: tuple[str, ...]
    mirror_pairs: Annotated[tuple[tuple[int, int], ...], Entry(required=True)] = ()
    measurements: tuple[Measurement, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.landmark_names)
        if not self.name.strip():
            raise PartError("a part needs a name")
        if unfit := next(filter(CONTROL_CHARACTER.search, (self.name, *self.landmark_names)), None):
            raise PartError(f"a name of a part or landmark has a control character: {unfit!r:.60}")
        if n == 0:
            raise PartError(f"{self.name}: a part needs at least one landmark")
        if len(set(self.landmark_names)) != n:
            raise PartError(f"{self.name}: landmark names must differ from each other")
        paired = [number for pair in self.mirror_pairs for number in pair]
        if len(set(paired)) != len(paired) or any(not 1 <= number <= n for number in paired):
            raise PartError(
                f"{self.name}: mirror pairs must name each of the landmarks 1 to {n} once at most,"
                f" got {shown(str(list(self.mirror_pairs)))[1:-1]}"
            )
        self._check_measurements()

    def __len__(self) -> int:
        return len(self.landmark_names)

    def _check_measurements(self) -> None:
        names = [measurement.name for measurement in self.measurements]
        if not all(name.strip() for name in names):
            raise PartError(f"{self.name}: a measurement needs a name")
        if unfit := next(filter(CONTROL_CHARACTER.search, names), None):
            raise PartError(f"the name of a measurement has a control character: {unfit!r:.60}")
        if len(set(names)) != len(names):
            raise PartError(f"{self.name}: measurements must have names that differ")
        for one in self.measurements:
            if one.start == one.end or not all(
                1 <= end <= len(self) for end in (one.start, one.end)
            ):
                raise PartError(
                    f"{self.name}: {shown(one.name)} must be measured between two of the landmarks"
                    f" 1 to {len(self)}, got {one.start} and {one.end}"
                )

    @property
    def mirror_order(self) -> tuple[int, ...] | None:
        """For each landmark of a mirrored image its index (from 0) before; None if unknown."""
        if not self.mirror_pairs:
            return None
        order = list(range(len(self)))
        for first, second in self.mirror_pairs:
            order[first - 1], order[second - 1] = second - 1, first - 1
        return tuple(order)

    @classmethod
    def numbered(cls, name: str, count: int) -> PartSpec:
        """A part of which only the number of landmarks is known: they are called 1, 2, 3, ..."""
        return cls(name, tuple(str(i + 1) for i in range(count)))

    @classmethod
    def from_toml(cls, path: Path) -> PartSpec:
        """Reads a part from a TOML file.

        It has `name`, `landmark_names` and, where they are known, `mirror_pairs` and
        `[[measurements]]`. `landmark_names` may be replaced by `landmarks`, their number. A
        measurement has a `name` and runs `from` a landmark `to` another, each given by its number,
        from 1, or by its name.

        Raises:
            PartError: the file cannot be read or an entry is missing, unknown or of a wrong kind.
        """
        try:
            entries = tomllib.loads(utf8_text(path.read_bytes()))
        except (OSError, NotUtf8Error, ValueError, RecursionError) as error:
            raise PartError(f"{path}: cannot be read as a part: {error}") from error
        return load(_PartFile, entries, str(path), PartError).spec(path.stem, str(path))

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON values; `from_dict` reads it back."""
        entries: dict[str, Any] = {
            "name": self.name,
            "landmark_names": self.landmark_names,
            "mirror_pairs": self.mirror_pairs,
        }
        if self.measurements:
            entries["measurements"] = [one.to_dict() for one in self.measurements]
        return entries

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> PartSpec:
        """Reads what `to_dict` wrote.

        Raises:
            PartError: an entry is missing, unknown or of a wrong kind.
        """
        return load(cls, entries, "the part is damaged", PartError)


@dataclass(frozen=True)
class _MeasurementEntry:
    """As a file has it: landmarks by number or by name."""

    name: str
    start: Annotated[Any, Entry("from")]
    end: Annotated[Any, Entry("to")]


@dataclass(frozen=True)
class _PartFile:
    name: str | None = None
    landmarks: Annotated[int, Range(1, MOST_LANDMARKS)] | None = None
    landmark_names: tuple[str, ...] | None = None
    mirror_pairs: tuple[tuple[int, int], ...] = ()
    measurements: tuple[_MeasurementEntry, ...] = ()

    def spec(self, name: str, source: str) -> PartSpec:
        """The part.

        Args:
            name: what it is called where the file does not say.
            source: how the message of an error begins.

        Raises:
            PartError: the entries do not fit together.
        """
        if (self.landmark_names is None) == (self.landmarks is None):
            raise PartError(
                f"{source}: give either landmark_names (a list) or landmarks (a number)"
            )
        names = self.landmark_names
        if names is None:
            names = tuple(str(i + 1) for i in range(self.landmarks or 0))
        measurements = tuple(
            Measurement(one.name, *(_number_of(end, names, one.name, source) for end in ends))
            for one in self.measurements
            for ends in [(one.start, one.end)]
        )
        return PartSpec(
            name if self.name is None else self.name, names, self.mirror_pairs, measurements
        )


def _number_of(landmark: object, names: tuple[str, ...], measurement: str, source: str) -> int:
    """The number of a landmark that is given by number or name; PartError where it is neither."""
    if isinstance(landmark, int) and not isinstance(landmark, bool):
        return landmark
    if isinstance(landmark, str) and landmark in names:
        return names.index(landmark) + 1
    found = shown(landmark if isinstance(landmark, str) else repr(landmark))
    near = difflib.get_close_matches(landmark, names, n=1) if isinstance(landmark, str) else []
    hint = f"; did you mean {shown(near[0])}?" if near else ""
    raise PartError(
        f"{source}: {shown(measurement)} must be measured between landmarks, given by number or"
        f" name, got {found}{hint}"
    )


@dataclass(frozen=True)
class _Carabids:
    part: tuple[_PartFile, ...]
    pretraining: dict[str, tuple[int, ...]]


def _carabids() -> _Carabids:
    file = resources.files("beetle_lm.zoo.model_file").joinpath("carabids.toml")
    entries = tomllib.loads(file.read_text(encoding="utf-8"))
    return load(_Carabids, entries, "carabids.toml", PartError)


_CARABIDS = _carabids()

PARTS: dict[str, PartSpec] = {
    spec.name: spec for part in _CARABIDS.part for spec in [part.spec("", "carabids.toml")]
}
"""The parts that beetle-lm knows by name: the five of the paper, and the whole beetle."""

PRETRAIN_LANDMARKS: dict[str, tuple[int, ...]] = _CARABIDS.pretraining
"""The eight landmarks of each part that the paper pre-trains on together (section 7.1)."""


def find_part(name: str) -> PartSpec:
    """The part that beetle-lm knows by that name.

    Raises:
        PartError: there is none; the message suggests the nearest name.
    """
    if name in PARTS:
        return PARTS[name]
    near = difflib.get_close_matches(name, PARTS, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise PartError(f"unknown part '{name}'; {hint}`beetle-lm zoo list` shows all")


def part_of(name: str) -> PartSpec:
    """The part of that name, or the one that the TOML file of that path describes.

    Raises:
        PartError: there is no such part, or the file is wrong.
    """
    return PartSpec.from_toml(Path(name)) if name.lower().endswith(".toml") else find_part(name)
