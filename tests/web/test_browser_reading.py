"""The page reads photographs as `predict` does: the same input of the model, to the last grey level
or one."""

from __future__ import annotations

import base64
import functools
import io
import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browser import Asked, Problem, ask, runtime, unpacked
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.levels import to_8_bit
from beetle_lm.predict.images.read import read_image
from beetle_lm.predict.views.placement import Placement, Window

Pixels = NDArray[np.uint8]


@functools.cache
def scene(width: int, height: int) -> Pixels:
    """A coloured picture with smooth and sharp places, (height, width, 3)."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (max(3, height // 9), max(3, width // 9), 3)).astype(np.uint8)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.circle(large, (width // 2, height // 3), min(width, height) // 4, (20, 90, 240), -1)
    noisy = large + rng.normal(0, 4, large.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


JPEGS: dict[str, dict[str, Any]] = {
    "4:2:0": {"quality": 90},
    "4:2:2": {"quality": 85, "subsampling": 1},
    "4:4:4": {"quality": 97, "subsampling": 0},
    "progressive": {"quality": 88, "progressive": True},
    "coarse": {"quality": 12},
    "restarts": {"quality": 90, "restart_marker_blocks": 3},
    "one pixel less": {"quality": 90},
    "grey": {"quality": 90},
    "progressive grey": {"quality": 80, "progressive": True},
}


def write_jpeg(path: Path, kind: str, orientation: int) -> None:
    size = (417, 323) if kind == "one pixel less" else (432, 328)
    picture = Image.fromarray(scene(*size))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if "grey" in kind:
        picture = picture.convert("L")
    picture.save(path, exif=exif, **JPEGS[kind])


def question(path: Path, channels: int, size: tuple[int, int], fit: str = "letterbox") -> Asked:
    """Asks what input the page makes of a photograph."""
    told = {"path": str(path), "channels": channels, "size": size, "fit": fit, "detail": 1}
    return "input", told


def wanted(path: Path, channels: int, size: tuple[int, int], fit: Any, detail: int = 1) -> Any:
    picture = read_image(path, channels, (size[0] * detail, size[1] * detail))
    view = Placement.fit(picture.frame, size, fit)
    return picture, view, view.render(picture)


SIZES = ((96, 72), (200, 100), (500, 400))
FORMS = [
    *itertools.product((1, 3), SIZES, ("letterbox",)),
    *((1, (256, 192), "stretch"), (3, (64, 300), "stretch"), (1, (500, 200), "stretch")),
]


def test_jpegs_become_the_same_input(tmp_path: Path) -> None:
    cases, asked = [], []
    for number, (kind, (channels, size, fit)) in enumerate(itertools.product(JPEGS, FORMS)):
        path = tmp_path / f"{number}.jpg"
        write_jpeg(path, kind, number % 8 + 1)
        cases.append((kind, path, channels, size, fit))
        asked.append(question(path, channels, size, fit))
    for (kind, path, channels, size, fit), found in zip(cases, ask(asked), strict=True):
        assert not isinstance(found, Problem), f"{kind} {found}"
        picture, view, pixels = wanted(path, channels, size, fit)
        assert tuple(found["size"]) == picture.size
        frame = picture.frame
        assert found["frame"] == [frame.left, frame.top, frame.right, frame.bottom]
        assert tuple(found["decoded"]) == picture.pixels.shape[1::-1]
        difference = np.abs(unpacked(found["values"]).reshape(pixels.shape).astype(int) - pixels)
        assert difference.max() <= 1, kind
        assert (difference > 0).mean() < 0.01, kind
        np.testing.assert_array_equal(
            found["back"], view.to_image(np.array([size[0] / 3, size[1] / 7]))
        )
        assert found["pixels"] == view.image_pixels


def test_jpegs_longer_than_what_is_read_ahead(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3)).astype(np.uint8)
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "restarts": {"restart_marker_rows": 7},
        "progressive": {"progressive": True},
    }
    asked, cases = [], []
    for kind, (channels, size) in itertools.product(kinds, ((1, (150, 100)), (3, (300, 200)))):
        path = tmp_path / f"{kind}.jpg"
        Image.fromarray(noise).save(path, quality=98, **kinds[kind])
        assert path.stat().st_size > 3 << 16
        asked.append(question(path, channels, size))
        cases.append((kind, wanted(path, channels, size, "letterbox")[2]))
    for (kind, pixels), found in zip(cases, ask(asked), strict=True):
        assert not isinstance(found, Problem), f"{kind} {found}"
        difference = np.abs(unpacked(found["values"]).reshape(pixels.shape).astype(int) - pixels)
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01, kind


def test_what_two_read_is_what_one_reads(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (700, 900, 3)).astype(np.uint8)
    asked, parted = [], []
    for kind, spoilt in itertools.product(JPEGS, range(4)):
        path = tmp_path / f"{kind.replace(':', '')} {spoilt}.jpg"
        picture = Image.fromarray(noise).convert("L" if "grey" in kind else "RGB")
        picture.save(path, **(JPEGS[kind] | {"quality": 95}))
        content = bytearray(path.read_bytes())
        for at in rng.integers(len(content) // 3, len(content), spoilt):
            content[at] = int(rng.integers(0, 256))
        path.write_bytes(content)
        parted.append(not spoilt and not kind.startswith(("progressive", "restarts")))
        channels = 1 if spoilt % 2 else 3
        asked.append(("halves", {"path": str(path), "channels": channels, "size": (150, 100)}))
    for (_, told), is_parted, found in zip(asked, parted, ask(asked), strict=True):
        assert found["alike"], told["path"]
        assert found["units"] > 0 or not is_parted, told["path"]


def test_real_photographs_become_the_same_input(shared_data: Path) -> None:
    folders = (*(shared_data / "carabids").glob("*/images"), shared_data / "beetleflow" / "images")
    paths = [
        path
        for folder in folders
        for path in sorted(folder.iterdir())[::9][:6]
        if path.suffix.lower() in {".jpg", ".png"}
    ]
    assert len(paths) > 20
    size = (704, 512)
    for path, found in zip(paths, ask([question(path, 1, size) for path in paths]), strict=True):
        assert not isinstance(found, Problem), f"{path.name} {found}"
        _, _, pixels = wanted(path, 1, size, "letterbox")
        difference = np.abs(unpacked(found["values"]).reshape(pixels.shape).astype(int) - pixels)
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01, path.name


def test_a_turned_window_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    write_jpeg(path, "4:2:0", 6)
    asked, pixels = [], []
    for turn, scale in ((0.4, 0.3), (2.0, 1.7), (-1.1, 0.08)):
        cos, sin = scale * np.cos(turn), scale * np.sin(turn)
        matrix = np.array([[cos, -sin, 60.0], [sin, cos, 20.0]])
        size = (120, 100)
        picture = read_image(path, 1, (360, 300))
        pixels.append(Window(matrix, size).render(picture))
        flat = matrix.ravel().tolist()
        asked.append(("window", {"path": str(path), "channels": 1, "size": size, "matrix": flat}))
    for found, known in zip(ask(asked), pixels, strict=True):
        difference = np.abs(unpacked(found).reshape(known.shape).astype(int) - known)
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01


def damaged(content: bytes, how: str) -> bytes:
    if how == "cut off":
        return content[: len(content) // 2]
    if how == "no picture":
        return content[:30]
    return content[:2] + b"\xff\xd8" + content[2:].replace(b"\xff\xc4", b"\xff\xc5")


@pytest.mark.parametrize("how", ["cut off", "no picture", "tables"])
@pytest.mark.parametrize("kind", ["4:2:0", "progressive"])
def test_damaged_jpegs_are_refused(how: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    write_jpeg(path, kind, 1)
    path.write_bytes(damaged(path.read_bytes(), how))
    with pytest.raises(ImageError):
        read_image(path, 1, (96, 72))
    [found] = ask([question(path, 1, (96, 72))])
    assert isinstance(found, Problem)
    assert "damaged" in found or "truncated" in found or "rare kind" in found or "image" in found


def test_spoilt_bytes_are_noticed_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    asked, known = [], []
    for number in range(90):
        path = tmp_path / f"{number}.jpg"
        write_jpeg(path, list(JPEGS)[number % len(JPEGS)], 1)
        content = bytearray(path.read_bytes())
        for at in rng.integers(0, len(content), 2):
            content[at] = int(rng.integers(0, 256))
        path.write_bytes(content)
        try:
            known.append(wanted(path, 1, (96, 72), "letterbox")[2])
        except ImageError:
            known.append(None)
        asked.append(question(path, 1, (96, 72)))
    alike = []
    for pixels, found in zip(known, ask(asked), strict=True):
        alike.append(isinstance(found, Problem) == (pixels is None))
        if pixels is None:
            continue
        assert not isinstance(found, Problem)  # what `predict` takes the page takes, and as it is
        difference = unpacked(found["values"]).reshape(pixels.shape).astype(int) - pixels
        assert np.abs(difference).max() <= 1
    assert np.mean(alike) > 0.95


def pngs(folder: Path) -> list[Path]:
    """PNGs of all depths and kinds."""
    rgb = scene(120, 90)
    grey = rgb[..., 0]
    deep = (grey.astype(np.uint16) << 8) + 3000 % 256
    alpha = np.dstack([rgb, np.tile(np.linspace(0, 255, 120).astype(np.uint8), (90, 1))])
    made = {
        "grey": Image.fromarray(grey),
        "rgb": Image.fromarray(rgb),
        "rgba": Image.fromarray(alpha),
        "bits": Image.fromarray(grey).convert("1"),
        "palette": Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE),
    }
    for name, picture in made.items():
        picture.save(folder / f"{name}.png")
    for name, array in {
        "deep": deep,
        "twelve": grey.astype(np.uint16) << 4,
        "rgb-deep": np.repeat(deep[..., None], 3, 2),
    }.items():
        cv2.imwrite(str(folder / f"{name}.png"), array)
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(rgb).save(folder / "turned.png", exif=exif)
    return sorted(folder.glob("*.png"))


def test_pngs_become_the_same_input(tmp_path: Path) -> None:
    cases = [(path, channels) for path in pngs(tmp_path) for channels in (1, 3)]
    size = (96, 72)
    asked = [question(path, channels, size) for path, channels in cases]
    for (path, channels), found in zip(cases, ask(asked), strict=True):
        assert not isinstance(found, Problem), f"{path.name} {found}"
        _, _, pixels = wanted(path, channels, size, "letterbox")
        difference = np.abs(unpacked(found["values"]).reshape(pixels.shape).astype(int) - pixels)
        assert difference.max() <= 1, path.name


def test_damaged_pngs_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(scene(90, 80)).save(stream, "PNG")
    whole = stream.getvalue()
    spoilt = bytearray(whole)
    spoilt[len(whole) // 2] ^= 1
    asked = []
    for name, content in {"spoilt": bytes(spoilt), "cut": whole[:-30], "short": whole[:20]}.items():
        (tmp_path / f"{name}.png").write_bytes(content)
        asked.append(question(tmp_path / f"{name}.png", 1, (96, 72)))
    assert all(isinstance(found, Problem) for found in ask(asked))


def test_tiffs_become_the_same_input(tmp_path: Path) -> None:
    folder = runtime()
    from beetle_lm.web.site.third_party import third_party
    from beetle_lm.web.site.write import runtime_files
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.store import Store

    utif = tmp_path / "utif.mjs"
    utif.write_bytes(runtime_files(third_party(folder, Store(), Hub()))["utif.js"])
    rgb = scene(120, 90)
    grey = rgb[..., 0]
    deep = grey.astype(np.uint16) << 4
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        Image.fromarray(rgb).save(tmp_path / f"rgb-{compression}.tif", compression=compression)
        Image.fromarray(grey).save(tmp_path / f"grey-{compression}.tif", compression=compression)
    Image.fromarray(grey).convert("1").save(tmp_path / "bits.tif")
    Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.tif")
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    Image.fromarray(grey.astype(np.float32) / 7).save(tmp_path / "float.tif")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgb).save(tmp_path / "turned.tif", exif=exif)
    cases = [(path, channels) for path in sorted(tmp_path.glob("*.tif")) for channels in (1, 3)]
    size = (96, 72)
    asked = [question(path, channels, size) for path, channels in cases]
    for (path, channels), found in zip(cases, ask(asked, UTIF=utif.as_uri()), strict=True):
        assert not isinstance(found, Problem), f"{path.name} {found}"
        _, _, pixels = wanted(path, channels, size, "letterbox")
        difference = np.abs(unpacked(found["values"]).reshape(pixels.shape).astype(int) - pixels)
        assert difference.max() <= 1, path.name


def test_deep_values_become_the_same_8_bit() -> None:
    rng = np.random.default_rng(3)
    ramp = np.linspace(900, 3900, 6000)
    spoilt = ramp.copy()
    spoilt[:40] = 65535
    given: list[NDArray[Any]] = [
        ramp.astype(np.uint16),
        spoilt.astype(np.uint16),
        (rng.normal(30000, 200, 9000)).astype(np.uint16),
        rng.normal(0, 5, 5000).astype(np.float32),
        np.array([np.nan, np.inf, 1, 2, 3], np.float32),
        rng.integers(-900, 900, 4000).astype(np.int16),
        np.full(50, 7, np.uint16),
    ]
    asked = [
        (
            "eight",
            {"kind": each.dtype.name, "values": base64.b64encode(each.tobytes()).decode()},
        )
        for each in given
    ]
    for each, found in zip(given, ask(asked), strict=True):
        np.testing.assert_array_equal(unpacked(found), to_8_bit(each))
