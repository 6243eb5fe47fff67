"""Bytes that reach the disk, and stay when the power fails a moment later."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from beetle_lm.predict.formats.text import encodable


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


def write_durably(path: Path, pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file that is whole or not there, whatever happens.

    Raises:
        OSError: it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    with unfinished.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(pieces)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Writes JSON in the same way, as people can read it.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    write_durably(path, [encodable(text), "\n"])


class Pace:
    """Says when to sync again: as often as costs at most a twentieth of the time, or 10 seconds."""

    _SHARE, _LONGEST = 20, 10.0

    def __init__(self) -> None:
        self._due = 0.0

    def is_due(self) -> bool:
        """Whether it is time again."""
        return time.monotonic() >= self._due

    def took(self, seconds: float) -> None:
        """Notes how long syncing has just taken."""
        self._due = time.monotonic() + min(self._SHARE * seconds, self._LONGEST)
