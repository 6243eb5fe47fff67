"""`beetle-lm site`: what it writes, where it takes it from, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kinds import Command, WriteModel

from beetle_lm.web.site import third_party, write
from beetle_lm.web.site.third_party import PACKAGES, Package

DOCS = Path(__file__).parents[2] / "docs" / "browser.md"


def packed(files: dict[str, bytes]) -> bytes:
    """A package as npm has it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


class Registry:
    """A stand-in for npm: small packages in place of the real ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = []
        for real in PACKAGES:
            files = {path: f"// {path}\n".encode() for path in real.files}
            content = packed(files)
            path = folder / real.name / "-" / f"{real.name}-{real.version}.tgz"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
            sha512 = base64.b64encode(hashlib.sha512(content).digest()).decode()
            sums = {name: hashlib.sha256(text).hexdigest() for name, text in files.items()}
            copied = (real.licence, real.copyright)
            self.packages.append(Package(real.name, real.version, sha512, *copied, sums))

    def spoil(self, name: str) -> None:
        [path] = (self.folder / name / "-").iterdir()
        path.write_bytes(packed({"README.md": b"something else"}))

    def unpack(self, folder: Path) -> Path:
        """The files as `npm install` lays them out."""
        for package in self.packages:
            for path in package.files:
                file = folder / package.name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(f"// {path}\n".encode())
        return folder


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    made = Registry(tmp_path / "npm")
    handler = partial(_Silent, directory=str(made.folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(third_party, "PACKAGES", tuple(made.packages))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "store"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield made
    server.shutdown()
    server.server_close()


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_all_that_the_page_needs_is_written(
    command: Command, registry: Registry, write_model: WriteModel, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    done = command("site", "elytra", write_model("dots 2.onnx"), "-o", out)
    assert done.code == 0, done.err
    assert "http.server" in done.out
    there = files_of(out)
    runtime = {name for name in there if name.startswith("runtime/")}
    assert runtime == {
        "runtime/LICENCES.txt",
        "runtime/ort.min.js",
        "runtime/ort.wasm.min.js",
        "runtime/ort-wasm-simd-threaded.jsep.js",
        "runtime/ort-wasm-simd-threaded.jsep.wasm.gz",
        "runtime/ort-wasm-simd-threaded.js",
        "runtime/ort-wasm-simd-threaded.wasm.gz",
        "runtime/utif.js",
    }
    licences = (out / "runtime" / "LICENCES.txt").read_text(encoding="utf-8")
    assert all(package.copyright in licences for package in registry.packages)
    models = json.loads((out / "models.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in models] == ["elytra", "dots 2"]
    for model in models:
        content = (out / "models" / model["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == model["sha256"]
    assert {"index.html", "service-worker.js", "app/viewer.js", "browser/main.js"} <= there
    assert not {"app/api.js", "app/contact.js", "app/main.js", "app/index.html"} & there
    worker = (out / "service-worker.js").read_text(encoding="utf-8")
    told = json.loads(worker.splitlines()[0].removeprefix("self.SITE = ").rstrip(";"))
    large = {name for name in there if name.startswith(("models/", "runtime/"))}
    assert set(told["files"]) == there - large - {"service-worker.js", ".nojekyll"}


def test_the_same_models_make_the_same_site(
    command: Command, registry: Registry, write_model: WriteModel, tmp_path: Path
) -> None:
    model = write_model()
    one, other = tmp_path / "one", tmp_path / "other"
    assert command("site", model, "-o", one).code == 0
    assert command("site", model, "-o", other).code == 0
    for name in files_of(one) | files_of(other):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert command("site", model, "elytra", "-o", other, "--overwrite").code == 0
    worker = "service-worker.js"
    assert (one / worker).read_bytes() != (other / worker).read_bytes()


def test_what_was_fetched_is_kept(
    command: Command,
    registry: Registry,
    write_model: WriteModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = write_model()
    assert command("site", model, "-o", tmp_path / "one").code == 0
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9")
    assert command("site", model, "-o", tmp_path / "two").code == 0
    [kept] = (tmp_path / "store").rglob("pako_inflate.min.js")
    kept.write_bytes(b"damaged")  # is fetched again
    done = command("site", model, "-o", tmp_path / "three")
    assert done.code == 1
    assert "npm's pako 1.0.11 cannot be fetched" in done.err
    assert not (tmp_path / "three").exists()


def test_offline_and_another_package_are_one_sentence(
    command: Command,
    registry: Registry,
    write_model: WriteModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, out = write_model(), tmp_path / "site"
    registry.spoil("utif2")
    done = command("site", model, "-o", out)
    assert done.code == 1 and "npm's utif2 4.1.0 was not taken" in done.err
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = command("site", model, "-o", out)
    assert done.code == 1 and "npm's utif2 4.1.0 cannot be fetched" in done.err
    assert not out.exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".unfinished")] == []


def test_a_folder_without_a_network(
    command: Command,
    registry: Registry,
    write_model: WriteModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model, out = write_model(), tmp_path / "site"
    modules = registry.unpack(tmp_path / "node_modules")
    assert command("site", model, "-o", out, "--runtime", modules).code == 0
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in filter(Path.is_file, modules.rglob("*")):
        (flat / path.name).write_bytes(path.read_bytes())
    assert command("site", model, "-o", out, "--runtime", flat, "--overwrite").code == 0
    (flat / "UTIF.js").write_bytes(b"another version")
    done = command("site", model, "-o", out, "--runtime", flat, "--overwrite")
    assert done.code == 2 and "UTIF.js is not the one of npm's utif2 4.1.0" in done.err
    (flat / "UTIF.js").unlink()
    done = command("site", model, "-o", out, "--runtime", flat, "--overwrite")
    assert done.code == 2 and "holds no UTIF.js, of npm's utif2 4.1.0" in done.err
    assert (out / "index.html").is_file()


@pytest.mark.usefixtures("registry")
def test_nothing_else_is_replaced(
    command: Command, write_model: WriteModel, tmp_path: Path
) -> None:
    model, out = write_model(), tmp_path / "site"
    out.mkdir()
    assert command("site", model, "-o", out).code == 0  # an empty folder will do
    done = command("site", model, "-o", out)
    assert done.code == 1 and "holds a site already; --overwrite replaces it" in done.err
    (out / "index.html").write_text("old")
    assert command("site", model, "-o", out, "--overwrite").code == 0
    assert (out / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    other = tmp_path / "papers"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    done = command("site", model, "-o", other, "--overwrite")
    assert done.code == 1 and "never overwritten; name another folder with -o" in done.err
    assert files_of(other) == {"thesis.txt"}
    done = command("site", model, "-o", other / "thesis.txt")
    assert done.code == 1 and "is a file" in done.err


@pytest.mark.usefixtures("registry")
def test_models_that_are_none(command: Command, write_model: WriteModel, tmp_path: Path) -> None:
    out = tmp_path / "site"
    (tmp_path / "wrong.onnx").write_text("no model")
    done = command("site", tmp_path / "wrong.onnx", "-o", out)
    assert done.code == 1 and "wrong.onnx" in done.err
    assert command("site", "elitra", "-o", out).code == 1
    (tmp_path / "a").mkdir()
    two = write_model("a/dots.onnx"), write_model("dots.onnx")
    done = command("site", *two, "-o", out)
    assert done.code == 2 and "two of the models are called dots" in done.err
    assert not out.exists()


def test_the_table_of_licences_is_in_the_documents() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for package in PACKAGES:
        assert f"| `{package.name}` | {package.version} | {package.licence} |" in text
        assert package.sha512 in text


def test_the_page_forbids_all_that_it_does_not_need() -> None:
    page = write._shell()["index.html"].decode()
    policy = page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy and "http" not in policy and "*" not in policy
    assert " style=" not in page and "<script>" not in page and " onclick" not in page
