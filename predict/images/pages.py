"""TIFF files with a specimen on each page: their pages as photographs, and what these are called.

A page has the name of its file and its number: ``stack_page2.tif``. That is a name like any other
to programs that know nothing of pages, and fits the files that a stack is split into. Thumbnails
are not counted. Only TIFF files are taken apart: what follows the first picture of GIF, WebP, APNG
or MPO is no other specimen, but the same one a moment later, from beside or at another size.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.find import ImageFile, Place, is_file
from beetle_lm.predict.images.header import Header, read_header
from beetle_lm.predict.images.specimens import photograph_of
from beetle_lm.predict.images.tiff import Page
from beetle_lm.text import counted

_log = logging.getLogger("beetle_lm")

_NAME = re.compile(r"(.+)_page([1-9]\d{0,5})~*(\.[^./]*)?", re.ASCII | re.DOTALL)


def each_page(images: Sequence[ImageFile]) -> list[ImageFile]:
    """The same photographs, but of files with several pictures each of them.

    Thumbnails, masks and smaller versions of other pages are none. A warning names a file with such
    as do not say so themselves.

    Args:
        images: the files; no two have the same name.
    """
    found: list[ImageFile] = []
    taken = {image.name for image in images}
    for image in images:
        header = _header(image)
        if header is None or header.pictures == 1:
            found.append(image)
        else:
            for page in header.pages:
                name = _name(image.name, page, taken)
                taken.add(name)
                found.append(ImageFile(image.place, name, page))
        if header is not None and header.thumbnails:
            _log.warning(
                "%s: %s taken for thumbnails, because of the shape of one that is much larger",
                image.called,
                counted(header.thumbnails, "page"),
            )
    return found


def page_called(name: str, find: Callable[[str], ImageFile | None]) -> ImageFile | None:
    """The page that has a name; None where there is none.

    Args:
        name: such as ``stack_page2.tif``, with or without its ending.
        find: gives the file that has a name, None where there is none.
    """
    match = _NAME.fullmatch(name)
    image = find(match[1] + (match[3] or "")) if match else None
    if match is None or image is None:
        return None
    header, number = _header(image), int(match[2])
    if header is None or not header.pictures >= number > 0 or header.pictures == 1:
        return None
    return ImageFile(image.place, name, header.pages[number - 1])


def photograph_at(path: Place, name: str) -> ImageFile:
    """The photograph that was predicted under a name, a file or a page of one.

    Args:
        path: where a file of that name would be; there may be none.
        name: the photograph's name, or that of a specimen in it.
    """
    if (photograph := photograph_of(name)) != name:
        if isinstance(path, Path):
            path = path.with_name(photograph_of(path.name))
        return replace(photograph_at(path, photograph), name=name)
    if isinstance(path, Path) and not is_file(path):
        page = page_called(path.name, lambda file: ImageFile.of(path.with_name(file)))
        if page is not None:
            return replace(page, name=name)
    return ImageFile(path, name)


def _header(image: ImageFile) -> Header | None:
    try:
        return read_header(image)
    except ImageError:  # told when its turn comes to be read
        return None


def _name(file: str, page: Page, taken: set[str]) -> str:
    folder, slash, base = file.rpartition("/")
    stem, dot, ending = base.rpartition(".")
    if not stem.strip("."):
        stem, dot, ending = base, "", ""
    mark = f"_page{page.number}"
    while (name := f"{folder}{slash}{stem}{mark}{dot}{ending}") in taken:  # of another file
        mark += "~"
    return name
