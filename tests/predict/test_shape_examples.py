"""The scripts of the tutorials, which take a run's landmarks to principal components."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = [f"pronotum_{number:04}.jpg" for number in range(1, 5)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Results of four photographs, the last of which is flagged."""
    shutil.copy(ROOT / "examples" / "pronotum" / "landmarks.tps", tmp_path)
    rows = [["image", "status"], *([name, "ok"] for name in NAMES[:3]), [NAMES[3], "flagged"]]
    with (tmp_path / "specimens.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def column(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def test_flagged_specimens_are_left_out(run: Path) -> None:
    pytest.importorskip("ktch")
    command = [sys.executable, str(ROOT / "examples" / "pca.py"), str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("3 of 4 specimens are complete and not flagged\nPC1: ")
    assert column(run / "pca.csv") == NAMES[:3]
    assert (run / "pca.png").exists()


def test_flagged_specimens_are_left_out_in_r(run: Path) -> None:
    rscript = shutil.which("Rscript")
    found = rscript and subprocess.run(
        [rscript, "-e", "library(geomorph)"],
        capture_output=True,
        env={**os.environ, "RGL_USE_NULL": "TRUE"},
        check=False,
    )
    if not rscript or not found or found.returncode:
        pytest.skip("R or its package geomorph is not installed")
    done = subprocess.run(
        [rscript, ROOT / "examples" / "shapes.R", run],
        capture_output=True,
        text=True,
        env={**os.environ, "RGL_USE_NULL": "TRUE"},
        check=True,
    )
    assert "3 of 4 specimens are complete and not flagged" in done.stdout
    assert column(run / "shapes.csv") == [Path(name).stem for name in NAMES[:3]]
    assert (run / "shapes.pdf").exists()
