"""The wheel holds what the tree holds, and the command line starts from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

import beetle_lm

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "src/beetle_lm": "beetle_lm",
    "zoo": "beetle_lm/zoo",
    "predict": "beetle_lm/predict",
    "train": "beetle_lm/train",
    "export": "beetle_lm/export",
    "web": "beetle_lm/web",
}
DATA = {".json", ".toml", ".onnx", ".safetensors", ".md", ".typed", ".html", ".css", ".js", ".svg"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build")
    tree = tmp_path_factory.mktemp("tree")  # a copy: left-overs of earlier builds would get in
    for folder in PACKAGES:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tree / "dist", tree],
        check=True,
        capture_output=True,
    )
    [path] = (tree / "dist").glob("*.whl")
    return path


def test_wheel_holds_the_tree_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    there = {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in PACKAGES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and (path.suffix == ".py" or path.suffix in DATA)
    }
    assert packed == there


def test_version_is_one() -> None:
    assert version("beetle-lm") == beetle_lm.__version__


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["--help"], ["predict", "--help"]])
def test_command_line_starts(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "beetle_lm", *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    told = "Usage" if "--help" in arguments else beetle_lm.__version__
    assert told in done.stdout
