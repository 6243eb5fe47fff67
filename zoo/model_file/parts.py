"""The parts that landmarks are placed on: their landmarks, their curves, what is measured."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from beetle_lm.encoding import NotUtf8Error, utf8_text
from beetle_lm.entries import Entry, Range, load
from beetle_lm.errors import PartError
from beetle_lm.text import CONTROL_CHARACTER, shown
from beetle_lm.zoo.model_file.bounds import MOST_LANDMARKS, MOST_SEMILANDMARKS


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


DEFAULT_SEMILANDMARKS = 20
"""How many are placed on a curve of which nothing else is said."""


@dataclass(frozen=True)
class Curve:
    """A curve between two landmarks, on which semilandmarks are placed.

    Args:
        name: what it is called, e.g. ``outline``.
        start: the landmark where it begins, by its number, counted from 1 as in tpsDig.
        end: the landmark where it ends; that where it begins for a closed curve.
        semilandmarks: how many are placed, evenly spaced, between its ends.
    """

    name: str
    start: Annotated[int, Entry("from")]
    end: Annotated[int, Entry("to")]
    semilandmarks: int

    @property
    def is_closed(self) -> bool:
        """Whether it ends where it begins."""
        return self.start == self.end

    def to_dict(self) -> dict[str, Any]:
        """The curve as JSON values, by the names that it has in files."""
        ends = {"from": self.start, "to": self.end}
        return {"name": self.name, **ends, "semilandmarks": self.semilandmarks}


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
        curves: the curves that semilandmarks are placed on, each with a name of its own.

    Raises:
        PartError: no landmarks, a repeated name, a control character in a name, or pairs,
            measurements or curves outside the scheme.
    """

    name: str
    landmark_names: tuple[str, ...]
    mirror_pairs: Annotated[tuple[tuple[int, int], ...], Entry(required=True)] = ()
    measurements: tuple[Measurement, ...] = ()
    curves: tuple[Curve, ...] = ()

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
        self._check_names("measurement", [one.name for one in self.measurements])
        for one in self.measurements:
            if one.start == one.end or not self._has(one.start, one.end):
                raise PartError(
                    f"{self.name}: {shown(one.name)} must be measured between two of the landmarks"
                    f" 1 to {n}, got {one.start} and {one.end}"
                )
        self._check_names("curve", [curve.name for curve in self.curves])
        for curve in self.curves:
            if not self._has(curve.start, curve.end):
                raise PartError(
                    f"{self.name}: the curve {shown(curve.name)} must run between landmarks 1 to"
                    f" {n}, got {curve.start} and {curve.end}"
                )
            if curve.semilandmarks < 1:
                raise PartError(
                    f"{self.name}: the curve {shown(curve.name)} needs at least 1 semilandmark, got"
                    f" {curve.semilandmarks}"
                )

    def __len__(self) -> int:
        return len(self.landmark_names)

    def _has(self, *numbers: int) -> bool:
        return all(1 <= number <= len(self) for number in numbers)

    def _check_names(self, kind: str, names: Sequence[str]) -> None:
        if not all(name.strip() for name in names):
            raise PartError(f"{self.name}: a {kind} needs a name")
        if unfit := next(filter(CONTROL_CHARACTER.search, names), None):
            raise PartError(f"the name of a {kind} has a control character: {unfit!r:.60}")
        if len(set(names)) != len(names):
            raise PartError(f"{self.name}: {kind}s must have names that differ")

    @property
    def semilandmarks(self) -> int:
        """How many semilandmarks all curves have together."""
        return sum(curve.semilandmarks for curve in self.curves)

    @property
    def mirror_order(self) -> tuple[int, ...] | None:
        """For each landmark of a mirrored image its index (from 0) before; None if unknown."""
        if not self.mirror_pairs:
            return None
        order = list(range(len(self)))
        for first, second in self.mirror_pairs:
            order[first - 1], order[second - 1] = second - 1, first - 1
        return tuple(order)

    @property
    def mirror_curves(self) -> tuple[tuple[int, bool], ...] | None:
        """For each curve of a mirrored image, its index before, and whether it ran the other way.

        None where that cannot be told from the landmarks at the ends: a curve between landmarks of
        the midline may lie on one side of it.
        """
        order = self.mirror_order
        if order is None:
            return None
        found = []
        for curve in self.curves:
            start, end = order[curve.start - 1] + 1, order[curve.end - 1] + 1
            candidates = [
                (index, (other.start, other.end) != (start, end))
                for index, other in enumerate(self.curves)
                if (other.start, other.end) in ((start, end), (end, start))
            ]
            if len(candidates) != 1 or (start, end) == (curve.start, curve.end):
                return None
            found += candidates
        return tuple(found)

    @classmethod
    def numbered(cls, name: str, count: int) -> PartSpec:
        """A part of which only the number of landmarks is known: they are called 1, 2, 3, ..."""
        return cls(name, tuple(str(i + 1) for i in range(count)))

    @classmethod
    def from_toml(cls, path: Path) -> PartSpec:
        """Reads a part from a TOML file.

        It has `name`, `landmark_names` and, where they are known, `mirror_pairs`,
        `[[measurements]]` and `[[curves]]`. `landmark_names` may be replaced by `landmarks`, their
        number. A measurement or curve has a `name` and runs `from` a landmark `to` another, each
        given by its number, from 1, or by its name; a curve has a number of `semilandmarks`, too.

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
        if self.curves:
            entries["curves"] = [curve.to_dict() for curve in self.curves]
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
class _CurveEntry:
    """As a file has it: landmarks by number or by name."""

    name: str
    start: Annotated[Any, Entry("from")]
    end: Annotated[Any, Entry("to")]
    semilandmarks: Annotated[int, Range(1, MOST_SEMILANDMARKS)] = DEFAULT_SEMILANDMARKS


@dataclass(frozen=True)
class _PartFile:
    name: str | None = None
    landmarks: Annotated[int, Range(1, MOST_LANDMARKS)] | None = None
    landmark_names: tuple[str, ...] | None = None
    mirror_pairs: tuple[tuple[int, int], ...] = ()
    measurements: tuple[_MeasurementEntry, ...] = ()
    curves: tuple[_CurveEntry, ...] = ()

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
        number = partial(_number_of, names=names, source=source)
        return PartSpec(
            name if self.name is None else self.name,
            names,
            self.mirror_pairs,
            tuple(
                Measurement(
                    one.name,
                    number(one.start, what=f"{shown(one.name)} must be measured"),
                    number(one.end, what=f"{shown(one.name)} must be measured"),
                )
                for one in self.measurements
            ),
            tuple(
                Curve(
                    curve.name,
                    number(curve.start, what=f"the curve {shown(curve.name)} must run"),
                    number(curve.end, what=f"the curve {shown(curve.name)} must run"),
                    curve.semilandmarks,
                )
                for curve in self.curves
            ),
        )


def _number_of(landmark: object, names: tuple[str, ...], source: str, what: str) -> int:
    """The number of a landmark that is given by number or name; PartError where it is neither."""
    if isinstance(landmark, int) and not isinstance(landmark, bool):
        return landmark
    if isinstance(landmark, str) and landmark in names:
        return names.index(landmark) + 1
    found = shown(landmark if isinstance(landmark, str) else repr(landmark))
    near = difflib.get_close_matches(landmark, names, n=1) if isinstance(landmark, str) else []
    hint = f"; did you mean {shown(near[0])}?" if near else ""
    raise PartError(
        f"{source}: {what} between landmarks, given by number or name, got {found}{hint}"
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
