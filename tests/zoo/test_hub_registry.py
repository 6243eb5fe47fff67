"""An organisation's registry: a file or a web address that names models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hub_server import HubServer
from kinds import Command, WriteModel

from beetle_lm.errors import HubError, ModelError, PartError
from beetle_lm.hints import told
from beetle_lm.predict.predictor import Predictor
from beetle_lm.zoo.entries import ModelEntry, Registry
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.publish import push
from beetle_lm.zoo.model_file.manifest import file_sha256
from beetle_lm.zoo.registry import named_model, pull, resolve
from beetle_lm.zoo.store import Store


@pytest.fixture
def lab(hub: HubServer, write_model: WriteModel) -> Path:
    """A folder with a registry that names the model wing, and its file."""
    model = write_model("lab/wing.onnx", part="wing")
    write_registry(model.parent, wing=ModelEntry.of_file(model).to_dict())
    return model.parent


def write_registry(folder: Path, **models: dict[str, Any]) -> None:
    text = json.dumps({"models": models}, indent=1)
    (folder / "registry.json").write_text(text, encoding="utf-8")


@pytest.fixture
def web(lab: Path) -> Iterator[tuple[str, ThreadingHTTPServer]]:
    """The same folder on the web: the registry's address, and the server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            super().do_GET()

    asked: list[tuple[str, str | None]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(lab)))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/registry.json", server
    finally:
        server.shutdown()
        server.server_close()
    assert asked
    assert all(token is None for _, token in asked)  # the Hub's token is for the Hub


def test_registry_in_a_folder(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for zoo in (str(lab), str(lab / "registry.json")):
        assert named_model("wing", zoo) == lab / "wing.onnx"
        assert resolve("wing", zoo) == lab / "wing.onnx"
    with pytest.raises(PartError):
        named_model("wing")
    monkeypatch.setenv("BEETLE_LM_ZOO", str(lab))
    assert Predictor.load("wing", device="cpu").card.spec.name == "wing"
    monkeypatch.setenv("BEETLE_LM_ZOO", lab.name)
    monkeypatch.chdir(lab.parent)
    assert named_model("wing") == lab / "wing.onnx"
    with pytest.raises(PartError, match="unknown part 'wink'"):
        resolve("wink")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_registry_as_an_editor_on_windows_writes_it(lab: Path, encoding: str) -> None:
    registry = lab / "registry.json"
    registry.write_text(registry.read_text(encoding="utf-8"), encoding=encoding)
    path = pull("wing", str(lab), Store(), Hub.from_environment())
    registry.unlink()
    assert named_model("wing", str(lab)).read_bytes() == path.read_bytes()


def test_pulled_from_a_network_drive_that_is_then_gone(
    lab: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = pull("wing", str(lab), Store(), Hub.from_environment())
    assert Store().folder in path.parents
    lab.rename(lab.with_name("elsewhere"))
    assert named_model("wing", str(lab)) == path
    assert "the last copy of the registry is used" in caplog.text
    with pytest.raises(ModelError, match=r"other.registry\.json cannot be read") as error:
        named_model("wing", str(lab.with_name("other")))
    assert told(error.value, {"--zoo"}).endswith("; check --zoo and BEETLE_LM_ZOO")


def test_registry_on_the_web(
    lab: Path, web: tuple[str, ThreadingHTTPServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, server = web
    path = named_model("wing", address)
    assert file_sha256(path) == file_sha256(lab / "wing.onnx")
    server.shutdown()
    server.server_close()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert named_model("wing", address) == path


def test_registry_on_the_web_is_renewed_by_pulling(
    lab: Path, web: tuple[str, ThreadingHTTPServer], write_model: WriteModel
) -> None:
    address, _ = web
    before = named_model("wing", address)
    newer = write_model("lab/wing.onnx", part="wing", size=(128, 96))
    write_registry(lab, wing=ModelEntry.of_file(newer).to_dict())
    assert named_model("wing", address) == before
    after = pull("wing", address, Store(), Hub.from_environment())
    assert file_sha256(after) == file_sha256(newer)
    assert named_model("wing", address) == after


def test_registry_that_names_a_model_of_the_hub(
    lab: Path, hub: HubServer, write_model: WriteModel
) -> None:
    model = write_model("eye.onnx", part="eye")
    push(model, "lab/eye", Hub.from_environment(), private=True, tag="v1")
    entry = ModelEntry.of_file(model).to_dict()
    write_registry(lab, eye={**entry, "file": "hf:lab/eye@v1"})
    path = named_model("eye", str(lab))
    assert file_sha256(path) == file_sha256(model)
    hub.close()
    assert named_model("eye", str(lab)) == path
    write_registry(lab, eye={**entry, "file": "hf:lab/eye@v1", "sha256": "0" * 64})
    with pytest.raises(HubError, match="hf:lab/eye@v1 cannot be pulled"):
        named_model("eye", str(lab))


def test_another_file_than_the_registry_promises(
    lab: Path, hub: HubServer, write_model: WriteModel
) -> None:
    entry = ModelEntry.of_file(lab / "wing.onnx").to_dict()
    write_registry(lab, wing={**entry, "sha256": "0" * 64})
    acts: tuple[Callable[[], object], ...] = (
        lambda: named_model("wing", str(lab)),
        lambda: pull("wing", str(lab), Store(), Hub.from_environment()),
    )
    for act in acts:
        with pytest.raises(ModelError, match="not the file that the registry names"):
            act()
    push(lab / "wing.onnx", "lab/wing", Hub.from_environment(), private=False, tag=None)
    write_registry(lab, wing={**entry, "file": "hf:lab/wing", "sha256": "0" * 64})
    with pytest.raises(ModelError, match="not the file that the registry names"):
        named_model("wing", str(lab))
    assert Store().records() == []


def test_registry_comes_before_the_bundled_models(lab: Path) -> None:
    entry = ModelEntry.of_file(lab / "wing.onnx").to_dict()
    write_registry(lab, elytra=entry)
    assert named_model("elytra", str(lab)) == lab / "wing.onnx"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "is not a registry"),
        ("[]", "is not a registry"),
        ('{"models": []}', "models must be a table, got"),
        ('{"models": {"a": {"file": "x"}}}', "the entry 'models.a.version' is missing"),
    ],
)
def test_what_is_no_registry(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Registry.from_json(text, "registry.json")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("version", 1, "models.wing.version must be a text, got 1"),
        (
            "metrics",
            [{"data": "x"}],
            r"the entry 'models.wing.metrics\[0\].photographs' is missing",
        ),
        ("metrics", ["x"], r"models.wing.metrics\[0\] must be a table, got 'x'"),
    ],
)
def test_entries_are_read_strictly(lab: Path, field: str, value: object, message: str) -> None:
    entry = ModelEntry.of_file(lab / "wing.onnx").to_dict()
    write_registry(lab, wing={**entry, field: value})
    with pytest.raises(ModelError, match=message):
        named_model("wing", str(lab))


def test_the_command_line_knows_the_registry(
    lab: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = command("zoo", "list", "--zoo", lab)
    (row,) = [line for line in listed.out.splitlines() if "wing" in line]
    assert "1.0" in row
    monkeypatch.setenv("BEETLE_LM_ZOO", str(lab))
    assert "drawn squares" in command("zoo", "show", "wing").out
    pulled = command("zoo", "pull", "wing")
    assert pulled.code == 0
    assert Path(pulled.out.strip()).is_file()
    assert command("zoo", "remove", "wing").code == 0
    assert not Path(pulled.out.strip()).exists()
    assert command("zoo", "remove", "wing").code == 1
