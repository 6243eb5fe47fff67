"""Reading a landmark file of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tables import read_table
from beetle_lm.predict.formats.tps import read_tps

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
"""Endings, in lower case, of the files that are read as tables."""


def read_records(path: Path) -> Sequence[Record]:
    """Reads a TPS file (``.tps``) or a CSV table, wide or tidy, in the order of the file.

    Raises:
        LandmarkFileError: the file cannot be read; names the line and what was found there.
    """
    return read_tps(path) if is_tps(path) else read_table(path)


def is_tps(path: Path) -> bool:
    """Whether a landmark file is a TPS file (True) or a table (False), by its ending.

    Raises:
        LandmarkFileError: it ends like neither.
    """
    suffix = path.suffix.lower()
    if suffix != ".tps" and suffix not in TABLE_SUFFIXES:
        raise LandmarkFileError(
            path, None, "is not a landmark file: the name must end in .tps or .csv"
        )
    return suffix == ".tps"
