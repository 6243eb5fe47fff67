"""Photographs that nobody searches for on this machine: of a list, or as a store lists them."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path
from threading import Lock
from typing import BinaryIO, overload

import numpy as np

from beetle_lm.errors import Hint, ImageError, RequestError
from beetle_lm.predict.formats import parquet
from beetle_lm.predict.images import stores
from beetle_lm.predict.images.earlier import OVERLAYS, OVERVIEW, REVIEW_SHEET, SUMMARY
from beetle_lm.predict.images.find import ImageFile, place_below
from beetle_lm.predict.images.kinds import extensions
from beetle_lm.predict.images.stored import StoredFile
from beetle_lm.text import encodable, shown

_OWN = (OVERVIEW, REVIEW_SHEET)
_COLUMNS = ("image", "key", "address", "url")
"""What the column of photographs may be called; `key` is that of an inventory of S3."""
_VERSIONS = ("etag", "e_tag")

Line = tuple[str, int | None, str | None]
"""What is told of a photograph: its name or its address, its size in bytes, its version."""


class ImageList(Sequence[ImageFile]):
    """Photographs below a folder or an address, whose names are kept in a temporary file.

    8 bytes are in memory for each, however many there are.

    Args:
        folder: the folder, or its address.
        lines: of the photographs, in their order, by their names below the folder; taken one by
            one.
        is_told: sizes and versions are those of a list, not of the store itself.

    Raises:
        OSError: the temporary file cannot be written.
    """

    def __init__(self, folder: Path | str, lines: Iterable[Line], is_told: bool) -> None:
        self._folder, self._is_told = folder, is_told
        self._starts = array("Q", [0])
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._lock = Lock()
        for line in lines:
            text = json.dumps(line).encode("ascii") + b"\n"
            self._file.write(text)
            self._starts.append(self._starts[-1] + len(text))
        self._file.flush()

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> ImageFile: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ImageFile]: ...
    def __getitem__(self, index: int | slice) -> ImageFile | Sequence[ImageFile]:
        wanted = range(len(self))[index]
        if isinstance(wanted, range):
            return [self[one] for one in wanted]
        with self._lock:
            self._file.seek(self._starts[wanted])
            text = self._file.read(self._starts[wanted + 1] - self._starts[wanted])
        name, size, version = json.loads(text)
        place = place_below(self._folder, name)
        if isinstance(place, StoredFile):
            place = StoredFile(place.address, size, version, self._is_told)
        return ImageFile(place, name)


def photographs_at(address: str, recursive: bool) -> Sequence[ImageFile]:
    """The photographs of a folder in a store, in the order of their names, or the one file there.

    One folder is in memory at once. Of a web server it can only be one file.

    Args:
        address: of the folder, or of a file.
        recursive: also look into folders in it.

    Raises:
        RequestError: the address is of a kind that is not read, or holds a secret.
        ImageError: there is no such folder or file, or no photograph in it.
        StoreError: the store does not answer, or lets nobody in.
    """
    folder = stores.checked(address)
    if stores.is_web(folder):
        if address.endswith("/"):
            raise ImageError(f"{folder} has no list of its photographs", Hint.LISTED)
        return _one(folder)
    try:
        if _is_image(folder) and _is_file(folder):
            return _one(folder)
        images = ImageList(folder, _found(folder, recursive), is_told=False)
    except OSError as error:
        raise ImageError(f"{folder} cannot be searched: {error.strerror or error}") from error
    if not images:
        raise ImageError(
            f"no images in {folder} (looked for {', '.join(sorted(extensions()))})",
            None if recursive else Hint.SUBFOLDERS,
        )
    return images


def photographs_of(path: Path, folder: str | None) -> Sequence[ImageFile]:
    """The photographs of a list, in its order.

    The list is read twice, and never as a whole. What it says of sizes and versions is held
    against the store when a photograph is read.

    Args:
        path: text with a name, path or address in each line, or a Parquet file with a column of
            these.
        folder: what the names are below, a path or an address; None where each line is a path or
            an address of its own: then names are those below what all have in common.

    Raises:
        ImageError: the list cannot be read, names nothing, or one photograph twice.
        RequestError: an address is of a kind that is not read, or holds a secret; or a photograph
            is not below the folder.
        MissingExtraError: what reads the addresses is not installed.
    """
    root = None if folder is None else _root(folder)
    lines = _lines_of_parquet(path) if path.suffix == parquet.SUFFIX else _lines_of_text(path)
    if root is None:
        root = _common(_whole(text) for text, _, _ in lines())
    if isinstance(root, str):
        stores.check_installed(root)
    checksums = array("Q")

    def named() -> Iterator[Line]:
        for text, size, version in lines():
            name = _name_below(root, text, folder is not None, path)
            checksums.append(_checksum(name))
            yield name, size, version

    images = ImageList(root, named(), is_told=True)
    if not images:
        raise ImageError(f"{path} names no photographs")
    _refuse_twice(images, checksums, path)
    return images


def _found(folder: str, recursive: bool, below: str = "") -> Iterator[Line]:
    entries = stores.listed(f"{folder}/{below}".rstrip("/"))
    names = {one.name for one in entries}
    own = {*_OWN, OVERLAYS} if SUMMARY in names else set()  # of an earlier run
    for one in entries:
        if one.name.startswith(".") or one.name in own:
            continue
        if not one.is_folder and _is_image(one.name):
            yield below + one.name, one.size, one.version
        elif one.is_folder and recursive:
            yield from _found(folder, recursive, f"{below}{one.name}/")


def _one(address: str) -> Sequence[ImageFile]:
    folder, _, name = address.rpartition("/")
    return ImageList(folder, [(name, None, None)], is_told=False)


def _is_image(name: str) -> bool:
    return StoredFile(name).suffix.lower() in extensions()


def _is_file(address: str) -> bool:
    try:
        stores.about(address)
    except (FileNotFoundError, IsADirectoryError):
        return False
    return True


def _lines_of_text(path: Path) -> Callable[[], Iterator[Line]]:
    def lines() -> Iterator[Line]:
        try:
            with path.open(encoding="utf-8-sig", newline=None) as stream:
                for line in stream:
                    if line.strip():
                        yield line.removesuffix("\n"), None, None
        except UnicodeDecodeError as error:
            raise ImageError(f"{path} is no list of photographs: it is not UTF-8") from error
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error

    return lines


def _lines_of_parquet(path: Path) -> Callable[[], Iterator[Line]]:
    columns = parquet.columns_of(path)
    found = [name for name in _COLUMNS if name in columns]
    if len(found) != 1:
        raise ImageError(
            f"{path} needs one column of photographs, named {', '.join(_COLUMNS[:-1])} or"
            f" {_COLUMNS[-1]}; it has {', '.join(columns)}"
        )
    version = next((name for name in _VERSIONS if name in columns), None)
    size = "size" if "size" in columns else None

    def lines() -> Iterator[Line]:
        for text, bytes_, etag in parquet.values_of(path, (found[0], size, version)):
            if not isinstance(text, str) or not text:
                raise ImageError(f"{path} has a row without a photograph")
            yield (
                text,
                bytes_ if isinstance(bytes_, int) else None,
                None if etag is None else str(etag).strip('"'),
            )

    return lines


def _root(folder: str) -> Path | str:
    if stores.is_address(folder):
        return stores.checked(folder)
    return Path(os.path.abspath(folder))


def _whole(text: str) -> str:
    """A path or an address in the form in which it is compared with others."""
    return (
        stores.checked(text) if stores.is_address(text) else Path(os.path.abspath(text)).as_posix()
    )


def _common(files: Iterable[str]) -> Path | str:
    """What the folders of all files have in common.

    Raises:
        RequestError: some are on this machine and others are not, or in different stores.
    """
    shared: Sequence[str] | None = None
    for file in files:
        folders = file.split("/")[:-1]
        shared = folders if shared is None else _in_common(shared, folders)
    if shared is None:
        return Path()
    if not shared:
        raise RequestError(
            "the photographs of the list lie in different stores, or on other drives"
        )
    root = "/".join(shared)
    if root.endswith(":/"):  # different buckets, or servers
        return f"{root}/"
    return root if stores.is_address(root) else Path(f"{root}/")


def _in_common(one: Sequence[str], other: Sequence[str]) -> Sequence[str]:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return [folder for folder, _ in same]


def _name_below(root: Path | str, text: str, is_below: bool, path: Path) -> str:
    if is_below and not stores.is_address(text) and not os.path.isabs(text):  # noqa: PTH117
        name = text.replace(os.sep, "/")
    else:
        whole = _whole(text)
        start = root if isinstance(root, str) else root.as_posix()
        name = whole.removeprefix(start if start.endswith("/") else f"{start}/")
        if name == whole:
            raise RequestError(f"{path} names {shown(text)}, which is not below {root}")
    if not name or ".." in name.split("/"):
        raise RequestError(f"{path} names {shown(text)}, which is not below {root}")
    return encodable(name)


def _checksum(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def _refuse_twice(images: ImageList, checksums: array[int], path: Path) -> None:
    """Makes sure that no name is there twice, by 8 bytes of each.

    Raises:
        ImageError: one is.
    """
    ordered = np.sort(np.frombuffer(checksums, dtype=np.uint64))
    twice = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    seen: set[str] = set()
    for index, checksum in enumerate(checksums if twice else ()):
        if checksum in twice:
            name = images[index].name
            if name in seen:
                raise ImageError(f"{path} names {shown(name)} twice")
            seen.add(name)
