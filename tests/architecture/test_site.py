"""The documentation site is built without a warning: broken links and anchors are errors."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import beetle_lm

ROOT = Path(__file__).parents[2]


def test_the_site_is_built(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="the extra docs is not installed")
    pytest.importorskip("mkdocstrings_handlers.python", reason="the extra docs is not installed")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    library(tmp_path / "library" / "beetle_lm")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "library")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").exists()
    reference = (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    names = {name for name in beetle_lm.__all__ if name not in {"__version__", "BeetleLMError"}}
    assert [name for name in names if f"beetle_lm.{name}" not in reference] == []


def library(folder: Path) -> None:
    """The package as a wheel lays it out, which the site's reader of docstrings understands."""
    ignored = shutil.ignore_patterns("__pycache__", "*.onnx", "app")
    shutil.copytree(ROOT / "src" / "beetle_lm", folder, ignore=ignored)
    for room in ("zoo", "predict", "train", "export", "web"):
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)


def test_every_page_has_a_place_in_the_navigation() -> None:
    site = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    there = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in there if f'= "{page}" }}' not in site] == []


def test_the_gallery_is_that_of_the_bundled_models() -> None:
    made = runpy.run_path(str(ROOT / "bench" / "gallery.py"))["gallery"]()
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == made, "`python bench/gallery.py docs/models.md` makes it anew"
