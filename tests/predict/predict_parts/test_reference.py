"""`beetle-lm predict --reference` on a folder of several parts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from kinds import Command
from squares import POINTS, write_manual


def test_reference_is_a_folder_of_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    write_manual(
        photos / "elytra" / "landmarks.tps", dict.fromkeys(["a.png", "b.png"], POINTS), right=3
    )
    write_manual(photos / "head" / "landmarks.tps", dict.fromkeys(["a.png"], POINTS))
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--reference", photos)
    assert done.code == 0
    assert f"{photos / 'wing' / 'landmarks.tps'} is not there: wing is not compared" in done.err
    lines = done.out.splitlines()
    told = (
        r"elytra: 2 images: landmarks on 2, on average [23]\.\d+ px \([12]\.\d+ px at 256 x 192\)"
    )
    assert re.match(told + " from the manual ones; results in ", lines[0])
    assert "from the manual ones" in lines[1]
    assert "from the manual ones" not in lines[2]
    for part, distance in (("elytra", 3.0), ("head", 0.0)):
        path = out / part / "evaluation" / "summary.json"
        summary = json.loads(path.read_text(encoding="utf-8"))
        assert summary["distance"]["px"]["mean"] == pytest.approx(distance, abs=0.5)
    assert not (out / "wing" / "evaluation").exists()


def test_reference_that_is_no_folder_of_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    write_manual(tmp_path / "manual.tps", dict.fromkeys(["a.png"], POINTS))
    call = ("predict", photos, "--zoo", zoo, "-o", tmp_path / "out", "--reference")
    file = command(*call, tmp_path / "manual.tps")
    assert file.code == 2
    assert "the manual landmarks of several parts must be given as a folder" in file.err
    empty = command(*call, photos)
    assert empty.code == 2
    assert "has no elytra/landmarks.tps" in empty.err
    assert not (tmp_path / "out").exists()


def test_reference_that_does_not_fit_is_told_before_anything_is_predicted(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    write_manual(photos / "elytra" / "landmarks.tps", dict.fromkeys(["a.png"], POINTS))
    (photos / "wing" / "landmarks.tps").write_text("LM=1\n1 2\nIMAGE=w.png\n", encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--reference", photos)
    assert done.code == 1
    assert "w.png has 1 manual landmark, but wing has 3" in done.err
    assert not out.exists()
