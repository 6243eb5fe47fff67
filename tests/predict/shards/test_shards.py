"""Several that share the photographs of a run: the results are those of one, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from kinds import Command, Draw, WriteModel
from stopped_runs import UNFINISHED, Stopping, files, write_photos

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.partitions import partition_size
from beetle_lm.predict.batch.plan import Request, plan_one
from beetle_lm.predict.batch.runner import run_shard
from beetle_lm.predict.batch.shard import Shard

PARTITIONS = f"{UNFINISHED}/part-1/partitions"


@pytest.mark.parametrize("of", [1, 3, 20])
def test_shards_give_the_results_of_one_run(
    command: Command, model: Path, photos: Path, manual: Path, tmp_path: Path, of: int
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay", "--reference", manual)
    one = command(*call, "-o", whole)
    assert one.code == 3
    failed = 0
    for number in range(of, 0, -1):
        done = command(*call, "-o", out, "--shard", f"{number}/{of}")
        failed += done.code == 3
        assert done.code in (0, 3), done.err
        assert f"shard {number}/{of} is done" in done.out
    assert failed == 1  # that of the photograph which is none
    assert not (out / "specimens.csv").exists()
    gathered = command("gather", out)
    assert (gathered.code, gathered.err) == (3, one.err.partition("\n")[2])
    assert gathered.out == one.out.replace(str(whole), str(out))
    assert files(out) == files(whole)


def test_there_are_four_partitions_for_each_shard_in_whole_batches() -> None:
    assert partition_size(13, 2, 3) == 2
    assert partition_size(4000, 8, 10) == 104
    assert partition_size(10_000_000, 8, 100) == 504
    assert partition_size(10_000_000, 16) == 512
    assert partition_size(5, 1, 100) == 1


def test_shards_of_several_parts(command: Command, zoo: Path, draw: Draw, tmp_path: Path) -> None:
    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    for part, count in (("elytra", 5), ("head", 3)):
        write_photos(photos / part, draw, count)
    call = ("predict", photos, "--zoo", zoo, "-b", "2", "--overlay", "-o")
    one = command(*call, whole)
    assert one.code == 0
    assert command(*call, out, "--shard", "2/2").code == 0
    told = command("gather", out).err
    assert "3 of 5 partitions are not there yet; these lines make them:" in told
    assert command(*call, out, "--shard", "1/2").code == 0
    gathered = command("gather", out)
    assert gathered.code == 0
    assert gathered.out == one.out.replace(str(whole), str(out))
    assert files(out) == files(whole)


def test_pages_scales_and_names_in_folders(
    command: Command, model: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image
    from squares import POINTS, SIZE

    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    for folder in ("a", "b"):
        write_photos(photos / folder, draw, 3)
    pages = [Image.fromarray(draw(SIZE, [(x + i, y) for x, y in POINTS])) for i in range(3)]
    pages[0].save(photos / "stack.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "scales.csv").write_text("a/00.png,0.5\nstack_page2.tif,0.25\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    options = ("-b", "2", "--pages", "all", "--overlay", "--scale", "scales.csv")
    call = ("predict", "photos", "-r", "-m", model, *options, "-o")
    assert command(*call, whole).code == 0
    for number in (1, 2, 3):
        assert command(*call, out, "--shard", f"{number}/3").code == 0
    monkeypatch.chdir(photos)
    gathered = command("gather", out)
    assert gathered.code == 0, gathered.err
    assert "7 photographs have no scale in scales.csv" in gathered.err
    assert files(out) == files(whole)


def test_what_is_missing_is_named_with_the_lines_that_make_it(
    command: Command, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out of here"
    monkeypatch.chdir(tmp_path)
    call = ("predict", "photos", "-m", model, "-b", "2", "-o", out)
    for number in (1, 3, 4):
        assert command(*call, "--shard", f"{number}/9").code in (0, 3)
    missing = command("gather", out)
    assert missing.code == 1
    assert not (out / "specimens.csv").exists()
    line = f"  beetle-lm predict photos -m {model} -b 2 -o '{out}' --shard"
    assert missing.err.splitlines() == [
        f"error: {out} cannot be gathered: 4 of 7 partitions are not there yet; these lines make"
        " them:",
        *(f"{line} {number}/9" for number in (2, 5, 6, 7)),
    ]
    (out / PARTITIONS / "000003").unlink()
    (out / PARTITIONS / "000004").unlink()
    monkeypatch.chdir(photos)
    far = command("gather", out).err.splitlines()
    assert far[1].startswith(f"  cd {tmp_path} && beetle-lm predict photos")
    assert far[-1] == "  and so on: 2-7"
    monkeypatch.chdir(tmp_path)
    for number in range(2, 8):  # others of another number do as well
        assert command(*call, "--shard", f"{number - 1}/6").code in (0, 3)
    assert command("gather", out).code == 3


def test_a_run_that_is_not_shared_can_be_shared_and_the_other_way_round(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "-o")
    assert command(*call, tmp_path / "whole").code == 3
    begun = tmp_path / "begun"
    plan = plan_one(
        Request([str(photos)], begun, shard=Shard(2, 3)), model, options=Options(batch_size=2)
    )
    with pytest.raises(KeyboardInterrupt):
        run_shard(plan, observer=Stopping(3))
    for folder in ("one", "two"):
        out = tmp_path / folder
        command("predict", photos, "-m", model, "-b", "2", "-o", out, "--shard", "1/3")
        if folder == "one":
            refused = command(*call, out)
            assert "holds an unfinished run; --resume goes on with it" in refused.err
            done = command(*call, out, "--resume")
            assert "going on after 5 of 13 images" in done.err
        else:
            command(*call, out, "--shard", "2/2")
            command(*call, out, "--shard", "1/2")
            done = command("gather", out)
        assert done.code == 3
        assert files(out) == files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-b", "3"], "another batch size (2 then, 3 now)"),
        (["-m", "other.onnx"], "another model ("),
        (["--min-score", "0.5"], "another minimum score (0.0 then, 0.5 now)"),
    ],
)
def test_settings_are_not_mixed(
    command: Command,
    write_model: WriteModel,
    photos: Path,
    tmp_path: Path,
    options: list[str],
    told: str,
) -> None:
    model, out = write_model(), tmp_path / "out"
    other = write_model("other.onnx", fit="stretch")
    assert command("predict", photos, "-m", model, "-b", "2", "-o", out, "--shard", "1/2").code == 3
    kept = files(out)
    call = ["predict", photos, "-o", out, "--shard", "2/2"]
    options = [str(other) if option == "other.onnx" else option for option in options]
    call += [*([] if "-m" in options else ["-m", model]), *([] if "-b" in options else ["-b", "2"])]
    refused = command(*call, *options)
    assert refused.code == 1
    assert f"error: {out} holds an unfinished run with {told}" in refused.err
    assert files(out) == kept


def test_photographs_that_changed_are_refused_by_the_shard_that_has_them(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out, "--shard")
    assert command(*call, "1/2").code == 3
    os.utime(photos / "02.png", ns=(1, 1))  # of the second partition
    assert command(*call, "1/2").code == 0
    refused = command(*call, "2/2")
    assert refused.code == 1
    assert "another file 02.png, which has changed since" in refused.err
    (photos / "99.png").touch()
    assert "other photographs (99.png is new)" in command(*call, "1/2").err


def test_usage(
    command: Command, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out)
    for shard in ("0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3/5"):
        wrong = command(*call, f"--shard={shard}")
        assert wrong.code == 2, shard
        assert "error: --shard: " in wrong.err
    wrong = command(*call, "--shard", "1/2", "--overwrite")
    assert wrong.code == 2 and "--overwrite would drop what other shards have done" in wrong.err
    wrong = command(*call, "--shard", "1/2", "--dry-run")
    assert wrong.code == 2 and "--dry-run tells of the whole run: leave --shard out" in wrong.err
    wrong = command("gather", tmp_path / "nowhere")
    assert wrong.code == 1
    assert "holds no unfinished run; give the folder that the shards" in wrong.err
    assert not out.exists()
    wrong = command(*call, "--shard", "auto")
    assert wrong.code == 2 and "--shard auto needs a task of a SLURM job array" in wrong.err
    for name, value in {"ID": "12", "COUNT": "3", "MIN": "10", "STEP": "2"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert "shard 2/3 is done" in command(*call, "--shard", "auto").out
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "16")
    wrong = command(*call, "--shard", "auto")
    assert wrong.code == 2 and "a row of numbers, such as 1-3" in wrong.err


def test_json_and_what_is_there_already(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    import json

    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out, "--shard")
    told = json.loads(command(*call, "1/3", "--json").out)
    assert told == {
        "output": str(out),
        "shard": "1/3",
        "partitions": 3,
        "photographs": 5,
        "failed": 0,
    }
    again = command(*call, "1/3")
    assert again.code == 0
    assert "going on after 5 of 5 images" in again.err
    for number in (2, 3):
        command(*call, f"{number}/3")
    summary = json.loads(command("gather", out, "--json").out)
    assert summary["counts"]["images"] == 13 and summary["output"] == str(out)
    late = command(*call, "1/3")
    assert late.code == 1 and "holds results already" in late.err
