"""The files of the page, and where they go."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath

from beetle_lm import __version__
from beetle_lm.errors import Hint, ModelError, OutputError, RequestError
from beetle_lm.text import file_name
from beetle_lm.web.site.third_party import PACKAGES
from beetle_lm.zoo.model_file.manifest import Manifest

LISTED = "models.json"
"""Name of the file that lists the models; a folder that holds it is a site."""

_IMPORTED = re.compile(r'^(?:import|\}) .*?from "(.+?)";$|new URL\("(\./.+?\.js)"', re.MULTILINE)
_PAGE, _WORKER = "browser/main.js", "browser/worker.js"
_SERVICE_WORKER = "service-worker.js"
_STYLES = ("app/style.css", "app/icon.svg", "browser/page.css")
_MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def site_files(models: Mapping[str, Path], runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """All files of a site, by their paths in it.

    Args:
        models: model files by the names that the page gives them, in its order.
        runtime: those of :func:`runtime_files`.

    Raises:
        ModelError: one is no model of beetle-lm's, or cannot be read.
    """
    shell = _shell()
    files = {name: content for name, content in shell.items() if name != _SERVICE_WORKER}
    files |= {f"runtime/{name}": content for name, content in runtime.items()}
    listed = []
    for name, path in models.items():
        manifest = Manifest.of_file(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
        file = f"{file_name(name)}-{manifest.sha256[:8]}.onnx"
        files[f"models/{file}"] = content
        listed.append({"file": file, "name": name, "sha256": manifest.sha256})
    files[LISTED] = json.dumps(listed, ensure_ascii=False, indent=1).encode()
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    # Models and the runtime are kept when they are first fetched; what is small is kept at once.
    small = [name for name in files if name in shell or name == LISTED]
    told = {"version": digest.hexdigest()[:16], "files": small}
    worker = f"self.SITE = {json.dumps(told)};\n".encode() + shell[_SERVICE_WORKER]
    # GitHub Pages would leave out what it takes for Jekyll's own.
    return {**files, _SERVICE_WORKER: worker, ".nojekyll": b""}


def write_site(files: Mapping[str, bytes], folder: Path, overwrite: bool) -> None:
    """Writes a site as a folder, whole or not at all.

    Args:
        files: their contents by their paths.
        folder: the folder to make.
        overwrite: a site that is there may be replaced.

    Raises:
        OutputError: the folder cannot be written, or holds something that may not be replaced.
    """
    refuse_existing(folder, overwrite)
    unfinished = folder.with_name(f".unfinished-{secrets.token_hex(8)}")
    old = folder.with_name(f".unfinished-{secrets.token_hex(8)}")
    try:
        for path, content in files.items():
            file = unfinished / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if folder.exists():
            folder.rename(old)
        unfinished.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Makes sure that nothing but an earlier site is replaced, and it only where that is wanted.

    Raises:
        OutputError: the folder is a file, or holds something that may not be replaced.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, a site needs a folder", Hint.ANOTHER_OUTPUT)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / LISTED).is_file():
        raise OutputError(
            f"{folder} holds something other than a site, which is never overwritten",
            Hint.ANOTHER_OUTPUT,
        )
    if not overwrite:
        raise OutputError(f"{folder} holds a site already", Hint.REPLACE)


def named(models: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    """Model files by names that differ.

    Args:
        models: what each was given as, and its file.

    Raises:
        RequestError: one is given twice.
    """
    found: dict[str, Path] = {}
    for given, path in models:
        name = PurePosixPath(given.replace("\\", "/")).name.removesuffix(".onnx")
        if name in found:
            raise RequestError(f"two of the models are called {name}; rename one of the files")
        found[name] = path
    return found


def _shell() -> dict[str, bytes]:
    """The page itself: what its modules import, and no module of the page that has a server."""
    web = resources.files("beetle_lm.web")
    files = {
        "index.html": web.joinpath("browser", "index.html").read_bytes(),
        _SERVICE_WORKER: web.joinpath("browser", _SERVICE_WORKER).read_bytes(),
        **{path: web.joinpath(*path.split("/")).read_bytes() for path in _STYLES},
    }
    waiting = [_PAGE, _WORKER]
    while waiting:
        path = waiting.pop()
        if path in files:
            continue
        files[path] = web.joinpath(*path.split("/")).read_bytes()
        for found in _IMPORTED.findall(files[path].decode("utf-8")):
            waiting.append(_joined(path, found[0] or found[1]))
    return files


def _joined(path: str, other: str) -> str:
    """The path of a module that another names."""
    parts = list(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(other).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def runtime_files(third_party: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of others as the page takes them: large ones packed, the old ones as modules."""
    packed = {
        f"{name}.gz": gzip.compress(content, 9, mtime=0)
        for name, content in third_party.items()
        if name.endswith(".wasm")
    }
    # Called .js, which every host sends as a script; some do not know .mjs.
    plain = {
        f"{name.removesuffix('.mjs')}.js": content
        for name, content in third_party.items()
        if name.endswith(".mjs")
    }
    utif = b"".join(
        (
            b"const pako = (() => {\nconst module = { exports: {} }, exports = module.exports;\n",
            third_party["pako_inflate.min.js"],
            b"\nreturn module.exports;\n})();\n",
            b"const UTIF = (() => {\nconst module = { exports: {} }, require = () => pako;\n",
            third_party["UTIF.js"],
            b"\nreturn module.exports;\n})();\nexport default UTIF;\n",
        )
    )
    return {
        **plain,
        **packed,
        "utif.js": utif,
        "LICENCES.txt": _licences().encode(),
    }


def _licences() -> str:
    told = [
        f"{package}: {package.licence}, {package.copyright}\n"
        f"https://www.npmjs.com/package/{package.name}/v/{package.version}\n"
        f"SHA-512 {package.sha512}\n"
        for package in PACKAGES
    ]
    own = f"This page: beetle-lm {__version__}, Apache-2.0. It uses:\n\n"
    return own + "\n".join(told) + "\n" + _MIT
