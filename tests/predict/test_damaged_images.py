"""Photographs that are damaged anywhere: one result each, and nothing stops the others."""

from __future__ import annotations

import faulthandler
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mutation import mutated
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.read import read_header, read_image
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.session import Session

pytest.importorskip("onnxruntime")
# Of what Pillow finds odd; the command line shows none of it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

PIECES = [
    *(b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xc2", b"\xff\xe1\xff\xff", b"\xff" * 8),
    *(b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\1\0\0", b"\x80", b"Exif\0\0II*\0", b"IDAT", b"IEND"),
]
PER_ROUND = 200


def originals(folder: Path, pixels: NDArray[np.uint8]) -> list[Path]:
    """Small photographs of every kind that is read, written by two libraries."""
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[274] = 6
    exif[270] = "a beetle"
    deep = pixels.astype(np.uint16) * 257
    kinds: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "baseline.jpg": (image, {"quality": 90, "exif": exif}),
        "progressive.jpg": (image, {"progressive": True, "quality": 90}),
        "restarts.jpg": (image, {"restart_marker_rows": 1}),
        "grey.jpg": (image.convert("L"), {}),
        "cmyk.jpg": (image.convert("CMYK"), {}),
        "colour.png": (image, {"exif": exif}),
        "alpha.png": (image.convert("RGBA"), {}),
        "palette.png": (image.quantize(16), {}),
        "plain.tif": (image, {}),
        "lzw.tif": (image, {"compression": "tiff_lzw"}),
        "deflate.tif": (image.convert("RGBA"), {"compression": "tiff_adobe_deflate"}),
        "jpeg.tif": (image, {"compression": "jpeg"}),
        "fax.tif": (image.convert("1"), {"compression": "group4"}),
        "float.tif": (image.convert("F"), {}),
        "big.tif": (image, {"big_tiff": True}),
        "pages.tif": (image, {"save_all": True, "append_images": [image.convert("L")]}),
        "colour.bmp": (image, {}),
        "palette.bmp": (image.quantize(16), {}),
        "lossy.webp": (image, {"exif": exif}),
        "lossless.webp": (image.convert("RGBA"), {"lossless": True}),
    }
    for name, (kind, options) in kinds.items():
        kind.save(folder / name, **options)
    for name in ("deep.png", "deep.tif"):
        cv2.imwrite(str(folder / name), deep)
    return sorted(folder.iterdir())


def damaged(content: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return content[: rng.randrange(len(content))]
    head = rng.random() < 0.5  # where most can go wrong
    cut = min(len(content), 400) if head else len(content)
    return mutated(content[:cut], rng, PIECES, most=4) + content[cut:]


@pytest.fixture
def no_hang() -> Iterator[None]:
    """Ends the process, and says where it hangs, instead of waiting for ever."""
    faulthandler.dump_traceback_later(3600, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def round_of_damage(
    rng: random.Random, kinds: list[Path], folder: Path, predictor: Predictor
) -> int:
    """Places landmarks on damaged photographs; returns how many could be read."""
    paths = []
    for number in range(PER_ROUND):
        kind = kinds[number % len(kinds)]
        path = folder / f"{number:03}{kind.suffix}"
        path.write_bytes(damaged(kind.read_bytes(), rng))
        paths.append(path)
    results = list(predictor.predict(paths, batch_size=8, workers=2))
    assert [result.name for result in results] == [path.as_posix() for path in paths]
    for path, result in zip(paths, results, strict=True):
        assert (result.landmarks is None) == (result.error is not None)
        if result.error is not None:
            assert result.error.startswith(path.name)
            assert "\n" not in result.error
            with pytest.raises(ImageError):  # nothing else, wherever photographs are read
                read_image(path, 3, at_least=(96, 72))
        elif result.landmarks is not None:
            assert result.size == read_header(path).size
            assert (result.landmarks.xy >= 0).all()
            assert (result.landmarks.xy <= result.size).all()
    return sum(result.error is None for result in results)


@pytest.fixture
def predictor(write_model: Callable[..., Path]) -> Predictor:
    return Predictor(Session.open(write_model(), "cpu", threads=1))


@pytest.fixture
def kinds(tmp_path: Path, draw: Callable[..., NDArray[np.uint8]]) -> list[Path]:
    (tmp_path / "whole").mkdir()
    return originals(tmp_path / "whole", draw((96, 72), [(20, 15), (70, 20), (30, 45)], side=10))


def test_each_damaged_photograph_has_one_result(
    tmp_path: Path, kinds: list[Path], predictor: Predictor, no_hang: None
) -> None:
    read = round_of_damage(random.Random(1), kinds, tmp_path, predictor)
    assert PER_ROUND // 10 < read < PER_ROUND * 9 // 10


@pytest.mark.thorough
def test_each_of_ten_thousand_damaged_photographs_has_one_result(
    tmp_path: Path, kinds: list[Path], predictor: Predictor, no_hang: None
) -> None:
    for seed in range(10_000 // PER_ROUND):
        round_of_damage(random.Random(f"round {seed}"), kinds, tmp_path, predictor)
