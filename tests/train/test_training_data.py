"""Pairing photographs with landmarks: all problems in one list before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from PIL import Image
from training_data import SIZE, draw_set, small_recipe, tps_record

pytest.importorskip("torch")

from beetle_lm.errors import (
    LandmarkError,
    LandmarkFileError,
    ModelError,
    RequestError,
    TrainingDataError,
)
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.train.data.dataset import input_size, load_tensors, read_training_data
from beetle_lm.train.job import read_test_list

SQUARE = [[20, 20], [70, 20], [70, 50], [20, 50]]


def add(landmarks: Path, *records: str) -> None:
    with landmarks.open("a", encoding="utf-8") as file:
        file.writelines(records)


def test_good_data(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 5)
    data = read_training_data(images, landmarks, "quad")
    assert data.spec.name == "quad" and len(data.spec) == 4
    assert [s.name for s in data.specimens] == [f"drawn_{i:03d}.png" for i in range(5)]
    assert data.problems == () and data.remarks == ()
    assert data.specimens[0].size == SIZE


def test_every_problem_is_listed_and_nothing_trained(tmp_path: Path, command: Command) -> None:
    images, landmarks = draw_set(tmp_path, 6)
    (images / "broken.png").write_text("no picture")
    Image.new("L", SIZE).save(images / "lonely.png")
    add(
        landmarks,
        tps_record("absent.jpg", SQUARE),
        tps_record("drawn_000.png", SQUARE),
        tps_record("broken.png", SQUARE),
        tps_record("lonely.png", SQUARE[:3]),
    )
    Image.new("L", SIZE).save(images / "beyond.png")
    add(landmarks, tps_record("beyond.png", [*SQUARE[:3], [20, 500]]))
    recipe = small_recipe(tmp_path / "small.toml")
    train = ("train", images, landmarks, "--part", "quad", "--recipe", recipe, "--no-export")
    arguments = (*train, "-o")
    done = command(*arguments, tmp_path / "run")
    assert done.code == 1
    assert "5 problems in the training data; nothing was trained" in done.err
    for said in (
        "absent.jpg: there is no such photograph",
        "drawn_000.png: the photograph has another record already",
        "broken.png: broken.png is not an image",
        "lonely.png: quad has 4 landmarks, got 3",
        "beyond.png: landmark 4 outside the photograph",
        "--skip-bad",
    ):
        assert said in done.err
    assert "landmarks.tps, line 43, absent.jpg" in done.err
    assert not (tmp_path / "run").exists()
    done = command(*arguments, tmp_path / "run", "--skip-bad", "--epochs", 1)
    assert done.code == 0
    assert "left out: landmarks.tps, line 43, absent.jpg" in done.err
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_missing_landmarks_and_bare_photographs_are_remarks(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 2)
    for name in ("gap.png", "bare.png"):
        Image.new("L", SIZE).save(images / name)
    lines = tps_record("gap.png", SQUARE).splitlines()
    lines[2] = "-1.00000 -1.00000"
    add(landmarks, "\n".join(lines) + "\n")
    data = read_training_data(images, landmarks, "quad")
    assert data.problems == ()
    assert len(data.specimens) == 3
    gap, bare = data.remarks
    assert "gap.png: landmark 2 missing" in gap
    assert "1 photograph without landmarks, not used: bare.png" in bare
    [specimen] = [s for s in data.specimens if s.name == "gap.png"]
    assert specimen.landmarks.missing.tolist() == [False, True, False, False]


def test_landmarks_of_the_stored_and_of_the_upright_frame(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # stored 96 x 72, shown 72 x 96
    Image.new("L", SIZE).save(images / "turned.jpg", exif=exif)
    stored, upright = tmp_path / "stored.tps", tmp_path / "upright.tps"
    stored.write_text(tps_record("turned.jpg", [[10, 20]], height=72), encoding="utf-8")
    upright.write_text(tps_record("turned.jpg", [[52, 10]], height=96), encoding="utf-8")
    frames: list[tuple[Path, ExifFrame]] = [(stored, "stored"), (upright, "apply")]
    for path, exif_frame in frames:
        [specimen] = read_training_data(images, path, "point", exif_frame).specimens
        assert specimen.size == (72, 96)
        assert specimen.landmarks.xy == pytest.approx(np.array([[52, 10]]))


def test_paper_parts_keep_their_names_and_own_parts_take_a_toml(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 2)
    with pytest.raises(TrainingDataError, match="elytra has 11 landmarks, got 4"):
        read_training_data(images, landmarks, "elytra")
    toml = tmp_path / "quad.toml"
    toml.write_text(
        'name = "quadrangle"\nlandmark_names = ["a", "b", "c", "d"]\n'
        "mirror_pairs = [[1, 2], [3, 4]]\n",
        encoding="utf-8",
    )
    spec = read_training_data(images, landmarks, str(toml)).spec
    assert spec.name == "quadrangle" and spec.landmark_names == ("a", "b", "c", "d")
    assert spec.mirror_order == (1, 0, 3, 2)


def test_input_takes_the_proportions_of_the_photographs(tmp_path: Path) -> None:
    for size, expected in (((600, 400), (320, 224)), ((400, 600), (224, 320))):
        folder = tmp_path / f"{size[0]}"
        folder.mkdir()
        Image.new("L", size).save(folder / "a.png")
        tps = folder / "a.tps"
        tps.write_text(tps_record("a.png", [[1, 1]], height=size[1]), encoding="utf-8")
        specimens = read_training_data(folder, tps, "point").specimens
        assert input_size(specimens, 70_000, 32) == expected


def test_tensors_show_the_landmarks_where_they_say(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 3)
    specimens = read_training_data(images, landmarks, "quad").specimens
    tensors = load_tensors(
        specimens[0].landmarks.spec, specimens, (64, 64), 1, "letterbox", for_training=False
    )
    assert tensors.images.shape == (3, 1, 64, 64)
    for image, xy in zip(tensors.images[:, 0], tensors.xy, strict=True):
        inside = xy.mean(dim=0) + (xy - xy.mean(dim=0)) * 0.9
        outside = xy.mean(dim=0) + (xy - xy.mean(dim=0)) * 1.15
        assert all(image[int(y), int(x)] < 80 for x, y in inside)
        assert all(image[int(y), int(x)] > 120 for x, y in outside)


def test_photographs_that_are_not_annotated_yet_are_remarked_on(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 6)
    digitised = landmarks.read_text(encoding="utf-8").split("LM=")[1:]
    waiting = "".join(
        ("LM=0\n" if number < 3 else "LM=4\n" + "0 0\n" * 4) + f"IMAGE=drawn_{number:03d}.png\n"
        for number in range(4)
    )
    text = waiting + "".join(f"LM={record}" for record in digitised[4:])
    landmarks.write_text(text, encoding="utf-8")
    data = read_training_data(images, landmarks, "quad", shapes=landmarks)
    assert len(data.spec) == 4
    assert [s.name for s in data.specimens] == ["drawn_004.png", "drawn_005.png"]
    assert len(data.shapes) == 2
    assert data.problems == ()
    told = "landmarks.tps: 4 not annotated yet, not used: drawn_000.png, drawn_001.png"
    assert [remark.startswith(told) for remark in data.remarks] == [True, True]


def test_names_without_extension_and_near_misses(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 3)
    text = landmarks.read_text(encoding="utf-8").replace("IMAGE=drawn_000.png\n", "")
    text = text.replace("ID=drawn_000.png", "ID=drawn_000").replace(
        "drawn_002.png", "drawn-002.png"
    )
    landmarks.write_text(text + "LM=4\n1 1\n2 2\n3 4\n5 5\n", encoding="utf-8")
    data = read_training_data(images, landmarks, "quad")
    assert [s.name for s in data.specimens] == ["drawn_000.png", "drawn_001.png"]
    miss, nameless = data.problems
    assert "no such photograph" in miss
    assert miss.endswith("; the most similar name there is drawn_002.png")
    assert "neither IMAGE= nor ID=" in nameless


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"drawn_001\n# a comment\n", None),
        ("drawn_001.png\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("жук.png\n".encode("cp1251"), None),
        ("ёж.png\n".encode("cp1251"), "unknown encoding; save it as UTF-8"),
        (b"drawn-001.png\n", "the most similar name is drawn_001.png"),
    ],
)
def test_lists_of_test_photographs(tmp_path: Path, content: bytes, told: str | None) -> None:
    images, landmarks = draw_set(tmp_path, 3)
    (images / "drawn_000.png").rename(images / "жук.png")
    text = landmarks.read_text(encoding="utf-8").replace("drawn_000.png", "жук.png")
    landmarks.write_text(text, encoding="cp1251")
    data = read_training_data(images, landmarks, "quad")
    assert data.problems == ()
    names = tmp_path / "names.txt"
    names.write_bytes(content)
    if told is None:
        assert len(read_test_list(names, data)) == 1
        return
    with pytest.raises(RequestError, match=told):
        read_test_list(names, data)


def test_landmarks_unlike_the_others_are_named(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 8)
    records = landmarks.read_text(encoding="utf-8").split("LM=")[1:]
    lines = records[6].split("\n")
    lines[1], lines[2] = lines[2], lines[1]
    records[6] = "\n".join(lines)
    text = "".join(f"LM={record}" for record in records)
    landmarks.write_text(text, encoding="utf-8")
    [remark] = read_training_data(images, landmarks, "quad").remarks
    assert remark.startswith("drawn_006.png: landmarks 1 and 2 look swapped")
    strict = read_training_data(images, landmarks, "quad", strict=True)
    [problem] = strict.problems
    assert "drawn_006.png: landmarks 1 and 2 look swapped" in problem
    assert len(strict.specimens) == 7 and strict.remarks == ()
    further = tmp_path / "further.tps"
    further.write_text(text, encoding="utf-8")
    [_, remark] = read_training_data(images, landmarks, "quad", shapes=further).remarks
    assert remark.startswith("further.tps, drawn_006.png: landmarks 1 and 2 look swapped")


def test_millimetres_are_refused(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 6)
    Image.new("L", (960, 720)).save(images / "large.png")
    add(landmarks, tps_record("large.png", [[2.1, 2], [7, 2.3], [7, 5], [2, 5]], 7))
    data = read_training_data(images, landmarks, "quad")
    assert len(data.specimens) == 6
    [problem] = data.problems
    assert "large.png: all landmarks lie in a corner of the photograph" in problem


@pytest.mark.parametrize("number", ["1e9", "1e308"])
def test_impossible_coordinates_are_named(tmp_path: Path, number: str) -> None:
    images, landmarks = draw_set(tmp_path, 5)
    text = landmarks.read_text(encoding="utf-8")
    first = text.split("\n")[1].split()[0]
    further = tmp_path / "further.tps"
    further.write_text(text.replace(first, number, 1), encoding="utf-8")
    for files in ((further, None), (landmarks, further)):
        with pytest.raises(LandmarkFileError, match=r"further.tps, line 2: no photograph has"):
            read_training_data(images, files[0], "quad", shapes=files[1])


def test_a_landmark_that_no_photograph_has_is_refused(tmp_path: Path, command: Command) -> None:
    images = draw_set(tmp_path, 3)[0]
    recipe = small_recipe(tmp_path / "small.toml")
    table = tmp_path / "landmarks.csv"
    points = ("30,20", ",", "70,50", "")
    rows = [f"drawn_{i:03d}.png,{k},{xy}" for i in range(3) for k, xy in enumerate(points, 1)]
    rows = [row if row.count(",") == 3 else row + "," for row in rows]
    table.write_text("image,landmark,x,y\n" + "\n".join(rows) + "\n", encoding="utf-8")
    run = tmp_path / "run"
    done = command("train", images, table, "--part", "quad", "--recipe", recipe, "-o", run)
    assert done.code == 1
    assert "no photograph to train on has landmark 2, 4" in done.err
    assert not run.exists()


def test_photographs_too_narrow_for_a_model_file_are_refused(
    tmp_path: Path, command: Command
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    Image.new("L", (3000, 10), 200).save(images / "narrow.png")
    landmarks = tmp_path / "landmarks.tps"
    xy = [[200, 2], [2800, 3], [2500, 8], [300, 7]]
    landmarks.write_text(tps_record("narrow.png", xy, 10), encoding="utf-8")
    run = tmp_path / "run"
    done = command("train", images, landmarks, "--part", "quad", "-o", run)
    assert done.code == 1
    assert "too long and narrow, 300 times as wide as high: the input would have 1" in done.err
    assert not run.exists()


def test_a_part_that_fits_into_no_model_file_is_refused_before_training(tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 3)
    with pytest.raises(ModelError, match="the part's name has 300 bytes; at most 100"):
        read_training_data(images, landmarks, "x" * 300)


def test_landmarks_that_have_names_go_by_them(tmp_path: Path) -> None:
    """A part that is only named gets the names of the file; one that has its own, its order."""
    images, landmarks = draw_set(tmp_path, 3)
    in_order = read_training_data(images, landmarks, "quad").specimens[0].landmarks.xy
    rows = ["image,landmark,name,x,y"]
    for specimen in read_training_data(images, landmarks, "quad").specimens:
        for number, corner in enumerate((3, 0, 1, 2), start=1):
            x, y = specimen.landmarks.xy[corner]
            rows.append(f"{specimen.name},{number},{'abcd'[corner]},{x},{y}")
    table = tmp_path / "landmarks.csv"
    table.write_text("\n".join(rows) + "\n")
    assert read_training_data(images, table, "quad").spec.landmark_names == ("d", "a", "b", "c")
    part = tmp_path / "quad.toml"
    part.write_text('name = "quad"\nlandmark_names = ["a", "b", "c", "d"]\n')
    found = read_training_data(images, table, str(part))
    np.testing.assert_allclose(found.specimens[0].landmarks.xy, in_order)
    part.write_text('name = "quad"\nlandmark_names = ["a", "b", "c", "e"]\n')
    with pytest.raises(LandmarkError, match="of quad: d is none of e"):
        read_training_data(images, table, str(part))
