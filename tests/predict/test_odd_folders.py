"""Folders as they are: links in circles, closed folders, pipes, and names of every kind."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from kinds import Command, Draw, WriteModel
from PIL import Image
from results import read_table
from squares import POINTS

from beetle_lm.errors import ImageError
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.sizes import PhotographFolder
from beetle_lm.predict.images.read import find_images, read_header, read_image
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.session import Session

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
any_bytes = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="names are text on this system"
)


def names(inputs: list[str | Path], recursive: bool = False) -> list[str]:
    return [image.name for image in find_images(inputs, recursive)]


def link(path: Path, to: Path, folder: bool = False) -> None:
    try:
        path.symlink_to(to, target_is_directory=folder)
    except OSError:
        pytest.skip("no links on this system")


def test_links_that_lead_round_in_a_circle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inner = tmp_path / "sub" / "deeper"
    inner.mkdir(parents=True)
    (inner / "a.jpg").touch()
    for name in ("one", "two", "three"):  # by all ways through them: 3 to the power of 40
        link(inner / name, tmp_path, folder=True)
    assert names([tmp_path], recursive=True) == ["sub/deeper/a.jpg"]
    assert "link to a folder and was not searched" in caplog.text
    assert "(and 2 more)" in caplog.text
    caplog.clear()
    assert names([str(tmp_path / "**" / "*.jpg")]) == ["a.jpg"]
    assert names([str(tmp_path / "**" / "deep*" / "**" / "?.jpg")]) == ["a.jpg"]
    assert names([inner / "one"], recursive=True) == ["sub/deeper/a.jpg"]  # given: searched


def test_a_link_to_itself_is_a_photograph_that_cannot_be_read(tmp_path: Path) -> None:
    link(tmp_path / "loop.jpg", tmp_path / "loop.jpg")
    for given in (tmp_path, tmp_path / "loop.jpg", str(tmp_path / "*.jpg")):
        assert names([given]) == ["loop.jpg"]
    with pytest.raises(ImageError, match=r"loop\.jpg cannot be read: "):
        read_image(tmp_path / "loop.jpg", 1)


def test_a_broken_link_that_is_named_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    link(tmp_path / "b.jpg", tmp_path / "gone.jpg")
    assert names([tmp_path / "a.jpg", tmp_path / "b.jpg"]) == ["a.jpg", "b.jpg"]
    assert names([str(tmp_path / "?.jpg")]) == ["a.jpg", "b.jpg"]


@posix
def test_closed_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    (tmp_path / "a.jpg").touch()
    closed, listed = tmp_path / "closed", tmp_path / "listed"
    for folder, rights in ((closed, 0o000), (listed, 0o400)):
        folder.mkdir()
        (folder / "b.jpg").touch()
        folder.chmod(rights)
    try:
        # Names can be listed in the one, so its photograph has a row, as one that failed.
        assert names([tmp_path], recursive=True) == ["a.jpg", "listed/b.jpg"]
        assert f"{closed} cannot be searched, its photographs are left out: Perm" in caplog.text
        with pytest.raises(ImageError, match=r"b\.jpg cannot be read: Permission denied"):
            read_image(listed / "b.jpg", 1)
        with pytest.raises(ImageError, match="closed cannot be searched: Permission denied"):
            find_images([closed])
        with pytest.raises(ImageError, match=r"b\.jpg cannot be read: Permission denied"):
            find_images([closed / "b.jpg"])
    finally:
        closed.chmod(0o700)
        listed.chmod(0o700)


@posix
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero"), tmp_path):
        for read in (read_header, lambda path: read_image(path, 1)):
            with pytest.raises(ImageError, match="cannot be read: it is a folder, a pipe or a dev"):
                read(path)


def test_photographs_that_vanish_or_change_while_others_are_read(
    tmp_path: Path, draw: Draw, write_model: WriteModel
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(30):
        Image.fromarray(draw((400, 300), POINTS)).save(folder / f"{i:02}.png")
    found = find_images([folder])
    placed = Predictor(Session.open(write_model())).predict(found, batch_size=2, workers=1)
    results = [next(placed)]
    (folder / "20.png").unlink()
    (folder / "21.png").write_text("notes", encoding="utf-8")
    Image.fromarray(draw((200, 150), [(50, 40), (150, 45), (105, 115)])).save(folder / "22.png")
    (folder / "23.png").unlink()
    (folder / "23.png").mkdir()
    results += placed
    assert [result.name for result in results] == [image.name for image in found]
    errors = {result.name: result.error for result in results if result.error}
    assert list(errors) == ["20.png", "21.png", "23.png"]
    assert "cannot be read" in errors["20.png"]
    assert errors["21.png"] == "21.png is not an image that can be read"
    assert results[22].size == (200, 150)


NAMES = [
    "=1+1.jpg",
    "+a.jpg",
    "-2.jpg",
    "@sum.jpg",
    "'=x.jpg",
    "a, b;=c.jpg",
    "%41.jpg",
    "[red].jpg",
]
POSIX_NAMES = [
    '"quoted".jpg',
    "two\nlines.jpg",
    "tab\t=x.jpg",
    "a\\b.jpg",
    "esc\x1b[2J.jpg",
    " .jpg",
]


def predicted(command: Command, model: Path, folder: Path, out: Path) -> Any:
    return command("predict", folder, "-m", model, "-o", out, "-v", "--overlay")


def test_names_of_every_kind(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    every = sorted(NAMES if os.name == "nt" else NAMES + POSIX_NAMES)
    for name in every:
        Image.fromarray(draw((400, 300), POINTS)).save(folder / name)
    assert predicted(command, write_model(), folder, out).code == 0
    for table in ("landmarks.csv", "predictions.csv"):
        found = read_records(out / table)
        assert [each.image for each in found] == every
    assert len(read_table(out / "specimens.csv")) == len(every)
    wide = (out / "landmarks.csv").read_text(encoding="utf-8")
    assert not [line for line in wide.splitlines() if line.startswith(("=", "+", "-", "@"))]
    assert len(read_records(out / "landmarks.tps")) == len(every)


@any_bytes
def test_names_that_are_no_text(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(draw((400, 300), POINTS)).save(folder / "plain.jpg")
    whole = (folder / "plain.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b"caf\xe8.jpg", b"caf%E8.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(whole)
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.jpg")).write_bytes(b"notes")
    done = predicted(command, write_model(), folder, out)
    assert done.code == 3
    assert "bad%FF.jpg is not an image that can be read" in done.err
    rows = [(row["image"], row["status"]) for row in read_table(out / "specimens.csv")]
    good = ["caf%E8.jpg", "caf%E8.jpg~", "caf%E9.jpg", "plain.jpg"]
    assert rows == [("bad%FF.jpg", "failed"), *((name, "ok") for name in good)]
    assert [each.image for each in read_records(out / "landmarks.csv")] == good
    assert PhotographFolder(folder).find("caf%E9.jpg") == (400, 300)
