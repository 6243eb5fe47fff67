"""What overlays are called: each photograph has its own, on every file system."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from itertools import product
from pathlib import Path, PurePosixPath

import pytest
from kinds import Command, Draw, WriteModel
from PIL import Image
from squares import POINTS, SIZE

from beetle_lm.files import extended
from beetle_lm.predict.batch.overlay_names import OverlayNames
from beetle_lm.predict.formats.identifiers import unique_ids

any_bytes = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="such names cannot be there on this system"
)


def overlays(*names: str) -> list[str]:
    found = OverlayNames(unique_ids(sorted(names)))
    paths = [found.path(Path("out"), name).relative_to("out/overlays").as_posix() for name in names]
    files = [unicodedata.normalize("NFC", path).casefold() for path in paths]
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    assert len(set(files)) == len(files) and not folders & set(files)
    for path in paths:
        for part in path.split("/"):
            assert len(part.encode()) <= 255
            assert part.rstrip(". ") == part and not re.search(r'[<>:"|?*\\\x00-\x1f]', part)
            assert part.partition(".")[0].upper() not in ("CON", "NUL", "AUX", "COM1", "LPT¹")
    return paths


def test_usual_names_stay() -> None:
    given = ["a.jpg", "b.c.tif", "sub/ä.PNG", "sub/deeper/x y.jpg", ".hidden.jpg", "a/…b.png"]
    found = ["a.jpg", "b.c.jpg", "sub/ä.jpg", "sub/deeper/x y.jpg", ".hidden.jpg", "a/…b.jpg"]
    assert overlays(*given) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["a:b.jpg", "a_b.jpg", "a?b.jpg"], ["a_b~2.jpg", "a_b.jpg", "a_b~3.jpg"]),
        (["a_b~2.jpg", "a_b.jpg", "a*b.jpg"], ["a_b~2.jpg", "a_b.jpg", "a_b~3.jpg"]),
        (["A.jpg", "a.jpg"], ["A.jpg", "a~2.jpg"]),
        (["A/x.jpg", "a/X.jpg"], ["A/x.jpg", "a/X~2.jpg"]),
        (["Straße.jpg", "STRASSE.jpg"], ["Straße~2.jpg", "STRASSE.jpg"]),
        (["é.jpg", "e\u0301.png"], ["é~2.jpg", "e\u0301.jpg"]),
        (["CON.jpg", "con_.jpg", "nul.x.png"], ["CON_~2.jpg", "con_.jpg", "nul_.x.jpg"]),
        (["aux/com1.jpg", "LPT¹.tif"], ["aux_/com1_.jpg", "LPT¹_.jpg"]),
        (["x./a.jpg", "x/a.jpg", "x /a.jpg"], ["x_/a~2.jpg", "x/a.jpg", "x_/a.jpg"]),
        (["..png", "...png", "a/..png"], ["..png.jpg", "...png.jpg", "a/..png.jpg"]),
        (["a.png", "a.jpg/b.png"], ["a~2.jpg", "a.jpg/b.jpg"]),
        (["C:/one/a.jpg", "D:/one/a.jpg"], ["C_/one/a.jpg", "D_/one/a.jpg"]),
        (["a\nb.jpg", "a_b.jpg"], ["a_b~2.jpg", "a_b.jpg"]),
        (["x" * 251 + ".jpg"], ["x" * 251 + ".jpg"]),
    ],
)
def test_each_has_its_own(given: list[str], found: list[str]) -> None:
    assert overlays(*given) == found


def test_long_names_are_cut_and_stay_apart() -> None:
    long = "x" * 251
    assert overlays(f"{long}.jpg", f"{long}.png") == [f"{long}.jpg", f"{'x' * 249}~2.jpg"]
    bad = ["%FF" * 120 + end + ".jpg" for end in ("a", "b")]
    assert [len(path) for path in overlays(*bad)] == [255, 255]
    assert len(overlays("ä" * 125 + ".jpg", "ä" * 125 + ".png")[1].encode()) <= 255


def test_thousands_of_names_that_are_one_take_no_time() -> None:
    names = ["".join(signs) + ".jpg" for signs in product("?:", repeat=12)]
    assert len(overlays(*names)) == 4096


@pytest.mark.parametrize(
    ("path", "long"),
    [
        ("C:\\data\\out\\overlays\\a.jpg", "\\\\?\\C:\\data\\out\\overlays\\a.jpg"),
        ("\\\\server\\share\\out", "\\\\?\\UNC\\server\\share\\out"),
        ("\\\\?\\C:\\data", "\\\\?\\C:\\data"),
    ],
)
def test_paths_of_any_length_on_windows(path: str, long: str) -> None:
    assert extended(path) == long


@any_bytes
def test_a_run_draws_them_all(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    names = [
        b"a:b.jpg",
        b"a_b.jpg",
        b"A_B.jpg",
        b"caf\xe9.jpg",
        b"caf%E9.jpg",
        b"CON.jpg",
        b"a\nb.jpg",
    ]
    names += [b"x" * 251 + b".jpg", b"x" * 251 + b".png", b"\xff" * 250 + b".jpg", b"..png"]
    Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "one.png")
    for name in names:
        path = Path(os.fsdecode(os.fsencode(photos) + b"/" + name))
        path.write_bytes((tmp_path / "one.png").read_bytes())
    given = (photos, photos / "..png", "-m", write_model(), "--overlay")
    done = command("predict", *given, "-o", out)
    assert (done.code, done.err.count("warning")) == (0, 0), done.err
    drawn = list((out / "overlays").iterdir())
    assert len(drawn) == len(names)


@any_bytes
def test_a_name_that_the_file_system_refuses_stops_no_other(
    command: Command,
    write_model: WriteModel,
    draw: Draw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(draw(SIZE, POINTS)).save(photos / f"{name}.png")
    write_bytes = Path.write_bytes

    def refuse(path: Path, content: bytes) -> int:
        if path.name == "b.jpg":
            raise OSError(36, "File name too long")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    done = command("predict", photos, "-m", write_model(), "--overlay", "-o", out)
    assert done.code == 0
    assert "no overlay of b.png: its name: File name too long" in done.err
    assert sorted(path.name for path in (out / "overlays").iterdir()) == ["a.jpg", "c.jpg"]
