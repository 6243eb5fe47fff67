"""The script of the tutorial, which takes a run's landmarks to principal components."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = [f"pronotum_{number:04}.jpg" for number in range(1, 5)]


def test_flagged_specimens_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("ktch")
    shutil.copy(ROOT / "examples" / "pronotum" / "landmarks.tps", tmp_path)
    rows = [["image", "status"], *([name, "ok"] for name in NAMES[:3]), [NAMES[3], "flagged"]]
    with (tmp_path / "specimens.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "pca.py", tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("3 of 4 specimens are complete and not flagged\nPC1: ")
    with (tmp_path / "pca.csv").open(encoding="utf-8", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == NAMES[:3]
    assert (tmp_path / "pca.png").exists()
