"""What photographs are called in landmark files, where that depends on the names of all others.

There may be millions: what is kept of a name is its hash, 8 bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.images.specimens import photograph_of
from beetle_lm.text import base_name


class Identifiers:
    """An identifier for each name: without its ending where that is unique, else the whole name.

    Args:
        names: of all photographs, each once; gone through several times.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._shared_stems = _several(names, _stem)
        self._are_stems = True
        self._are_stems = not _several(names, self.of)

    def of(self, name: str) -> str:
        """The identifier of one of the names."""
        stem = _stem(name)
        shared = {stem, _stem(photograph_of(name))} & self._shared_stems.keys()
        return name if shared or not self._are_stems else stem


def unique_ids(names: Iterable[str]) -> dict[str, str]:
    """The identifiers of names by the names, as `Identifiers` gives them."""
    names = list(names)
    identifiers = Identifiers(names)
    return {name: identifiers.of(name) for name in names}


def shared_base_names(names: Iterable[str]) -> list[str]:
    """The file names that photographs in different folders have in common.

    Args:
        names: of all photographs; gone through several times.
    """
    return list(_several(names, base_name))


def _several(names: Iterable[str], called: Callable[[str], str]) -> dict[str, int]:
    """What several names have in common, and how many have it."""
    hashes = np.fromiter((hash(called(name)) for name in names), np.int64)
    hashes.sort()
    twice: NDArray[np.int64] = hashes[1:][hashes[1:] == hashes[:-1]]
    if not len(twice):
        return {}
    wanted = frozenset(twice.tolist())
    found = Counter(_hashed(map(called, names), wanted))
    return {one: count for one, count in found.items() if count > 1}


def _hashed(values: Iterable[str], wanted: frozenset[int]) -> Iterator[str]:
    return (value for value in values if hash(value) in wanted)


def _stem(name: str) -> str:
    """The name without its ending; the whole name where only dots would be left of it."""
    stem = PurePosixPath(name).with_suffix("").as_posix()
    return stem if stem.rpartition("/")[2].strip(".") else name
