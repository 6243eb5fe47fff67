"""The modules of the page: their types, which stand in comments, and what imports what."""

from __future__ import annotations

import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "web" / "app"
OPTIONS = (
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--skipLibCheck", "--target", "es2022"),
    *("--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable"),
)


def test_every_module_is_checked() -> None:
    for module in APP.glob("*.js"):
        assert module.read_text(encoding="utf-8").startswith("// @ts-check\n"), module.name


def test_types_fit() -> None:
    tsc = shutil.which("tsc")
    if tsc is None:
        pytest.skip("TypeScript is not installed: `npm install -g typescript`")
    modules = [str(module) for module in sorted(APP.glob("*.js"))]
    done = subprocess.run([tsc, *OPTIONS, *modules], capture_output=True, text=True, check=False)
    assert done.stdout == "" and done.returncode == 0


def test_the_viewer_knows_no_server() -> None:
    """A page without a server uses it, too."""
    for name in ("viewer.js", "lens.js", "history.js", "scheme.js", "model.js"):
        text = (APP / name).read_text(encoding="utf-8")
        assert "fetch(" not in text and "api.js" not in text, name


def imports() -> dict[str, set[str]]:
    """What each module imports when it runs; what a comment imports is but a type."""
    pattern = re.compile(r'^(?:import|\}) .*from "\./(.+)";$', re.MULTILINE)
    return {
        module.name: set(pattern.findall(module.read_text(encoding="utf-8")))
        for module in APP.glob("*.js")
    }


def test_no_modules_import_each_other_in_a_circle() -> None:
    order = list(TopologicalSorter(imports()).static_order())
    assert order[-1] == "main.js"


def test_what_the_page_knows_is_apart_from_what_is_drawn_and_sent() -> None:
    assert imports()["state.js"] == {"history.js", "model.js", "order.js"}
