"""Writes a series of drawn photographs with its landmark file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from beetle_lm.errors import Hint, OutputError
from beetle_lm.predict.drawing.overlay import jpeg
from beetle_lm.predict.formats.tps import TpsRecord, write_tps
from beetle_lm.train.synthetic.render import SIZE, check_size, drawn_part, render, specimen_rng

_JPEG_QUALITY = 85


def render_series(
    part: str,
    count: int,
    output: Path,
    seed: int,
    size: tuple[int, int] = SIZE,
    overwrite: bool = False,
    drawn: Callable[[], object] = lambda: None,
) -> Path:
    """Draws photographs of a part into `output/PART/images` and `output/PART/landmarks.tps`.

    A longer series of the same seed begins with the same photographs. Files come into place when
    all are drawn.

    Args:
        part: one of the paper's parts.
        count: how many photographs.
        output: folder that gets the part's folder.
        seed: seed of the series, not negative.
        size: width and height of the photographs in pixels.
        overwrite: replace a series of the same part that is there.
        drawn: called after each photograph.

    Returns:
        The part's folder.

    Raises:
        PartError: the part is unknown.
        RequestError: the size is out of range.
        OutputError: a series is there already, or the folder cannot be written.
    """
    check_size(size)
    folder = output / drawn_part(part).name
    images, landmarks = folder / "images", folder / "landmarks.tps"
    if not overwrite and (landmarks.exists() or _series(images, part)):
        raise OutputError(f"{folder} holds a series already", Hint.REPLACE)
    try:
        images.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".render-", dir=folder) as temporary:
            fresh = Path(temporary)
            records = []
            for number in range(1, count + 1):
                name = f"{part}_{number:04d}.jpg"
                records.append(_write_one(fresh / name, part, seed, number, size))
                drawn()
            for old in _series(images, part):
                old.unlink()
            for new in sorted(fresh.iterdir()):
                new.replace(images / new.name)
        write_tps(landmarks, records)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder


def _write_one(path: Path, part: str, seed: int, number: int, size: tuple[int, int]) -> TpsRecord:
    pixels, landmarks = render(part, specimen_rng(seed, part, number), size)
    path.write_bytes(jpeg(pixels, _JPEG_QUALITY))
    return TpsRecord.from_image_xy(landmarks.xy, size, path.name)


def _series(images: Path, part: str) -> list[Path]:
    """The photographs that an earlier run left there, and no other files."""
    return sorted(images.glob(f"{part}_[0-9][0-9][0-9][0-9]*.jpg"))
