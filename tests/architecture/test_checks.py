"""One list of checks: `.ci/run`, pre-commit and the workflow run the same."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
HELPERS = sorted((ROOT / "tests" / "helpers").glob("*.py"))


def read_yaml(path: Path) -> dict[str, Any]:
    # "on" is a truth value in YAML 1.1, which PyYAML reads.
    entries: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in entries.items()}


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return read_yaml(GITHUB / "workflows" / "ci.yml")


def steps(job: dict[str, Any], key: str) -> list[str]:
    return [step[key] for step in job["steps"] if key in step]


def test_pre_commit_runs_the_programs_of_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = re.findall(r"^\.venv/bin/(.+)$", script, re.MULTILINE)
    repositories = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [one["repo"] for one in repositories] == ["local"]  # no second version, no network
    hooks = [hook for hook in repositories[0]["hooks"] if hook["language"] == "system"]
    assert [hook["entry"] for hook in hooks] == commands
    assert [command.split()[0] for command in commands] == ["ruff", "ruff", "mypy"]
    assert not any(hook["pass_filenames"] for hook in hooks)


def test_ci_tests_with_the_line_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^python3 -m venv .*pytest$", readme, re.MULTILINE)
    assert " -c constraints.txt " in line and line.endswith("&& python -m pytest")


def test_the_workflow_runs_ci_and_the_tests_on_three_systems(workflow: dict[str, Any]) -> None:
    checks, tests = workflow["jobs"]["checks"], workflow["jobs"]["tests"]
    assert checks["runs-on"] == "ubuntu-latest" and steps(checks, "run") == [".ci/run"]
    assert tests["strategy"]["matrix"]["os"] == ["windows-latest", "macos-latest"]
    assert steps(tests, "run")[-1] == "python -m pytest"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for job in (checks, tests):
        versions = job["strategy"]["matrix"]["python"]
        assert project["requires-python"] == f">={versions[0]}"
        minors = [int(version.removeprefix("3.")) for version in versions]
        assert minors == list(range(minors[0], minors[-1] + 1)) and minors[-1] >= 14
    assert {"push", "pull_request"} <= set(workflow["on"])


def test_the_workflow_may_only_read_and_stops_what_is_outdated(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    for job in workflow["jobs"].values():
        assert "permissions" not in job and job["timeout-minutes"] <= 60
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", used) for used in steps(job, "uses"))


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_ask(name: str) -> None:
    form = read_yaml(GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert form["name"] and form["description"]
    fields = {field["id"]: field for field in form["body"]}
    assert len(fields) == len(form["body"])
    assert all(field["attributes"]["label"] for field in fields.values())
    asked = [field["attributes"]["label"] for field in fields.values() if "validations" in field]
    assert any("beetle-lm doctor" in label for label in asked) == (name == "bug")


@pytest.mark.parametrize("path", HELPERS, ids=lambda path: path.stem)
def test_no_helper_has_the_name_of_a_library(path: Path) -> None:
    assert path.stem not in sys.stdlib_module_names
    found = importlib.util.find_spec(path.stem)
    assert found is not None and found.origin is not None
    assert Path(found.origin) == path
    elsewhere = [folder for folder in sys.path if folder and Path(folder) != path.parent]
    assert importlib.machinery.PathFinder.find_spec(path.stem, elsewhere) is None
