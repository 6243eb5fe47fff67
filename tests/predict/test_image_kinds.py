"""Files of every kind that lie among photographs: read as what they show, or told of by name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Draw
from numpy.typing import NDArray
from PIL import Image
from tiff_files import (
    ALPHA,
    BLACK_IS_ZERO,
    COLOUR_FILTER,
    PREMULTIPLIED,
    RGB,
    WHITE_IS_ZERO,
    TiffPage,
    tiff_file,
)

from beetle_lm.errors import ImageError
from beetle_lm.origin import install
from beetle_lm.predict.images import kinds, optional
from beetle_lm.predict.images.read import Picture, find_images, read_header, read_image

SIZE = (96, 72)


@pytest.fixture
def pixels(draw: Draw) -> NDArray[np.uint8]:
    return draw(SIZE, [(20, 15), (70, 20), (30, 45)], side=10)


@pytest.fixture
def no_libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Those of HEIC and raw files are not installed, whatever is here."""
    for module in (kinds, optional):
        monkeypatch.setattr(module, "has_library", lambda library: False)
    kinds.extensions.cache_clear()
    yield
    kinds.extensions.cache_clear()


def far(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> int:
    assert found.shape == wanted.shape
    return int(np.abs(found.astype(int) - wanted).max())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a.jfif", "JPEG"), ("a.jpe", "JPEG"), ("a.JFIF", "JPEG"), ("a.mpo", "MPO")),
        *(("a.gif", "GIF"), ("a.jp2", "JPEG2000"), ("a.dib", "DIB"), ("a.png", "JPEG")),
    ],
)
def test_kinds_and_endings_that_are_read(
    tmp_path: Path, pixels: NDArray[np.uint8], name: str, kind: str
) -> None:
    image = Image.fromarray(pixels)
    more = {"save_all": True, "append_images": [image]} if kind == "MPO" else {}
    image.save(tmp_path / name, kind, **more)
    assert [found.name for found in find_images([tmp_path])] == [name]
    with Image.open(tmp_path / name) as opened:
        assert far(read_image(tmp_path / name).pixels, np.asarray(opened.convert("RGB"))) <= 2


@pytest.mark.usefixtures("no_libraries")
def test_what_is_not_read_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.new("L", SIZE).save(tmp_path / "a.jpg")
    names = ["1.HEIC", "2.heic", "3.heic", "4.heif", "a.NEF", "b.psd", "notes.txt", ".c.heic"]
    for name in names:
        (tmp_path / name).write_bytes(b"?")
    assert [found.name for found in find_images([tmp_path])] == ["a.jpg"]
    bring = f"`{install('formats')}` brings what reads them, or export as JPEG or TIFF"
    assert sorted(record.getMessage() for record in caplog.records) == [
        f"1 camera raw file is left out (a.NEF): {bring}",
        "1 picture of another format is left out (b.psd): export as PNG, TIFF or JPEG",
        f"4 HEIC photographs are left out (1.HEIC, 2.heic, 3.heic, ...): {bring}",
    ]
    with pytest.raises(ImageError, match="no images in"):
        find_images([str(tmp_path / "*.heic")])


@pytest.mark.usefixtures("no_libraries")
def test_heic_and_raw_files_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x1cftypheic" + bytes(100))
    with pytest.raises(ImageError, match=r"a\.heic is a HEIC photograph, and pillow-heif is not"):
        read_image(tmp_path / "a.heic")
    sensor = TiffPage(np.zeros((600, 800), np.uint16), COLOUR_FILTER)
    thumbnail = TiffPage(np.zeros((120, 160, 3), np.uint8), RGB, subfile=1, below=[sensor])
    for name in ("a.nef", "a.dng"):
        (tmp_path / name).write_bytes(tiff_file(thumbnail))
        with pytest.raises(ImageError, match=rf"{name} is a camera raw file, and rawpy is not"):
            read_image(tmp_path / name)
    (tmp_path / "a.tif").write_bytes(tiff_file(thumbnail))
    with pytest.raises(ImageError, match=r"a\.tif is a camera raw file; export it"):
        read_image(tmp_path / "a.tif")


def test_heic_photographs(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[274] = 6
    image = heif.from_pillow(Image.fromarray(pixels))
    image.save(tmp_path / "a.heic", quality=95, exif=exif.tobytes())
    picture = read_image(tmp_path / "a.heic")
    assert picture.pixels.shape[1::-1] == picture.size == read_header(tmp_path / "a.heic").size
    assert [found.name for found in find_images([tmp_path])] == ["a.heic"]


@pytest.mark.usefixtures("no_libraries")
@pytest.mark.parametrize("layout", ["flagged", "unflagged", "below"])
@pytest.mark.parametrize("name", ["a.tif", "a.NEF"])
def test_a_thumbnail_is_not_the_picture(tmp_path: Path, draw: Draw, layout: str, name: str) -> None:
    large = draw((800, 600), [(200, 150), (600, 200), (300, 450)], side=60)
    picture = TiffPage(large, RGB)
    small = TiffPage(np.ascontiguousarray(large[::5, ::5]), RGB)
    small.subfile = None if layout == "unflagged" else 1
    if layout == "below":
        small.below = [picture]
    pages = [small] if layout == "below" else [small, picture]
    (tmp_path / name).write_bytes(tiff_file(*pages))
    assert read_header(tmp_path / name).size == (800, 600)
    np.testing.assert_array_equal(read_image(tmp_path / name).pixels, large)


def test_several_pictures_in_a_file_are_told_of(
    tmp_path: Path, pixels: NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    page = TiffPage(pixels, RGB)
    (tmp_path / "a.tif").write_bytes(tiff_file(page, page, page))
    assert read_header(tmp_path / "a.tif").pictures == 3
    read_image(tmp_path / "a.tif")
    assert "a.tif holds 3 pictures, of which the first is read" in caplog.text
    caplog.clear()
    mask = TiffPage(pixels, RGB, subfile=4)
    (tmp_path / "a.tif").write_bytes(tiff_file(page, mask))
    read_image(tmp_path / "a.tif")
    assert not caplog.records


@pytest.mark.parametrize("factor", [1, 257])
@pytest.mark.parametrize(
    "kind", ["grey", "white", "rgb", "planes", "alpha", "premultiplied", "other", "none", "unset"]
)
def test_samples_of_a_tiff_are_what_they_are_declared_to_be(
    tmp_path: Path, pixels: NDArray[np.uint8], kind: str, factor: int
) -> None:
    most = 255 * factor
    dtype = np.dtype(np.uint8 if factor == 1 else np.uint16)
    deep: NDArray[Any] = (pixels.astype(np.uint16) * factor).astype(dtype)
    alpha = np.full(deep.shape[:2], most, deep.dtype)
    alpha[:20], alpha[20:40] = 0, most // 2
    share = (alpha / most)[..., np.newaxis]
    multiplied = np.rint(deep * share).astype(deep.dtype)
    over = np.rint(pixels * share + 255 * (1 - share)).astype(np.uint8)
    grey = np.repeat(pixels[..., :1], 3, axis=2)
    with_alpha = np.dstack([deep, alpha])
    page, wanted = {
        "grey": (TiffPage(deep[..., 0], BLACK_IS_ZERO), grey),
        "white": (TiffPage(most - deep[..., 0], WHITE_IS_ZERO), grey),
        "rgb": (TiffPage(deep, RGB), pixels),
        "planes": (TiffPage(deep.transpose(2, 0, 1), RGB, planes=True), pixels),
        "alpha": (TiffPage(with_alpha, RGB, extra=ALPHA), over),
        "premultiplied": (
            TiffPage(np.dstack([multiplied, alpha]), RGB, extra=PREMULTIPLIED),
            over,
        ),
        "other": (TiffPage(with_alpha, RGB, extra=0), pixels),
        "none": (TiffPage(with_alpha, RGB), pixels),
        "unset": (TiffPage(np.dstack([deep, 0 * alpha]), RGB, extra=ALPHA), pixels),
    }[kind]
    (tmp_path / "a.tif").write_bytes(tiff_file(page))
    assert far(read_image(tmp_path / "a.tif").pixels, wanted) <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "RGB", "CMYK", "P", "1"])
@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd"]
)
@pytest.mark.parametrize("size", [(97, 71), (96, 72)])
def test_tiffs_are_read_as_pillow_reads_them(
    tmp_path: Path, draw: Draw, mode: str, compression: str, size: tuple[int, int]
) -> None:
    pixels = draw(size, [(20, 15), (70, 20), (30, 45)], side=10)
    image = Image.fromarray(pixels)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").resize(size))
    image = image.quantize(16) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "a.tif", compression=compression)
    white = Image.new("RGBA", size, "white")
    wanted = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    assert far(read_image(tmp_path / "a.tif").pixels, np.asarray(wanted)) <= 1


def ranges(grey: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """One picture, of 12 bit, with what lies far outside of its range."""
    values = 320 + grey.astype(np.uint16) * 10
    kinds: dict[str, NDArray[Any]] = {name: values.copy() for name in ("plain", "hot", "bar")}
    kinds["hot"][3, 3] = 65535
    kinds["bar"][60:62, 60:80] = 65535
    kinds["cold"] = values + np.uint16(60)
    kinds["cold"][3, 3] = 0
    kinds["offset"] = values + np.uint16(32768)
    kinds["narrow"] = 51000 + grey.astype(np.uint16)
    kinds["signed"] = values.astype(np.int16)
    kinds["signed"][3, 3] = -32768
    kinds["float"] = values.astype(np.float32)
    kinds["float"][3, 3] = 1e6
    kinds["double"] = values.astype(np.float64) / 1e5
    kinds["double"][3, 3:6] = (-1e9, np.nan, np.inf)
    kinds["long"] = values.astype(np.uint32)
    kinds["long"][60:62, 60:80] = 4_000_000_000
    return kinds


@pytest.mark.parametrize("kind", ranges(np.zeros((72, 96), np.uint8)))
@pytest.mark.parametrize("given", ["file", "pil"])
def test_what_lies_far_outside_of_the_range_does_not_darken_the_rest(
    tmp_path: Path, pixels: NDArray[np.uint8], kind: str, given: str
) -> None:
    x, y = np.meshgrid(np.arange(96), np.arange(72))
    grey = (x + y + pixels[..., 0] // 4).astype(np.uint8)
    values = ranges(grey)[kind]
    if given == "pil":
        if values.dtype not in (np.uint16, np.float32):
            pytest.skip("PIL images have no such values")
        picture = Picture.from_pil(Image.fromarray(values), 1)
    else:
        (tmp_path / "a.tif").write_bytes(tiff_file(TiffPage(values)))
        picture = read_image(tmp_path / "a.tif", 1)
    found = picture.pixels[5:55].astype(float)
    wanted = grey[5:55].astype(float)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.999
    assert found.max() - found.min() > 0.5 * (wanted.max() - wanted.min())


def as_bytes(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def holes(data: bytes, share: float, length: int) -> bytes:
    """Other bytes in the place of those that were there."""
    at = int(len(data) * share)
    other = np.random.default_rng(2).bytes(length)
    return data[:at] + other + data[at + length :]


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "restart_marker_rows": 1}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("PNG", {"save_all": True}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
def test_pictures_that_are_damaged_inside_are_refused_by_name(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    kind: str,
    options: dict[str, Any],
    share: float,
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 160, 3), np.uint8)
    image = Image.fromarray(noise)
    if "save_all" in options:
        options = {**options, "append_images": [image.rotate(180)]}
    path = tmp_path / f"a.{kind.lower()}"
    data = as_bytes(image, kind, **options)
    path.write_bytes(data)
    read_image(path)
    path.write_bytes(holes(data, share, 200))
    for channels, box in ((3, None), (1, (40, 30))):
        with pytest.raises(ImageError, match=rf"^{path.name} is damaged"):
            read_image(path, channels, box)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_faxes_that_are_damaged_inside_are_refused_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (200, 160), np.uint8) * 255
    data = as_bytes(Image.fromarray(noise).convert("1"), "TIFF", compression=compression)
    (tmp_path / "a.tif").write_bytes(data)
    read_image(tmp_path / "a.tif")
    (tmp_path / "a.tif").write_bytes(holes(data, 0.5, 40))
    with pytest.raises(ImageError, match=r"^a\.tif is damaged"):
        read_image(tmp_path / "a.tif")
    assert capfd.readouterr().err == ""


def test_what_is_odd_about_a_jpeg_and_harmless(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (72, 96, 3), np.uint8)
    data = as_bytes(Image.fromarray(noise), "JPEG", quality=95)
    (tmp_path / "a.jpg").write_bytes(data)
    wanted = read_image(tmp_path / "a.jpg").pixels
    revision = data.index(b"JFIF\0") + 5
    scan = data.index(b"\xff\xda")
    behind = scan + 2 + data[scan + 3]
    for odd in (
        data[:-2] + bytes(5) + data[-2:],
        data + b"film",
        data[:revision] + b"\7" + data[revision + 1 :],
        data[: behind - 3] + bytes(3) + data[behind:],
    ):
        (tmp_path / "a.jpg").write_bytes(odd)
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg").pixels, wanted)
        torn = holes(odd, 0.8, 60)
        (tmp_path / "a.jpg").write_bytes(torn)
        with pytest.raises(ImageError, match="damaged"):
            read_image(tmp_path / "a.jpg")
