"""Shards that are killed, work twice, or whose records were changed: nothing is lost or mixed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import command_line

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from stopped_runs import UNFINISHED, files, posix, size, write_photos

from beetle_lm.errors import OutputError
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Plan, Request, Task, plan_one
from beetle_lm.predict.batch.progress import Observer
from beetle_lm.predict.batch.runner import run_shard
from beetle_lm.predict.batch.shard import Shard
from beetle_lm.predict.result import Result

PART = f"{UNFINISHED}/part-1"


def shard_of(photos: Path, model: Path, out: Path, number: int, of: int) -> Plan:
    request = Request([str(photos)], out, shard=Shard(number, of))
    return plan_one(request, model, options=Options(batch_size=2))


def rows_in(out: Path) -> int:
    """How many bytes of rows there are."""
    return sum(size(path) for path in (out / PART).rglob("*") if path.parent.name != "overlays")


def is_running(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


@posix
def test_shards_that_are_killed_again_and_again_end_with_the_same_bytes(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    write_photos(photos, draw, 60)
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay")
    assert command(*call, "-o", whole).code == 0
    chance, left, kills = random.Random(5), {1, 2, 3}, 0
    for _ in range(40):
        processes = {
            number: subprocess.Popen(
                command_line(*call, "-o", out, "--shard", f"{number}/3"),
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in left
        }
        before = rows_in(out)
        while kills < 9 and rows_in(out) == before and any(map(is_running, processes.values())):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.2))
        for number, process in processes.items():
            if kills < 9 and process.poll() is None:
                process.kill()
                kills += 1
            _, said = process.communicate(timeout=120)
            assert process.returncode in (0, -signal.SIGKILL), said
            if process.returncode == 0:
                left -= {number}
        if not left:
            break
        assert not (out / "specimens.csv").exists()
    assert kills >= 6
    gathering = subprocess.Popen(command_line("gather", out), stderr=subprocess.PIPE, text=True)
    while gathering.poll() is None and not (out / PART / "results/specimens.csv").exists():
        time.sleep(0.001)
    gathering.kill()
    gathering.communicate(timeout=120)
    if (out / UNFINISHED).exists():
        assert command("gather", out).code == 0
    assert files(out) == files(whole)


class Meanwhile(Observer):
    """Has others compute the same photographs while a shard is at its third."""

    def __init__(self, plans: list[Plan]) -> None:
        self.left, self.plans = 3, plans

    def placed(self, task: Task, result: Result) -> None:
        self.left -= 1
        if not self.left:
            for plan in self.plans:
                run_shard(plan)


def test_two_that_take_the_same_partitions_write_the_same(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert command("predict", photos, "-m", model, "-b", "2", "-o", tmp_path / "whole").code == 3
    run_shard(shard_of(photos, model, out, 2, 3))
    shutil.rmtree(out / PART / "partitions")
    others = [shard_of(photos, model, out, number, 4) for number in (1, 2, 3, 4)]
    run_shard(shard_of(photos, model, out, 1, 1), observer=Meanwhile(others))
    written = files(out / PART / "partitions")
    shutil.rmtree(out / PART / "partitions")
    run_shard(shard_of(photos, model, out, 1, 1))
    assert files(out / PART / "partitions") == written and len(written) == 7
    assert command("gather", out).code == 3
    assert files(out) == files(tmp_path / "whole")


def test_the_same_shard_twice_and_gathering_meanwhile_are_refused(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out)
    said = []

    class Trying(Observer):
        def kept(self, task: Task, count: int) -> None:
            said.append(command(*call, "--shard", "1/2").err)
            said.append(command(*call, "--resume").err)
            said.append(command(*call, "--overwrite").err)
            said.append(command("gather", out).err)

    run_shard(shard_of(photos, model, out, 1, 2), observer=Trying())
    place = out / UNFINISHED / "shard-1-of-2"
    assert said and all(f"another run is writing into {place}; wait" in one for one in said)
    assert command(*call, "--shard", "2/2").code == 3 or command(*call, "--shard", "2/2").code == 0
    assert command("gather", out).code == 3


@pytest.mark.parametrize("entry", ["settings", "partition", "photographs", "started"])
def test_a_job_that_was_changed_is_refused(
    command: Command, model: Path, photos: Path, tmp_path: Path, entry: str
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out, "--shard", "1/1")
    assert command(*call).code == 3
    path = out / PART / "job.json"
    job = json.loads(path.read_text(encoding="utf-8"))
    if entry == "settings":
        job[entry]["minimum score"] = 0.5
    else:
        job[entry] = {"partition": 4, "photographs": "0" * 64, "started": "then"}[entry]
    path.write_text(json.dumps(job), encoding="utf-8")
    refused, gathered = command(*call), command("gather", out)
    if entry == "started":  # nothing depends on it
        assert (refused.code, gathered.code) == (0, 3)
        return
    assert refused.code == 1
    told = "another minimum score (0.5 then, 0.0 now)" if entry == "settings" else "job.json is"
    assert told in refused.err
    assert gathered.code == 1 and "job.json is damaged" in gathered.err
    assert not (out / "specimens.csv").exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "longer", "other job", "other number"])
def test_a_partition_that_is_damaged_or_of_another_job_is_named(
    command: Command, model: Path, photos: Path, tmp_path: Path, damage: str
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    call = ("predict", photos, "-m", model, "-b", "2")
    assert command(*call, "-o", tmp_path / "whole").code == 3
    for number in (1, 2, 3):
        run_shard(shard_of(photos, model, out, number, 3))
    command(*call, "--min-score", "0.5", "-o", other, "--shard", "2/3")
    path = out / PART / "partitions" / "000002"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(
        {
            "cut": path.read_bytes()[:-5],
            "flipped": bytes(content),
            "longer": path.read_bytes() * 2,
            "other job": (other / PART / "partitions" / "000002").read_bytes(),
            "other number": path.with_name("000003").read_bytes(),
        }[damage]
    )
    refused = command("gather", out)
    assert refused.code == 1
    told = "is of a run with other settings" if "other" in damage else "is damaged"
    assert f"error: {path} {told}" in refused.err
    assert "; remove that file, and gather again to see how it is made" in refused.err
    assert not (out / "specimens.csv").exists()
    path.unlink()
    assert "1 of 7 partitions" in command("gather", out).err
    run_shard(shard_of(photos, model, out, 2, 7))
    assert command("gather", out).code == 3
    assert files(out) == files(tmp_path / "whole")


def test_a_job_that_is_gone_stops_a_shard_with_a_sentence(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    class Removing(Observer):
        def placed(self, task: Task, result: Result) -> None:
            shutil.rmtree(out, ignore_errors=sys.platform == "win32")

    with pytest.raises(OutputError, match=r"cannot be written|meanwhile"):
        run_shard(shard_of(photos, model, out, 1, 2), observer=Removing())
