"""The Python interface: photographs in, landmarks out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest
from kinds import Draw, WriteModel
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from squares import POINTS

from beetle_lm import Predictor
from beetle_lm.errors import RequestError
from beetle_lm.predict.images.orientation import turn_upright
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.inputs import Photograph
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.card import Fit

pytest.importorskip("onnxruntime")


@pytest.fixture
def predictor(write_model: WriteModel) -> Predictor:
    return Predictor.load(write_model(), "cpu")


def xy(result: Result) -> NDArray[np.float64]:
    assert result.landmarks is not None, result.error
    return result.landmarks.xy


@pytest.mark.parametrize("size", [(400, 300), (333, 517), (1200, 260), (3264, 2448)])
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_landmarks_are_in_pixels_of_the_photograph(
    write_model: WriteModel, draw: Draw, size: tuple[int, int], fit: Fit
) -> None:
    predictor = Predictor.load(write_model(fit=fit), "cpu")
    width, height = size
    points = [(width // 4, height // 5), (width // 2, height // 2), (width // 3, height * 3 // 4)]
    side = 2 * (min(size) // 14)
    (result,) = predictor.predict([draw(size, points, side=side)])
    assert (result.name, result.size, result.error) == ("array 1", size, None)
    assert xy(result) == pytest.approx(np.array(points), abs=max(size) / 500)


def test_grey_model(write_model: WriteModel) -> None:
    predictor = Predictor.load(write_model(channels=1), "cpu")
    pixels = np.full((144, 192), 255, np.uint8)
    pixels[20:40, 100:120] = 0
    (result,) = predictor.predict([pixels])
    # Shifted by (6, 0) and (0, 4) pixels of the input, which is half as large.
    assert xy(result) == pytest.approx(np.array([(110, 30), (122, 30), (110, 38)]), abs=0.01)


def test_landmarks_stay_inside_the_image(write_model: WriteModel) -> None:
    predictor = Predictor.load(write_model(channels=1), "cpu")
    pixels = np.full((72, 96), 255, np.uint8)
    pixels[68:, 92:] = 0
    (result,) = predictor.predict([pixels])
    assert xy(result) == pytest.approx(np.array([(94, 70), (96, 70), (94, 72)]), abs=0.01)


def test_score_of_what_is_absent_is_low(predictor: Predictor, draw: Draw) -> None:
    (result,) = predictor.predict([draw((400, 300), POINTS[:2])])
    assert result.landmarks is not None
    assert result.landmarks.score is not None
    assert result.landmarks.score.tolist() == [1, 1, 0]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_landmarks_are_at_the_same_upright_place_whatever_the_orientation(
    predictor: Predictor, draw: Draw, tmp_path: Path, suffix: str, orientation: int
) -> None:
    back = {6: 8, 8: 6}.get(orientation, orientation)
    image = Image.fromarray(turn_upright(draw((400, 300), POINTS), back))
    path = tmp_path / f"photo{suffix}"
    if suffix == ".tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = orientation
        image.save(path, tiffinfo=tags)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        image.save(path, exif=exif, quality=95, subsampling=0)
    (result,) = predictor.predict([path])
    assert result.orientation == orientation
    assert result.size == (400, 300)
    assert xy(result) == pytest.approx(np.array(POINTS), abs=0.5)


@pytest.mark.parametrize("size", [(1600, 1200), (1601, 1203), (2407, 803), (1000, 1999)])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_reduced_decoding_gives_the_landmarks_of_full_decoding(
    predictor: Predictor, draw: Draw, tmp_path: Path, size: tuple[int, int], orientation: int
) -> None:
    width, height = size
    points = [(width // 5, height // 4), (width - 150, height // 3), (width // 2, height - 120)]
    pixels = draw(size, points, side=100)
    back = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(turn_upright(pixels, back))
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    reduced, full = predictor.predict([tmp_path / "a.jpg", pixels])
    assert reduced.size == full.size == size
    one_input_pixel = max(width / 96, height / 72)
    assert xy(full) == pytest.approx(np.array(points), abs=0.1 * one_input_pixel)
    assert xy(reduced) == pytest.approx(xy(full), abs=0.1 * one_input_pixel)


def test_results_come_in_order_with_failures_among_them(
    predictor: Predictor, draw: Draw, tmp_path: Path
) -> None:
    items: list[Path | NDArray[np.uint8]] = []
    for i in range(20):
        if i % 3 == 1:
            bad = tmp_path / f"bad{i}.jpg"
            bad.write_text("no image")
            items.append(bad)
        else:
            items.append(draw((400, 300), [(20 + 10 * i, 80), *POINTS[1:]]))
    results = list(predictor.predict(items, batch_size=4, workers=3))
    assert len(results) == 20
    for i, result in enumerate(results):
        if i % 3 == 1:
            assert result.landmarks is None
            assert result.error == f"bad{i}.jpg is not an image that can be read"
        else:
            assert result.name == f"array {i + 1}"
            assert xy(result)[0] == pytest.approx((20 + 10 * i, 80), abs=0.5)


@pytest.mark.parametrize("batch_size", [1, 3, 8, 50])
@pytest.mark.parametrize("workers", [1, 4])
def test_batches_and_workers_change_nothing(
    predictor: Predictor, draw: Draw, batch_size: int, workers: int
) -> None:
    pictures = [draw((400, 300), [(60 + 20 * i, 80), *POINTS[1:]]) for i in range(7)]
    found = [xy(r) for r in predictor.predict(iter(pictures), batch_size, workers)]
    alone = [xy(r) for picture in pictures for r in predictor.predict([picture])]
    assert np.array(found) == pytest.approx(np.array(alone), abs=1e-4)


def test_model_of_fixed_batch_size(write_model: WriteModel, draw: Draw) -> None:
    predictor = Predictor.load(write_model(batch=4), "cpu")
    results = list(predictor.predict([draw((400, 300), POINTS)] * 6, batch_size=8))
    assert len(results) == 6
    for result in results:
        assert xy(result) == pytest.approx(np.array(POINTS), abs=0.5)


def test_photographs_are_read_as_they_are_needed(predictor: Predictor, draw: Draw) -> None:
    taken = 0

    def endless() -> Iterator[NDArray[np.uint8]]:
        nonlocal taken
        for taken in count(1):  # noqa: B007
            yield draw((40, 30), [(20, 15)], side=10)

    results = predictor.predict(endless(), batch_size=4, workers=2)
    assert len(list(islice(results, 40))) == 40
    results.close()
    assert taken <= 40 + 2 * 4 + 2


def test_nothing_in_nothing_out(predictor: Predictor) -> None:
    assert list(predictor.predict([])) == []


def test_every_kind_of_item(predictor: Predictor, draw: Draw, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pixels = draw((400, 300), POINTS)
    Image.fromarray(pixels).save(path)
    items: list[Photograph] = [path, str(path), ImageFile(path, "folder/a.png"), pixels]
    results = list(predictor.predict(items))
    names = [result.name for result in results]
    assert names == [path.as_posix(), path.as_posix(), "folder/a.png", "array 4"]
    for result in results:
        assert xy(result) == pytest.approx(xy(results[0]))


def test_an_unforeseen_failure_stops_only_its_own_photograph(
    predictor: Predictor, draw: Draw
) -> None:
    good = draw((400, 300), POINTS)
    bad, fine = predictor.predict(["null\0byte.jpg", good])
    assert bad.error is not None
    assert "cannot be read" in bad.error
    assert fine.error is None


def test_array_of_a_wrong_kind_fails_alone(predictor: Predictor, draw: Draw) -> None:
    wrong: NDArray[np.uint8] = np.zeros((30, 40))  # type: ignore[assignment]  # wrong on purpose
    bad, fine = predictor.predict([wrong, draw((400, 300), POINTS)])
    assert bad.error is not None
    assert "uint8" in bad.error
    assert fine.landmarks is not None


class Counts(TypedDict, total=False):
    batch_size: int
    workers: int


@pytest.mark.parametrize("numbers", [{"batch_size": 0}, {"workers": 0}])
def test_impossible_numbers(predictor: Predictor, numbers: Counts) -> None:
    with pytest.raises(RequestError, match="at least 1"):
        predictor.predict([], **numbers)
