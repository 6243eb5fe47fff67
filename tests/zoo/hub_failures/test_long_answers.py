"""Answers of a Hub that are too long, slow, or without end; and a token that cannot be one."""

from __future__ import annotations

import logging
import time

import pytest
from hub_server import HubServer
from kinds import Command, WriteModel
from published import CARD, INFORMATION, MODEL, NAME, kept, publish, sentence

from beetle_lm.errors import HubError
from beetle_lm.zoo.hub import client as hub_module
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.model_file.bounds import LONGEST_CARD
from beetle_lm.zoo.registry import resolve


@pytest.mark.parametrize("how", ["huge", "bomb"])
def test_an_answer_that_is_too_long_is_not_read(published: HubServer, how: str) -> None:
    for where, reason in (
        (INFORMATION, f"answers with more than {LONGEST_CARD} bytes"),
        (CARD, f"is longer than the {LONGEST_CARD} bytes that it may have"),
        (MODEL, "bytes that it may have"),
    ):
        published.fail(how, where)
        with pytest.raises(HubError) as error:
            resolve(NAME)
        assert reason in sentence(error)
        assert kept() == []
    published.work()
    assert resolve(NAME).is_file()


@pytest.mark.parametrize("how", ["huge", "bomb"])
def test_a_list_that_is_too_long_is_not_read(published: HubServer, how: str) -> None:
    published.fail(how, "GET /api/models")
    with pytest.raises(HubError) as error:
        Hub.from_environment().models_of("lab")
    assert f"answers with more than {LONGEST_CARD} bytes" in sentence(error)


def test_pages_without_end(published: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MOST_LISTED", 20)
    published.fail("pages", "GET /api/models")
    with pytest.raises(HubError) as error:
        Hub.from_environment().models_of("lab")
    assert "names more than 20 models" in sentence(error)


def test_a_slow_answer_is_not_a_dead_one(
    published: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 KB every quarter of a second, for longer than the patience lasts."""
    repository = published.repositories["lab/dots"]
    repository.commits[repository.head].update({f"{i:0>200}": b"" for i in range(50)})
    monkeypatch.setattr(hub_module, "PATIENCE", 1.0)
    published.fail("trickle", INFORMATION)
    started = time.monotonic()
    assert resolve(NAME).is_file()
    assert time.monotonic() - started > 2


@pytest.mark.parametrize("token", ["hf_sec\x1b[31mret", "hf_sec\u2026ret", "hf_sec ret"])
def test_a_token_with_an_odd_letter_is_not_printed(
    published: HubServer,
    write_model: WriteModel,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    token: str,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    caplog.set_level(logging.DEBUG)
    path = write_model("other.onnx")
    for arguments in (
        ("zoo", "pull", NAME),
        ("zoo", "show", NAME),
        ("zoo", "list", "--remote", "lab"),
        ("zoo", "push", path, "lab/other"),
    ):
        done = command(*arguments)
        assert (done.code, done.out) == (1, "")
        assert "holds a sign that no token has; set it anew" in done.err
        for part in ("hf_sec", "ret", "\x1b"):
            assert part not in done.err + caplog.text
    with pytest.raises(HubError) as error:
        publish(path)
    assert "hf_sec" not in str(error.value)


def test_an_odd_token_hinders_no_other_server(
    published: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_\u2026")
    elsewhere = Hub("http://127.0.0.1:9")
    repository = published.repositories["lab/dots"]
    address = f"{published.address}/lab/dots/resolve/{repository.head}/card.json"
    assert b"".join(elsewhere.download("a registry", address))
