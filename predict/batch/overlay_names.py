"""What the overlays of photographs are called: each its own file, on every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from beetle_lm.predict.images.earlier import OVERLAYS

_ENDING = ".jpg"
_MOST_BYTES = 255  # of a file's name, on most file systems
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')  # on Windows, and on disks that it formats
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])", re.IGNORECASE)


class OverlayNames:
    """Where the overlays of photographs go; the folders of their names are kept.

    No two are the same file, even where a file system ignores case or forbids signs, and no name
    is one that Windows reserves for a device. Only names that differ from the usual are kept.

    Args:
        ids: an identifier for each photograph's name, as `unique_ids` gives them.
    """

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = ids
        self._others: dict[str, str] = {}
        usual = {name: _portable(identifier) for name, identifier in ids.items()}
        taken = {_key(folder) for path in usual.values() for folder in _folders(path)}
        numbers: dict[str, int] = {}
        # First those that are called as they are: the others give way.
        for name in sorted(usual, key=lambda name: (usual[name] != ids[name] + _ENDING, name)):
            path = usual[name]
            key = _key(path)
            while _key(path) in taken:
                numbers[key] = numbers.get(key, 1) + 1
                path = _numbered(usual[name], numbers[key])
            taken.add(_key(path))
            if path != usual[name]:
                self._others[name] = path

    def path(self, folder: Path, name: str) -> Path:
        """The overlay of a photograph.

        Args:
            folder: the folder of results.
            name: the photograph's name.
        """
        below = self._others.get(name) or _portable(self._ids[name])
        return folder / OVERLAYS / below


def _portable(identifier: str) -> str:
    """The usual path below the folder of overlays, with '/' between folders."""
    *folders, stem = [part for part in identifier.split("/") if part not in ("", "..")] or ["_"]
    inside = [_cut(_component(part), "") for part in folders if part != "."]
    return "/".join([*inside, _cut(_without_device(_FORBIDDEN.sub("_", stem)), _ENDING)])


def _component(part: str) -> str:
    """The name of a folder as every system takes it: Windows drops dots and spaces at the end."""
    kept = part.rstrip(". ")
    return _without_device(_FORBIDDEN.sub("_", kept + "_" * (len(part) - len(kept))))


def _without_device(name: str) -> str:
    base, dot, rest = name.partition(".")
    return f"{base}_{dot}{rest}" if _DEVICE.fullmatch(base.rstrip(" ")) else name


def _cut(stem: str, ending: str) -> str:
    room = _MOST_BYTES - len(ending)
    encoded = stem.encode("utf-8", "replace")
    if len(encoded) > room:
        stem = encoded[:room].decode("utf-8", "ignore")
    return stem + ending


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + _cut(name.removesuffix(_ENDING), f"~{number}{_ENDING}")


def _key(path: str) -> str:
    """What is the same for paths that are one file on some file system."""
    folded = unicodedata.normalize("NFC", path).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
