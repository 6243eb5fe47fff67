"""Finding photographs, whatever else is in their folders."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

from beetle_lm.errors import Hint, ImageError
from beetle_lm.predict.images import stores
from beetle_lm.predict.images.earlier import EarlierResults
from beetle_lm.predict.images.kinds import extensions, what_is_left_out
from beetle_lm.predict.images.stored import StoredFile
from beetle_lm.predict.images.tiff import Page
from beetle_lm.text import encodable, printable

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True)
class ImageFile:
    """A photograph to read.

    Args:
        place: where it is, on this machine or in a store.
        name: its path below the folder that was searched, with '/' on every system; unique in
            one list of images, and valid text even where the path is not.
        page: which of several pictures in a TIFF file it is; None for the first, and for files of
            one picture.
    """

    place: Place
    name: str
    page: Page | None = None

    @classmethod
    def of(cls, file: File) -> ImageFile:
        """A file by its path, as a photograph."""
        return file if isinstance(file, ImageFile) else cls(Path(file), Path(file).name)

    @property
    def path(self) -> Path:
        """Where it is on this machine.

        Raises:
            TypeError: it is in a store.
        """
        if isinstance(self.place, StoredFile):
            raise TypeError(f"{self.place} is on no file system")
        return self.place

    @property
    def is_first(self) -> bool:
        """Whether it is the picture that is read of its file where no page is named."""
        return self.page is None or self.page.number == 1

    @property
    def called(self) -> str:
        """What messages call it."""
        name = printable(self.place.name)
        return name if self.page is None else f"page {self.page.number} of {name}"

    @property
    def folder(self) -> Path | str:
        """The folder that names are below, or its address: the same for all images of one list."""
        if isinstance(self.place, StoredFile):
            above = self.place.address.removesuffix(self.name)
            return above if above.endswith("://") else above.removesuffix("/")
        folders = _absolute(self.path).parents
        return folders[min(self.name.count("/"), len(folders) - 1)]

    def sha256(self) -> bytes:
        """The checksum of its file.

        Raises:
            OSError: it cannot be read.
            StoreError: its store does not answer.
        """
        place = self.place
        with place.opened() if isinstance(place, StoredFile) else place.open("rb") as stream:
            return sha256(stream.read()).digest()


Place = Path | StoredFile
"""Where a file is."""


def place_below(folder: Path | str, name: str) -> Place:
    """Where the file of a name is, below a folder or an address."""
    if isinstance(folder, str):
        return StoredFile(folder + name if folder.endswith("/") else f"{folder}/{name}")
    return folder / name


def folder_of(text: str) -> Path | str:
    """A folder on this machine, or the address of one, as `str` of it gave."""
    return text if stores.is_address(text) else Path(text)


File = str | Path | ImageFile
"""Where a photograph is."""


def find_images(inputs: Sequence[str | Path], recursive: bool = False) -> list[ImageFile]:
    """Lists the photographs in files, folders and globs, sorted by name, each once.

    Files that are named are taken whatever their ending; folders and globs give the files that end
    like images (in any case), even those that cannot be read, so that none goes missing unnoticed.
    A warning tells of pictures of kinds that are not read, how many there are and what to do.
    Hidden files and hidden sub-folders are skipped. Links to files are followed; links to folders
    only where one is itself an input, since they may lead round in a circle. A warning names a
    sub-folder that is not searched for that reason. Pictures that beetle-lm made itself, beside
    their results, are no photographs (`EarlierResults`).

    Args:
        inputs: paths of files or folders, or glob patterns.
        recursive: also look into sub-folders.

    Raises:
        ImageError: an input does not exist or cannot be searched, or no photograph was found.
    """
    files: list[Path] = []
    others: list[Path] = []
    roots: list[Path] = []
    for given in inputs:
        path = Path(given)
        if is_folder(path):
            found = _files_in(path, recursive)
            files.extend(filter(_is_image, found))
            others.extend(found)
            roots.append(path)
        elif _is_there(path):
            files.append(path)
            roots.append(path.parent)
        else:
            found = _matching(str(given))
            chosen = [match for match in found if _is_image(match)]
            files.extend(chosen)
            others.extend(found)
            roots.extend(match.parent for match in chosen)
    earlier = EarlierResults()
    once = {_absolute(path): path for path in others}.values()
    for sentence in what_is_left_out(path for path in once if not earlier.is_picture(path)):
        _log.warning("%s", sentence)
    if not files:
        listed = ", ".join(str(given) for given in inputs)
        raise ImageError(
            f"no images in {listed} (looked for {', '.join(sorted(extensions()))})",
            None if recursive else Hint.SUBFOLDERS,
        )
    unique = {_absolute(path): path for path in files if not earlier.is_picture(path)}
    if not unique:
        listed = ", ".join(map(str, inputs))
        raise ImageError(f"no images in {listed} but results of earlier runs")
    root = _common_root([_absolute(root) for root in roots])
    named: dict[str, Path] = {}
    for below, path in sorted((_name_below(root, where), path) for where, path in unique.items()):
        name = encodable(below)
        while name in named:  # a%FF.jpg, where another file has the byte FF there
            name += "~"
        named[name] = path
    return [ImageFile(path, name) for name, path in sorted(named.items())]


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in extensions()


def is_folder(path: Path | os.DirEntry[str]) -> bool:
    """Whether it is a folder, as far as one can see; never raises, unlike `Path.is_dir`."""
    try:
        return path.is_dir()
    except OSError:  # a link that leads to itself, or into a folder that is closed to us
        return False


def is_file(path: Path) -> bool:
    """Whether it is a file, as far as one can see; never raises, unlike `Path.is_file`."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except PermissionError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error
    except (OSError, ValueError):  # Windows finds '*' in a name invalid
        return False
    return True


def _files_in(folder: Path, recursive: bool) -> list[Path]:
    found: list[Path] = []
    links: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        try:
            place = inside.stat()
            if place.st_ino and (place.st_dev, place.st_ino) in seen:
                continue  # through a junction, which Python takes for no link
            seen.add((place.st_dev, place.st_ino))
            with os.scandir(inside) as entries:
                for entry in entries:
                    path = inside / entry.name
                    if not is_folder(entry):
                        found += [] if entry.name.startswith(".") else [path]
                    elif recursive and not entry.name.startswith("."):
                        (links if entry.is_symlink() else waiting).append(path)
        except OSError as error:
            if inside == folder:
                raise ImageError(f"{folder} cannot be searched: {error.strerror}") from error
            _log.warning(
                "%s cannot be searched, its photographs are left out: %s",
                printable(str(inside)),
                error.strerror,
            )
    if links:
        more = f" (and {len(links) - 1} more)" if len(links) > 1 else ""
        _log.warning(
            "%s%s is a link to a folder and was not searched; give it as an input of its own if"
            " its photographs are wanted",
            printable(str(min(links))),
            more,
        )
    return found


def _matching(pattern: str) -> list[Path]:
    """The files that match a glob pattern; '**' stands for any number of folders.

    Raises:
        ImageError: nothing matches it.
    """
    parts = Path(pattern).parts
    if "**" in parts:
        # The library's follows links to folders, round in a circle if they lead there.
        first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
        root = Path(*parts[:first])
        below = _files_in(root, recursive=True) if is_folder(root) else []
        found = [path for path in below if _fits(path.relative_to(root).parts, parts[first:])]
    else:
        found = [Path(match) for match in glob.glob(pattern)]
    if not found:
        raise ImageError(f"there is no file or folder {pattern}")
    return [path for path in found if not path.name.startswith(".") and not is_folder(path)]


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[index:], pattern[1:]) for index in range(len(parts) + 1))
    return bool(parts) and fnmatch(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _common_root(roots: Sequence[Path]) -> Path | None:
    try:
        return Path(os.path.commonpath(roots))
    except ValueError:  # on different drives
        return None


def _name_below(root: Path | None, path: Path) -> str:
    return path.as_posix() if root is None else path.relative_to(root).as_posix()
