"""Results in a store: the same as in a folder, whoever computes them, and whatever dies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from buckets import Bucket
from kinds import Command
from stopped_runs import Stopping, files, timeless

from beetle_lm.errors import OutputError, StoreError
from beetle_lm.predict.batch.mirror import Mirror
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Request, plan_one
from beetle_lm.predict.batch.runner import run_plan
from beetle_lm.predict.images import stores

PARTITIONS = "out/.incomplete/part-1/partitions/"


def stored(bucket: Bucket, below: str = "out/") -> dict[str, object]:
    """All that is in the folder of results, as `files` gives that of this machine."""
    found: dict[str, object] = {}
    for key in bucket.listed():
        if key.startswith(below):
            content = bucket.get(key)
            name = key.removeprefix(below)
            found[name] = timeless(json.loads(content)) if name.endswith("run.json") else content
    return found


def of_files(folder: Path) -> dict[str, object]:
    return {name: content for name, content in files(folder).items() if content != "folder"}


def test_shards_and_gather(
    command: Command, model: Path, photos: Path, manual: Path, tmp_path: Path, bucket: Bucket
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "--reference", manual)
    one = command(*call, "-o", tmp_path / "whole")
    out = f"{bucket.address}/out"
    first = command(*call, "-o", out, "--shard", "2/3")
    assert first.code in (0, 3), first.err
    assert f"`beetle-lm gather {out}` writes the results when all shards are" in first.out
    early = command("gather", out)
    assert early.code == 1 and f"error: {out} cannot be gathered: " in early.err
    assert "--shard 1/3" in early.err and "--shard 2/3" not in early.err
    for number in (3, 1, 2):
        assert command(*call, "-o", out, "--shard", f"{number}/3").code in (0, 3)
    other = command(*call[:4], "-b", "4", "-o", out, "--shard", "1/3")
    assert other.code == 1 and f"error: {out} holds an unfinished run with another " in other.err
    gathered = command("gather", out)
    assert gathered.code == 3
    assert gathered.out == one.out.replace(str(tmp_path / "whole"), out)
    assert stored(bucket) == of_files(tmp_path / "whole")
    for again in (command(*call, "-o", out), command(*call, "-o", out, "--shard", "1/3")):
        assert (
            again.code == 1
            and f"{out} holds results already; name another folder with -o" in again.err
        )


def test_a_run_that_stops_goes_on_wherever(
    command: Command, model: Path, photos: Path, tmp_path: Path, bucket: Bucket
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2")
    assert command(*call, "-o", tmp_path / "whole").code == 3
    out = f"{bucket.address}/out"
    with pytest.raises(KeyboardInterrupt), Mirror.opened(out) as mirror:
        request = Request([str(photos)], mirror.folder, mirror=mirror)
        run_plan(plan_one(request, model, options=Options(batch_size=2)), observer=Stopping(7))
    assert bucket.get("out/.incomplete/part-1/rows")
    refused = command(*call, "-o", out)
    assert (
        refused.code == 1
        and f"error: {out} holds an unfinished run; --resume goes on with it, -o" in refused.err
    )
    resumed = command(*call, "-o", out, "--resume", "--json")
    assert resumed.code == 3 and "going on after 6 of 13 images" in resumed.err
    assert json.loads(resumed.out)["output"] == out
    assert stored(bucket) == of_files(tmp_path / "whole")


def lost(address: str, path: Path) -> None:
    raise StoreError("the store does not answer")


def test_what_is_cut_begun_at_once_or_published_in_part(
    command: Command,
    model: Path,
    photos: Path,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = f"{bucket.address}/out"
    call = ("predict", photos, "-m", model, "-o", out)
    options = [Options(batch_size=2), Options(batch_size=3)]
    with (
        pytest.raises(OutputError, match="an unfinished run with another batch size"),
        Mirror.opened(out) as one,
        Mirror.opened(out) as other,
    ):
        for mirror, option in zip((one, other), options, strict=True):
            request = Request([str(photos)], mirror.folder, mirror=mirror)
            plan = plan_one(request, model, options=option)
            with pytest.raises(KeyboardInterrupt):
                run_plan(plan, observer=Stopping(7))
    for number in (1, 2):
        assert command(*call, "-b", "2", "--shard", f"{number}/2").code in (0, 3)
    [*_, last] = [key for key in bucket.listed() if key.startswith(PARTITIONS)]
    whole = bucket.get(last)
    bucket.put(last, whole[:-20])
    cut = command("gather", out)
    assert cut.code == 1 and f"{bucket.address}/{last} is damaged" in cut.err
    bucket.put(last, whole)
    bucket.put("out/landmarks.csv", b"of somebody else")
    foreign = command("gather", out)
    assert foreign.code == 1
    told = f"error: {out}/landmarks.csv was put there while the run was going on, and is not rep"
    assert told in foreign.err
    bucket.client.delete_object(Bucket=bucket.name, Key="out/landmarks.csv")
    with monkeypatch.context() as broken:
        broken.setattr(stores, "write_file", lost)
        assert command("gather", out).code == 1
    assert "landmarks.csv" in " ".join(bucket.listed())  # but not what says that all is there
    assert "out/run.json" not in bucket.listed()
    assert command("gather", out).code == 3
    assert not [key for key in bucket.listed() if ".incomplete" in key]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-o", "s3://b/out", "--overwrite"], "--overwrite replaces nothing in a store"),
        (["-o", "s3://b/out", "--overlay"], "--overlay is drawn on this machine"),
        (["-o", "s3://b/out", "--engine", "ray"], "--engine needs a folder that all machines see"),
        (
            ["-o", "https://b/out"],
            "results cannot be written to https://b/out: s3://, gs://, az://",
        ),
    ],
)
def test_what_is_not_written_to_a_store(
    command: Command, model: Path, photos: Path, options: list[str], told: str
) -> None:
    wrong = command("predict", photos, "-m", model, *options)
    assert wrong.code == 2 and told in wrong.err
