"""Runs that were stopped and went on: nothing is lost, and nothing differs in the end."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from processes import command_line

from beetle_lm.predict.observer import Observer
from beetle_lm.predict.options import Options
from beetle_lm.predict.plan import Request, Task, plan_one, plan_parts
from beetle_lm.predict.predictor import Result
from beetle_lm.predict.run_plan import run_plan
from beetle_lm.zoo.entries import ModelEntry
from beetle_lm.zoo.limits import Limits

pytest.importorskip("onnxruntime")

Draw = Callable[..., NDArray[np.uint8]]
Command = Callable[..., Any]
WriteModel = Callable[..., Path]
SIZE = (400, 300)
POINTS = [(100, 80), (300, 90), (210, 230)]
UNFINISHED = ".incomplete"
ROWS = f"{UNFINISHED}/part-1/rows"
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def model(write_model: WriteModel) -> Path:
    return write_model()


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Thirteen photographs with other landmarks each, the fifth of which is none."""
    folder = tmp_path / "photos"
    write_photos(folder, draw, 13)
    (folder / "04.png").write_text("no image", encoding="utf-8")
    return folder


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    points = "".join(f"{x + 2:.5f} {300 - y:.5f}\n" for x, y in POINTS)
    path = tmp_path / "manual.tps"
    records = [f"LM=3\n{points}IMAGE={i:02}.png\n" for i in (1, 3, 4, 9)]
    path.write_text("".join(records), encoding="utf-8")
    return path


def write_photos(folder: Path, draw: Draw, count: int) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        points = [(x + 3 * i, y + 2 * i) for x, y in POINTS]
        Image.fromarray(draw(SIZE, points)).save(folder / f"{i:02}.png")


def files(folder: Path) -> dict[str, object]:
    """All that is in a folder; of run.json what does not tell the time or the place."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[name] = "folder"
        elif path.name == "run.json":
            found[name] = timeless(json.loads(path.read_text(encoding="utf-8")))
        else:
            found[name] = path.read_bytes()
    return found


def timeless(run: Any) -> Any:
    if isinstance(run, dict):
        left_out = ("started", "seconds", "output")
        return {key: timeless(value) for key, value in run.items() if key not in left_out}
    return run


class Stopping(Observer):
    """Ends a run as Ctrl-C does, after so many photographs."""

    def __init__(self, after: int) -> None:
        self.left = after

    def placed(self, task: Task, result: Result) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def stop_early(photos: Path, model: Path, out: Path, after: int = 9, **given: Any) -> None:
    plan = plan_one(Request([str(photos)], out, reference=given.pop("reference", None)), model)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, Options(**{"batch_size": 2, **given}), observer=Stopping(after))


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Whether the condition came true while the process ran."""
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.001)
    assert process.poll() is not None, "the process hangs"
    return False


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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


def is_whole(done: Any) -> bool:
    """Whether a run came to its end, or had come to it before and only not tidied up."""
    return done.code == 0 or "holds results already" in done.err


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


@pytest.fixture
def zoo(tmp_path: Path, write_model: WriteModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with models for elytra and head."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.delenv("BEETLE_LM_ZOO", raising=False)
    entries = {
        part: ModelEntry.of_file(write_model(f"zoo/{part}.onnx", part=part)).to_dict()
        for part in ("elytra", "head")
    }
    registry = tmp_path / "zoo" / "registry.json"
    registry.write_text(json.dumps({"models": entries}), encoding="utf-8")
    return registry


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


def test_ctrl_c_while_a_part_follows_a_finished_one(
    command: Command, zoo: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    for part in ("elytra", "head"):
        write_photos(photos / part, draw, 4)
        (photos / part / "bad.jpg").touch()
    call = ("predict", photos, "--zoo", zoo, "-b", "2", "--overlay", "-o")
    assert command(*call, whole).code == 3
    plan = plan_parts(Request([str(photos)], out), str(zoo))
    assert plan is not None
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, Options(batch_size=2, overlay=True), observer=Stopping(5 + 3))
    assert sorted(path.name for path in out.iterdir()) == [UNFINISHED, "elytra"]
    assert not (out / "elytra" / UNFINISHED).exists()
    mine = (out / "elytra" / "landmarks.tps").read_text(encoding="utf-8") + "COMMENT=mine\n"
    (out / "elytra" / "landmarks.tps").write_text(mine, encoding="utf-8")

    done = command(*call, out, "--resume")
    assert done.code == 3
    assert "going on after 5 of 5 images" in done.err
    assert "going on after 2 of 5 images" in done.err
    assert done.err.count("failed: elytra: bad.jpg is empty") == 1
    assert f"elytra: 5 images: landmarks on 4, 1 failed; results in {out / 'elytra'}" in done.out
    found = files(out)
    assert found.pop("elytra/landmarks.tps") == mine.encode()  # corrected since, and left alone
    expected = files(whole)
    del expected["elytra/landmarks.tps"]
    assert found == expected


@posix
def test_ctrl_c_tells_what_is_done_and_a_second_run_is_refused(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    Image.fromarray(draw((2400, 1800), POINTS)).save(photos / "000.png")
    for i in range(1, 400):
        os.link(photos / "000.png", photos / f"{i:03}.png")
    call = ("predict", photos, "-m", model, "-o", out)
    process = subprocess.Popen(command_line(*call), stderr=subprocess.PIPE, text=True)
    assert wait_until(lambda: size(out / ROWS) > 0, process)
    for flags in ([], ["--resume"], ["--overwrite"]):
        second = command(*call, *flags)
        assert second.code == 1
        assert f"another run is writing into {out}" in second.err
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    last = said.splitlines()[-1]
    assert last.startswith("stopped; ")
    assert last.endswith(
        f" of 400 images done, kept in {out}; the same command with --resume goes on"
    )
    assert 0 < int(last.split()[1]) < 400
    assert [path.name for path in out.iterdir()] == [UNFINISHED]

    plain = command(*call)
    assert plain.code == 1
    assert f"{out} holds an unfinished run; --resume goes on with it, --overwrite" in plain.err


@posix
def test_lock_of_a_dead_process_holds_nobody_off(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    holding = (
        "import sys, time; from pathlib import Path\n"
        "from beetle_lm.predict.folder_lock import FolderLock\n"
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
    command: Command, model: Path, photos: Path, tmp_path: Path, limited: Callable[[int], None]
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "-o")
    command(*call, tmp_path / "whole")
    out = tmp_path / "out"
    limited(2200)  # less than all rows
    stopped = command(*call, out)
    assert stopped.code == 1
    assert f"error: {out} cannot be written: File too large" in stopped.err
    assert "images done, kept in" in stopped.err
    assert "the same command with --resume goes on" in stopped.err
    limited(len((tmp_path / "whole" / "predictions.csv").read_bytes()) - 1)  # of the results
    again = command(*call, out, "--resume")
    assert again.code == 1
    assert "cannot be written" in again.err
    limited(-1)
    assert command(*call, out, "--resume").code == 3
    assert files(out) == files(tmp_path / "whole")


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    """Limits the size of the files that this process writes."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda bytes_: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def change_nothing(photos: Path, manual: Path) -> None:
    pass


def touch(photos: Path, manual: Path) -> None:
    os.utime(photos / "05.png", ns=(1, 1))


def rewrite(photos: Path, manual: Path) -> None:
    manual.write_text(manual.read_text(encoding="utf-8") + "COMMENT=x\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "change", "told"),
    [
        (["--min-score", "0.5"], change_nothing, "another --min-score (0.0 then, 0.5 now)"),
        (["--overlay"], change_nothing, "another --overlay (False then, True now)"),
        (["-b", "3"], change_nothing, "another --batch-size (2 then, 3 now)"),
        (["-m", "other.onnx"], change_nothing, "another model ("),
        ([], touch, "another file 05.png, which has changed since"),
        ([], lambda p, _: (p / "00.png").unlink(), "the photograph 00.png, which is not there now"),
        ([], lambda p, _: (p / "12.png").unlink(), "the photograph 12.png, which is not there now"),
        ([], lambda p, _: (p / "011.png").touch(), "other photographs (011.png is new)"),
        ([], lambda p, _: (p / "99.png").touch(), "other photographs (99.png is new)"),
        ([], rewrite, "another file of manual landmarks ("),
    ],
)
def test_nothing_else_can_be_gone_on_with(
    command: Command,
    write_model: WriteModel,
    photos: Path,
    manual: Path,
    tmp_path: Path,
    options: list[str],
    change: Callable[[Path, Path], None],
    told: str,
) -> None:
    model, out = write_model(), tmp_path / "out"
    other = write_model("other.onnx", fit="stretch")
    compared = ["--reference", manual] if change is rewrite else []
    stop_early(photos, model, out, reference=manual if compared else None)
    kept = files(out)
    change(photos, manual)
    options = [str(other) if option == "other.onnx" else option for option in options]
    call = ["predict", photos, "-o", out, *compared]
    call += [*([] if "-m" in options else ["-m", model]), *([] if "-b" in options else ["-b", "2"])]
    refused = command(*call, *options, "--resume")
    assert refused.code == 1
    assert f"error: {out} holds an unfinished run with {told}" in refused.err
    assert "start anew with --overwrite" in refused.err
    assert files(out) == kept
    anew = command(*call, *options, "--overwrite")
    assert anew.code == 3
    assert "going on" not in anew.err
    assert not (out / UNFINISHED).exists()


def test_what_changes_no_result_may_change(
    command: Command, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "--workers", "4", "--threads", "1", "-o")
    command(*call, tmp_path / "whole")
    out = tmp_path / "out"
    stop_early(photos, model, out)
    monkeypatch.chdir(tmp_path)
    call = ("predict", "photos", *call[2:])
    assert command(*call, "out", "--resume").code == 3
    assert files(out) == files(tmp_path / "whole")


def test_expected_errors_and_flags_are_the_same_after_resuming(
    command: Command, write_model: WriteModel, photos: Path, draw: Draw, tmp_path: Path
) -> None:
    model = write_model("doubting.onnx", limits=Limits(1.0, 50.0, (-180.0, 180.0), (0.0, 9.0)))
    for i in (0, 3, 7, 11):  # one or two of the squares are not there
        Image.fromarray(draw(SIZE, POINTS[: 1 + i % 2])).save(photos / f"{i:02}.png")
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay")
    command(*call, "-o", tmp_path / "whole")
    table = (tmp_path / "whole" / "specimens.csv").read_text(encoding="utf-8")
    assert table.count(",flagged,expected error ") == 4 and table.count(",failed,") == 1
    for after in (1, 6, 12):
        out = tmp_path / f"out-{after}"
        stop_early(photos, model, out, after, overlay=True)
        assert command(*call, "-o", out, "--resume").code == 3
        assert files(out) == files(tmp_path / "whole")


def test_resume_without_an_unfinished_run(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    call = ("predict", photos, "-m", model, "-o", tmp_path / "out", "--resume")
    first = command(
        *call
    )  # nothing to go on with: from the start, so that scripts can always say it
    assert first.code == 3
    assert "going on" not in first.err
    again = command(*call)
    assert again.code == 1
    assert "holds results already" in again.err


def test_earlier_results_stay_until_those_that_replace_them_are_whole(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out)
    command(*call, "--format", "csv", "--overlay")
    before = files(out)
    plan = plan_one(Request([str(photos)], out, overwrite=True), model)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, Options(batch_size=2, formats=("tps",)), observer=Stopping(9))
    assert {name: there for name, there in files(out).items() if UNFINISHED not in name} == before
    assert command(*call, "--format", "tps", "--resume").code == 3
    names = sorted(path.name for path in out.iterdir())
    assert names == ["landmarks.tps", "run.json", "specimens.csv"]


def test_nothing_is_left_of_a_run_that_did_nothing(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    stop_early(photos, model, tmp_path / "out", after=1)
    assert not (tmp_path / "out").exists()


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
    assert command(*call, "--resume").code == 3
    assert command(*call[:-1], tmp_path / "whole").code == 3
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.parametrize("workers", [1, 5])
def test_order_is_that_of_the_names_whatever_the_number_of_workers(
    command: Command, model: Path, photos: Path, tmp_path: Path, workers: int
) -> None:
    Image.new("RGB", (3000, 2000)).save(photos / "03.png")  # takes longer than those after it
    command("predict", photos, "-m", model, "-o", tmp_path / "out", "--workers", workers)
    text = (tmp_path / "out" / "specimens.csv").read_text(encoding="utf-8")
    assert [line[:6] for line in text.splitlines()[1:]] == [f"{i:02}.png" for i in range(13)]
