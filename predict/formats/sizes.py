"""The sizes of photographs: by the names that landmark files give them, and as users write them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from beetle_lm.errors import ImageError, UsageError
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.records import SizeOf
from beetle_lm.predict.images.header import read_header
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import find_images


def sizes_in(folder: Path, exif: ExifFrame = "apply") -> SizeOf:
    """Looks up the width and height of the photographs in a folder and its sub-folders.

    Headers are read when they are asked for, each once.

    Args:
        folder: where the photographs are.
        exif: 'apply' gives the size of the upright picture, 'stored' that of the stored pixels.

    Returns:
        A function from a name to (width, height), None where the folder has no such photograph.
        It raises ImageError where the name may mean several photographs or the header is damaged.

    Raises:
        ImageError: the folder does not exist or has no photographs.
    """
    paths = {image.name: image.path for image in find_images([folder], recursive=True)}
    names = NameIndex(paths)

    @cache
    def size_of(name: str) -> tuple[int, int] | None:
        found = names.find(name)
        if found is None:
            if several := names.candidates(name):
                raise ImageError(
                    f"{name} may be {' or '.join(several[:3])} in {folder}; give the folder of the"
                    " right ones"
                )
            return None
        header = read_header(paths[found])
        return header.stored_size if exif == "stored" else header.size

    return size_of


def parse_size(text: str, option: str) -> tuple[int, int]:
    """Width and height in pixels from a text such as 3264x2448, given with that option.

    Raises:
        UsageError: the text is no such pair of numbers above 0.
    """
    match = re.fullmatch(r"([1-9]\d{0,6})[xX]([1-9]\d{0,6})", text.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"{option} needs width x height in pixels such as 3264x2448, got {text!r}")
    return int(match[1]), int(match[2])
