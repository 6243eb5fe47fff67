"""Publishing, pulling, working offline: the whole way, against a Hub on loopback."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer
from kinds import Command, WriteModel
from PIL import Image
from published import enlarged, publish

from beetle_lm.errors import HubError, ModelError, RequestError
from beetle_lm.predict.predictor import Predictor
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.publish import push
from beetle_lm.zoo.model_file.manifest import file_sha256
from beetle_lm.zoo.registry import pull, resolve
from beetle_lm.zoo.store import Store


@pytest.fixture
def model(write_model: WriteModel) -> Path:
    """A model of 5 MB."""
    path = write_model("dots.onnx")
    return enlarged(path)


@pytest.fixture
def photos(tmp_path: Path, draw: Callable[..., Any]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    points = [(100, 80), (300, 90), (210, 230)]
    Image.fromarray(draw((400, 300), points)).save(folder / "a.png")
    return folder


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_whole_way(
    hub: HubServer,
    command: Command,
    model: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = command("zoo", "push", model, "lab/dots", "--private", "--tag", "v1")
    assert (done.code, done.err) == (0, "")
    assert f"{hub.address}/lab/dots" in done.out
    assert "--model hf:lab/dots@v1" in done.out
    repository = hub.repositories["lab/dots"]
    assert repository.private
    assert repository.tags == {"v1": repository.head}
    files = repository.commits[repository.head]
    assert set(files) == {".gitattributes", "README.md", "card.json", "model.onnx"}
    assert files["model.onnx"] == model.read_bytes()
    assert json.loads(files["card.json"])["sha256"] == file_sha256(model)

    listed = command("zoo", "list", "--remote", "lab")
    assert "hf:lab/dots" in listed.out
    assert "private" in listed.out
    shown = command("zoo", "show", "hf:lab/dots@v1")
    assert "drawn squares" in shown.out
    assert not (tmp_path / "hf-home").exists()

    pulled = command("zoo", "pull", "hf:lab/dots@v1")
    assert pulled.code == 0
    path = Path(pulled.out.strip())
    assert path.read_bytes() == model.read_bytes()
    assert (tmp_path / "hf-home" / "beetle-lm") in path.parents
    assert not hub.leaked

    hub.close()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    out = tmp_path / "out"
    done = command("predict", photos, "--model", "hf:lab/dots@v1", "-o", out, "--json")
    assert (done.code, json.loads(done.out)["counts"]["ok"]) == (0, 1)
    assert json.loads(done.out)["model"]["sha256"] == file_sha256(model)
    assert f"pulled, commit {repository.head[:12]}" in command("zoo", "list").out
    assert command("zoo", "verify").code == 0
    assert command("zoo", "remove", "hf:lab/dots@v1").code == 0
    assert files_of(tmp_path / "hf-home") == []
    assert command("predict", photos, "--model", "hf:lab/dots@v1", "-o", tmp_path / "2").code == 1


def test_predicting_pulls_by_itself(hub: HubServer, model: Path) -> None:
    publish(model)
    predictor = Predictor.load("hf:lab/dots", device="cpu")
    assert predictor.card.spec.name == "dots"
    assert predictor.session.sha256 == file_sha256(model)


def test_what_was_pulled_stays_until_it_is_pulled_again(
    hub: HubServer, write_model: WriteModel
) -> None:
    first, second = write_model("first.onnx"), enlarged(write_model("second.onnx"))
    publish(first)
    path = resolve("hf:lab/dots")
    assert file_sha256(path) == file_sha256(first)
    publish(second)
    hub.requests.clear()
    assert resolve("hf:lab/dots") == path
    assert hub.requests == []  # not even asked
    renewed = pull("hf:lab/dots", None, Store(), Hub.from_environment())
    assert file_sha256(renewed) == file_sha256(second)
    assert resolve("hf:lab/dots") == renewed


def test_a_commit_that_is_here_under_another_name_needs_no_network(
    hub: HubServer, model: Path
) -> None:
    publish(model, "v1")
    path = resolve("hf:lab/dots@v1")
    commit = hub.repositories["lab/dots"].head
    hub.close()
    assert resolve(f"hf:lab/dots@{commit}") == path


def test_files_are_fetched_from_the_commit_not_from_the_tag(hub: HubServer, model: Path) -> None:
    publish(model, "v1")
    hub.requests.clear()
    resolve("hf:lab/dots@v1")
    commit = hub.repositories["lab/dots"].head
    fetched = [request for request in hub.requests if "/resolve/" in request]
    assert len(fetched) == 2
    assert all(f"/resolve/{commit}/" in request for request in fetched)


def test_a_tag_that_moves_is_told(
    hub: HubServer, write_model: WriteModel, caplog: pytest.LogCaptureFixture
) -> None:
    publish(write_model("first.onnx"), "v1")
    resolve("hf:lab/dots@v1")
    publish(enlarged(write_model("second.onnx")))
    repository = hub.repositories["lab/dots"]
    before, repository.tags["v1"] = repository.tags["v1"], repository.head
    with caplog.at_level(logging.WARNING, "beetle_lm"):
        pull("hf:lab/dots@v1", None, Store(), Hub.from_environment())
    assert f"was commit {before[:12]} and is {repository.head[:12]} now" in caplog.text


def test_publishing_the_same_again_changes_nothing_but_can_be_tagged(
    hub: HubServer, model: Path
) -> None:
    publish(model)
    publish(model, "v1")
    assert len(hub.blobs) == 1
    assert file_sha256(resolve("hf:lab/dots@v1")) == file_sha256(model)


def test_a_tag_is_given_once(hub: HubServer, model: Path) -> None:
    publish(model, "v1")
    for tag in ("v1", "main"):
        with pytest.raises(HubError, match=f"already has a tag or branch {tag}"):
            publish(model, tag)
    assert len(hub.repositories["lab/dots"].commits) == 2


def test_private_is_never_public_by_accident(hub: HubServer, model: Path) -> None:
    publish(model)
    with pytest.raises(HubError, match="is public; nothing was uploaded"):
        push(model, "lab/dots", Hub.from_environment(), private=True, tag=None)
    assert len(hub.repositories["lab/dots"].commits) == 2


def test_somebody_elses_repository_is_left_alone(hub: HubServer, model: Path) -> None:
    publish(model)
    repository = hub.repositories["lab/dots"]
    repository.commits[repository.head] = {"model.safetensors": b"", "README.md": b""}
    with pytest.raises(HubError, match="holds something other than a beetle-lm model"):
        publish(model)


@pytest.mark.parametrize("kind", ["picture", "no card", "cut", "missing"])
def test_only_models_are_published(
    kind: str, hub: HubServer, write_model: WriteModel, tmp_path: Path
) -> None:
    path = tmp_path / "x.onnx"
    if kind == "picture":
        Image.new("RGB", (9, 9)).save(path, "PNG")
    elif kind != "missing":
        whole = write_model("whole.onnx", with_card=kind != "no card").read_bytes()
        path.write_bytes(whole[: len(whole) // (2 if kind == "cut" else 1)])
    with pytest.raises(ModelError, match=r"not an ONNX file|carries no card|cannot be read"):
        publish(path)
    assert hub.requests == []


@pytest.mark.parametrize(
    "name", ["lab", "lab/", "/dots", "a/b/c", "lab/do ts", "lab/../x", "hf:lab/x@", "lab/x@-"]
)
def test_names_that_cannot_be(name: str, hub: HubServer, model: Path) -> None:
    with pytest.raises(RequestError, match="does not name a model on the Hub"):
        publish(model, name=name)
    with pytest.raises(RequestError, match="ORG/NAME"):
        resolve(f"hf:{name}")
    assert hub.requests == []


def test_a_slow_network_is_no_failure(
    hub: HubServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(model)
    monkeypatch.setattr("beetle_lm.zoo.hub.client.PATIENCE", 0.8)
    hub.fail("drip", "GET /lfs/")
    assert file_sha256(resolve("hf:lab/dots")) == file_sha256(model)  # takes 1.5 seconds
