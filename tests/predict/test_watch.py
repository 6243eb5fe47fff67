"""`beetle-lm predict --watch`: photographs that come later."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from processes import command_line
from results import read_table
from squares import SIZE, shifted
from stopped_runs import posix, wait_until


@posix
def test_photographs_that_come_later_are_placed_as_by_one_run(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, out, drawn = tmp_path / "photos", tmp_path / "out", tmp_path / "drawn.png"
    photos.mkdir()
    call = ("predict", photos, "-m", model, "-o", out, "--watch", "--json")
    process = subprocess.Popen(
        command_line(*call), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def rows() -> dict[str, str]:
        if not (out / "run.json").is_file():
            return {}
        return {row["image"]: row["status"] for row in read_table(out / "specimens.csv")}

    def came(name: str) -> bool:
        return name in rows()

    for number, name in enumerate(("b.png", "a.png")):
        Image.fromarray(draw(SIZE, shifted(number))).save(drawn)
        shutil.copy(drawn, photos / name)
        assert wait_until(partial(came, name), process)
    (photos / "c.png").write_bytes(drawn.read_bytes()[:500])
    assert wait_until(lambda: rows().get("c.png") == "failed", process)
    shutil.copy(drawn, photos / "c.png")
    assert wait_until(lambda: rows() == dict.fromkeys(("a.png", "b.png", "c.png"), "ok"), process)
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert json.loads(said)["counts"] == {
        **{"images": 3, "ok": 3, "flagged": 0, "failed": 0},
        "landmarks_below_min_score": 0,
    }
    assert told.count("b.png") == 0  # the first round has a bar
    assert told.count("a.png: mean score") == 1 and told.count("c.png: mean score") == 1

    whole = tmp_path / "whole"
    command("predict", photos, "-m", model, "-o", whole)
    for name in ("landmarks.tps", "landmarks.csv", "predictions.csv", "specimens.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("further", "told"),
    [
        (["--overlay"], "reads each photograph once"),
        (["--shard", "1/2"], "for one machine"),
        (["--dry-run"], "for one machine"),
    ],
)
def test_what_does_not_go_with_watching(
    command: Command, model: Path, tmp_path: Path, further: list[str], told: str
) -> None:
    done = command("predict", tmp_path, "-m", model, "--watch", *further)
    assert done.code == 2 and told in done.err
    assert list(tmp_path.iterdir()) == [model]


def test_only_a_folder_can_be_watched(command: Command, model: Path, tmp_path: Path) -> None:
    done = command("predict", tmp_path / "none", "-m", model, "--watch")
    assert done.code == 2 and "--watch needs one folder, which is there" in done.err
