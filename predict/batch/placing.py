"""How results come into their folder: beside the user's files, and in place of earlier results."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from beetle_lm.errors import Hint, OutputError
from beetle_lm.files import reachable, sync_folder, write_durably
from beetle_lm.predict.batch.result_files import RESULTS
from beetle_lm.predict.images.earlier import MOVING


class Replaceable:
    """The results that were there when a run began: only they are replaced or removed.

    What the user put into the folders since, or changed in them, stays.

    Args:
        path: the file of the record, as `write` wrote it.
        root: the folder that holds all folders of results.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root
        self._known: dict[str, list[int]] | None = None

    @staticmethod
    def write(path: Path, root: Path, folders: Sequence[Path]) -> None:
        """Records the results that are in some folders now.

        Args:
            path: the file of the record.
            root: the folder that holds them all.
            folders: those that the run writes into.

        Raises:
            OSError: the file cannot be written.
        """
        write_durably(
            path,
            (
                json.dumps([_below(root, file), _state(file)]) + "\n"
                for folder in folders
                for name in RESULTS
                for file in _files(folder / name)
            ),
        )

    def remove(self, path: Path) -> None:
        """Removes a file, or what is in a folder, as far as it is an earlier result.

        Raises:
            OutputError: the record is damaged, or a program has a file open.
            OSError: the folder cannot be written.
        """
        for file in _files(path):
            if self._is_earlier(file):
                with _changing(file):
                    file.unlink()
        if _is_real_folder(path):
            for inside, _, _ in os.walk(reachable(path, deep=True), topdown=False):
                with contextlib.suppress(OSError):  # something of the user's is in it
                    Path(inside).rmdir()

    def refuse_others(self, path: Path) -> None:
        """Makes sure that a path is free, or holds nothing but earlier results.

        Raises:
            OutputError: it holds something else, or the record is damaged.
        """
        for file in _files(path):
            if not self._is_earlier(file):
                raise OutputError(
                    f"{file} was put there, or changed, while the run was going on, and is not"
                    " replaced",
                    Hint.MOVE_AWAY,
                )

    def _is_earlier(self, file: Path) -> bool:
        if self._known is None:
            try:
                lines = self._path.read_text(encoding="utf-8").splitlines()
                self._known = dict(map(json.loads, lines))
            except (OSError, ValueError, TypeError) as error:
                raise OutputError(
                    f"{self._path} is damaged: the unfinished run cannot go on", Hint.DROP
                ) from error
        return self._known.get(_below(self._root, file)) == _state(file)


def remove_stale(source: Path, folder: Path, earlier: Replaceable) -> None:
    """Removes from `folder` the earlier results that those in `source` will not replace.

    Raises:
        OutputError: a program has a file open.
        OSError: the folder cannot be written.
    """
    for name in RESULTS[:-1]:
        if not (source / name).exists():
            earlier.remove(folder / name)


def place(source: Path, folder: Path, earlier: Replaceable) -> None:
    """Moves all results from one folder into another; continues where that was cut short.

    Raises:
        OutputError: a result would replace what is not an earlier one, or a program has a file
            open.
        OSError: the folder cannot be written.
    """
    found = [name for name in RESULTS if (source / name).exists()]
    for name in found:
        earlier.refuse_others(folder / name)
    if found:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MOVING).touch()
    for name in found:
        if (folder / name).is_dir() or (source / name).is_dir():
            earlier.remove(folder / name)
        with _changing(folder / name):
            (source / name).replace(folder / name)
    (folder / MOVING).unlink(missing_ok=True)
    sync_folder(folder)


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:  # so Windows says that a program, such as Excel, has it open
        raise OutputError(
            f"{path} cannot be replaced: {error.strerror or error}", Hint.CLOSE_IT
        ) from error


def _files(path: Path) -> Iterator[Path]:
    """The file, or all that is in the folder but folders; nothing where there is nothing."""
    path = reachable(path, deep=True)
    if _is_real_folder(path):
        for inside, folders, names in os.walk(path):
            yield from (Path(inside, name) for name in names)
            yield from (link for name in folders if (link := Path(inside, name)).is_symlink())
    elif os.path.lexists(path):
        yield path


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _below(root: Path, file: Path) -> str:
    return file.relative_to(reachable(root, deep=True)).as_posix()


def _state(file: Path) -> list[int]:
    """What is another one when the file has changed; empty where it is gone."""
    try:
        found = file.lstat()
    except FileNotFoundError:
        return []
    return [found.st_size, found.st_mtime_ns]
