"""The parts that landmarks are placed on: their names, their landmarks, what mirrors what."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beetle_lm.errors import PartError
from beetle_lm.text import CONTROL_CHARACTER


@dataclass(frozen=True)
class PartSpec:
    """A part of an organism and its landmark scheme.

    Args:
        name: what the user calls it, e.g. ``elytra``.
        landmark_names: one unique name per landmark, in the order of the scheme.
        mirror_pairs: pairs of landmark numbers, counted from 1 as in tpsDig, that a mirror swaps;
            landmarks in no pair lie on the midline. Empty means that nothing is known: photographs
            of the part are then never mirrored in training.

    Raises:
        PartError: no landmarks, a repeated name, a control character in a name, or pairs outside
            the scheme.
    """

    name: str
    landmark_names: tuple[str, ...]
    mirror_pairs: tuple[tuple[int, int], ...] = ()

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
                f" got {list(self.mirror_pairs)}"
            )

    def __len__(self) -> int:
        return len(self.landmark_names)

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
        """Reads a part from a TOML file with `name`, `landmark_names` and `mirror_pairs`.

        `landmark_names` may be replaced by `landmarks`, their number; `mirror_pairs` is optional.

        Raises:
            PartError: the file cannot be read or an entry is missing, unknown or of a wrong kind.
        """
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise PartError(f"{path}: cannot be read as a part: {error}") from error
        known = {"name", "landmarks", "landmark_names", "mirror_pairs"}
        if unknown := sorted(set(entries) - known):
            raise PartError(f"{path}: unknown entry {unknown[0]!r}; known are {sorted(known)}")
        name = entries.get("name", path.stem)
        names, count = entries.get("landmark_names"), entries.get("landmarks")
        if (names is None) == (count is None):
            raise PartError(f"{path}: give either landmark_names (a list) or landmarks (a number)")
        if names is None:
            if type(count) is not int or count < 1:
                raise PartError(f"{path}: landmarks must be a positive whole number, got {count!r}")
            names = [str(i + 1) for i in range(count)]
        return cls.from_dict(
            {
                "name": name,
                "landmark_names": names,
                "mirror_pairs": entries.get("mirror_pairs", []),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON values; `from_dict` reads it back."""
        return {
            "name": self.name,
            "landmark_names": list(self.landmark_names),
            "mirror_pairs": [list(pair) for pair in self.mirror_pairs],
        }

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> PartSpec:
        """Reads what `to_dict` wrote.

        Raises:
            PartError: an entry is missing or of a wrong kind.
        """
        try:
            name, names, pairs = (
                entries[key] for key in ("name", "landmark_names", "mirror_pairs")
            )
        except KeyError as error:
            raise PartError(f"a part needs the entry {error}") from error
        if not isinstance(name, str) or not _is_list_of(names, str):
            raise PartError("a part needs a name and a list of landmark names")
        if not isinstance(pairs, list) or not all(
            _is_list_of(pair, int) and len(pair) == 2 for pair in pairs
        ):
            raise PartError(f"{name}: mirror_pairs must be a list of pairs of landmark numbers")
        return cls(name, tuple(names), tuple((pair[0], pair[1]) for pair in pairs))


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


# The five parts of Le Van Linh et al.; left and right are the picture's, anterior is up.
LEFT_MANDIBLE = PartSpec(
    "left-mandible",
    (
        "apex",
        "upper tooth, front",
        "upper tooth, tip",
        "notch behind upper tooth",
        "lower tooth 1, tip",
        "notch behind lower tooth 1",
        "lower tooth 2, tip",
        "notch behind lower tooth 2",
        "lower tooth 3, tip",
        "lower tooth 3, hind end",
        "base, inner end",
        "condyle, bottom",
        "condyle, top",
        "notch above condyle",
        "rim above condyle",
        "outer edge",
    ),
)
RIGHT_MANDIBLE = PartSpec(
    "right-mandible",
    (
        "apex",
        "upper tooth 1, front",
        "upper tooth 1, tip",
        "notch behind upper tooth 1",
        "upper tooth 2, tip",
        "lower tooth 1, tip",
        "notch behind lower tooth 1",
        "lower tooth 2, tip",
        "notch behind lower tooth 2",
        "lower tooth 3, front",
        "lower tooth 3, tip",
        "lower tooth 3, hind end",
        "base, inner end",
        "condyle, bottom",
        "condyle, top",
        "notch above condyle",
        "rim above condyle",
        "outer edge",
    ),
)
PRONOTUM = PartSpec(
    "pronotum",
    (
        "front edge, middle",
        "front edge, right end",
        "front corner, right",
        "hind corner, right",
        "hind edge, middle",
        "hind corner, left",
        "front corner, left",
        "front edge, left end",
    ),
    mirror_pairs=((2, 8), (3, 7), (4, 6)),
)
ELYTRA = PartSpec(
    "elytra",
    (
        "scutellum, tip",
        "scutellum, front right",
        "scutellum, front left",
        "scutellum, side right",
        "shoulder, right",
        "apex, sinuation right",
        "apex, tip right",
        "apex, tip left",
        "apex, sinuation left",
        "shoulder, left",
        "scutellum, side left",
    ),
    mirror_pairs=((2, 3), (4, 11), (5, 10), (6, 9), (7, 8)),
)
HEAD = PartSpec(
    "head",
    (
        "supraorbital pore, hind right",
        "supraorbital pore, hind left",
        "supraorbital pore, front right",
        "supraorbital pore, front left",
        "clypeus, hind corner right",
        "clypeus, hind corner left",
        "clypeus, front corner right",
        "clypeus, front corner left",
        "labrum, front corner right",
        "labrum, front corner left",
    ),
    mirror_pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10)),
)

PARTS: dict[str, PartSpec] = {
    part.name: part for part in (LEFT_MANDIBLE, RIGHT_MANDIBLE, PRONOTUM, ELYTRA, HEAD)
}

PRETRAIN_LANDMARKS: dict[str, tuple[int, ...]] = {
    "pronotum": (1, 2, 3, 4, 5, 6, 7, 8),
    "elytra": (2, 3, 4, 5, 7, 8, 10, 11),
    "head": (1, 2, 3, 4, 7, 8, 9, 10),
}
"""The eight landmarks of each part that the paper pre-trains on together (section 7.1)."""


def find_part(name: str) -> PartSpec:
    """The part of the paper with that name.

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
