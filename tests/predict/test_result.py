"""A result: its line, its plot, and its picture in a notebook."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kinds import Draw, WriteModel
from matplotlib import pyplot
from matplotlib.patches import Circle
from PIL import Image
from squares import POINTS

from beetle_lm import Predictor
from beetle_lm.errors import ImageError
from beetle_lm.predict.inputs import Photograph
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.shape_space import Limits

pytest.importorskip("onnxruntime")


@pytest.fixture
def predictor(write_model: WriteModel) -> Predictor:
    limits = Limits(20.0, 20.0, (-180.0, 180.0), (0.0, 100.0))
    return Predictor.load(write_model(limits=limits), "cpu")


@pytest.fixture(autouse=True)
def _figures_are_closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def shown(result: Result) -> Image.Image:
    png = result._repr_png_()
    assert png is not None
    return Image.open(io.BytesIO(png))


def test_a_result_prints_in_one_line(predictor: Predictor, draw: Draw, tmp_path: Path) -> None:
    given: list[Photograph] = [
        draw((400, 300), POINTS),
        draw((400, 300), POINTS[:2]),
        tmp_path / "no\nne.jpg",
    ]
    fine, flagged, failed = predictor.predict(given)
    assert str(fine) == "array 1: 400 x 300 px, 3 landmarks, expected error 0.0 px on average"
    assert str(flagged) == (
        "array 2: 400 x 300 px, 3 landmarks, expected error 55.6 px on average, flagged: expected"
        " error 166.7 px at landmark 3 (limit 83.3)"
    )
    assert str(failed) == (
        f"{tmp_path.as_posix()}/no\\nne.jpg: failed: no\\nne.jpg cannot be read: No such file or"
        " directory"
    )
    assert repr(fine) == f"<Result {fine}>"
    assert [result.status for result in (fine, flagged, failed)] == ["ok", "flagged", "failed"]
    assert failed.mean_expected_error is None


def test_landmarks_without_expected_errors() -> None:
    landmarks = Landmarks(PartSpec.numbered("dots", 3), np.array(POINTS))
    assert str(Result("a.jpg", (400, 300), 1, landmarks, None)) == (
        "a.jpg: 400 x 300 px, 3 landmarks"
    )


def test_plot(predictor: Predictor, draw: Draw) -> None:
    (result,) = predictor.predict(draw((400, 300), POINTS[:2]))
    axes = result.plot()
    assert axes.get_xlim() == (0, 400) and axes.get_ylim() == (300, 0)
    assert axes.get_title() == f"array 1\n{result.flag}"
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    assert result.landmarks is not None and result.landmarks.expected_error is not None
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    assert np.array([circle.center for circle in circles]) == pytest.approx(result.landmarks.xy)
    radii = [circle.radius for circle in circles]
    assert radii == pytest.approx(result.landmarks.expected_error.tolist())
    pyplot.savefig(io.BytesIO())


def test_plot_into_given_axes(predictor: Predictor, draw: Draw) -> None:
    (result,) = predictor.predict(draw((400, 300), POINTS))
    _, axes = pyplot.subplots()
    assert result.plot(axes) is axes
    assert len(pyplot.get_fignums()) == 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_plotted_in_its_own_pixels(
    predictor: Predictor, draw: Draw, tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    points = [(1000, 800), (2500, 1200), (1700, 2000)]
    path = tmp_path / "large.jpg"
    Image.fromarray(draw((3603, 2405), points, side=200)).save(path, exif=exif)
    (result,) = predictor.predict(path)
    assert result.size is not None
    axes = result.plot()
    assert axes.get_xlim()[1] == result.size[0]
    (image,) = axes.images
    pixels = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    assert (left <= 0, top <= 0, right >= result.size[0], bottom >= result.size[1]) == (True,) * 4
    assert max(pixels.shape) < 3000  # decoded at a reduced scale
    red = np.argwhere((pixels[..., 0] > 200) & (pixels[..., 1] < 60)).mean(axis=0) + 0.5
    scale = np.array([(right - left) / pixels.shape[1], (bottom - top) / pixels.shape[0]])
    assert result.landmarks is not None
    assert red[::-1] * scale + (left, top) == pytest.approx(result.landmarks.xy[0], abs=5)


@pytest.mark.parametrize("kind", ["path", "array", "image"])
def test_a_notebook_shows_the_photograph(
    predictor: Predictor, draw: Draw, tmp_path: Path, kind: str
) -> None:
    pixels = draw((1200, 900), [(300, 240), (900, 240), (600, 700)], side=60)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    given: dict[str, Photograph] = {
        "path": path,
        "array": pixels,
        "image": Image.fromarray(pixels),
    }
    (result,) = predictor.predict(given[kind])
    picture = shown(result)
    assert picture.size == (800, 600)
    assert picture.getpixel((188, 148)) == (255, 0, 0)  # of the red square, beside its dot
    assert picture.getpixel((5, 5)) == (255, 255, 255)


def test_a_flagged_photograph_is_framed(predictor: Predictor, draw: Draw) -> None:
    (result,) = predictor.predict(draw((400, 300), POINTS[:2]))
    assert shown(result).getpixel((1, 1)) == (190, 40, 0)


def test_what_cannot_be_drawn_is_a_line(predictor: Predictor, draw: Draw, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(draw((400, 300), POINTS)).save(path)
    (result,) = predictor.predict(path)
    path.unlink()
    (failed,) = predictor.predict(path)
    for each in (result, failed):
        assert each._repr_png_() is None
        with pytest.raises(ImageError, match=r"a\.png cannot be read"):
            each.plot()
    unknown = Result("b.png", (400, 300), 1, result.landmarks, None)
    assert unknown._repr_png_() is None
    with pytest.raises(ImageError, match=r"b\.png is not at hand"):
        unknown.plot()


def test_a_result_of_a_path_keeps_no_pixels(
    predictor: Predictor, draw: Draw, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(draw((400, 300), POINTS)).save(path)
    (result,) = predictor.predict(path)
    shown(result)
    assert result.photograph == path
    assert set(vars(result)) == {
        "name",
        "size",
        "orientation",
        "landmarks",
        "error",
        "hint",
        "flag",
        "photograph",
        "scale",
        "box",
        "specimen",
        "others",
        "unsure",
    }
