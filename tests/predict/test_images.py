"""Reading photographs."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kinds import Draw
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.orientation import to_stored, to_upright, turn_upright
from beetle_lm.predict.images.read import Frame, Picture, find_images, read_header, read_image

SIZE = (90, 60)
POINTS = [(20, 15), (70, 20), (30, 45)]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
TURNED_BACK = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


@pytest.fixture
def pixels(draw: Draw) -> NDArray[np.uint8]:
    return draw(SIZE, POINTS, side=10)


def save_with_orientation(path: Path, upright: NDArray[np.uint8], orientation: int) -> None:
    stored = turn_upright(np.ascontiguousarray(upright), TURNED_BACK[orientation])
    image = Image.fromarray(stored)
    if path.suffix == ".tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = orientation
        image.save(path, tiffinfo=tags)
        return
    exif = Image.Exif()
    exif[274] = orientation
    options: dict[str, dict[str, Any]] = {
        ".jpg": {"quality": 95, "subsampling": 0},
        ".webp": {"lossless": True},
    }
    image.save(path, exif=exif, **options.get(path.suffix, {}))


def close(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> bool:
    return found.shape == wanted.shape and abs(found.astype(int) - wanted).mean() < 3


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".tif", ".TIFF", ".bmp", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_reads_every_format_in_colour_and_grey(
    tmp_path: Path, pixels: NDArray[np.uint8], suffix: str, channels: int
) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(pixels).save(path, quality=95)
    picture = read_image(path, channels)
    wanted = pixels if channels == 3 else np.asarray(Image.fromarray(pixels).convert("L"))
    assert close(picture.pixels, wanted)
    assert picture.size == SIZE == read_header(path).size
    assert picture.frame == Frame(0, 0, *SIZE)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        *((".png", mode) for mode in ("L", "P", "RGBA", "LA", "1")),
        *((".tif", mode) for mode in ("L", "P", "RGBA", "LA", "1", "CMYK")),
        *((".jpg", mode) for mode in ("L", "CMYK")),
    ],
)
def test_reads_every_mode(
    tmp_path: Path, pixels: NDArray[np.uint8], suffix: str, mode: str
) -> None:
    image = Image.fromarray(pixels)
    image = image.quantize(8) if mode == "P" else image.convert(mode)
    path = tmp_path / f"photo{suffix}"
    image.save(path)
    wanted = np.asarray(image.convert("RGB"))
    assert close(read_image(path, 3).pixels, wanted)
    assert close(read_image(path, 1).pixels, np.asarray(image.convert("L")))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_transparency_is_over_white(tmp_path: Path, suffix: str) -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)  # transparent black
    rgba[:, 10:] = (255, 0, 0, 255)
    rgba[:, 5:10] = (0, 0, 0, 128)
    Image.fromarray(rgba).save(tmp_path / f"a{suffix}")
    row = read_image(tmp_path / f"a{suffix}", 3).pixels[10]
    assert row[2].tolist() == [255, 255, 255]
    assert row[15].tolist() == [255, 0, 0]
    assert row[7].tolist() == [127, 127, 127]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [16, 12])
def test_16_bit_is_scaled_not_clipped(tmp_path: Path, suffix: str, bits: int) -> None:
    ramp = np.linspace(0, 2**bits - 1, 256).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), np.tile(ramp, (20, 1)))
    assert read_image(tmp_path / f"a{suffix}", 1).pixels[5] == pytest.approx(np.arange(256), abs=1)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_values_of_every_kind_in_floating_point(tmp_path: Path, odd: float) -> None:
    values = np.tile(np.linspace(0, 1, 16, dtype=np.float32), (16, 1))
    values[3, 3] = odd
    values.view(np.uint32)[4, 4] = 0x7FA00000  # a NaN that complains when it is converted
    cv2.imwrite(str(tmp_path / "a.tif"), values)
    assert read_image(tmp_path / "a.tif", 3).pixels.shape == (16, 16, 3)


def test_16_bit_colour(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), pixels[..., ::-1].astype(np.uint16) * 257)
    assert close(read_image(tmp_path / "a.tif", 3).pixels, pixels)


def test_big_tiff_and_the_first_of_several_pages(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    Image.fromarray(pixels).save(tmp_path / "big.tif", big_tiff=True)
    other = Image.new("RGB", (30, 20))
    Image.fromarray(pixels).save(tmp_path / "pages.tif", save_all=True, append_images=[other])
    for name in ("big.tif", "pages.tif"):
        assert close(read_image(tmp_path / name, 3).pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation(
    tmp_path: Path, pixels: NDArray[np.uint8], suffix: str, orientation: int
) -> None:
    path = tmp_path / f"photo{suffix}"
    save_with_orientation(path, pixels, orientation)
    picture = read_image(path, 3)
    assert close(picture.pixels, pixels)
    assert (picture.size, picture.orientation) == (SIZE, orientation)
    header = read_header(path)
    assert (header.size, header.orientation) == (SIZE, orientation)
    with Image.open(path) as image:
        if suffix != ".tif":  # Pillow gives these the size of the stored pixels
            assert header.stored_size == image.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_coordinates_turn_as_pixels_do(orientation: int) -> None:
    stored = np.zeros((40, 70), np.uint8)
    stored[12, 5] = 255
    upright = turn_upright(stored, orientation)
    y, x = (float(i[0]) + 0.5 for i in np.nonzero(upright))
    size = (upright.shape[1], upright.shape[0])
    in_stored = np.array([[5.5, 12.5]])
    assert to_upright(in_stored, orientation, size).tolist() == [[x, y]]
    assert to_stored(np.array([[x, y]]), orientation, size).tolist() == in_stored.tolist()


def test_orientation_of_a_png_is_found_behind_its_pixels(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.png"
    save_with_orientation(path, pixels, 6)
    data = path.read_bytes()
    start = data.index(b"eXIf") - 4
    length = int.from_bytes(data[start : start + 4], "big") + 12
    chunk, rest = data[start : start + length], data[:start] + data[start + length :]
    end = rest.rindex(b"IEND") - 4
    assert zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")  # a whole chunk was moved
    path.write_bytes(rest[:end] + chunk + rest[end:])
    assert read_header(path).orientation == 6
    assert close(read_image(path, 3).pixels, pixels)


@pytest.mark.parametrize("size", [(1600, 1200), (1601, 1203), (803, 2407)])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_reduced_jpeg_covers_its_frame(
    tmp_path: Path, draw: Draw, size: tuple[int, int], orientation: int
) -> None:
    points = [(200.0, 300.0), (600.0, 500.0), (400.0, 900.0)]
    path = tmp_path / "photo.jpg"
    save_with_orientation(path, draw(size, points, side=80), orientation)
    picture = read_image(path, 3, at_least=(96, 72))
    height, width = picture.pixels.shape[:2]
    assert max(width, height) < 320  # an eighth
    assert picture.size == size
    assert picture.frame.width == 8 * width
    assert picture.frame.height == 8 * height
    red, green, blue = picture.pixels.transpose(2, 0, 1).astype(float)
    weight = np.clip(np.minimum(red - green, red - blue), 0, None)
    x = (weight * (np.arange(width) + 0.5)).sum() / weight.sum() * 8 + picture.frame.left
    y = (weight * (np.arange(height) + 0.5)[:, None]).sum() / weight.sum() * 8 + picture.frame.top
    assert (x, y) == pytest.approx(points[0], abs=0.3)


def test_reduced_jpeg_is_never_smaller_than_the_box_in_both_directions(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("L", (1000, 400), 200).save(path)
    for box in [(96, 72), (250, 100), (251, 101), (999, 399), (1200, 500)]:
        pixels = read_image(path, 1, at_least=box).pixels
        assert pixels.shape[1] >= min(box[0], 1000) or pixels.shape[0] >= min(box[1], 400)


@pytest.mark.parametrize("name", ["Käfer 1.png", "甲虫.jpg", "a b  c.tif", "x#%.webp"])
def test_names_with_spaces_and_any_script(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (30, 20), RED).save(tmp_path / name)
    assert [image.name for image in find_images([tmp_path])] == [name]
    assert read_image(tmp_path / name, 3).size == (30, 20)


def jpeg(pixels: NDArray[np.uint8], **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_jpeg_is_refused(tmp_path: Path, progressive: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)
    data = jpeg(noise, progressive=progressive)
    path = tmp_path / "a.jpg"
    for share in (0.3, 0.6, 0.9, 0.99):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ImageError, match=r"a\.jpg"):
            read_image(path, 1, at_least=(64, 48))


def test_data_behind_a_jpeg_do_not_matter(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    # A phone's moving picture: bytes that look like the start of a scan follow the end.
    (tmp_path / "a.jpg").write_bytes(jpeg(pixels, quality=95) + b"film\xff\xda and no end")
    assert close(read_image(tmp_path / "a.jpg", 3).pixels, pixels)


def test_thumbnail_inside_a_truncated_jpeg_is_no_end(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    exif = Image.Exif()
    exif[0x010E] = jpeg(pixels[:16, :16]).decode("latin-1")
    data = jpeg(pixels, exif=exif)
    (tmp_path / "a.jpg").write_bytes(data[:-200])
    with pytest.raises(ImageError, match="truncated"):
        read_image(tmp_path / "a.jpg", 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"empty \(0 bytes\)"), (b"no image at all", "not an image"), (b"\xff\xd8\xff", "image")],
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=rf"a\.jpg.*{message}"):
        read_image(tmp_path / "a.jpg", 1)


def test_a_single_pixel_is_too_small(tmp_path: Path) -> None:
    Image.new("L", (1, 1)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png is too small .*1 x 1"):
        read_image(tmp_path / "a.png", 1)


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.jpg cannot be read"):
        read_image(tmp_path / "gone.jpg", 1)
    with pytest.raises(ImageError, match="cannot be read"):
        read_header(tmp_path)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_picture_from_array(shape: tuple[int, ...], channels: int) -> None:
    picture = Picture.from_array(np.full(shape, 77, np.uint8), channels)
    assert picture.pixels.shape == ((20, 30) if channels == 1 else (20, 30, 3))
    assert picture.size == (30, 20)
    assert (picture.pixels == 77).all()


@pytest.mark.parametrize(
    "array",
    [np.zeros((20, 30)), np.zeros((20, 30, 4), np.uint8), np.zeros((0, 5), np.uint8)],
)
def test_array_that_is_no_picture(array: NDArray[np.uint8]) -> None:
    with pytest.raises(ImageError, match="uint8"):
        Picture.from_array(array, 1)
