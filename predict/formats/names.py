"""Finding the photograph that a landmark file means by a name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable


class NameIndex:
    """Names of photographs, found again by how other programs write them.

    A name is looked up as it stands, then by its last component (TPS files give no folders), then
    by that without regard to case (Windows does not keep it). A name that fits several photographs
    fits none.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._by_base = _grouped(self._names, _base)
        self._by_folded = _grouped(self._names, _folded)

    def find(self, name: str) -> str | None:
        """The one name of the index that `name` means, or None."""
        if name in self._names:
            return name
        for group in (self._by_base[_base(name)], self._by_folded[_folded(name)]):
            if len(group) == 1:
                return group[0]
        return None

    def candidates(self, name: str) -> tuple[str, ...]:
        """All names that `name` may mean: several where `find` cannot decide."""
        return tuple(sorted(self._by_folded[_folded(name)]))


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def _folded(name: str) -> str:
    return _base(name).casefold()


def _grouped(names: Iterable[str], key: Callable[[str], str]) -> defaultdict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return groups
