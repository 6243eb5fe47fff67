"""Widths and heights of images, found by the names that landmark files give them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from beetle_lm.errors import ImageError, LandmarkFileError
from beetle_lm.predict.formats.csv import unguarded
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.parquet import SUFFIX, ParquetResults
from beetle_lm.predict.images.find import File, ImageFile, find_images
from beetle_lm.predict.images.header import Header, read_header
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.pages import page_called
from beetle_lm.predict.images.specimens import photograph_of
from beetle_lm.text import counted

Size = tuple[int, int]
"""Width and height in pixels."""

PhotographOf = Callable[[str], File | None]
"""Image name -> the photograph; None where there is none."""


class ImageSizes(Protocol):
    """Knows how large images are, in the frame that the landmarks are in."""

    @property
    def names(self) -> Collection[str]:
        """The names of the images, as far as they are known."""

    def find(self, name: str) -> Size | None:
        """The size of the image that a landmark file calls `name`; None where it is unknown."""


class SameSize:
    """One size for all images."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self.names: Collection[str] = ()

    def find(self, name: str) -> Size | None:
        """That size, whatever the name."""
        return self._size


class SizesByName:
    """Sizes from a table.

    Args:
        sizes: width and height by the images' names; may be empty.
    """

    def __init__(self, sizes: Mapping[str, Size]) -> None:
        self.names: Collection[str] = sizes.keys()
        self._sizes = sizes
        self._index = NameIndex(sizes)

    def find(self, name: str) -> Size | None:
        """The size of the image that `name` means; None where none, or several, may be meant."""
        found = self._index.find(name) or self._index.find(photograph_of(name))
        return None if found is None else self._sizes[found]


class PhotographFolder:
    """The photographs of a folder and its sub-folders.

    Headers are read when they are asked for, each once.

    Args:
        folder: where the photographs are.
        frame: what the landmarks are on, the upright pictures or the pixels as stored.

    Raises:
        ImageError: the folder does not exist or has no photographs.
    """

    def __init__(self, folder: Path, frame: ExifFrame = "apply") -> None:
        self._folder, self._frame = folder, frame
        self._images = {image.name: image for image in find_images([folder], recursive=True)}
        self.names: Collection[str] = self._images.keys()
        self._index = NameIndex(self._images)
        self._headers: dict[ImageFile, Header] = {}

    def find(self, name: str) -> Size | None:
        """The size of the photograph that `name` means; None where there is none.

        Raises:
            ImageError: the name may mean several photographs, or the header is damaged.
        """
        found = self._photograph(name)
        if found is not None:
            return self._header(found).size_in(self._frame)
        name = photograph_of(name)
        several, count = self._index.candidates(name)
        if several:
            more = f" or {counted(count - len(several), 'other')}" if count > len(several) else ""
            raise ImageError(
                f"{name} may be {' or '.join(several)}{more} in {self._folder}; give the folder of"
                " the right ones"
            )
        return None

    def to_draw_on(self, name: str) -> ImageFile | None:
        """The photograph that `name` means.

        None where there is none or may be several, and where it is shown turned but the landmarks
        are on the pixels as stored: they cannot be drawn on it.
        """
        found = self._photograph(name)
        if found is None or (self._frame == "stored" and self._header(found).orientation != 1):
            return None
        return found

    def _photograph(self, name: str) -> ImageFile | None:
        name = photograph_of(name)
        found = self._file(name)
        if found is not None or self._index.candidates(name)[1]:
            return found
        return page_called(name, self._file)

    def _file(self, name: str) -> ImageFile | None:
        found = self._index.find(name)
        return None if found is None else self._images[found]

    def _header(self, image: ImageFile) -> Header:
        if image not in self._headers:
            self._headers[image] = read_header(image)
        return self._headers[image]


def sizes_beside(predicted: Path) -> SizesByName:
    """The sizes in the predictions, or the `specimens.csv` beside them; none where there are none.

    Raises:
        LandmarkFileError: the table cannot be read.
    """
    if predicted.suffix.lower() == SUFFIX:
        return SizesByName(ParquetResults(predicted).sizes())
    path = predicted.parent / "specimens.csv"
    sizes: dict[str, Size] = {}
    if not path.is_file():
        return SizesByName(sizes)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = ";" if ";" in stream.readline() else ","
            stream.seek(0)
            for row in csv.DictReader(stream, delimiter=delimiter):
                if row["width"] and row["height"]:  # empty where the photograph was unreadable
                    sizes[unguarded(row["image"])] = (int(row["width"]), int(row["height"]))
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise LandmarkFileError(
            path, None, f"not a table that predict wrote, with image, width and height ({error!r})"
        ) from error
    return SizesByName(sizes)
