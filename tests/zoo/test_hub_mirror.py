"""Pulling from olah, a mirror that others wrote, which serves a local git repository."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from beetle_lm.errors import HubError
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.model_page import model_page
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.model_file.manifest import Manifest, file_sha256
from beetle_lm.zoo.registry import pull, resolve
from beetle_lm.zoo.store import Store

_START_SECONDS = 20


@dataclass
class Mirror:
    address: str
    commit: str
    model: Path


@pytest.fixture
def mirror(
    tmp_path: Path, write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mirror]:
    program = shutil.which("olah-cli", path=os.fspath(Path(sys.executable).parent))
    if program is None or shutil.which("git") is None:
        pytest.skip("olah-cli and git are needed (pip install olah)")
    model = write_model("dots.onnx")
    commit = _git_repository(tmp_path / "mirrors" / "models" / "lab" / "dots", model)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "olah.toml"
    folders = {name: json.dumps(str(tmp_path / name)) for name in ("mirrors", "repos")}
    config.write_text(
        f'[basic]\nhost = "127.0.0.1"\nport = {port}\nrepos-path = {folders["repos"]}\n'
        f"mirrors-path = [{folders['mirrors']}]\n[accessibility]\noffline = true\n",
        encoding="utf-8",
    )
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", "hf_unneeded")
    for name in ("HF_HUB_OFFLINE", "BEETLE_LM_ZOO"):
        monkeypatch.delenv(name, raising=False)
    with (tmp_path / "olah.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-c", str(config)], cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(f"{address}/api/models/lab/dots/revision/main", process, tmp_path / "olah.log")
        yield Mirror(address, commit, model)
    finally:
        process.terminate()
        process.wait(10)


def _git_repository(folder: Path, model: Path) -> str:
    folder.mkdir(parents=True)
    manifest = Manifest.of_file(model)
    shutil.copy(model, folder / "model.onnx")
    (folder / "card.json").write_text(manifest.to_json(), encoding="utf-8")
    page = model_page(manifest, HubModel("lab/dots", "v1"))
    (folder / "README.md").write_text(page, encoding="utf-8")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-q", "-m", "dots"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return head.stdout.strip()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _START_SECONDS and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    process.kill()
    process.wait()
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    pytest.skip(f"olah cannot be started here: {''.join(last)}")


def test_pulling_from_a_mirror_and_working_without_it(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = resolve("hf:lab/dots@v1")
    assert file_sha256(path) == file_sha256(mirror.model)
    [record] = Store().records()
    assert (record.source, record.commit) == ("hf:lab/dots@v1", mirror.commit)

    assert pull("hf:lab/dots", None, Store(), Hub.from_environment()) == path
    with pytest.raises(HubError, match="lab/dots@v9 cannot be pulled"):
        resolve("hf:lab/dots@v9")
    with pytest.raises(HubError, match="lab/gone@main cannot be pulled"):
        resolve("hf:lab/gone")

    monkeypatch.delenv("HF_ENDPOINT")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve("hf:lab/dots@v1") == path
    assert resolve(f"hf:lab/dots@{mirror.commit}") == path
