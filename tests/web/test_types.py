"""The modules of the page have types, in comments, and they fit."""

from __future__ import annotations

import shutil
import subprocess
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
