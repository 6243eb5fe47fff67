"""What the page takes from others: which files of which packages, and how they are had.

They are packages of npm, fetched once by their exact version and kept beside the models that were
pulled, or taken from a folder. Each file is what its checksum says, or it is refused.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from beetle_lm.errors import HubError, ModelError, RequestError
from beetle_lm.files import write_bytes
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.store import Store

_REGISTRY = "https://registry.npmjs.org"
_REGISTRY_VARIABLE = "NPM_CONFIG_REGISTRY"
_LARGEST_PACKAGE = 1 << 27  # bytes
_FOLDER = "browser"  # in the store


@dataclass(frozen=True)
class Package:
    """A package of npm.

    Args:
        name: its name.
        version: its version.
        sha512: SHA-512 of the package as npm serves it, in Base64, as npm writes it.
        licence: its licence, as npm has it.
        copyright: whose it is.
        files: SHA-256 of the files that the page needs, by their paths inside the package.
    """

    name: str
    version: str
    sha512: str
    licence: str
    copyright: str
    files: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def address(self, registry: str) -> str:
        """Where a registry has it."""
        return f"{registry}/{self.name}/-/{self.name}-{self.version}.tgz"


PACKAGES = (
    Package(
        "onnxruntime-web",
        "1.30.0",
        "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        "MIT",
        "Copyright (c) Microsoft Corporation",
        {
            "dist/ort.wasm.min.mjs": (
                "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"
            ),
            "dist/ort.min.mjs": (
                "0ca19c223d563f244908feb26712f40333980b07576328c8b4a04d132bbf34ad"
            ),
            "dist/ort-wasm-simd-threaded.jsep.mjs": (
                "709853412fd1ffc34247af1e73569227b5b79629c5ca3f59cc39cf7e500e4947"
            ),
            "dist/ort-wasm-simd-threaded.jsep.wasm": (
                "3ad23231b5bd6d9dda55a7f84606315e0bf35b6750c28ee993c987c54cacab0f"
            ),
            "dist/ort-wasm-simd-threaded.mjs": (
                "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
            ),
            "dist/ort-wasm-simd-threaded.wasm": (
                "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
            ),
        },
    ),
    Package(
        "utif2",
        "4.1.0",
        "+oknB9FHrJ7oW7A2WZYajOcv4FcDR4CfoGB0dPNfxbi4GO05RRnFmt5oa23+9w32EanrYcSJWspUiJkLMs+37w==",
        "MIT",
        "Copyright (c) 2017 Photopea",
        {"UTIF.js": "290e83d171a73f604b2d1723861b0b55ba7308f79a8bb594360e627474fb30d1"},
    ),
    Package(
        "pako",
        "1.0.11",
        "4hLB8Py4zZce5s4yd9XzopqwVv/yGNhV1Bl8NTmCq1763HeK2+EwVTv+leGeL13Dnh2wfbqowVPXCIO0z4taYw==",
        "MIT AND Zlib",
        "Copyright (C) 2014-2017 by Vitaly Puzrin and Andrei Tuputcyn; zlib (C) 1995-2013 Jean-loup"
        " Gailly and Mark Adler",
        {
            "dist/pako_inflate.min.js": (
                "2ca27e9a8dae569cdeac42752ed1aed1afeff7f19282d3cc12c0aaa54a08bc04"
            )
        },
    ),
)
"""All that the page takes from others."""


def third_party(folder: Path | None, store: Store, hub: Hub) -> dict[str, bytes]:
    """The files that the page needs of others, by their names.

    Args:
        folder: where they are: as a flat folder, or as ``npm install`` lays packages out. None
            takes them from the store, and fetches them into it where they are not there.
        store: keeps what was fetched.
        hub: what fetches from the web.

    Raises:
        RequestError: the folder lacks a file, or has another version of it.
        HubError: they have to be fetched, and cannot be, or are not what they should be.
        OutputError: the store cannot be written.
    """
    found: dict[str, bytes] = {}
    for package in PACKAGES:
        given = (
            _kept(package, store.folder / _FOLDER) if folder is None else _given(package, folder)
        )
        found |= given or _fetched(package, store.folder / _FOLDER, hub)
    return found


def _given(package: Package, folder: Path) -> dict[str, bytes]:
    found = {}
    for path, sha256 in package.files.items():
        name = Path(path).name
        there = [folder / name, folder / package.name / path, folder / path]
        file = next(filter(Path.is_file, there), None)
        if file is None:
            raise RequestError(f"{folder} holds no {name}, of npm's {package}")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise RequestError(f"{file} cannot be read: {error.strerror or error}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise RequestError(f"{file} is not the one of npm's {package}: its SHA-256 is another")
        found[name] = content
    return found


def _kept(package: Package, folder: Path) -> dict[str, bytes]:
    """What was fetched earlier; nothing where a file is missing or damaged."""
    try:
        return _given(package, folder / f"{package.name}-{package.version}")
    except RequestError:
        return {}


def _fetched(package: Package, folder: Path, hub: Hub) -> dict[str, bytes]:
    registry = (os.environ.get(_REGISTRY_VARIABLE) or _REGISTRY).rstrip("/")
    address = package.address(registry)
    pieces = hub.download(f"npm's {package}", address, _LARGEST_PACKAGE)
    packed = b"".join(pieces)
    sha512 = base64.b64encode(hashlib.sha512(packed).digest()).decode("ascii")
    if sha512 != package.sha512:
        raise HubError(
            f"npm's {package} was not taken: {address} has another SHA-512 than it should have"
        )
    found = {Path(path).name: content for path, content in _unpacked(package, packed)}
    kept = folder / f"{package.name}-{package.version}"
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{kept} cannot be made: {error.strerror or error}") from error
    for name, content in found.items():
        write_bytes(kept / name, [content])
    return found


def _unpacked(package: Package, packed: bytes) -> Iterator[tuple[str, bytes]]:
    """The files that are needed; what the package is has been checked, and so they are there."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for path in package.files:
            stream = archive.extractfile(f"package/{path}")
            assert stream is not None
            yield path, stream.read()
