"""What photographs may be given as, what each is called, and how it is read."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.predict.images.find import ImageFile, find_images, is_folder
from beetle_lm.predict.images.read import Picture, Read

Photograph = str | os.PathLike[str] | ImageFile | Image.Image | NDArray[np.uint8]
"""One photograph: its path, a PIL image, or upright uint8 pixels, (H, W) grey or (H, W, 3) RGB."""

Photographs = Photograph | Iterable[Photograph]
"""A photograph, a folder or glob pattern that stands for several, or any iterable of these."""


@dataclass(frozen=True)
class MadeWith:
    """Those photographs among others that a source of landmarks was made with.

    Args:
        images: the photographs.
        compared: their landmarks are compared with manual ones all the same; not where these are
            what the source goes by.
        note: what the comparison has to say of them; empty where there are none.
    """

    images: tuple[ImageFile, ...] = ()
    compared: bool = True
    note: str = ""


def photographs(given: object) -> Iterator[Photograph]:
    """The photographs that are meant, one after the other, in the order in which they are given.

    A folder stands for the photographs in it, and a glob pattern for those that it fits, both
    sorted by name (`find_images`). The path of a file that is not there stands for itself. An
    iterable is gone through as its photographs are asked for, and never as a whole; an array of
    text, such as a column of a table, is an iterable of paths.

    Args:
        given: what `Photographs` names; all else is refused.

    Raises:
        TypeError: something is given that can be no photograph.
        ImageError: a folder holds no photographs, or a pattern fits none.
    """
    if _is_photograph(given):
        return iter(_meant(given))
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        return _each(given)
    raise _no_photograph(given)


def name_of(photograph: Photograph, number: int) -> str:
    """What a photograph is called: by its path, else by its kind and its number among all."""
    if isinstance(photograph, ImageFile):
        return photograph.name
    if isinstance(photograph, np.ndarray):
        return f"array {number}"
    if isinstance(photograph, Image.Image):
        path = getattr(photograph, "filename", "")  # only what was opened from a file has one
        return Path(os.fsdecode(path)).as_posix() if path else f"image {number}"
    return Path(photograph).as_posix()


def read_photograph(
    photograph: Photograph, channels: int, at_least: tuple[int, int], read: Read
) -> Picture:
    """Reads a photograph, if it is not at hand already; see `read_image`.

    Raises:
        ImageError: it cannot be read.
    """
    if isinstance(photograph, np.ndarray):
        return Picture.from_array(photograph, channels)
    if isinstance(photograph, Image.Image):
        return Picture.from_pil(photograph, channels)
    file = photograph if isinstance(photograph, ImageFile) else Path(photograph)
    return read(file, channels, at_least=at_least)


def _is_photograph(given: object) -> TypeGuard[Photograph]:
    if isinstance(given, np.ndarray):
        return given.dtype.kind not in "OU"
    return isinstance(given, str | os.PathLike | ImageFile | Image.Image)


def _each(given: Iterable[object]) -> Iterator[Photograph]:
    for photograph in given:
        if not _is_photograph(photograph):
            raise _no_photograph(photograph)
        yield from _meant(photograph)


def _meant(given: Photograph) -> list[Photograph]:
    if isinstance(given, str | os.PathLike) and given != "":
        path = Path(given)
        if is_folder(path) or (glob.has_magic(str(path)) and not os.path.lexists(path)):
            return [image.path for image in find_images([path])]
    return [given]


def _no_photograph(given: object) -> TypeError:
    return TypeError(
        "a photograph is given as a path, a PIL image or an array of pixels, not as"
        f" {type(given).__name__}"
    )
