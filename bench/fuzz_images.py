"""Holds the reader of photographs against a second decoder, on whole and on damaged pictures.

    python bench/fuzz_images.py                     # 20,000 damaged pictures
    python bench/fuzz_images.py --number 2000 --seed 5 --keep found

Whole pictures of every kind are generated first, TIFFs by tifffile, all else by Pillow, and must be
read as what they were made of. Then each is damaged at random places, and read here and by a second
decoder: Pillow, which has its own build of each library. A picture that both read must come out the
same; where one refuses what the other reads, it is counted. Nothing may be written to the standard
error, take longer than 10 s, or raise anything but an error for the user. The exit code is 1 when
something of this does not hold, or one of the whole pictures is read otherwise.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.read import read_image

SIZE = (64, 48)
SLOW = 10.0
MOST_PIXELS = 10_000_000
# As far as two builds of one decoder differ, or two ways from 16 bit to 8, in levels.
SAME = {"JPEG": 3.0, "WEBP": 3.0, "TIF": 2.0}
PIECES = (b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff")


def photograph() -> NDArray[np.uint8]:
    """Colour gradients, edges and a little noise."""
    width, height = SIZE
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([x * 2 + 20, y * 3 + 10, 255 - x - y], axis=-1).astype(np.int64)
    pixels[15:35, 20:40] = (200, 40, 90)
    noise = np.random.default_rng(0).integers(-6, 7, pixels.shape)
    drawn: NDArray[np.uint8] = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return drawn


Made = tuple[bytes, NDArray[np.uint8] | None]
"""A file, and the pixels that it must give; None where Pillow says."""


def by_pillow() -> Iterator[tuple[str, Made]]:
    image = Image.fromarray(photograph())
    exif = Image.Exif()
    exif[274] = 6
    kinds: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "baseline.jpg": (image, "JPEG", {"quality": 90, "exif": exif}),
        "progressive.jpg": (image, "JPEG", {"progressive": True}),
        "restarts.jpg": (image, "JPEG", {"restart_marker_rows": 1}),
        "grey.jpg": (image.convert("L"), "JPEG", {}),
        "colour.png": (image, "PNG", {}),
        "grey.png": (image.convert("L"), "PNG", {}),
        "palette.png": (image.quantize(16), "PNG", {}),
        "bits.png": (image.convert("1"), "PNG", {}),
        "moving.png": (image, "PNG", {"save_all": True, "append_images": [image.rotate(180)]}),
        "lossy.webp": (image, "WEBP", {}),
        "lossless.webp": (image, "WEBP", {"lossless": True}),
        "moving.webp": (image, "WEBP", {"save_all": True, "append_images": [image.rotate(180)]}),
        "colour.bmp": (image, "BMP", {}),
        "palette.bmp": (image.quantize(16), "BMP", {}),
        "palette.gif": (image.quantize(64), "GIF", {}),
        "colour.jp2": (image, "JPEG2000", {"irreversible": False}),
        "lzw.tif": (image, "TIFF", {"compression": "tiff_lzw"}),
        "packbits.tif": (image, "TIFF", {"compression": "packbits"}),
        "jpeg.tif": (image, "TIFF", {"compression": "jpeg"}),
        "group4.tif": (image.convert("1"), "TIFF", {"compression": "group4"}),
        "group3.tif": (image.convert("1"), "TIFF", {"compression": "group3"}),
        "zstd.tif": (image, "TIFF", {"compression": "zstd"}),
        "cmyk.tif": (image.convert("CMYK"), "TIFF", {}),
        "palette.tif": (image.quantize(16), "TIFF", {}),
        "big.tif": (image, "TIFF", {"big_tiff": True}),
    }
    for name, (made, kind, options) in kinds.items():
        stream = io.BytesIO()
        made.save(stream, kind, **options)
        yield name, (stream.getvalue(), None)


def by_tifffile() -> Iterator[tuple[str, Made]]:
    """TIFFs in every layout, depth and meaning of the samples, and what they must give."""
    rgb = photograph()
    grey = rgb[..., 0].copy()
    alpha = np.full(grey.shape, 255, np.uint8)
    alpha[:20] = 0
    alpha[20:30] = 100
    share = alpha[..., np.newaxis] / 255
    over = np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)
    multiplied = np.rint(rgb * share).astype(np.uint8)
    near = 255 - rgb[..., :1]
    write: Any = tifffile.imwrite  # whose types allow no options from a table
    every = {1: np.uint8, 257: np.uint16}
    for factor, dtype in every.items():
        bits = 8 * np.dtype(dtype).itemsize

        def deep(pixels: NDArray[np.uint8], factor: int = factor) -> NDArray[Any]:
            kind = np.uint16 if factor > 1 else np.uint8
            stretched: NDArray[Any] = pixels.astype(kind) * np.array(factor, kind)
            return stretched

        for order in "<>":
            for layout, options in LAYOUTS.items():
                name = f"{bits}{'le' if order == '<' else 'be'}-{layout}"
                kinds: dict[str, tuple[NDArray[Any], NDArray[np.uint8], dict[str, Any]]] = {
                    "grey": (deep(grey), grey, {"photometric": "minisblack"}),
                    "white": (deep(255 - grey), grey, {"photometric": "miniswhite"}),
                    "rgb": (deep(rgb), rgb, {"photometric": "rgb"}),
                    "planar": (
                        deep(rgb.transpose(2, 0, 1)),
                        rgb,
                        {"photometric": "rgb", "planarconfig": "separate"},
                    ),
                    "rgba": (
                        deep(np.dstack([rgb, alpha])),
                        over,
                        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
                    ),
                    "premultiplied": (
                        deep(np.dstack([multiplied, alpha])),
                        over,
                        {"photometric": "rgb", "extrasamples": ["assocalpha"]},
                    ),
                    "fourth": (
                        deep(np.dstack([rgb, near])),
                        rgb,
                        {"photometric": "rgb", "extrasamples": ["unspecified"]},
                    ),
                    "unset": (
                        deep(np.dstack([rgb, 0 * alpha])),
                        rgb,
                        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
                    ),
                }
                for kind, (pixels, wanted, how) in kinds.items():
                    stream = io.BytesIO()
                    write(stream, pixels, byteorder=order, **options, **how)
                    yield f"{kind}-{name}.tif", (stream.getvalue(), wanted)


LAYOUTS: dict[str, dict[str, Any]] = {
    "strip": {},
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (32, 48)},
    "deflate": {"compression": "zlib"},
    "differences": {"compression": "zlib", "predictor": 2, "rowsperstrip": 11},
    "tiled-deflate": {"compression": "zlib", "tile": (16, 32)},
}


def by_second_decoder(path: Path) -> NDArray[np.uint8]:
    """The stored pixels in RGB, as Pillow gives them; raises whatever it stumbles over."""
    with Image.open(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError("too large, by a damaged header, for the memory of this machine")
        image.load()
        if image.mode.startswith(("I", "F")):
            raise ValueError("in another depth, which each scales in its own way")
        if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(284) == 2:
            raise ValueError("of which Pillow mixes up the bytes in 16 bit")
        if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].any():
            white = Image.new("RGBA", image.size, "white")
            return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
        return np.asarray(image.convert("RGB"))


def difference(mine: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Levels, at the pixel that differs most, whichever way up the pictures are shown."""
    least = 255.0
    for flipped in (other, other[:, ::-1]):
        for turns in range(4):
            turned = np.rot90(flipped, turns)
            if turned.shape == mine.shape and least > 0:
                off = np.abs(mine.astype(np.int16) - turned).max(initial=0)
                least = min(least, float(off))
    return least


class StandardError:
    """What libraries in C write to the standard error; all of it is caught."""

    def __init__(self) -> None:
        self._catch = tempfile.TemporaryFile()  # noqa: SIM115
        sys.stderr.flush()
        os.dup2(self._catch.fileno(), 2)

    def said(self) -> bytes:
        """What was written since it was asked last."""
        size = os.lseek(self._catch.fileno(), 0, os.SEEK_CUR)
        if not size:
            return b""
        os.lseek(self._catch.fileno(), 0, os.SEEK_SET)
        text = os.read(self._catch.fileno(), size)
        os.ftruncate(self._catch.fileno(), 0)
        os.lseek(self._catch.fileno(), 0, os.SEEK_SET)
        return text


def damaged(content: bytes, rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return content[: rng.randrange(len(content))]
    data = bytearray(content)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data)) if rng.random() < 0.7 else rng.randrange(min(400, len(data)))
        if rng.random() < 0.5:
            data[at] ^= 1 << rng.randrange(8)
        elif rng.random() < 0.5:
            piece = rng.choice(PIECES)
            data[at : at + len(piece)] = piece
        else:
            length = min(rng.randrange(1, 64), len(data) - at)
            data[at : at + length] = bytes(length)
    return bytes(data)


def check_whole(made: dict[str, Made], folder: Path) -> int:
    wrong = 0
    for name, (content, wanted) in made.items():
        path = folder / name
        path.write_bytes(content)
        pixels = read_image(path, 3).pixels
        right = by_second_decoder(path) if wanted is None else wanted
        if right.ndim == 2:
            right = np.repeat(right[..., np.newaxis], 3, axis=2)
        off = difference(pixels, right)
        if off > SAME.get("JPEG" if "jp" in name else "", 1.0):
            wrong += 1
            print(f"{name} is read otherwise, by up to {off:.0f} levels")
    print(f"whole: {len(made)} pictures, {wrong} read otherwise")
    return wrong


def outcome(path: Path, kind: str, error: StandardError) -> str:
    """What came of a damaged picture, in words."""
    begin = time.perf_counter()
    mine, wrong = read_here(path)
    if said := error.said():
        wrong = f"on the standard error: {said!r}"
    if time.perf_counter() - begin > SLOW:
        wrong = "slow"
    if wrong:
        return f"WRONG: {wrong}"
    signal.alarm(int(SLOW))
    try:
        other = by_second_decoder(path)
    except Exception:
        return "refused by both" if mine is None else "read here alone"
    finally:
        signal.alarm(0)
        error.said()
    if mine is None:
        return "refused here alone"
    return "read alike" if difference(mine, other) <= SAME.get(kind, 1.0) else "READ OTHERWISE"


def read_here(path: Path) -> tuple[NDArray[np.uint8] | None, str]:
    """The pixels, if there are any, and what is wrong with how they were read."""
    try:
        return read_image(path, 3).pixels, ""
    except ImageError as error:
        named = str(error).startswith(path.name) and "\n" not in str(error)
        return None, "" if named else f"an error without the name: {error}"
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def too_long(*_: object) -> None:
    raise TimeoutError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--number", type=int, default=20_000, help="damaged pictures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for what is read otherwise or goes wrong")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_long)  # Pillow fills the canvas that a damaged WebP claims
    made = {**dict(by_pillow()), **dict(by_tifffile())}
    rng = random.Random(options.seed)
    counts: dict[str, Counter[str]] = {}
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        failed += check_whole(made, Path(folder))
        error = StandardError()
        tiffs = [name for name in made if "-" in name]
        others = [name for name in made if "-" not in name]
        for number in range(options.number):
            # The many layouts of TIFF share a third.
            name = rng.choice(tiffs) if number % 3 == 0 else rng.choice(others)
            path = Path(folder) / f"damaged-{name}"
            path.write_bytes(damaged(made[name][0], rng))
            kind = "JPEG" if name in ("jpeg.tif",) or "jp" in name else path.suffix[1:].upper()
            found = outcome(path, kind, error)
            group = "in layouts.tif" if "-" in name else name
            counts.setdefault(group, Counter())[found.split(":")[0]] += 1
            if found[:4] in ("WRON", "READ"):
                failed += found.startswith("WRONG")
                if options.keep:
                    options.keep.mkdir(exist_ok=True)
                    (options.keep / f"{number:05}-{name}").write_bytes(path.read_bytes())
                if found.startswith("WRONG"):
                    print(f"{number}, {name}: {found}")
    columns = sorted({found for each in counts.values() for found in each})
    print("kind | " + " | ".join(columns))
    for group, each in sorted(counts.items()):
        print(f"{group} | " + " | ".join(str(each[found]) for found in columns))
    total = sum(counts.values(), Counter[str]())
    print("all | " + " | ".join(str(total[found]) for found in columns))
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
