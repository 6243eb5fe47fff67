"""Messages that advise an install name what can be had: what the installation itself came from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from beetle_lm import origin
from beetle_lm.origin import CPU_INDEX, install

INFO = "beetle_lm-0.1.0.dist-info"
METADATA = """Metadata-Version: 2.4
Name: beetle-lm
Version: 0.1.0
Provides-Extra: cpu
Provides-Extra: gpu
Requires-Dist: numpy>=1.26
Requires-Dist: onnxruntime>=1.19; extra == "cpu"
Requires-Dist: onnxruntime-gpu[cuda,cudnn]>=1.21; sys_platform != "darwin" and extra == "gpu"
"""


class Installation:
    """An installation of beetle-lm of which only what pip writes down is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / INFO
        self.folder.mkdir()
        (self.folder / "METADATA").write_text(METADATA, encoding="utf-8")
        self.wrote("pip")

    def wrote(self, installer: str) -> None:
        (self.folder / "INSTALLER").write_text(f"{installer}\n", encoding="utf-8")

    def came_from(self, url: str, **more: Any) -> None:
        text = json.dumps({"url": url, **more})
        (self.folder / "direct_url.json").write_text(text, encoding="utf-8")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    made = Installation(tmp_path)
    monkeypatch.setattr(origin, "distribution", lambda _: Distribution.at(made.folder))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    return made


@pytest.mark.usefixtures("installation")
def test_from_an_index() -> None:
    assert install("cpu") == 'pip install "beetle-lm[cpu]"'
    assert install("cpu", "formats") == 'pip install "beetle-lm[cpu,formats]"'
    again = install(options="--force-reinstall --no-deps")
    assert again == 'pip install --force-reinstall --no-deps "beetle-lm"'


def test_from_a_checkout(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "my beetles"
    folder.mkdir()
    installation.came_from(folder.as_uri(), dir_info={})
    assert install("cpu") == f'pip install "{folder}[cpu]"'
    installation.came_from(folder.as_uri(), dir_info={"editable": True})
    assert install("cpu") == f'pip install -e "{folder}[cpu]"'
    assert install() == f'pip install -e "{folder}"'


def test_from_the_file_of_a_wheel(installation: Installation, tmp_path: Path) -> None:
    wheel = tmp_path / "beetle_lm-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    installation.came_from(wheel.as_uri(), archive_info={"hash": "sha256=00"})
    assert install("gpu") == f'pip install "{wheel}[gpu]"'


def test_what_the_extras_require_where_the_origin_is_gone(
    installation: Installation, tmp_path: Path
) -> None:
    installation.came_from((tmp_path / "gone").as_uri(), dir_info={})
    assert install("cpu") == 'pip install "onnxruntime>=1.19"'
    both = 'pip install "onnxruntime>=1.19" "onnxruntime-gpu[cuda,cudnn]>=1.21"'
    assert install("cpu", "gpu") == both
    assert install() == 'pip install "beetle-lm"'


def test_from_an_address(installation: Installation) -> None:
    installation.came_from("https://lab.example/beetle_lm.whl", archive_info={})
    assert install("cpu") == 'pip install "beetle-lm[cpu] @ https://lab.example/beetle_lm.whl"'
    commit = {"vcs": "git", "commit_id": "f00"}
    installation.came_from("https://lab.example/beetles.git", vcs_info=commit)
    expected = 'pip install "beetle-lm[cpu] @ git+https://lab.example/beetles.git@f00"'
    assert install("cpu") == expected
    tagged = {**commit, "requested_revision": "v1"}
    installation.came_from("https://lab.example/beetles.git", vcs_info=tagged)
    assert install("cpu") == expected.replace("@f00", "@v1")


def test_by_the_program_that_installed_it(installation: Installation, tmp_path: Path) -> None:
    installation.wrote("uv")
    assert install("cpu") == 'uv pip install "beetle-lm[cpu]"'
    environment = tmp_path / "environment"
    environment.mkdir()
    (environment / "uv-receipt.toml").touch()
    assert install("cpu") == f'uv pip install --python "{environment}" "beetle-lm[cpu]"'
    (environment / "uv-receipt.toml").unlink()
    (environment / "pipx_metadata.json").touch()
    assert install("cpu") == 'pipx runpip beetle-lm install "beetle-lm[cpu]"'


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    ("system", "card", "expected"),
    [("linux", False, True), ("linux", True, False), ("darwin", False, False)],
)
def test_training_without_a_card_brings_no_cuda(
    monkeypatch: pytest.MonkeyPatch, system: str, card: bool, expected: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi" if card else None)
    assert (CPU_INDEX in install("train")) == expected
    assert CPU_INDEX not in install("cpu")


@pytest.mark.skipif(sys.platform == "win32", reason="of a shell of POSIX")
def test_a_folder_is_one_word_of_the_shell(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / 'a "$HOME" `b` \\c'
    folder.mkdir()
    installation.came_from(folder.as_uri(), dir_info={})
    printed = install("cpu").replace("pip install", r"printf '%s\n'")
    done = subprocess.run(["/bin/sh", "-c", printed], capture_output=True, text=True, check=True)
    assert done.stdout == f"{folder}[cpu]\n"
