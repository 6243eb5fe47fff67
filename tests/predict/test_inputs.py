"""What `Predictor.predict` takes for photographs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from kinds import Draw, WriteModel
from numpy.typing import NDArray
from PIL import Image, ImageOps
from squares import POINTS

from beetle_lm import Predictor
from beetle_lm.errors import ImageError
from beetle_lm.predict.images.orientation import turn_upright
from beetle_lm.predict.images.read import Picture, read_image
from beetle_lm.predict.session import Placed, Session

pytest.importorskip("onnxruntime")


@pytest.fixture
def predictor(write_model: WriteModel) -> Predictor:
    return Predictor.load(write_model(), "cpu")


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Three photographs, of which the one in a sub-folder is a TIFF, and a file that is none."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    for name in ("b.png", "a.png", "more/c.tif"):
        Image.fromarray(draw((400, 300), POINTS)).save(folder / name)
    (folder / "notes.txt").write_text("none")
    return folder


def names(predictor: Predictor, given: object) -> list[str]:
    results = list(predictor.predict(given))  # type: ignore[arg-type]
    for result in results:
        assert result.landmarks is not None, result.error
        assert result.landmarks.xy == pytest.approx(np.array(POINTS), abs=0.5)
    return [result.name for result in results]


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_is_one_photograph(
    predictor: Predictor, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    monkeypatch.chdir(folder)
    assert names(predictor, kind("a.png")) == ["a.png"]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_stands_for_its_photographs_in_the_order_of_their_names(
    predictor: Predictor, folder: Path, kind: type
) -> None:
    found = names(predictor, kind(folder))
    assert found == [(folder / name).as_posix() for name in ("a.png", "b.png")]


def test_a_pattern_stands_for_what_it_fits(predictor: Predictor, folder: Path) -> None:
    assert names(predictor, f"{folder}/*.png") == names(predictor, folder)
    assert names(predictor, folder / "[b]*") == [(folder / "b.png").as_posix()]
    assert names(predictor, folder / "**" / "*.tif") == [(folder / "more/c.tif").as_posix()]


def test_a_file_whose_name_is_like_a_pattern_is_itself(
    predictor: Predictor, folder: Path, draw: Draw
) -> None:
    path = folder / "x[1].png"
    Image.fromarray(draw((400, 300), POINTS)).save(path)
    assert names(predictor, path) == [path.as_posix()]


def test_one_array_and_one_pil_image(predictor: Predictor, folder: Path, draw: Draw) -> None:
    pixels = draw((400, 300), POINTS)
    assert names(predictor, pixels) == ["array 1"]
    assert names(predictor, Image.fromarray(pixels)) == ["image 1"]
    with Image.open(folder / "a.png") as image:
        assert names(predictor, image) == [(folder / "a.png").as_posix()]


def test_an_iterable_of_all_kinds_in_their_order(
    predictor: Predictor, folder: Path, draw: Draw
) -> None:
    pixels = draw((400, 300), POINTS)
    given = (pixels, folder, f"{folder}/more/*", Image.fromarray(pixels), folder / "a.png")
    expected = ["array 1", *names(predictor, folder), (folder / "more/c.tif").as_posix(), "image 5"]
    assert names(predictor, iter(given)) == [*expected, (folder / "a.png").as_posix()]
    assert names(predictor, given) == [*expected, (folder / "a.png").as_posix()]


@pytest.mark.parametrize("dtype", [object, str])
def test_a_column_of_paths(predictor: Predictor, folder: Path, dtype: type) -> None:
    column: NDArray[np.object_ | np.str_] = np.array([f"{folder}/b.png", f"{folder}/a.png"], dtype)
    assert names(predictor, column) == column.tolist()


def test_a_folder_in_a_short_list_is_read_in_whole_batches(
    predictor: Predictor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sizes = Session.run, []

    def counted(session: Session, batch: NDArray[np.uint8]) -> Placed:
        sizes.append(len(batch))
        return run(session, batch)

    monkeypatch.setattr(Session, "run", counted)
    list(predictor.predict([folder]))
    list(predictor.predict(folder))
    assert sizes == [2, 2]


def test_a_missing_file_fails_alone(predictor: Predictor, folder: Path) -> None:
    missing = folder / "none.jpg"
    (result,) = predictor.predict(missing)
    assert result.error == "none.jpg cannot be read: No such file or directory"
    good, bad = predictor.predict([folder / "a.png", str(missing)])
    assert (good.error, bad.error) == (None, result.error)


def test_an_empty_text_is_no_folder(
    predictor: Predictor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (result,) = predictor.predict("")
    assert result.error is not None and "cannot be read" in result.error


@pytest.mark.parametrize("inside", [False, True])
def test_folders_and_patterns_without_photographs(
    predictor: Predictor, tmp_path: Path, inside: bool
) -> None:
    empty, pattern = tmp_path / "empty", f"{tmp_path}/*.jpg"
    empty.mkdir()
    with pytest.raises(ImageError, match=r"no images in .*empty"):
        predictor.predict([empty] if inside else empty)
    with pytest.raises(ImageError, match=r"there is no file or folder .*\*\.jpg"):
        predictor.predict([pattern] if inside else pattern)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (None, "NoneType"),
        (3, "int"),
        (b"\xff\xd8", "bytes"),
        ([b"\xff\xd8"], "bytes"),
        ([["a.jpg"]], "list"),
        ([np.float64("nan")], "float64"),
    ],
)
def test_wrong_kinds(predictor: Predictor, given: object, kind: str) -> None:
    with pytest.raises(TypeError) as caught:
        predictor.predict(given)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"a photograph is given as a path, a PIL image or an array of pixels, not as {kind}"
    )


def test_an_iterable_is_gone_through_as_it_is_needed(predictor: Predictor, folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        for taken in count(1):  # noqa: B007
            yield folder / "a.png"

    results = predictor.predict(endless(), batch_size=4, workers=2)
    assert taken == 0
    assert len(list(islice(results, 8))) == 8
    results.close()
    assert taken <= 8 + 2 * 4 + 2


def pil_images() -> dict[str, Image.Image]:
    """Noise in the modes that photographs have."""
    noise = np.random.default_rng(1).integers(0, 256, (40, 60, 4), np.uint8)
    grey = noise[..., 0]
    rgb = Image.fromarray(np.ascontiguousarray(noise[..., :3]))
    return {
        "RGB": rgb,
        "RGBA": Image.fromarray(noise),
        "LA": Image.fromarray(noise).convert("LA"),
        "P": rgb.convert("P"),
        "L": Image.fromarray(grey),
        "1": Image.fromarray(grey).convert("1"),
        "I;16": Image.fromarray(grey.astype(np.uint16) * 13),  # 12 bit
        "I": Image.fromarray(grey.astype(np.int32) * 1000),
        "F": Image.fromarray(grey.astype(np.float32) / 7),
    }


@pytest.mark.parametrize("mode", pil_images())
@pytest.mark.parametrize("channels", [1, 3])
def test_pil_images_are_treated_as_their_files(tmp_path: Path, mode: str, channels: int) -> None:
    image = pil_images()[mode]
    path = tmp_path / ("photo.tif" if mode in ("I", "F") else "photo.png")
    image.save(path)
    from_file = read_image(path, channels)
    assert np.array_equal(Picture.from_pil(image, channels).pixels, from_file.pixels)
    with Image.open(path) as opened:
        assert opened.mode == mode
        assert np.array_equal(Picture.from_pil(opened, channels).pixels, from_file.pixels)


def test_pil_images_of_other_modes() -> None:
    image = pil_images()["RGB"]
    for mode in ("CMYK", "YCbCr", "HSV"):
        same = np.asarray(image.convert(mode).convert("RGB"))
        assert np.array_equal(Picture.from_pil(image.convert(mode), 3).pixels, same)
    big_endian = Image.frombytes("I;16B", (60, 40), np.arange(2400).astype(">u2").tobytes())
    assert Picture.from_pil(big_endian, 1).pixels[-1, -1] == round(2399 * 255 / 4095)


def test_transparency_is_white() -> None:
    clear = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    pixels = Picture.from_pil(clear, 3).pixels
    assert (pixels[0, 0] == 0).all()
    assert (pixels[1:] == 255).all()


def test_an_alpha_of_zero_everywhere_does_not_count() -> None:
    unset = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    assert (Picture.from_pil(unset, 3).pixels == (255, 0, 0)).all()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_pil_images_are_turned_upright_once(
    predictor: Predictor, draw: Draw, tmp_path: Path, suffix: str
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    stored = Image.fromarray(turn_upright(draw((400, 300), POINTS), 8))
    path = tmp_path / f"turned{suffix}"
    stored.save(path, exif=exif, quality=95, subsampling=0)
    with Image.open(path) as image:
        assert names(predictor, image) == [path.as_posix()]
    with Image.open(path) as image:
        assert names(predictor, ImageOps.exif_transpose(image)) == ["image 1"]


def test_the_same_pil_image_many_times(predictor: Predictor, folder: Path) -> None:
    with Image.open(folder / "a.png") as image:
        assert len(names(predictor, [image] * 20)) == 20


def test_pil_images_that_cannot_be_read_fail_alone(
    predictor: Predictor, folder: Path, draw: Draw
) -> None:
    path = folder / "cut.png"
    path.write_bytes((folder / "a.png").read_bytes()[:300])
    with Image.open(path) as cut:
        results = list(predictor.predict([cut, Image.new("RGB", (3, 5)), draw((40, 30), [])]))
    assert [result.name for result in results] == [path.as_posix(), "image 2", "array 3"]
    assert results[0].error is not None
    assert results[0].error.startswith("the image cannot be decoded: ")
    assert results[1].error == "the image is too small to show anything (3 x 5 pixels)"
    assert results[2].error is None
