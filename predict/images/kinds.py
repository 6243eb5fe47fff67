"""The kinds of files that photographs come in: which are read, and what to do about the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from beetle_lm.origin import install
from beetle_lm.text import printable

_ALWAYS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".tif", ".tiff", ".btf"}
    | {".bmp", ".dib", ".webp", ".gif", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"}
)
HEIF = frozenset({".heic", ".heif", ".hif"})
"""Endings of what telephones write, read by pillow-heif."""

RAW = frozenset(
    {".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq"}
    | {".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".raf", ".raw"}
    | {".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Endings of cameras' raw files, read by rawpy."""

_NEVER = frozenset(
    {".avif", ".avifs", ".jxl", ".psd", ".psb", ".xcf", ".svg", ".eps", ".pdf", ".ai", ".djvu"}
    | {".czi", ".lif", ".nd2", ".oib", ".oif", ".vsi", ".svs", ".ndpi", ".scn", ".zvi", ".lsm"}
    | {".stk", ".dcm", ".exr", ".hdr", ".pbm", ".pgm", ".ppm", ".pnm", ".pcx", ".tga", ".qoi"}
    | {".ico", ".emf", ".wmf", ".jxr", ".wdp", ".hdp", ".fits", ".nii", ".mrc", ".sgi", ".ras"}
)


@dataclass(frozen=True)
class _Family:
    one: str
    several: str
    endings: frozenset[str]
    library: str

    @property
    def advice(self) -> str:
        if not self.library:
            return "export as PNG, TIFF or JPEG"
        return f"`{install('formats')}` brings what reads them, or export as JPEG or TIFF"


_FAMILIES = (
    _Family("HEIC photograph", "HEIC photographs", HEIF, "pillow_heif"),
    _Family("camera raw file", "camera raw files", RAW, "rawpy"),
    _Family(
        "picture of another format",
        "pictures of other formats",
        _NEVER,
        "",
    ),
)


@cache
def has_library(library: str) -> bool:
    """Whether an optional library is installed."""
    return bool(library) and find_spec(library) is not None


@cache
def extensions() -> frozenset[str]:
    """File name endings, in lower case, by which photographs are found in folders.

    Those of HEIC and of cameras' raw files are among them where the libraries are installed that
    read them.
    """
    further = (family.endings for family in _FAMILIES if has_library(family.library))
    return _ALWAYS.union(*further)


def what_is_left_out(files: Iterable[Path]) -> list[str]:
    """A sentence for each kind of picture that is not read: how many, which, and what to do."""
    readable = extensions()
    names: dict[_Family, list[str]] = {}
    for path in files:
        ending = path.suffix.lower()
        family = next((each for each in _FAMILIES if ending in each.endings), None)
        if family is not None and ending not in readable:
            names.setdefault(family, []).append(path.name)
    return [
        f"{_counted(family, len(found))} left out ({_listed(found)}): {family.advice}"
        for family, found in names.items()
    ]


def _counted(family: _Family, number: int) -> str:
    return f"1 {family.one} is" if number == 1 else f"{number} {family.several} are"


def _listed(names: list[str]) -> str:
    first = ", ".join(printable(name) for name in sorted(names)[:3])
    return first if len(names) <= 3 else f"{first}, ..."


def needs(library: str) -> str:
    """What to do about one photograph whose library is not installed, as part of a sentence."""
    return (
        f"{library} is not installed: `{install('formats')}` brings it, or export the photograph"
        " as JPEG or TIFF"
    )
