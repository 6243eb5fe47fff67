"""Names: finding the photograph that a landmark file means, and the specimens of two files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.records import Record
from beetle_lm.text import base_name


class NameIndex:
    """Names of photographs, found however other programs write them.

    A name is looked up as it stands, then by its last component (TPS files give no folders), then
    by that without regard to case (Windows does not keep it). A name that fits several photographs
    fits none.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._by_base = _grouped(self._names, base_name)
        self._by_folded = _grouped(self._names, _folded)

    def find(self, name: str) -> str | None:
        """The one name of the index that `name` means, or None."""
        if name in self._names:
            return name
        for group in (self._by_base[base_name(name)], self._by_folded[_folded(name)]):
            if len(group) == 1:
                return group[0]
        return None

    def candidates(self, name: str) -> tuple[str, ...]:
        """All names that `name` may mean: several where `find` cannot decide."""
        return tuple(sorted(self._by_folded[_folded(name)]))


def pair_by_image(
    predicted: Sequence[Record], manual: Sequence[Record]
) -> list[tuple[Record, Record]]:
    """The specimens that are in both lists, in the order of the predictions.

    Names match as `NameIndex` says: whole, else without folders, else without regard to case.

    Raises:
        LandmarkError: an image occurs twice in one list, a name may mean several, or no specimen
            is in both.
    """
    by_name = _by_name(predicted, "predicted"), _by_name(manual, "manual")
    forth, back = NameIndex(by_name[1]), NameIndex(by_name[0])
    names = {}
    for name in by_name[0]:
        found = forth.find(name)
        if found is not None and back.find(found) == name:
            names[name] = found
    _refuse_ambiguous(set(by_name[0]) - set(names), set(by_name[1]) - set(names.values()))
    if not names:
        raise LandmarkError(_nothing_in_common(predicted, manual))
    return [(by_name[0][one], by_name[1][other]) for one, other in names.items()]


def _folded(name: str) -> str:
    return base_name(name).casefold()


def _grouped(names: Iterable[str], key: Callable[[str], str]) -> defaultdict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return groups


def _by_name(records: Sequence[Record], kind: str) -> dict[str, Record]:
    by_name: dict[str, Record] = {}
    for record in records:
        first = by_name.setdefault(record.name, record)
        if first is not record:
            raise LandmarkError(
                f"the {kind} landmarks hold {record.name} twice (lines {first.line} and"
                f" {record.line}); each specimen needs an image name of its own"
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


def _refuse_ambiguous(predicted: set[str], manual: set[str]) -> None:
    """Refuses names without a folder that several with one could stand for."""
    index = NameIndex(manual)
    for name in sorted(predicted):
        candidates = [
            other for other in index.candidates(name) if not ("/" in name and "/" in other)
        ]
        if candidates:
            raise LandmarkError(
                f"{name} of the predicted and {', '.join(candidates)} of the manual landmarks may"
                " stand for several images of that name; write the images' folders in both files"
            )
