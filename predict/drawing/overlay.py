"""Landmarks drawn on their photograph, to be checked by eye."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beetle_lm.predict.drawing.labels import label_places
from beetle_lm.predict.images.read import File, Form, Picture, Read, read_image
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import printable

_LONGEST, _SHORTEST = 1600, 1000
OVERLAY = Form(3, (_LONGEST, _LONGEST))
"""In which form a photograph is read for its overlay."""

_SUBPIXEL_BITS = 4
# From Okabe and Ito's palette, which the colour-blind tell apart: vermilion, yellow, sky blue.
_SCORES = (0.0, 0.5, 1.0)
_COLOURS = np.array([(230, 60, 0), (240, 228, 66), (86, 180, 233)], np.float64)
FLAGGED = (190, 40, 0)
"""The colour of the frame around a photograph that is flagged."""

_BOX = (0, 158, 115)
_UNSURE = (150, 150, 150)
_CURVE = (240, 180, 60)
_BLACK, _WHITE, _MANUAL = (0, 0, 0), (255, 255, 255), (255, 90, 220)


@dataclass(frozen=True, eq=False)
class Marked:
    """A photograph and its landmarks, both at the scale at which they are shown.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        xy: (n, 2) landmarks in these pixels, NaN missing.
        score: (n,) scores from 0 to 1.
        manual: (m, 2) manual landmarks in these pixels, None without any.
        box: (4, 2) corners of the window in which the landmarks were looked for, in these pixels;
            None where that was all of the photograph.
        curves: (m, 2) points of each curve, in these pixels.
        number: of the specimen, where the photograph shows several.
        others: the further specimens, on the same pixels.
        unsure: (4, 2) corners of places that may show a further one, in these pixels.
    """

    pixels: NDArray[np.uint8]
    xy: Floats
    score: Floats
    manual: Floats | None = None
    box: Floats | None = None
    curves: tuple[Floats, ...] = ()
    number: int | None = None
    others: tuple[Marked, ...] = ()
    unsure: tuple[Floats, ...] = ()

    @classmethod
    def read(
        cls,
        photograph: File,
        xy: Floats,
        score: Floats,
        manual: Floats | None = None,
        read: Read = read_image,
    ) -> Marked:
        """A photograph at the scale of its overlay, 1000 to 1600 pixels long.

        Args:
            photograph: the image file.
            xy: (n, 2) pixels of the upright photograph, NaN missing.
            score: (n,) scores from 0 to 1.
            manual: (m, 2) manual landmarks in the same frame.
            read: reads the photograph.

        Raises:
            ImageError: the photograph cannot be read.
        """
        picture = read(photograph, OVERLAY.channels, OVERLAY.at_least)
        return cls.of(overlay_sized(picture), xy, score, manual)

    @classmethod
    def of(
        cls,
        picture: Picture,
        xy: Floats,
        score: Floats,
        manual: Floats | None = None,
        box: Floats | None = None,
        curves: Iterable[Floats] = (),
        number: int | None = None,
        unsure: tuple[Floats, ...] = (),
    ) -> Marked:
        """A photograph at the scale at which it is at hand, RGB; the rest as for `read`.

        Args:
            picture: the photograph.
            xy: (n, 2) landmarks.
            score: (n,) of them.
            manual: (m, 2) manual landmarks.
            box: (4, 2) corners of the window in which the landmarks were looked for.
            curves: (m, 2) points of each curve.
            number: of the specimen, where the photograph shows several.
            unsure: (4, 2) corners of places that may show a further one.
        """
        frame, pixels = picture.frame, picture.pixels
        origin = np.array([frame.left, frame.top])
        scale = np.array(pixels.shape[1::-1]) / (frame.width, frame.height)
        marked = cls(pixels, xy, score, manual, box, tuple(curves), number, unsure=unsure)
        return marked._moved(pixels, origin, scale)

    def _moved(self, pixels: NDArray[np.uint8], origin: Floats, scale: Floats) -> Marked:
        """The same on other pixels: places less their origin, times their scale."""

        def moved(places: Floats) -> Floats:
            return np.asarray((places - origin) * scale, np.float64)

        return replace(
            self,
            pixels=pixels,
            xy=moved(self.xy),
            manual=None if self.manual is None else moved(self.manual),
            box=None if self.box is None else moved(self.box),
            curves=tuple(map(moved, self.curves)),
            others=tuple(other._moved(pixels, origin, scale) for other in self.others),
            unsure=tuple(map(moved, self.unsure)),
        )

    def fitted(self, width: int, height: int) -> Marked:
        """The same, as large as fits into a box."""
        own_height, own_width = self.pixels.shape[:2]
        scale = min(width / own_width, height / own_height)
        return self.resized((round(own_width * scale), round(own_height * scale)))

    def resized(self, size: tuple[int, int]) -> Marked:
        """The same with another width and height, each at least 1."""
        pixels = _resized(self.pixels, size)
        scale = np.array(pixels.shape[1::-1]) / self.pixels.shape[1::-1]
        return self._moved(pixels, np.zeros(2), scale)

    def drawn(self, min_score: float = 0.0, flag: str | None = None) -> NDArray[np.uint8]:
        """The pixels with numbered landmarks, and crosses for manual ones; see `draw`.

        Args:
            min_score: landmarks below this score are marked as uncertain.
            flag: why the photograph is flagged; it is framed in red then, and a bar above it gives
                the reason.
        """
        pixels = self._lined()
        for one in (self, *self.others):
            radius = None if one.number is None else _radius_of(one.xy, pixels)
            pixels = draw(pixels, one.xy, one.score, min_score, one.manual, radius)
        pixels = _with_numbers(pixels, (self, *self.others))
        return pixels if flag is None else _flagged(pixels, flag)

    def dotted(
        self, radius: int, min_score: float = 0.0, numbers: int | None = None
    ) -> NDArray[np.uint8]:
        """The pixels with a small dot on each landmark, for small pictures.

        Args:
            radius: of a dot, in pixels.
            min_score: landmarks below this score are marked as uncertain.
            numbers: height of the landmarks' numbers; None writes none.
        """
        canvas = self._lined()
        for one in (self, *self.others):
            for point, value in zip(one.xy, one.score, strict=True):
                if not np.isnan(point).any():
                    small_dot(canvas, point, radius, float(value), trusted=bool(value >= min_score))
        return canvas if numbers is None else _numbered(canvas, self.xy, numbers / 2.4)

    def _lined(self) -> NDArray[np.uint8]:
        """A copy of the pixels with the outlines of windows and the lines of curves."""
        canvas = self.pixels.copy()
        for place in self.unsure:
            _outline(canvas, place, _UNSURE, (1, 1, 1, 1))
        for one in (self, *self.others):
            if one.box is not None:  # its upper side is thicker
                _outline(canvas, one.box, _BOX, (2, 1, 1, 1))
        width = max(1, round(max(canvas.shape[:2]) / 500))
        for curve in [curve for one in (self, *self.others) for curve in one.curves]:
            points = [_fixed_point(point) for point in curve[~np.isnan(curve[:, 0])]]
            path = np.array(points, np.int32).reshape(-1, 1, 2)
            for colour, thickness in ((_BLACK, width + 2), (_CURVE, width)):
                cv2.polylines(canvas, [path], False, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
            for x, y in points[1:-1]:
                radius = (width + 1) << _SUBPIXEL_BITS
                cv2.circle(canvas, (x, y), radius, _CURVE, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)
        return canvas


def overlay_sized(picture: Picture) -> Picture:
    """A photograph, decoded as `OVERLAY` says, at the scale of its overlay: 1000 to 1600 pixels."""
    longest = max(picture.size)
    scale = min(max(longest, _SHORTEST), _LONGEST) / longest
    size = round(picture.frame.width * scale), round(picture.frame.height * scale)
    return replace(picture, pixels=_resized(picture.pixels, size))


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) with another width and height, each 1 at least."""
    size = max(1, size[0]), max(1, size[1])
    method = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)


def small_dot(
    canvas: NDArray[np.uint8], point: Floats, radius: int, score: float, *, trusted: bool = True
) -> None:
    """Draws a dot with a thin dark rim in the colour of its score, or a red ring if not trusted."""
    if trusted:
        _circle(canvas, point, radius + 1.2, _BLACK)
        _circle(canvas, point, radius, _colour(score))
    else:
        _circle(canvas, point, radius + 1.0, _BLACK, 4)
        _circle(canvas, point, radius + 1.0, _colour(0.0), 2)


def jpeg(pixels: NDArray[np.uint8], quality: int = 88) -> bytes:
    """RGB pixels (H, W, 3) as the content of a JPEG file.

    OpenCV's own writer of files fails on some names on Windows.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return encoded.tobytes()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """RGB pixels (H, W, 3) as the content of a PNG file."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def draw(
    pixels: NDArray[np.uint8],
    xy: Floats,
    score: Floats,
    min_score: float = 0.0,
    manual: Floats | None = None,
    radius: int | None = None,
) -> NDArray[np.uint8]:
    """Draws numbered landmarks on RGB pixels (H, W, 3) of the same scale; returns a copy.

    Dots go from blue (certain) through yellow to red (uncertain); landmarks with a score below
    `min_score` are red rings. Manual landmarks are pink crosses.
    """
    canvas = pixels.copy()
    radius = _radius(canvas) if radius is None else radius
    if manual is not None:
        for point in manual[~np.isnan(manual).any(axis=1)]:
            _cross(canvas, point, radius)
    for point, value in zip(xy, score, strict=True):
        if not np.isnan(point).any():
            _dot(canvas, point, radius, float(value), trusted=bool(value >= min_score))
    return _numbered(canvas, xy, radius)


def in_lines(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> list[str]:
    """A text broken into lines of at most `width`, except for single words that are wider."""
    first, *others = text.split(" ")
    lines = [first]
    for word in others:
        longer = f"{lines[-1]} {word}"
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _flagged(pixels: NDArray[np.uint8], flag: str) -> NDArray[np.uint8]:
    """Framed in the colour of flagged photographs, with the reason in a bar above."""
    size = max(12, pixels.shape[1] // 55)
    font = ImageFont.load_default(size=size)
    lines = in_lines(f"flagged: {printable(flag)}", font, pixels.shape[1] - size)
    border, step = max(3, size // 3), round(1.4 * size)
    bar = len(lines) * step + size // 2
    canvas = cv2.copyMakeBorder(
        pixels, bar, border, border, border, cv2.BORDER_CONSTANT, value=FLAGGED
    )
    picture = Image.fromarray(np.asarray(canvas, np.uint8))
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text((border + size // 2, (number + 0.6) * step), line, _WHITE, font, "lm")
    return np.asarray(picture, np.uint8)


def _colour(score: float) -> tuple[int, int, int]:
    red, green, blue = (round(float(np.interp(score, _SCORES, part))) for part in _COLOURS.T)
    return red, green, blue


def _fixed_point(point: Floats) -> tuple[int, int]:
    # OpenCV's pixel (0, 0) has its centre at 0, ours at 0.5.
    x, y = np.rint((point - 0.5) * 2**_SUBPIXEL_BITS).astype(int)
    return int(x), int(y)


def _circle(
    canvas: NDArray[np.uint8],
    point: Floats,
    radius: float,
    colour: tuple[int, int, int],
    thickness: int = cv2.FILLED,
) -> None:
    fixed_radius = round(radius * 2**_SUBPIXEL_BITS)
    centre = _fixed_point(point)
    cv2.circle(canvas, centre, fixed_radius, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dot(
    canvas: NDArray[np.uint8], point: Floats, radius: int, score: float, *, trusted: bool
) -> None:
    width = max(1, radius // 3)
    if trusted:
        _circle(canvas, point, radius + width, _WHITE)
        _circle(canvas, point, radius + width / 2, _BLACK)
        _circle(canvas, point, radius, _colour(score))
        _circle(canvas, point, max(1.0, radius * 0.22), _BLACK)  # where the landmark is, exactly
    else:
        _circle(canvas, point, radius * 1.7, _WHITE, 3 * width)
        _circle(canvas, point, radius * 1.7, _colour(0.0), 2 * width)


def _outline(
    canvas: NDArray[np.uint8], box: Floats, colour: tuple[int, int, int], wide: tuple[int, ...]
) -> None:
    """Draws the thin outline of a window, each side so many times as wide."""
    width = max(1, round(max(canvas.shape[:2]) / 700))
    corners = [_fixed_point(point) for point in box]
    for start, end, times in zip(corners, [*corners[1:], corners[0]], wide, strict=True):
        for shade, more in ((_BLACK, 2), (colour, 0)):
            thickness = times * width + more
            cv2.line(canvas, start, end, shade, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _radius_of(xy: Floats, pixels: NDArray[np.uint8]) -> int:
    """The radius of the dots on a specimen that is one of several."""
    largest = _radius(pixels)
    there = xy[~np.isnan(xy).any(axis=1)]
    extent = float(np.ptp(there, axis=0).max()) if len(there) else 0.0
    return min(max(3, round(extent * 0.025)), largest)


def _radius(pixels: NDArray[np.uint8]) -> int:
    longest: int = max(pixels.shape[:2])
    return max(4, round(longest * 0.0055))


def _with_numbers(canvas: NDArray[np.uint8], specimens: Iterable[Marked]) -> NDArray[np.uint8]:
    """Writes the number of each specimen above it, on the left."""
    numbered = [one for one in specimens if one.number is not None and len(one.xy)]
    if not numbered:
        return canvas
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    size = max(16, round(max(canvas.shape[:2]) / 50))
    font = ImageFont.load_default(size=size)
    for one in numbered:
        left, top = np.nanmin(one.xy, axis=0) - 0.6 * size
        x = float(np.clip(left, 0, picture.width - size))
        y = float(np.clip(top, size, picture.height))
        pen.text((x, y), str(one.number), _BOX, font, "rs", stroke_width=3, stroke_fill=_WHITE)
    return np.asarray(picture, np.uint8)


def _cross(canvas: NDArray[np.uint8], point: Floats, radius: int) -> None:
    arm = radius * 1.7
    width = max(2, radius // 4)
    for colour, thickness in ((_BLACK, width + 2), (_MANUAL, width)):
        for step in ((arm, arm), (arm, -arm)):
            ends = _fixed_point(point - step), _fixed_point(point + np.array(step))
            cv2.line(canvas, *ends, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _numbered(canvas: NDArray[np.uint8], xy: Floats, radius: float) -> NDArray[np.uint8]:
    """Writes each landmark's number beside it, where there is the most room."""
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
            stroke_width=max(1, int(radius // 3)),
            stroke_fill=_BLACK,
        )
    return np.asarray(picture, np.uint8)
