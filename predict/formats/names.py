"""Names: finding the photograph that a landmark file means, and the specimens of two files."""

from __future__ import annotations

import difflib
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.records import Record, places
from beetle_lm.predict.images.specimens import photograph_of
from beetle_lm.text import printable

LISTED = 5
"""How many names a message lists at most."""

_DEEPEST = 64  # folders; names that are alike further up are not told apart by them
_EXTENSION = re.compile(r"\.(?=[a-z0-9]*[a-z])[a-z0-9]{2,5}", re.IGNORECASE | re.ASCII)
_NEIGHBOURS = 4
_ALIKE = 0.75
_COMPARED = 80  # letters; comparing takes their square


@dataclass
class _Group:
    """Names that are the same as far as an index looks."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.first) <= LISTED:
            self.first.append(name)

    @property
    def only(self) -> str | None:
        return self.first[0] if self.count == 1 else None


class NameIndex:
    """Names of photographs (`names`), found however other programs write them.

    A name is looked up as it stands; then by the longest end of its path that a name of the index
    has too, where slashes, case, spaces around names and the composition of letters (a with dots,
    as one sign or as two) make no difference; then in the same way without the ending. A name that
    fits several photographs equally well fits none. Finding takes no longer the more names there
    are.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = set(names)
        self._exact: dict[str, _Group] = {}
        self._folded: dict[str, _Group] = {}
        self._stems: dict[str, _Group] = {}
        self._whole: dict[str, _Group] = {}
        for name in sorted(self.names):
            key = _key(name)
            _add(self._whole, [key.casefold()], name)
            _add(self._exact, _ends(key), name)
            _add(self._folded, _ends(key.casefold()), name)
            _add(self._stems, _ends(_stem(key).casefold()), name)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> str | None:
        """The one name of the index that `name` means, or None."""
        if name in self.names:
            return name
        key = _key(name)
        for end, folded in zip(_ends(key), _ends(key.casefold()), strict=True):
            if group := self._folded.get(folded):
                return group.only or (self._exact[end].only if end in self._exact else None)
        group = self._by_stem(key)
        return None if group is None else group.only

    def candidates(self, name: str) -> tuple[tuple[str, ...], int]:
        """What `name` may mean, where `find` cannot decide: the first few names, and how many."""
        key = _key(name)
        ends = (self._folded.get(end) for end in _ends(key.casefold()))
        group = next((group for group in ends if group), None) or self._by_stem(key)
        return ((), 0) if group is None else (tuple(group.first[:LISTED]), group.count)

    def without_folder(self, name: str) -> tuple[tuple[str, ...], int]:
        """The names without a folder that have the last component of `name`, in the same way."""
        group = self._whole.get(_key(name).casefold().rpartition("/")[2])
        return ((), 0) if group is None else (tuple(group.first[:LISTED]), group.count)

    def nearest(self, name: str) -> str | None:
        """The name of the index that is most like one that it lacks; None if none is."""
        wanted = _key(name).casefold().rpartition("/")[2][:_COMPARED]
        found = {
            near
            for ordered, begin in (
                (self._ordered, wanted),
                (self._reversed, wanted[::-1]),
            )
            for near in _around(ordered, begin)
        }
        matcher = difflib.SequenceMatcher(b=wanted, autojunk=False)
        best, score = None, _ALIKE
        for near in sorted(found):
            matcher.set_seq1(_key(near).casefold().rpartition("/")[2][:_COMPARED])
            if matcher.ratio() > score:
                best, score = near, matcher.ratio()
        return best

    def _by_stem(self, key: str) -> _Group | None:
        """Those whose stem is the name, or else the name's stem."""
        for stem in dict.fromkeys((key, _stem(key))):
            for end in _ends(stem.casefold()):
                if group := self._stems.get(end):
                    return group
        return None

    @cached_property
    def _ordered(self) -> list[tuple[str, str]]:
        return sorted((_key(name).casefold().rpartition("/")[2], name) for name in self.names)

    @cached_property
    def _reversed(self) -> list[tuple[str, str]]:
        return sorted((base[::-1], name) for base, name in self._ordered)


def listed(names: Sequence[str], count: int | None = None) -> str:
    """Names for a message: the first few, and how many more there are.

    Args:
        names: what to list.
        count: how many there are, where `names` are only the first.
    """
    shown = [printable(name) for name in names[:LISTED]]
    more = (len(names) if count is None else count) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def pair_by_image(
    predicted: Sequence[Record], manual: Sequence[Record]
) -> list[tuple[Record, Record]]:
    """The specimens that are in both lists, in the order of the predictions.

    Names match as `NameIndex` says; records that have no name, as they stand in their files.

    Raises:
        LandmarkError: an image occurs twice in one list, a name may mean several, or no specimen
            is in both.
    """
    by_name = _by_name(predicted, "predicted"), _by_name(manual, "manual")
    forth, back = (
        NameIndex(name for name, record in side.items() if record.is_named)
        for side in (by_name[1], by_name[0])
    )
    names = {}
    for name, record in by_name[0].items():
        if record.is_named:
            found = forth.find(name)
            if found is not None and back.find(found) == name:
                names[name] = found
        elif name in by_name[1] and not by_name[1][name].is_named:
            names[name] = name
    _refuse_ambiguous(back.names - set(names), forth.names - set(names.values()))
    if not names:
        raise LandmarkError(_nothing_in_common(predicted, manual))
    return [(by_name[0][one], by_name[1][other]) for one, other in names.items()]


def pair_by_photograph(
    predicted: Sequence[Record], manual: Sequence[Record]
) -> list[tuple[tuple[Record, ...], tuple[Record, ...]]]:
    """The specimens of photographs that are in both lists, in the order of the predictions.

    Records of one photograph may be any number, as specimens of it or under its own name.

    Raises:
        LandmarkError: a name may mean several photographs, or none is in both lists.
    """
    groups = []
    for records in (predicted, manual):
        by_photograph: dict[str, list[Record]] = {}
        for record in records:
            by_photograph.setdefault(photograph_of(record.name), []).append(record)
        groups.append(by_photograph)
    firsts = ([replace(of[0], image=name, id=None) for name, of in side.items()] for side in groups)
    return [
        (tuple(groups[0][one.name]), tuple(groups[1][other.name]))
        for one, other in pair_by_image(*firsts)
    ]


def _key(name: str) -> str:
    """The name with one kind of slash, letters composed, and no spaces around its components."""
    composed = unicodedata.normalize("NFC", name).replace("\\", "/")
    return "/".join(component.strip() for component in composed.split("/"))


def _stem(key: str) -> str:
    base = key.rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    is_stem = stem and _EXTENSION.fullmatch(dot + ending)
    return key[: len(key) - len(ending) - 1] if is_stem else key


def _ends(key: str) -> Iterator[str]:
    """The ends of a path, the longest first."""
    components = key.split("/")[-_DEEPEST:]
    for begin in range(len(components)):
        if components[-1]:
            yield "/".join(components[begin:])


def _add(groups: dict[str, _Group], keys: Iterable[str], name: str) -> None:
    for key in keys:
        groups.setdefault(key, _Group()).add(name)


def _around(ordered: Sequence[tuple[str, str]], begin: str) -> Iterator[str]:
    place = bisect_left(ordered, (begin, ""))
    for _, name in ordered[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]:
        yield name


def _by_name(records: Sequence[Record], kind: str) -> dict[str, Record]:
    by_name: dict[str, Record] = {}
    for record in records:
        first = by_name.setdefault(record.name, record)
        if first is not record:
            raise LandmarkError(
                f"the {kind} landmarks hold {record.name} twice ({places(first, record)});"
                f" each specimen needs an image name of its own"
            )
    return by_name


def _nothing_in_common(predicted: Sequence[Record], manual: Sequence[Record]) -> str:
    if not predicted or not manual:
        return f"there are no {'manual' if predicted else 'predicted'} landmarks to compare"
    return (
        "no specimen is in both files: specimens are matched by the names of their images, and"
        f" those are like {predicted[0].name} in the predictions and like {manual[0].name} in"
        " the manual landmarks"
    )


def _refuse_ambiguous(predicted: Collection[str], manual: Collection[str]) -> None:
    """Refuses names without a folder that several with one could stand for."""
    index = NameIndex(manual)
    for name in sorted(predicted):
        find = index.without_folder if "/" in name.replace("\\", "/") else index.candidates
        candidates, count = find(name)
        if candidates:
            raise LandmarkError(
                f"{name} of the predicted and {listed(candidates, count)} of the manual landmarks"
                " may stand for several images of that name; write the images' folders in both"
                " files"
            )
