"""Files that are written whole or not at all: the only place where one takes another's place."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from beetle_lm.errors import OutputError
from beetle_lm.text import encodable

UNFINISHED = ".unfinished-"
"""How the names of files begin that are being written; killed processes leave them behind."""

_LONG = 240  # of 260, of which a folder needs room for a short name


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """A path to write to, in the same folder; the file takes the place of `path` at the end.

    Where anything goes wrong the unfinished file is removed, and `path` stays what it was.

    Args:
        path: the file to make or to replace.
        durable: see it onto the disk first, so that it is whole even after a power cut.

    Raises:
        OSError: it cannot be written.
    """
    # Not by tempfile, whose files are for the user alone: a laboratory may share the folder.
    unfinished = path.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        yield unfinished
        if durable:
            sync_files([unfinished])
        unfinished.replace(path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    if durable:
        sync_folder(path.parent)


def write_bytes(path: Path, pieces: Iterable[bytes]) -> None:
    """Writes a file whole or not at all; an existing one is replaced at the end.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with replacing(path) as unfinished, unfinished.open("xb") as stream:
            stream.writelines(pieces)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file as `write_bytes` does; line ends are written as they stand.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, (piece.encode("utf-8") for piece in pieces))


def write_durably(path: Path, pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file that is whole or not there, whatever happens, a power cut included.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path, durable=True) as unfinished, unfinished.open("xb") as stream:
        stream.writelines(piece.encode("utf-8") for piece in pieces)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Writes JSON durably, as people can read it.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    write_durably(path, [encodable(text), "\n"])


def reachable(path: Path, deep: bool = False) -> Path:
    """A path as the system can open it: on Windows longer ones than 260 characters, too.

    Args:
        path: to a file or folder.
        deep: the path may be short, and what is in the folder not.
    """
    if sys.platform == "win32":
        absolute = os.path.abspath(path)  # without following links
        return Path(extended(absolute)) if deep or len(absolute) >= _LONG else path
    return path


def extended(absolute: str) -> str:
    r"""The form of an absolute path that Windows opens whatever its length: \\?\C:\ ..."""
    if absolute.startswith("\\\\?\\"):
        return absolute
    if absolute.startswith("\\\\"):
        return "\\\\?\\UNC\\" + absolute[2:]
    return "\\\\?\\" + absolute


def sync_files(paths: Iterable[Path]) -> None:
    """Sees files, and their names in their folders, onto the disk.

    Raises:
        OSError: the disk does not take them.
    """
    folders = set()
    for path in paths:
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
        folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Sees the names in a folder onto the disk, where the system can."""
    if sys.platform == "win32":  # which writes them itself, and opens no folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network drives refuse
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
