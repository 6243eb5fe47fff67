"""The sizes of photographs, by the names that landmark files give them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from beetle_lm.errors import ImageError
from beetle_lm.predict.annotations import SizeOf
from beetle_lm.predict.headers import read_header
from beetle_lm.predict.images import find_images
from beetle_lm.predict.matching import NameIndex
from beetle_lm.predict.orientation import ExifFrame


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
