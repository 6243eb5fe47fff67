"""`zoo push --space`: a page on the Hub on which anyone can try the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hub_server import HubServer
from kinds import Command, WriteModel

from beetle_lm import cli
from beetle_lm.errors import RequestError


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path, Path | None]]:
    """What pages were made of; they are small ones, for nothing can be fetched here."""
    calls: list[tuple[str, Path, Path | None]] = []

    def page(name: str, file: Path, runtime: Path | None) -> Mapping[str, bytes]:
        calls.append((name, file, runtime))
        if runtime is not None and not runtime.is_dir():
            raise RequestError(f"{runtime} holds no UTIF.js")
        listed = json.dumps([{"name": name}]).encode()
        large = {"models/dots.onnx": file.read_bytes(), "runtime/ort.wasm.gz": bytes(range(256))}
        return {"index.html": b"<!doctype html>", "models.json": listed, **large}

    monkeypatch.setattr(cli, "page_of_model", page)
    return calls


def test_a_space_beside_the_model(
    hub: HubServer,
    command: Command,
    write_model: WriteModel,
    made: list[tuple[str, Path, Path | None]],
) -> None:
    model = write_model("dots.onnx")
    done = command("zoo", "push", model, "lab/dots", "--tag", "v1", "--space")
    assert (done.code, done.err) == (0, "")
    assert made == [("dots", model, None)]
    address = f"{hub.address}/spaces/lab/dots"
    assert f"published as {address}, where anyone can try it in the browser" in done.out
    repository = hub.repositories["lab/dots"]
    page = repository.commits[repository.head]["README.md"].decode()
    assert f"[Try it in the browser]({address})" in page
    space = hub.repositories["spaces/lab/dots"]
    assert not space.private
    files = space.commits[space.head]
    assert set(files) == {
        *(".gitattributes", "README.md", "index.html", "models.json"),
        *("models/dots.onnx", "runtime/ort.wasm.gz"),
    }
    assert files["models/dots.onnx"] == model.read_bytes()
    _, front, told = files["README.md"].decode().split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields["sdk"] == "static" and fields["app_file"] == "index.html"
    assert fields["models"] == ["lab/dots"] and fields["license"] == "apache-2.0"
    assert fields["custom_headers"]["cross-origin-embedder-policy"] == "require-corp"
    assert fields["custom_headers"]["cross-origin-opener-policy"] == "same-origin"
    assert f"[lab/dots]({hub.address}/lab/dots)" in told

    again = command("zoo", "push", model, "lab/dots", "--tag", "v2", "--space")
    assert again.code == 0, again.err
    assert len(space.commits) == 3


@pytest.mark.usefixtures("made")
def test_without_space_there_is_none(
    hub: HubServer, command: Command, write_model: WriteModel
) -> None:
    assert command("zoo", "push", write_model(), "lab/dots").code == 0
    assert list(hub.repositories) == ["lab/dots"]
    repository = hub.repositories["lab/dots"]
    assert b"Try it" not in repository.commits[repository.head]["README.md"]


@pytest.mark.usefixtures("made")
def test_a_private_model_has_a_private_space(
    hub: HubServer, command: Command, write_model: WriteModel
) -> None:
    assert command("zoo", "push", write_model(), "lab/dots", "--private", "--space").code == 0
    assert hub.repositories["spaces/lab/dots"].private


@pytest.mark.usefixtures("made")
def test_nothing_is_published_where_the_page_cannot_be_made(
    hub: HubServer, command: Command, write_model: WriteModel, tmp_path: Path
) -> None:
    model = write_model()
    done = command("zoo", "push", model, "lab/dots", "--space", "--runtime", tmp_path / "not there")
    assert done.code == 2 and "holds no UTIF.js" in done.err
    done = command("zoo", "push", model, "lab/dots", "--runtime", tmp_path)
    assert done.code == 2 and "--runtime goes with --space" in done.err
    (tmp_path / "wrong.onnx").write_text("no model")
    assert command("zoo", "push", tmp_path / "wrong.onnx", "lab/dots", "--space").code == 1
    assert hub.repositories == {}


@pytest.mark.usefixtures("made")
def test_a_space_of_somebody_else_is_left_alone(
    hub: HubServer, command: Command, write_model: WriteModel
) -> None:
    model = write_model()
    assert command("zoo", "push", model, "lab/dots", "--space").code == 0
    space = hub.repositories["spaces/lab/dots"]
    space.commits[space.head] = {"app.py": b"import gradio"}
    done = command("zoo", "push", model, "lab/dots", "--space")
    assert done.code == 1
    assert "the Space lab/dots shows something other than a beetle-lm model" in done.err
    assert space.commits[space.head] == {"app.py": b"import gradio"}
