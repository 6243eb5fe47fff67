"""Whatever the Hub does while a model is pulled: one sentence, soon, and nothing half-written."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_server import HubServer
from kinds import Command, WriteModel
from processes import command_line
from published import CARD, INFORMATION, MODEL, NAME, kept, publish, sentence

from beetle_lm.errors import HubError, ModelError
from beetle_lm.hints import told
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.publish import push
from beetle_lm.zoo.model_file.manifest import MODEL_FILE
from beetle_lm.zoo.registry import pull, resolve
from beetle_lm.zoo.store import Store


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("how", "where", "what", "advice"),
    [
        (
            "hang",
            INFORMATION,
            "no useful answer for",
            "download http.*model.onnx on another computer",
        ),
        ("hang", CARD, "no useful answer for", "--model"),
        ("hang", MODEL, "no useful answer for", "--model"),
        ("stall", MODEL, "no useful answer for", "try again"),
        ("truncate", MODEL, "the connection broke off", "try again"),
        ("truncate", CARD, "the connection broke off", "try again"),
        ("short", MODEL, r"cut short in transit, \d+ of \d+ bytes", "try again"),
        ("short", CARD, "card.json is damaged", "tell those who published it"),
        ("wrong", MODEL, "not the one that was published: its SHA-256", "tell those who"),
        ("html", INFORMATION, "does not answer as a Hub does", "a login in the browser"),
        ("html", CARD, "card.json is damaged", "tell those who"),
        ("html", MODEL, "cut short in transit", "try again"),
        ("401", INFORMATION, "no such repository, or a private one", "set HF_TOKEN"),
        ("401", MODEL, "no such repository, or a private one", "set HF_TOKEN"),
        ("403 GatedRepo", CARD, "ask for consent", "open http.*/lab/dots in a browser"),
        ("404 RepoNotFound", INFORMATION, "no such repository", "check the name"),
        ("404 EntryNotFound", CARD, "not a beetle-lm model: it has no card.json", "shows what"),
        ("404", MODEL, "no such repository", "check the name"),
        ("429", CARD, "too many requests", "wait some minutes"),
        ("500", INFORMATION, r"out of order \(500\)", "try again later"),
        ("503", MODEL, r"out of order \(503\)", "try again later"),
        ("400", MODEL, "answered 400", "check the name"),
    ],
)
def test_pulling_from_a_hub_that_fails(
    published: HubServer, how: str, where: str, what: str, advice: str
) -> None:
    published.fail(how, where)
    started = time.monotonic()
    with pytest.raises(ModelError) as error:
        resolve(NAME)
    assert time.monotonic() - started < 3
    assert sentence(error).startswith("hf:lab/dots@v1")
    text = told(error.value, {"--model"})
    assert re.search(what, text), text
    assert re.search(advice, text), text
    assert kept() == []
    published.work()
    assert resolve(NAME).is_file()


@pytest.mark.parametrize("where", [INFORMATION, MODEL])
def test_failing_to_renew_leaves_what_was_pulled(
    published: HubServer, write_model: WriteModel, where: str
) -> None:
    path = resolve(NAME)
    content, files = path.read_bytes(), kept()
    publish(write_model("other.onnx", part="other"))
    repository = published.repositories["lab/dots"]
    repository.tags["v1"] = repository.head
    published.fail("truncate", where)
    with pytest.raises(HubError):
        pull(NAME, None, Store(), Hub.from_environment())
    assert kept() == files
    assert resolve(NAME).read_bytes() == content


def test_options_are_named_by_commands_that_have_them(
    published: HubServer, command: Command, tmp_path: Path
) -> None:
    published.fail("503", INFORMATION)
    by_hand = f"/lab/dots/resolve/v1/{MODEL_FILE} on another computer"
    done = command("predict", tmp_path, "--model", NAME)
    assert done.err.endswith(f"{by_hand}; give that file with --model\n")
    assert command("zoo", "pull", NAME).err.endswith(f"{by_hand}\n")


def test_nobody_listens(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer() as gone:
        monkeypatch.setenv("HF_ENDPOINT", gone.address)
    started = time.monotonic()
    with pytest.raises(HubError) as error:
        resolve(NAME)
    assert time.monotonic() - started < 3
    assert "cannot be reached" in sentence(error)
    assert "Connection refused" in sentence(error) or sys.platform != "linux"
    assert kept() == []


@pytest.mark.parametrize("endpoint", ["http://no-such-host.invalid", "nonsense", "http://[::1"])
def test_an_endpoint_that_is_none(
    hub: HubServer, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(HubError) as error:
        resolve(NAME)
    assert "HF_ENDPOINT" in sentence(error)


def test_offline_and_never_pulled(published: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    published.requests.clear()
    with pytest.raises(HubError) as error:
        resolve(NAME)
    assert "HF_HUB_OFFLINE is set" in sentence(error)
    assert "model.onnx on another computer" in sentence(error)
    assert published.requests == []


def test_a_revision_that_is_not_there(published: HubServer) -> None:
    with pytest.raises(HubError) as error:
        resolve("hf:lab/dots@v2")
    assert "it has no revision v2" in sentence(error)


def test_private_and_no_token(
    hub: HubServer, write_model: WriteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(write_model("m.onnx"), "lab/dots", Hub.from_environment(), private=True, tag="v1")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="set HF_TOKEN to a token that may read it"):
        resolve(NAME)
    with pytest.raises(HubError, match="set HF_TOKEN to a token that may write to lab"):
        publish(write_model("m.onnx"), "v2")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert resolve(NAME).is_file()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["500", "hang", "401"])
def test_listing_fails(hub: HubServer, how: str) -> None:
    hub.fail(how, "GET /api/models")
    with pytest.raises(HubError) as error:
        Hub.from_environment().models_of("lab")
    assert sentence(error).startswith("the models of lab cannot be listed")


def test_a_card_that_is_not_the_models_own(published: HubServer, write_model: WriteModel) -> None:
    repository = published.repositories["lab/dots"]
    files = repository.commits[repository.head]
    files["card.json"] = files["card.json"].replace(b"drawn squares", b"Carabus auratus")
    with pytest.raises(ModelError, match="the card beside the model is not the one inside it"):
        resolve(NAME)
    assert kept() == []


@pytest.mark.slow
def test_real_processes_end_within_15_seconds(
    published: HubServer, write_model: WriteModel, tmp_path: Path
) -> None:
    """With the patience that users have: none may hang, not even while Python shuts down.

    Counted from when all have asked, for on a busy machine Python takes its time to start.
    """
    model = write_model("dots.onnx", part="another")
    commands = {
        "hang": ["zoo", "pull", NAME],
        "stall": ["predict", str(tmp_path), "--model", NAME],
        "hang PUT": ["zoo", "push", str(model), "lab/other"],
        "refused": ["zoo", "pull", NAME],
        "interrupted": ["zoo", "pull", NAME],
    }
    servers = {name: HubServer() for name in commands}
    running: dict[str, subprocess.Popen[str]] = {}
    for name, arguments in commands.items():
        server = servers[name]
        server.repositories, server.blobs = published.repositories, dict(published.blobs)
        server.__enter__()
        where = {"stall": MODEL, "hang PUT": "PUT /lfs/"}.get(name, INFORMATION)
        server.fail("stall" if name == "stall" else "hang", where)
        if name == "refused":
            server.close()
        running[name] = subprocess.Popen(
            command_line(*arguments),
            env={**os.environ, "HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / name)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
    try:
        asking = [server for name, server in servers.items() if name != "refused"]
        begun = time.monotonic()
        while not all(server.requests for server in asking) and time.monotonic() - begun < 60:
            time.sleep(0.05)
        started = time.monotonic()
        if sys.platform != "win32":
            running["interrupted"].send_signal(signal.SIGINT)
            running["interrupted"].wait(3)
        for name, process in running.items():
            out, err = process.communicate(timeout=max(0.1, started + 15 - time.monotonic()))
            assert process.returncode == (130 if name == "interrupted" else 1), (name, err)
            assert out == ""
            if name != "interrupted":
                assert re.fullmatch(r"error: hf:lab/[^\n]*\n", err), (name, err)
            assert not [path for path in (tmp_path / name).rglob("*") if path.is_file()]
    finally:
        for process in running.values():
            process.kill()
            process.communicate()
        for server in servers.values():
            server.close()
