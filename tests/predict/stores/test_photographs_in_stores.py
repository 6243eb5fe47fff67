"""Photographs by their addresses, and lists of photographs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from buckets import SECRET, Bucket
from kinds import Command
from PIL import Image
from stopped_runs import UNFINISHED, files

from beetle_lm.predict.images import stores


def without_place(folder: Path) -> dict[str, object]:
    """All results, but for where the photographs are."""
    found = files(folder)
    run = found.pop("run.json")
    assert isinstance(run, dict)
    run.pop("photographs")
    return {**found, "run.json": run}


def failures(folder: Path) -> dict[str, str]:
    lines = (folder / "specimens.csv").read_text(encoding="utf-8").splitlines()[1:]
    return {line.split(",")[0]: line.split(",", 2)[2] for line in lines if ",failed," in line}


def test_a_folder_of_a_store_is_one_like_any(
    command: Command, model: Path, photos: Path, manual: Path, tmp_path: Path, bucket: Bucket
) -> None:
    bucket.put_folder(photos, "beetles")
    bucket.put("beetles/notes.txt", b"no photograph")
    bucket.put("beetles/more/13.png", (photos / "00.png").read_bytes())
    call, whole, out = (
        ("-m", model, "-b", "2", "--reference", manual),
        tmp_path / "w",
        tmp_path / "o",
    )
    one = command("predict", photos, *call, "-o", whole)
    address = f"{bucket.address}/beetles/"
    for number in (2, 1):
        assert command("predict", address, *call, "-o", out, "--shard", f"{number}/2").code in (
            0,
            3,
        )
    gathered = command("gather", out)
    assert gathered.code == one.code == 3
    assert without_place(out) == without_place(whole)
    run = (out / "run.json").read_text(encoding="utf-8")
    assert json.loads(run)["photographs"] == f"{bucket.address}/beetles"
    assert SECRET not in run + gathered.err + gathered.out
    assert "not in the picture" not in command("review-list", out).err
    refused = command("review", out, "--no-browser").err
    assert "and the page shows those of this machine; --images says where" in refused
    dry = command("predict", address, *call, "-r", "--dry-run").out
    assert f"{bucket.address}/beetles/more/13.png" in dry and "would read 14 images" in dry


def test_what_is_missing_cut_or_too_large_is_a_row(
    command: Command,
    model: Path,
    photos: Path,
    tmp_path: Path,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.jpg")
    large = (tmp_path / "large.jpg").read_bytes()
    bucket.put("a/large.jpg", large)
    bucket.put("a/cut.jpg", large[: len(large) // 2])
    bucket.put("a/00.png", (photos / "00.png").read_bytes())
    names = tmp_path / "names.txt"
    names.write_text(f"gone.jpg\nlarge.jpg\n{bucket.address}/a/00.png\n\n", encoding="utf-8")
    fetched: list[int] = []
    read = stores.read

    def counted(address: str, start: int, end: int) -> bytes:
        fetched.append(end - start)
        return read(address, start, end)

    monkeypatch.setattr(stores, "read", counted)
    call = ("predict", f"{bucket.address}/a", "-m", model, "--max-pixels", "400000")
    done = command(*call, "--list", names, "-o", tmp_path / "one", "--isolate")
    assert done.code == 3
    found = failures(tmp_path / "one")
    assert "gone.jpg cannot be read: it is not there" in found["gone.jpg"]
    assert "large.jpg is too large to be decoded" in found["large.jpg"]
    assert sorted(found) == ["gone.jpg", "large.jpg"]
    done = command(*call, "-o", tmp_path / "two")
    assert done.code == 3 and "too large" in failures(tmp_path / "two")["large.jpg"]
    assert len(large) > 5 * sum(fetched)  # nothing but headers was read
    bucket.put("a/large.jpg", b"")
    done = command(*call[:-2], "-o", tmp_path / "three")
    assert "the end of the picture is missing" in failures(tmp_path / "three")["cut.jpg"]
    assert "is empty" in failures(tmp_path / "three")["large.jpg"]


def test_changed_objects_are_noticed(
    command: Command, model: Path, photos: Path, tmp_path: Path, bucket: Bucket
) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    bucket.put_folder(photos, "b")
    call = ("predict", f"{bucket.address}/b", "-m", model, "-b", "2")
    out = tmp_path / "out"
    assert command(*call, "-o", out, "--shard", "1/2").code in (0, 3)
    keys = [f"{bucket.address}/b/{i:02}.png" for i in (0, 1)]
    tags = [stores.about(key).version for key in keys]
    bucket.put("b/01.png", (photos / "02.png").read_bytes())
    for number in (1, 2):
        told = command(*call, "-o", out, "--shard", f"{number}/2")
        refused = "holds an unfinished run with another file 01.png, which has changed since"
        assert (refused in told.err) == (number == 1)  # the other has nothing to do with it
    inventory = tmp_path / "inventory.parquet"
    parquet.write_table(pa.table({"key": keys, "e_tag": [f'"{tag}"' for tag in tags]}), inventory)
    listed = tmp_path / "listed"
    done = command("predict", "--list", inventory, "-m", model, "-o", listed)
    assert done.code == 3
    assert "it has another version than its list says" in failures(listed)["01.png"]
    assert "00.png" not in failures(listed)


def test_a_web_server_and_a_list_of_addresses(
    command: Command, model: Path, photos: Path, tmp_path: Path, web_server: str
) -> None:
    names = [*(path.name for path in sorted(photos.iterdir())), "13.png"]
    one, two = tmp_path / "whole.txt", tmp_path / "names.txt"
    one.write_text("".join(f"{web_server}/photos/{name}\n" for name in names), encoding="utf-8")
    two.write_text("\r\n".join(names), encoding="utf-8-sig")
    outs = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for out, given in zip(
        outs,
        (["--list", one], [f"{web_server}/photos", "--list", two], [photos, "--list", two]),
        strict=True,
    ):
        assert command("predict", *given, "-m", model, "-b", "2", "-o", out).code == 3
        assert "13.png cannot be read: " in failures(out)["13.png"]
    tables = [(out / "landmarks.csv").read_bytes() for out in outs]
    assert tables[0] == tables[1] == tables[2]
    wrong = command("predict", f"{web_server}/photos/", "-m", model, "-o", tmp_path / "d")
    assert wrong.code == 1
    assert "has no list of its photographs; --list names a list of the photographs" in wrong.err


def test_a_store_that_does_not_answer_ends_the_run_and_not_a_photograph(
    command: Command,
    model: Path,
    photos: Path,
    tmp_path: Path,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket.put_folder(photos, "c")
    call = ("predict", f"{bucket.address}/c", "-m", model, "-b", "2", "--workers", "1")
    tried, calls = stores._tried, 0

    def lost(files: object) -> object:
        raise ConnectionError("https://me:pass@host/a?sig=1 is lost")

    def gone(address: str, ask: Callable[[object], object]) -> object:
        nonlocal calls
        calls += 1
        return tried(address, ask if calls < 13 else lost)

    with monkeypatch.context() as broken:
        broken.setattr(stores, "_tried", gone)
        stopped = command(*call, "-o", tmp_path / "out")
    assert stopped.code == 1
    told = f"error: {bucket.address} does not answer: https://host/a is lost; when it does, the"
    assert told in stopped.err
    assert (tmp_path / "out" / UNFINISHED).exists()
    resumed = command(*call, "-o", tmp_path / "out", "--resume")
    assert resumed.code == 3 and "going on after" in resumed.err
    assert list(failures(tmp_path / "out")) == ["04.png"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    nobody = command(*call, "-o", tmp_path / "nobody")
    assert nobody.code == 1 and "there are no credentials for s3://" in nobody.err


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (["ftp://a/b"], 2, "ftp:// is no address that can be read; s3://, gs://, az://"),
        (["https://me:pass@a.org/b.jpg"], 2, "https://a.org/b.jpg was given with a name, a key"),
        (["https://a.org/b.jpg?X-Amz-Signature=pass"], 2, "https://a.org/b.jpg was given with a"),
        (["s3://a/b", "s3://a/c"], 2, "an address is given alone"),
        (["s3://a/b", "--pages", "all"], 2, "pages of all files cannot be told apart"),
        (["--list", "twice.txt"], 1, "twice.txt names 'a.jpg' twice"),
        (["--list", "mixed.txt"], 2, "the photographs of the list lie in different stores"),
        (["s3://a/b", "--list", "outside.txt"], 2, "names 's3://a/c.jpg', which is not below"),
        (["--list", "empty.txt"], 1, "empty.txt names no photographs"),
        (["--list", "none.txt"], 1, "none.txt cannot be read: No such file"),
        ([], 2, "give photographs, a folder of them, or a list with --list"),
        ([".", "--list", "empty.txt", "--watch"], 2, "--watch goes with a folder and results on"),
    ],
)
def test_what_cannot_be_meant(
    command: Command,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, lines in (
        ("twice", "a.jpg\nb.jpg\na.jpg\n"),
        ("mixed", "s3://a/b.jpg\nc.jpg\n"),
        ("outside", "s3://a/c.jpg\n"),
        ("empty", "\n\n"),
    ):
        Path(f"{name}.txt").write_text(lines, encoding="utf-8")
    wrong = command("predict", *given, "-m", model, "-o", "out")
    assert wrong.code == code and told in wrong.err and "pass" not in wrong.err
    assert not Path("out").exists()
