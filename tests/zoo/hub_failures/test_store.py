"""Where pulled models are kept: it cannot be written, it is full, or what it holds is damaged."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hub_server import HubServer
from kinds import WriteModel
from published import NAME, kept

from beetle_lm.errors import ModelError, OutputError
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.model_file.manifest import Manifest
from beetle_lm.zoo.registry import pull, resolve
from beetle_lm.zoo.store import Store


def test_a_store_that_cannot_be_written(
    published: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="set HF_HOME to a folder that can be"):
        resolve(NAME)


def test_a_full_disk(published: HubServer, write_model: WriteModel) -> None:
    commit = published.repositories["lab/dots"].head
    hub, model = Hub.from_environment(), HubModel.parse(NAME)
    content = hub.download(model, hub.address(model, commit, "model.onnx"), 1 << 30)
    with pytest.raises(OSError, match="No space left on device"):  # it is not the Hub's fault
        for _ in content:
            raise OSError(28, "No space left on device")

    def full(start: int) -> Generator[bytes, None, None]:
        yield bytes(2 << 20)
        raise OSError(28, "No space left on device")

    manifest = Manifest.of_file(write_model("m.onnx"))
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        Store().add(NAME, commit, "dots", manifest.sha256, full, lambda path: manifest)
    assert kept() == []


def test_a_folder_for_temporary_files_that_takes_none(
    published: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a full one does: a download goes into the store alone, and needs no other place."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OSError):
        tempfile.mkstemp()
    assert resolve(NAME).is_file()


def test_left_overs_of_killed_processes_are_swept(published: HubServer) -> None:
    folder = Store().folder / "models"
    folder.mkdir(parents=True)
    old, new = folder / ".unfinished-old", folder / ".unfinished-new"
    for path in (old, new):
        path.touch()
    os.utime(old, (1e9, 1e9))
    resolve(NAME)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_damaged_file_is_noticed_and_pulled_again(published: HubServer) -> None:
    path = resolve(NAME)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ModelError, match=r"is damaged or gone.*zoo pull hf:lab/dots@v1"):
        resolve(NAME)
    pull(NAME, None, Store(), Hub.from_environment())
    assert resolve(NAME).read_bytes() == whole
