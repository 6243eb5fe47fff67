"""Reading two landmark files in one frame: what `evaluate` compares."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from beetle_lm.errors import LandmarkFileError, UsageError
from beetle_lm.predict.formats.csv_text import unguarded
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.pairing import pair_by_image
from beetle_lm.predict.formats.records import Annotation, SizeOf, read_annotations
from beetle_lm.predict.images.header import read_header
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import find_images

Sizes = dict[str, tuple[int, int]]
"""Width and height of images in pixels, by the name that the predictions give them."""

ReadLandmarks = Callable[[SizeOf], list[Annotation]]
"""Reads landmarks; asks for the size of an image only where y points up."""

PhotographOf = Callable[[str], Path | None]
"""Image name -> the photograph's file; None where there is none."""


def read_pair(
    predicted: Path, manual: Path, size_of: SizeOf
) -> tuple[list[Annotation], list[Annotation], Sizes]:
    """Reads a file of predicted and one of manual landmarks; see `read_both`.

    Raises:
        LandmarkFileError: a file cannot be read.
    """
    one, other = (partial(read_annotations, path) for path in (predicted, manual))
    return read_both(one, other, size_of)


def read_both(
    predicted: ReadLandmarks, manual: ReadLandmarks, size_of: SizeOf
) -> tuple[list[Annotation], list[Annotation], Sizes]:
    """Reads predicted and manual landmarks; sizes are needed only of images that are in both.

    Where y points up in both files (as in TPS) and the size of an image is unknown, its landmarks
    are read as if it were 0 pixels high: all y are then off by the height, on both sides alike.

    Args:
        predicted: reads the predicted landmarks.
        manual: reads the manual landmarks, often of many more specimens.
        size_of: image name -> (width, height), None where unknown.

    Returns:
        The landmarks of both files and the sizes that are known of images in both.

    Raises:
        UsageError: y points up in one file and down in the other, and the size of an image is
            unknown.
        LandmarkError: the specimens cannot be matched; see `pair_by_image`.
    """
    upward: tuple[set[str], set[str]] = (set(), set())
    pairs = pair_by_image(
        predicted(_noting(upward[0])),
        manual(_noting(upward[1])),
    )
    sizes: Sizes = {}
    by_name: tuple[Sizes, Sizes] = ({}, {})
    for one, other in pairs:
        size = size_of(one.image) or size_of(other.image)
        if size is not None:
            sizes[one.image] = by_name[0][one.image] = by_name[1][other.image] = size
        elif (one.image in upward[0]) != (other.image in upward[1]):
            raise UsageError(
                "one file counts y from the bottom of the image (as TPS does), the other from the"
                f" top, so the height of {one.image} is needed: give --images DIR or"
                " --image-size WxH"
            )
    return (
        predicted(lambda name: by_name[0].get(name, (0, 0))),
        manual(lambda name: by_name[1].get(name, (0, 0))),
        sizes,
    )


def photographs_in(folder: Path | None, exif: ExifFrame = "apply") -> PhotographOf:
    """Finds photographs in a folder and its sub-folders to draw landmarks on.

    Args:
        folder: where to look; None finds nothing.
        exif: the frame of the landmarks; 'stored' passes over photographs that are shown turned,
            on which they cannot be drawn.

    Raises:
        ImageError: there is no such folder, or no photograph in it.
    """
    if folder is None:
        return lambda _: None
    paths = {image.name: image.path for image in find_images([folder], recursive=True)}
    index = NameIndex(paths)

    def photograph_of(name: str) -> Path | None:
        found = index.find(name)
        if found is None or (exif == "stored" and read_header(paths[found]).orientation != 1):
            return None
        return paths[found]

    return photograph_of


def one_size(size: tuple[int, int]) -> SizeOf:
    """The same size for all images."""
    return lambda _: size


def sizes_by_name(sizes: Mapping[str, tuple[int, int]]) -> SizeOf:
    """Sizes from a table, found by how landmark files name the images."""
    index = NameIndex(sizes)

    def size_of(name: str) -> tuple[int, int] | None:
        found = index.find(name)
        return None if found is None else sizes[found]

    return size_of


def sizes_beside(predicted: Path) -> SizeOf:
    """The sizes in the `specimens.csv` that lies beside predictions; none where there is no such.

    Raises:
        LandmarkFileError: the table cannot be read.
    """
    path = predicted.parent / "specimens.csv"
    if not path.is_file():
        return lambda _: None
    sizes: Sizes = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = ";" if ";" in stream.readline() else ","
            stream.seek(0)
            for row in csv.DictReader(stream, delimiter=delimiter):
                if row["width"] and row["height"]:  # empty where the photograph was unreadable
                    sizes[unguarded(row["image"])] = (int(row["width"]), int(row["height"]))
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise LandmarkFileError(
            path, None, f"not a table of predict with image, width and height ({error!r})"
        ) from error
    return sizes_by_name(sizes)


def _noting(names: set[str]) -> SizeOf:
    """Gives every image no height, and notes for which one was needed: y points up there."""

    def size_of(name: str) -> tuple[int, int]:
        names.add(name)
        return (0, 0)

    return size_of
