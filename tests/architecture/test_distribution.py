"""Recipes and workflows that publish name what the project itself declares."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import beetle_lm

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ELSEWHERE = {  # names of conda-forge
    "huggingface-hub": "huggingface_hub",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "py-opencv",
}


def read_yaml(path: Path) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    read: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def bounds(requirements: list[str]) -> set[tuple[str, str]]:
    """Names and lowest versions."""
    found = [re.fullmatch(r"([\w-]+) ?>=([\d.]+)", each) for each in requirements]
    return {(each[1], each[2]) for each in found if each is not None}


def test_the_recipe_of_conda_requires_the_same() -> None:
    recipe = read_yaml(ROOT / "conda" / "recipe.yaml")
    runs = [each for each in recipe["requirements"]["run"] if not each.startswith("python ")]
    wanted = bounds([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cpu"]])
    assert bounds(runs) == {(ELSEWHERE.get(name, name), lowest) for name, lowest in wanted}
    assert len(bounds(runs)) == len(runs)
    context = recipe["context"]
    assert context["version"] == beetle_lm.__version__
    assert PROJECT["requires-python"] == f">={context['python_min']}"
    [script] = PROJECT["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(script)]


@pytest.mark.parametrize("container", ["Dockerfile", "apptainer.def"])
def test_containers_get_every_room(container: str) -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    text = (ROOT / "containers" / container).read_text(encoding="utf-8")
    if container == "Dockerfile":
        text = (ROOT / ".dockerignore").read_text(encoding="utf-8").replace("!", "")
    given = {line.split()[0] for line in text.splitlines() if line.strip()}
    rooms = {folder.split("/")[0] for folder in tool["setuptools"]["package-dir"].values()}
    assert rooms | {"pyproject.toml", "README.md", "LICENSE"} <= given


def test_a_release_is_tested_before_it_is_published() -> None:
    jobs = read_yaml(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["test"]["needs"] == "build"
    assert {"publish", "containers"} == {n for n, job in jobs.items() if job.get("needs") == "test"}
    systems = jobs["test"]["strategy"]["matrix"]["os"]
    assert systems == ["ubuntu-latest", "windows-latest", "macos-latest"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}  # no password is kept
