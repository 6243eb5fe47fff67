"""Downloads that break off: the next attempt fetches the rest, and what comes of it is checked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer
from kinds import WriteModel
from processes import command_line
from published import MODEL, NAME, enlarged, kept, publish, sentence

from beetle_lm.errors import HubError, ModelError
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.model_file.manifest import file_sha256
from beetle_lm.zoo.registry import pull, resolve
from beetle_lm.zoo.store import Store


@pytest.fixture
def model(hub: HubServer, write_model: WriteModel) -> Path:
    """A published model of some 5 MB."""
    path = enlarged(write_model("dots.onnx"))
    publish(path, "v1")
    return path


@pytest.fixture
def broken_off(hub: HubServer, model: Path) -> Iterator[Path]:
    """What an attempt that broke off in the middle has left."""
    hub.fail("truncate", MODEL)
    with pytest.raises(HubError, match="the connection broke off"):
        resolve(NAME)
    hub.work()
    (left,) = kept()
    assert left.stat().st_size == model.stat().st_size // 2
    assert left.read_bytes() == model.read_bytes()[: left.stat().st_size]
    assert Store().records() == []
    hub.sent.clear()
    yield left


def large(hub: HubServer) -> list[tuple[str, int]]:
    """The ranges of the model file that were asked for, and how many bytes were sent."""
    return [(asked, count) for path, asked, count in hub.sent if path.startswith("/lfs/")]


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("seconds", [0, 120])
def test_only_the_rest_is_fetched(
    hub: HubServer, model: Path, broken_off: Path, seconds: float
) -> None:
    age(broken_off, seconds)
    begun, whole = broken_off.stat().st_size, model.stat().st_size
    path = resolve(NAME)
    assert large(hub) == [(f"bytes={begun}-", whole - begun)]
    assert path.read_bytes() == model.read_bytes()
    assert not hub.leaked
    # A young file may be another process's; an old one is taken over.
    assert broken_off.exists() == (seconds == 0)


def test_it_may_break_off_again_and_again(hub: HubServer, model: Path, broken_off: Path) -> None:
    for _ in range(2):
        hub.fail("truncate", MODEL)
        with pytest.raises(HubError, match="the connection broke off"):
            resolve(NAME)
    hub.work()
    assert resolve(NAME).read_bytes() == model.read_bytes()
    whole = model.stat().st_size
    assert [int(asked[6:-1]) / whole for asked, _ in large(hub)] == pytest.approx(
        [1 / 2, 3 / 4, 7 / 8], abs=1e-5
    )
    assert large(hub)[-1][1] < whole / 7


def test_a_server_that_knows_no_ranges(hub: HubServer, model: Path, broken_off: Path) -> None:
    hub.fail("no ranges", MODEL)
    assert resolve(NAME).read_bytes() == model.read_bytes()
    assert [count for _, count in large(hub)] == [model.stat().st_size]


def test_all_of_it_was_there_but_not_in_place(
    hub: HubServer, model: Path, broken_off: Path
) -> None:
    broken_off.write_bytes(model.read_bytes())
    assert resolve(NAME).read_bytes() == model.read_bytes()
    assert [count for _, count in large(hub)] == [0]


@pytest.mark.parametrize("seconds", [0, 120])
def test_a_beginning_that_is_damaged_is_not_used_twice(
    hub: HubServer, model: Path, broken_off: Path, seconds: float
) -> None:
    begun = broken_off.stat().st_size
    broken_off.write_bytes(bytes(begun))
    age(broken_off, seconds)
    with pytest.raises(ModelError, match="not the one that was published") as error:
        resolve(NAME)
    assert "try again" in sentence(error)
    assert kept() == []
    assert resolve(NAME).read_bytes() == model.read_bytes()
    assert [asked for asked, _ in large(hub)] == [f"bytes={begun}-", ""]


def test_two_at_once_do_not_disturb_each_other(hub: HubServer, model: Path) -> None:
    """Each writes a file of its own; who comes second begins with what the first has."""
    hub.fail("drip", MODEL)
    running = [subprocess.Popen(command_line("zoo", "pull", NAME), stdout=subprocess.PIPE)]
    try:
        waited = time.monotonic() + 30
        while not any(path.stat().st_size > 1_000_000 for path in kept()):
            assert time.monotonic() < waited
            time.sleep(0.02)
        running += [subprocess.Popen(command_line("zoo", "pull", NAME), stdout=subprocess.PIPE)]
        paths = {process.communicate(timeout=30)[0] for process in running}
    finally:
        for process in running:
            process.kill()
            process.communicate()
    assert [process.returncode for process in running] == [0, 0]
    (path,) = paths
    assert Path(path.decode().strip()).read_bytes() == model.read_bytes()


def test_another_model_begins_anew(
    hub: HubServer, write_model: WriteModel, broken_off: Path
) -> None:
    other = enlarged(write_model("other.onnx"), seed=1)
    publish(other, "v2")
    hub.sent.clear()
    assert file_sha256(resolve("hf:lab/dots@v2")) == file_sha256(other)
    assert large(hub) == [("", other.stat().st_size)]
    assert broken_off.exists()


def test_the_rest_may_come_from_another_place(
    hub: HubServer, model: Path, broken_off: Path, tmp_path: Path
) -> None:
    """From a registry's folder here: what counts is the SHA-256."""
    from beetle_lm.zoo.pull import pull_file

    store = Store()
    pulled = pull_file(
        str(model), "dots", file_sha256(model), store, Hub.from_environment(), renew=True
    )
    assert store.path(pulled).read_bytes() == model.read_bytes()
    assert large(hub) == []


def test_what_broke_off_is_forgotten_after_a_week(
    hub: HubServer, write_model: WriteModel, broken_off: Path
) -> None:
    publish(write_model("small.onnx"), name="lab/small")
    age(broken_off, 6 * 24 * 3600)
    resolve("hf:lab/small")
    assert broken_off.exists()
    age(broken_off, 8 * 24 * 3600)
    pull("hf:lab/small", None, Store(), Hub.from_environment())
    assert not broken_off.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_process_loses_nothing(hub: HubServer, model: Path) -> None:
    hub.fail("drip", MODEL)
    process = subprocess.Popen(
        command_line("zoo", "pull", NAME), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        waited = time.monotonic() + 30
        while not any(path.stat().st_size > 1_000_000 for path in kept()):
            assert process.poll() is None, process.stderr
            assert time.monotonic() < waited
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()
    assert Store().records() == []
    hub.work()
    hub.sent.clear()
    assert resolve(NAME).read_bytes() == model.read_bytes()
    ((asked, count),) = large(hub)
    assert asked.startswith("bytes=")
    assert count < model.stat().st_size - 1_000_000


def test_a_slow_line_is_not_a_dead_one(
    hub: HubServer, write_model: WriteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 KB every quarter of a second, for longer than the patience lasts."""
    model = enlarged(write_model("slow.onnx"), size=10_000)
    publish(model, "v1")
    monkeypatch.setattr("beetle_lm.zoo.hub.client.PATIENCE", 2.0)
    hub.fail("trickle", MODEL)
    started = time.monotonic()
    assert resolve(NAME).read_bytes() == model.read_bytes()
    assert time.monotonic() - started > 3
