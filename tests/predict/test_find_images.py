"""Finding photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

from beetle_lm.errors import ImageError
from beetle_lm.hints import told
from beetle_lm.predict.images.read import find_images


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(inputs: list[str | Path], recursive: bool = False) -> list[str]:
    return [image.name for image in find_images(inputs, recursive)]


def test_folder_gives_images_of_any_case_and_nothing_hidden(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.jpeg", "c.TiF", "notes.txt", ".hidden.jpg", "sub/d.png")
    touch(tmp_path, ".thumbnails/a.jpg", "sub/.trash/e.png")
    assert names([tmp_path]) == ["a.jpeg", "b.JPG", "c.TiF"]
    assert names([tmp_path], recursive=True) == ["a.jpeg", "b.JPG", "c.TiF", "sub/d.png"]


def test_same_names_in_different_folders_stay_apart(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.jpg", "two/a.jpg")
    assert names([tmp_path / "one", tmp_path / "two"]) == ["one/a.jpg", "two/a.jpg"]


def test_each_image_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    assert names([tmp_path, tmp_path / "a.jpg", tmp_path / "*.jpg"]) == ["a.jpg", "b.jpg"]


def test_globs(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.jpg", "two/b.PNG", "two/c.txt", "x[1].jpg")
    assert names([str(tmp_path / "*" / "*")]) == ["one/a.jpg", "two/b.PNG"]
    assert names([str(tmp_path / "**" / "*.jpg")]) == ["one/a.jpg", "x[1].jpg"]
    assert names([str(tmp_path / "x[1].jpg")]) == ["x[1].jpg"]  # a file, not a pattern


def test_a_named_file_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    touch(tmp_path, "scan.dat")
    assert names([tmp_path / "scan.dat"]) == ["scan.dat"]


def test_missing_input_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"there is no file or folder .*nothing"):
        find_images([tmp_path / "nothing"])
    touch(tmp_path, "sub/a.jpg")
    with pytest.raises(ImageError, match=r"no images in .*\.jpg") as caught:
        find_images([tmp_path])
    assert told(caught.value, {"-r"}).endswith("; -r looks into sub-folders too")
