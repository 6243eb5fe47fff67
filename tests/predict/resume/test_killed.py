"""Runs that were killed or could not write: nothing is lost, and nothing differs in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import command_line

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from stopped_runs import (
    ROWS,
    UNFINISHED,
    files,
    is_whole,
    posix,
    size,
    stop_early,
    wait_until,
    write_photos,
)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    command: Command, model: Path, draw: Draw, manual: Path, tmp_path: Path
) -> None:
    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    write_photos(photos, draw, 60)
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay", "--reference", manual)
    assert command(*call, "-o", whole).code == 0
    part, chance = out / UNFINISHED / "part-1", random.Random(7)
    # Killed after so many bytes more of rows, and then while and after the tables are written.
    moments: list[int | str] = [0, *(chance.randrange(1, 1200) for _ in range(8))]
    moments += ["results/specimens.csv", "results/evaluation", "whole.json"]
    kills = 0
    for moment in moments:
        before = size(part / "rows")

        def is_there(moment: int | str = moment, before: int = before) -> bool:
            if isinstance(moment, int):
                return size(part / "rows") >= before + moment
            return (part / moment).exists()

        arguments = command_line(*call, "-o", out, "--resume")
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        if wait_until(is_there, process):
            time.sleep(chance.uniform(0, 0.02))
            process.kill()
            kills += 1
        _, said = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), said
        if process.returncode == 0:
            break
    assert kills >= 10
    if (out / UNFINISHED).exists():
        assert is_whole(command(*call, "-o", out, "--resume"))
    assert files(out) == files(whole)


class Dead(BaseException):
    """A process that is no more: nothing that it would still do is done."""


class Reaper:
    """Lets the process die at its n-th operation on the disk, before or after it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.after = False
        for owner, name in (
            (os, "fsync"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "mkdir"),
            (Path, "touch"),
            (shutil, "rmtree"),
        ):
            monkeypatch.setattr(owner, name, self._deadly(getattr(owner, name)))

    def _deadly(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def operate(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0 or (self.left == 0 and not self.after):
                raise Dead
            value = operation(*arguments, **named)
            if self.left == 0:
                raise Dead
            return value

        return operate


@pytest.mark.parametrize("after", [False, True])
def test_a_run_may_die_at_any_operation_on_the_disk(
    command: Command,
    zoo: Path,
    tmp_path: Path,
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
    after: bool,
) -> None:
    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    for part in ("elytra", "head"):
        write_photos(photos / part, draw, 3)
    call = ("predict", photos, "--zoo", zoo, "-b", "2", "--overlay")
    assert command(*call, "-o", whole).code == 0
    with monkeypatch.context() as patched:
        reaper = Reaper(patched)
        reaper.after = after
        deaths = 0
        for number in range(1, 500):
            reaper.left = number
            try:
                done = command(*call, "-o", out, "--resume")
            except Dead:
                deaths += 1
                continue
            break
    assert is_whole(done)
    assert deaths > 20
    assert files(out) == files(whole)


@pytest.mark.parametrize("damage", ["torn", "zeros", "flipped", "nothing"])
def test_rows_that_a_power_cut_damaged_are_computed_again(
    command: Command, model: Path, photos: Path, tmp_path: Path, damage: str
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "-o")
    command(*call, tmp_path / "whole")
    out = tmp_path / "out"
    stop_early(photos, model, out)
    rows = out / ROWS
    content = bytearray(rows.read_bytes())
    if damage == "torn":
        rows.write_bytes(content[:-7])
    elif damage == "zeros":
        rows.write_bytes(content + bytes(4096))
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        rows.write_bytes(content)
    done = command(*call, out, "--resume")
    assert done.code == 3  # the photograph that is none
    after = done.err.partition("going on after ")[2].split(" ")[0]
    assert after in (["2", "4", "6"] if damage in ("torn", "flipped") else ["8"])
    assert files(out) == files(tmp_path / "whole")


@posix
def test_lock_of_a_dead_process_holds_nobody_off(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    holding = (
        "import sys, time; from pathlib import Path\n"
        "from beetle_lm.predict.batch.lock import FolderLock\n"
        "with FolderLock(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)"
    )
    arguments = [sys.executable, "-c", holding, str(out)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        call = ("predict", photos, "-m", model, "-o", out)
        assert "another run is writing into" in command(*call).err
        process.kill()
        process.wait()
    assert (out / ".incomplete.lock").exists()
    assert command(*call).code == 3
    assert not any(path.name.startswith(".") for path in out.iterdir())


@posix
def test_full_disk(
    command: Command,
    model: Path,
    photos: Path,
    tmp_path: Path,
    limited_files: Callable[[int], None],
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "-o")
    command(*call, tmp_path / "whole")
    out = tmp_path / "out"
    limited_files(2200)  # less than all rows
    stopped = command(*call, out)
    assert stopped.code == 1
    assert f"error: {out} cannot be written: File too large" in stopped.err
    assert "images done, kept in" in stopped.err
    assert "the same command with --resume goes on" in stopped.err
    limited_files(len((tmp_path / "whole" / "predictions.csv").read_bytes()) - 1)  # of the results
    again = command(*call, out, "--resume")
    assert again.code == 1
    assert "cannot be written" in again.err
    limited_files(-1)
    assert command(*call, out, "--resume").code == 3
    assert files(out) == files(tmp_path / "whole")


def test_a_result_that_another_program_holds_open_can_be_placed_later(
    command: Command,
    model: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = ("predict", photos, "-m", model, "-o", tmp_path / "out")
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "predictions.csv":
            raise PermissionError(13, "The process cannot access the file")
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        stopped = command(*call)
    assert stopped.code == 1
    assert "13 of 13 images done" in stopped.err
    path = tmp_path / "out" / "predictions.csv"
    assert (
        f"error: {path} cannot be replaced: The process cannot access the file; if another program"
        " has it open, close it there, and go on with --resume"
    ) in stopped.err
    assert command(*call, "--resume").code == 3
    assert command(*call[:-1], tmp_path / "whole").code == 3
    assert files(tmp_path / "out") == files(tmp_path / "whole")
