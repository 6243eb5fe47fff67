"""Pictures that would take too much memory or time are refused by their headers."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from growth import MOST_GROWTH, growth
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.read import MAX_PIXELS, Picture, read_header, read_image

HUGE = 100_000


def png(width: int, height: int, pixels: bytes, *more: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *(chunk(b"eXIf", each) for each in more)]
    chunks += [chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def bmp(width: int, height: int) -> bytes:
    return struct.pack(
        "<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, width, height, 1, 24, *[0] * 6
    )


def webp(width: int, height: int) -> bytes:
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + sides
    return b"RIFF" + struct.pack("<I", len(body)) + body


def directory(tags: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    entries = b"".join(
        struct.pack("<HHI", tag, kind, count) + struct.pack("<HH" if kind == 3 else "<I", value, 0)
        if kind == 3
        else struct.pack("<HHII", tag, kind, count, value)
        for tag, kind, count, value in tags
    )
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)


def tiff(width: int, height: int, pages: int = 1, samples: int = 1) -> bytes:
    pixels = bytes(16 * 16)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, samples), (278, 4, 1, height)]
    tags += [(279, 4, 1, len(pixels))]
    first, size = 8 + len(pixels), len(directory(tags))
    begins = [first + size * page for page in range(1, pages)]
    every = b"".join(directory(tags, following) for following in [*begins, 0])
    return struct.pack("<2sHI", b"II", 42, first) + pixels + every


def jpeg_of_scans(path: Path, scans: int) -> None:
    """A progressive JPEG whose last scan is there so many times more."""
    Image.new("L", (64, 64), 100).save(path, progressive=True)
    data = path.read_bytes()
    last = data.rindex(b"\xff\xda")
    path.write_bytes(data[:last] + data[last:-2] * scans + data[-2:])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", png(HUGE, HUGE, b"")),
        ("a.bmp", bmp(HUGE, HUGE)),
        ("a.tif", tiff(HUGE, HUGE)),
        ("thin.tif", tiff(8, MAX_PIXELS)),
    ],
)
def test_huge_pictures_are_refused_by_their_headers(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    width, height = read_header(path).size
    tracemalloc.start()
    with pytest.raises(ImageError) as caught:
        read_image(path, 3, at_least=(256, 192))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value) == (
        f"{name} is too large to be decoded: {width} x {height} pixels, the limit is"
        f" {MAX_PIXELS} pixels"
    )
    assert peak < 1 << 20


def test_a_huge_webp_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(webp(HUGE, HUGE))
    with pytest.raises(ImageError, match=r"a\.webp"):
        read_image(tmp_path / "a.webp", 3)


def test_a_chunk_of_a_png_that_claims_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    whole = bytearray(png(64, 64, bytes(65 * 64)))
    at = whole.index(b"IDAT") - 4
    assert int.from_bytes(whole[at : at + 4], "big") < 100
    whole[at : at + 4] = b"\x7f\xff\xff\xf0"
    path.write_bytes(whole)
    with pytest.raises(ImageError, match=r"a\.png is truncated"):
        read_image(path, 1)


def test_the_limit_is_that_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (100, 50)).save(path)
    assert read_image(path, 1, max_pixels=5000).size == (100, 50)
    with pytest.raises(ImageError, match="100 x 50 pixels, the limit is 4999 pixels"):
        read_image(path, 1, max_pixels=4999)


@pytest.mark.parametrize("size", [(HUGE, HUGE), (8, (1 << 20) + 1)])
def test_pil_images_that_claim_to_be_huge_are_not_decoded(size: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(bmp(*size))) as image:
        said = f"{size[0]} x {size[1]} pixels, the limit is 500000000 pixels, 1048576 on a side"
        with pytest.raises(ImageError, match=f"the image is too large to be decoded: {said}"):
            Picture.from_pil(image, 3)


def test_a_file_far_larger_than_its_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(16, 16))
    os.truncate(path, 1 << 33)  # a file with a hole: it takes no room
    with pytest.raises(ImageError, match=r"a\.tif is too large to be read: 8589934592 bytes"):
        read_image(path, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_file_is_refused_by_its_length_before_it_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.image"
    Image.new("RGB", (64, 48)).save(path, kind)
    os.truncate(path, 1_500_000_000)  # a hole behind the picture
    tracemalloc.start()
    with pytest.raises(ImageError, match=r"too large to be read: 1500000000 bytes, more than a"):
        read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize("start", [b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"\x89PNG\r\n\x1a\n"])
def test_a_hole_in_a_header_takes_no_time(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.image"
    path.write_bytes(start)
    os.truncate(path, 1_500_000_000)
    begin = time.perf_counter()
    with pytest.raises(ImageError, match="not an image"):
        read_image(path)
    assert time.perf_counter() - begin < 1


def test_a_jpeg_of_a_million_empty_segments_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("L", (64, 64), 100).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe3\0\2" * 1_000_000 + data[2:])
    begin = time.perf_counter()
    with pytest.raises(ImageError, match=r"a\.jpg has a damaged header: it has more than 10000"):
        read_image(path, 1)
    assert time.perf_counter() - begin < 2
    path.write_bytes(data[:2] + b"\xff\xe3\0\2" * 300 + data[2:])
    assert read_image(path, 1).size == (64, 64)


def test_many_pages_cost_what_they_take_to_read(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"

    def read(pages: int) -> None:
        assert read_image(path, 1).size == (16, 16)

    def write_and_read(pages: int) -> None:
        path.write_bytes(tiff(16, 16, pages))
        read(pages)

    assert growth(write_and_read, 2000) < MOST_GROWTH


@pytest.mark.parametrize("order", ["circle", "itself"])
def test_pages_that_follow_each_other_in_a_circle(tmp_path: Path, order: str) -> None:
    data = bytearray(tiff(16, 16, 2))
    first = struct.unpack_from("<I", data, 4)[0]
    second = len(data) - len(directory([(0, 4, 1, 0)] * 9))
    struct.pack_into("<I", data, second - 4 if order == "itself" else len(data) - 4, first)
    (tmp_path / "a.tif").write_bytes(data)
    assert read_image(tmp_path / "a.tif", 1).size == (16, 16)


def test_strips_that_all_claim_the_same_bytes_are_not_read(tmp_path: Path) -> None:
    """A thousand of them, each of four megabytes, for a picture of 100 kB."""
    number, size = 1000, 1 << 22
    tags = [(256, 4, 1, 100), (257, 4, 1, number), (258, 3, 1, 8), (259, 3, 1, 8)]
    tags += [(262, 3, 1, 1), (273, 4, number, 4096), (278, 4, 1, 1), (279, 4, number, 8192)]
    data = bytearray(8192 + 4 * number + size)
    start = struct.pack("<2sHI", b"II", 42, 8) + directory(tags)
    data[: len(start)] = start
    data[4096 : 4096 + 4 * number] = struct.pack("<I", 12_500) * number
    data[8192 : 8192 + 4 * number] = struct.pack("<I", size - 500) * number
    (tmp_path / "a.tif").write_bytes(data)
    tracemalloc.start()
    with pytest.raises(
        ImageError, match=r"a\.tif has a damaged header: its pixels would take more"
    ):
        read_image(tmp_path / "a.tif", 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


ENTRIES = [(40_000 + index, 1, 60_000, 0) for index in range(5000)]  # 300 MB in 60 kB


def test_a_tiff_whose_entries_claim_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8) + directory(ENTRIES))
    with pytest.raises(ImageError, match=r"a\.tif has a damaged header: its entries are larger"):
        read_header(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_one_damaged_entry_among_those_of_a_camera_does_no_harm(
    tmp_path: Path, suffix: str
) -> None:
    tags = [(271, 2, 0x1300_0000, 0x8000), (274, 3, 1, 6)]
    exif = struct.pack("<2sHI", b"II", 42, 8) + directory(tags)
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (30, 20)).save(path, exif=b"Exif\0\0" + exif)
    assert read_header(path).orientation == 6


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_whose_entries_claim_more_than_there_is(tmp_path: Path, suffix: str) -> None:
    exif = struct.pack("<2sHI", b"II", 42, 8) + directory(ENTRIES)
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (30, 20)).save(path, exif=b"Exif\0\0" + exif)
    tracemalloc.start()
    try:
        read_header(path)
    except ImageError as error:
        assert "its entries are larger" in str(error)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


def test_a_jpeg_of_endless_scans_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    jpeg_of_scans(path, 20)
    assert read_image(path, 1).size == (64, 64)
    jpeg_of_scans(path, 500)
    with pytest.raises(ImageError, match=r"a\.jpg is a JPEG of 5\d\d scans"):
        read_image(path, 1)
    # What only looks like scans, behind the picture, is none.
    Image.new("L", (64, 64), 100).save(path)
    path.write_bytes(path.read_bytes() + b"film\xff\xda" * 200 + b"\xff\xd9")
    assert read_image(path, 1).size == (64, 64)


def test_a_jpeg_without_an_end_is_searched_in_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("L", (64, 64), 100).save(path)
    data = path.read_bytes()[:-2]

    def read(times: int) -> None:
        path.write_bytes(data + b"\xff" * times + b"\0")
        with pytest.raises(ImageError, match="truncated"):
            read_image(path, 1)

    assert growth(read, 20_000) < MOST_GROWTH


@pytest.mark.parametrize("kind", ["RGBA", "16 bit", "float"])
def test_pictures_are_converted_in_bands(
    tmp_path: Path, draw: Callable[..., NDArray[np.uint8]], kind: str
) -> None:
    """Half of the picture at a time gives what the whole gives, and takes little more memory."""
    size = (2000, 1500)
    pixels = draw(size, [(500, 400), (1500, 1000), (1000, 1400)], side=200)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    path = tmp_path / "a.tif"
    if kind == "RGBA":
        alpha = np.full((*grey.shape, 1), 255, np.uint8)
        alpha[:750] = 0
        Image.fromarray(np.concatenate([pixels, alpha], axis=2)).save(path)
        wanted, decoded = np.where(alpha == 0, 255, pixels), 4 * grey.size
    elif kind == "16 bit":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
        wanted, decoded = np.repeat(grey[..., np.newaxis], 3, axis=2), 2 * grey.size
    else:
        Image.fromarray(grey.astype(np.float32) / 255).save(path)
        low, high = int(grey.min()), int(grey.max())
        stretched = np.rint((grey.astype(float) - low) * 255 / (high - low))
        wanted = np.repeat(stretched.astype(np.uint8)[..., np.newaxis], 3, axis=2)
        decoded = 4 * grey.size
    tracemalloc.start()
    found = read_image(path, 3).pixels
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found, wanted, atol=1)
    # The file and what is made of it, 8 bit in 1 to 3 channels, and the bands.
    assert peak < path.stat().st_size + decoded + 7 * grey.size + (12 << 20)
