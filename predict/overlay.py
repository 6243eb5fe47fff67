"""Landmarks drawn on their photograph, to judge them by eye."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beetle_lm.errors import ImageError
from beetle_lm.predict.images import read_image
from beetle_lm.predict.labels import label_places
from beetle_lm.predict.landmarks import Floats

_LONGEST, _SHORTEST = 1600, 1000
_JPEG_QUALITY = 88
_SUBPIXEL_BITS = 4
# From Okabe and Ito's palette, which the colour-blind tell apart: vermilion, yellow, sky blue.
_SCORES = (0.0, 0.5, 1.0)
_COLOURS = np.array([(230, 60, 0), (240, 228, 66), (86, 180, 233)], np.float64)
_BLACK, _WHITE, _MANUAL = (0, 0, 0), (255, 255, 255), (255, 90, 220)


def draw_overlay(
    photograph: Path,
    target: Path,
    xy: Floats,
    score: Floats,
    *,
    min_score: float = 0.0,
    manual: Floats | None = None,
) -> None:
    """Draws numbered landmarks on a photograph and writes it as a JPEG 1000 to 1600 pixels long.

    Dots go from blue (sure) over yellow to red (unsure); landmarks with a score below `min_score`
    are red rings. Manual landmarks are pink crosses.

    Args:
        photograph: the image file.
        target: the JPEG to write; its folder is made if need be.
        xy: (n, 2) pixels of the upright photograph, NaN missing.
        score: (n,) scores from 0 to 1.
        min_score: the score below which a landmark is not trusted.
        manual: (m, 2) manual landmarks in the same frame.

    Raises:
        ImageError: the photograph cannot be read.
        OSError: the JPEG cannot be written.
    """
    picture = read_image(photograph, 3, at_least=(_LONGEST, _LONGEST))
    longest = max(picture.size)
    scale = min(max(longest, _SHORTEST), _LONGEST) / longest
    covered = (round(picture.frame.width * scale), round(picture.frame.height * scale))
    shrinks = covered[0] < picture.pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    pixels = np.ascontiguousarray(cv2.resize(picture.pixels, covered, interpolation=method))
    origin = np.array([picture.frame.left, picture.frame.top])
    drawn = draw(
        np.asarray(pixels, np.uint8),
        (xy - origin) * scale,
        score,
        min_score=min_score,
        manual=None if manual is None else (manual - origin) * scale,
    )
    encoded_well, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not encoded_well:
        raise ImageError(f"the overlay of {photograph.name} cannot be encoded as JPEG")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded.tobytes())


def draw(
    pixels: NDArray[np.uint8],
    xy: Floats,
    score: Floats,
    *,
    min_score: float = 0.0,
    manual: Floats | None = None,
) -> NDArray[np.uint8]:
    """Draws numbered landmarks on RGB pixels (H, W, 3) of the same scale; returns a copy."""
    canvas = pixels.copy()
    radius = max(4, round(max(canvas.shape[:2]) * 0.0055))
    if manual is not None:
        for point in manual[~np.isnan(manual).any(axis=1)]:
            _cross(canvas, point, radius)
    for point, value in zip(xy, score, strict=True):
        if not np.isnan(point).any():
            _dot(canvas, point, radius, float(value), trusted=bool(value >= min_score))
    return _numbered(canvas, xy, radius)


def _colour(score: float) -> tuple[int, int, int]:
    red, green, blue = (round(float(np.interp(score, _SCORES, part))) for part in _COLOURS.T)
    return red, green, blue


def _fixed_point(point: Floats) -> tuple[int, int]:
    # OpenCV's pixel (0, 0) has its centre at 0, ours at 0.5.
    x, y = np.rint((point - 0.5) * 2**_SUBPIXEL_BITS).astype(int)
    return int(x), int(y)


def _dot(
    canvas: NDArray[np.uint8], point: Floats, radius: int, score: float, *, trusted: bool
) -> None:
    centre = _fixed_point(point)
    width = max(1, radius // 3)

    def circle(size: float, colour: tuple[int, int, int], thickness: int) -> None:
        fixed_size = round(size * 2**_SUBPIXEL_BITS)
        cv2.circle(canvas, centre, fixed_size, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)

    if trusted:
        circle(radius + width, _WHITE, cv2.FILLED)
        circle(radius + width / 2, _BLACK, cv2.FILLED)
        circle(radius, _colour(score), cv2.FILLED)
        circle(max(1.0, radius * 0.22), _BLACK, cv2.FILLED)  # where the landmark is, exactly
    else:
        circle(radius * 1.7, _WHITE, 3 * width)
        circle(radius * 1.7, _colour(0.0), 2 * width)


def _cross(canvas: NDArray[np.uint8], point: Floats, radius: int) -> None:
    arm = radius * 1.7
    width = max(2, radius // 4)
    for colour, thickness in ((_BLACK, width + 2), (_MANUAL, width)):
        for step in ((arm, arm), (arm, -arm)):
            ends = _fixed_point(point - step), _fixed_point(point + np.array(step))
            cv2.line(canvas, *ends, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _numbered(canvas: NDArray[np.uint8], xy: Floats, radius: int) -> NDArray[np.uint8]:
    """Writes each landmark's number beside it, where there is most room."""
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=radius * 2.4)
    edge = np.array([picture.width, picture.height]) - radius * 1.5
    places = label_places(xy, radius * 2.9, radius * 1.5, edge)
    for number, place in enumerate(places, start=1):
        if np.isnan(place).any():
            continue
        pen.text(
            (float(place[0]), float(place[1])),
            str(number),
            fill=_WHITE,
            font=font,
            anchor="mm",
            stroke_width=max(1, radius // 3),
            stroke_fill=_BLACK,
        )
    return np.asarray(picture, np.uint8)
