"""Photographs that show several specimens: what each specimen is called.

A specimen has the name of its photograph and its number: ``drawer~specimen2.jpg``. That is a name
like any other to all that keeps a row for each specimen, and no file's name: whatever looks for the
photograph of it finds ``drawer.jpg``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import PurePosixPath

_NAME = re.compile(r"(.+)~specimen([1-9]\d{0,5})(\.[^./]*)?", re.ASCII | re.DOTALL)


def specimen_name(photograph: str, number: int) -> str:
    """The name of a specimen.

    Args:
        photograph: the name of its photograph, with or without folders and ending.
        number: of the specimen, from 1.
    """
    folder, slash, base = photograph.rpartition("/")
    ending = PurePosixPath(base).suffix
    return f"{folder}{slash}{base.removesuffix(ending)}~specimen{number}{ending}"


def photograph_of(name: str) -> str:
    """The name of the photograph that shows a specimen; a photograph's own name as it is."""
    return _NAME.sub(r"\1\3", name) if _NAME.fullmatch(name) else name


def number_of(name: str) -> int | None:
    """The number of a specimen in its photograph, by its name; None for a photograph's name."""
    match = _NAME.fullmatch(name)
    return int(match[2]) if match else None


def photographs_of(names: Iterable[str]) -> Iterator[str]:
    """The names of photographs, each once, by those of their specimens, which follow each other."""
    return (photograph for photograph, _ in groupby(map(photograph_of, names)))
