"""Landmark files of any kind as one list of annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.table_reader import Table, read_table
from beetle_lm.predict.formats.tps import TpsRecord, flip_y
from beetle_lm.predict.formats.tps_reader import read_tps
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import shown

SizeOf = Callable[[str], tuple[int, int] | None]
"""Image name -> (width, height) in the frame that the file uses; None when unknown."""

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
"""Endings, in lower case, of the files that are read as tables."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """The landmarks of one specimen as a landmark file gives them, in image coordinates.

    Args:
        image: the image's name as the file writes it.
        xy: (n, 2) image pixels, y down; NaN in both where a landmark is missing.
        id: the record's identifier, None where the file gives none.
        scale: units per pixel, None where unknown.
        line: where the record begins in the file, counted from 1.
    """

    image: str
    xy: Floats
    id: str | None = None
    scale: float | None = None
    line: int = 0


def is_tps(path: Path) -> bool:
    """Whether a landmark file is a TPS file (True) or a table (False), by its ending.

    Raises:
        LandmarkFileError: the ending is that of neither.
    """
    suffix = path.suffix.lower()
    if suffix != ".tps" and suffix not in TABLE_SUFFIXES:
        raise LandmarkFileError(
            path, None, "is no landmark file: the name must end in .tps or .csv"
        )
    return suffix == ".tps"


def read_annotations(path: Path, size_of: SizeOf) -> list[Annotation]:
    """Reads a TPS file (``.tps``) or a CSV table, wide or tidy, in the order of the file.

    A TPS record without ``IMAGE=`` goes by its ID, one without either by its number in the file.

    Args:
        path: the file.
        size_of: sizes of the images; asked only where y points up in the file.

    Raises:
        LandmarkFileError: the file cannot be read, or an image's height is needed and unknown.
    """
    if is_tps(path):
        return annotations_of_records(path, read_tps(path), size_of)
    return annotations_of_table(path, read_table(path), size_of)


def annotations_of_records(
    path: Path, records: list[TpsRecord], size_of: SizeOf
) -> list[Annotation]:
    """The records of a TPS file in image coordinates; see `read_annotations`."""
    annotations = []
    for number, record in enumerate(records, start=1):
        image = record.image or record.id or str(number)
        _, height = known_size(path, record.line, image, size_of)
        annotations.append(
            Annotation(image, record.image_xy(height), record.id, record.scale, record.line)
        )
    return annotations


def annotations_of_table(path: Path, table: Table, size_of: SizeOf) -> list[Annotation]:
    """The specimens of a table in image coordinates; see `read_annotations`."""
    annotations = []
    for specimen in table.specimens:
        xy = specimen.points
        if table.y_up:
            _, height = known_size(path, specimen.line, specimen.image, size_of)
            xy = flip_y(xy, height)
        annotations.append(Annotation(specimen.image, xy, line=specimen.line))
    return annotations


def known_size(path: Path, line: int, image: str, size_of: SizeOf) -> tuple[int, int]:
    """Width and height of the image of a record.

    Raises:
        LandmarkFileError: `size_of` does not know the image.
    """
    size = size_of(image)
    if size is None:
        raise LandmarkFileError(
            path,
            line,
            f"the height of the image {shown(image)} is unknown; it is needed because y points up"
            " from the bottom edge in TPS files",
        )
    return size
