"""`beetle-lm predict` on a folder of several parts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image
from results import read_table

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from squares import POINTS, SIZE


def statuses(folder: Path) -> dict[str, str]:
    return {row["image"]: row["status"] for row in read_table(folder / "specimens.csv")}


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_each_part_with_its_own_model(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"elytra: 2 images: landmarks on 2; results in {out / 'elytra'}",
        f"head: 1 image: landmarks on 1; results in {out / 'head'}",
        f"wing: 1 image: landmarks on 1; results in {out / 'wing'}",
    ]
    assert done.err.count("on CPUExecutionProvider") == 3
    assert statuses(out / "elytra") == {"a.png": "ok", "b.png": "ok"}
    for part in ("elytra", "head", "wing"):
        run = json.loads((out / part / "run.json").read_text(encoding="utf-8"))
        assert run["model"]["part"] == part
        assert (out / part / "landmarks.tps").is_file()
    whole = json.loads((out / "run.json").read_text(encoding="utf-8"))
    counts = {"images": 4, "ok": 4, "flagged": 0, "failed": 0, "landmarks_below_min_score": 0}
    assert whole["counts"] == counts
    assert not (out / "overview.jpg").exists()


def test_broken_image_in_one_part(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "elytra" / "images" / "bad.jpg").write_text("no image", encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay")
    assert done.code == 3
    assert "failed: elytra: bad.jpg" in done.err
    assert f"elytra: 3 images: landmarks on 2, 1 failed; results in {out / 'elytra'}" in done.out
    assert statuses(out / "elytra") == {"a.png": "ok", "b.png": "ok", "bad.jpg": "failed"}
    assert statuses(out / "head") == {"a.png": "ok"}
    assert (out / "overview.jpg").is_file()


def test_json_of_all_parts(command: Command, zoo: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "head" / "bad.jpg").write_text("no image", encoding="utf-8")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--json", "-q")
    assert done.code == 3
    summary = json.loads(done.out)
    assert summary["output"] == str(out)
    assert list(summary["parts"]) == ["elytra", "head", "wing"]
    assert summary["parts"]["head"]["output"] == str(out / "head")
    assert summary["parts"]["head"]["counts"]["failed"] == 1
    assert summary["counts"]["images"] == 5
    assert summary == json.loads((out / "run.json").read_text(encoding="utf-8"))


def test_part_without_a_model_is_told_before_anything_is_predicted(
    command: Command,
    zoo: Path,
    photos: Path,
    draw: Draw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("beetle_lm.zoo.registry.bundled_models", dict)
    (photos / "pronotum").mkdir()
    Image.fromarray(draw(SIZE, POINTS)).save(photos / "pronotum" / "p.png")
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out)
    assert done.code == 1
    assert f"for want of a model for {photos / 'pronotum'}" in done.err
    assert not out.exists()


def test_part_without_images_is_told_before_anything_is_predicted(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "head" / "a.png").unlink()
    done = command("predict", photos, "--zoo", zoo, "-o", tmp_path / "out")
    assert done.code == 1
    assert f"no images in {photos / 'head'}" in done.err
    assert not (tmp_path / "out").exists()


def test_what_is_not_named_after_a_part_is_told(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "elytron").mkdir()
    (photos / ".hidden").mkdir()
    (photos / "wing" / "w.png").rename(photos / "w.png")
    (photos / "wing").rmdir()
    (photos / "notes.txt").touch()
    out = photos / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay")
    assert done.code == 0
    told = f"passed over in {photos}, not named after a part: elytron, w.png"
    assert told in done.err.splitlines()[-1]
    again = command("predict", photos, "--zoo", zoo, "-o", out, "--overwrite")
    assert again.err.splitlines()[-1].endswith(told)  # earlier results are no news


def test_closed_folders_beside_the_parts_stop_nothing(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    closed = photos / "closed"
    (closed / "images").mkdir(parents=True)
    closed.chmod(0o000)
    try:
        if os.access(closed, os.X_OK):
            pytest.skip("nothing is closed to this user")
        done = command("predict", photos, "--zoo", zoo, "-o", tmp_path / "out")
    finally:
        closed.chmod(0o700)
    assert done.code == 0
    assert "closed" in done.err
    assert statuses(tmp_path / "out" / "head") == {"a.png": "ok"}


@pytest.mark.parametrize("several", [False, True])
def test_neither_part_nor_model_nor_folders_of_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path, several: bool
) -> None:
    inputs = [photos / "elytra", photos / "head"] if several else [photos / "elytra"]
    done = command("predict", *inputs, "--zoo", zoo, "-o", tmp_path / "out")
    assert done.code == 2
    assert "give either --part NAME or --model FILE, or else one folder" in done.err
    assert "elytra/images/" in done.err


def test_dry_run_tells_of_all_parts(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--dry-run", "--overlay")
    assert done.code == 0
    lines = [line.strip() for line in done.out.splitlines()]
    assert "would read 2 images of elytra:" in lines
    assert str(photos / "elytra" / "images" / "b.png") in lines
    for path in (out / "elytra" / "overview.jpg", out / "wing" / "run.json", out / "overview.jpg"):
        assert str(path) in lines
    assert not out.exists()


@pytest.mark.parametrize("there", ["wing", "."])
def test_nothing_is_overwritten_unasked(
    command: Command, zoo: Path, photos: Path, tmp_path: Path, there: str
) -> None:
    out = tmp_path / "out"
    (out / there).mkdir(parents=True)
    (out / there / "run.json").write_text("{}", encoding="utf-8")
    before = files(out)
    call = ("predict", photos, "--zoo", zoo, "-o", out)
    refused = command(*call)
    assert refused.code == 1
    assert "holds results already; --overwrite replaces them" in refused.err
    assert files(out) == before
    replaced = command(*call, "--overwrite")
    assert replaced.code == 0
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]["images"] == 4
    assert statuses(out / "wing") == {"w.png": "ok"}


def test_picture_of_the_user_is_never_overwritten(
    command: Command, zoo: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "overview.jpg").write_bytes(b"mine")
    done = command("predict", photos, "--zoo", zoo, "-o", out, "--overlay", "--overwrite")
    assert done.code == 1
    assert "not from an earlier run and is never overwritten" in done.err
    assert files(out) == {"overview.jpg": b"mine"}
