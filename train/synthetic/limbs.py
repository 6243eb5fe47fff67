"""Legs and antennae of ground beetles, as outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.predict.curves import evenly_spaced, spline
from beetle_lm.train.synthetic.canvas import Canvas, Colour, Mask
from beetle_lm.train.synthetic.curves import Floats, ribbon
from beetle_lm.train.synthetic.surface import Finish, Gleam, relief, shade

_BLACK: Colour = (0.055, 0.065, 0.085)


def leg(
    rng: np.random.Generator,
    hip: Sequence[float],
    angles: Sequence[float],
    size: float = 1.0,
) -> list[Floats]:
    """Outlines of a leg: stout femur, spiny tibia, tarsus of five segments.

    Args:
        rng: the source of chance.
        hip: where it comes out from under the body, template pixels.
        angles: headings of femur, tibia and tarsus in degrees; 0 right, 90 down.
        size: 1 for a middle leg in an elytra photograph.
    """
    start = np.array(hip, np.float64)
    headings = np.radians(angles)
    ways = np.column_stack([np.cos(headings), np.sin(headings)])
    knee = start + ways[0] * 330 * size
    ankle = knee + ways[1] * 470 * size
    bow = np.array([-ways[0, 1], ways[0, 0]]) * 12 * size
    thigh = spline([start, (start + knee) / 2 + bow, knee])
    outlines = [ribbon(thigh, np.array([60, 110, 112, 84, 50]) * size)]
    shin = spline([knee - ways[0] * 12 * size, (knee + ankle) / 2 + bow * 0.6, ankle])
    outlines.append(ribbon(shin, np.array([34, 44, 48, 54, 62]) * size))
    outlines += _spines(rng, shin, size)
    outlines += _tarsus(ankle, float(headings[2]), size)
    return outlines


def sided(angles: tuple[float, float, float], out: int) -> tuple[float, float, float]:
    """Headings for a leg on the right side (`out` 1), or mirrored for one on the left (-1)."""
    return angles if out > 0 else (180 - angles[0], 180 - angles[1], 180 - angles[2])


def antenna(
    rng: np.random.Generator,
    base: Sequence[float],
    heading: float,
    curl: float,
    size: float = 1.0,
) -> list[Floats]:
    """Outlines of an antenna's segments: a long scape, a short second one, then even ones.

    Args:
        rng: the source of chance.
        base: where it is joined, template pixels.
        heading: degrees; 0 right, 90 down.
        curl: degrees by which each segment turns from the one before.
        size: 1 for a head photograph.
    """
    at = np.array(base, np.float64)
    outlines = []
    for i, length in enumerate([270, 110, 190, *[175] * 8]):
        way = np.array([np.cos(np.radians(heading)), np.sin(np.radians(heading))])
        end = at + way * length * size
        wide = 92 if i == 0 else 66
        body = evenly_spaced(np.array([at, end]), 9)
        outlines.append(ribbon(body, np.array([0.55, 0.72, 0.86, 0.96, 1.0, 0.72]) * wide * size))
        at = end - way * 8 * size
        heading += curl + rng.normal(0, 5)
    return outlines


def paint_limbs(canvas: Canvas, outlines: Sequence[Floats], radius: float = 50) -> Mask:
    """Paints limbs as black glossy chitin.

    Returns:
        Where they are.
    """
    mask = canvas.mask(*outlines)
    gleams = (
        Gleam(-0.45, -0.3, 0.22, 0.3, (0.13, 0.15, 0.18)),
        Gleam(0.5, -0.1, 0.2, 0.3, (0.08, 0.09, 0.12)),
    )
    finish = Finish(_BLACK, (0.10, 0.11, 0.14), (0.05, 0.06, 0.08), gleams)
    shade(canvas, mask, relief(canvas, mask, radius, 0.8), finish)
    return mask


def bristles(
    canvas: Canvas,
    rng: np.random.Generator,
    roots: Sequence[tuple[float, float]],
    midline: float,
    length: float,
) -> None:
    """Single long hairs that point away from the midline.

    Args:
        canvas: the picture.
        rng: the source of chance.
        roots: where they stand, template pixels.
        midline: x of the beetle's middle.
        length: how long they are.
    """
    paths = []
    for root in roots:
        out = 1.0 if root[0] > midline else -1.0
        heading = rng.normal(-0.6, 0.5)
        tip = np.array(root) + np.array([out * np.cos(heading), np.sin(heading)]) * length
        bend = (np.array(root) + tip) / 2 + rng.normal(0, length * 0.1, 2)
        paths.append(spline(np.array([root, bend, tip])))
    canvas.blend(canvas.strokes(paths, 5), (0.22, 0.2, 0.22), 0.7)


def _spines(rng: np.random.Generator, shin: Floats, size: float) -> list[Floats]:
    outlines = []
    places = evenly_spaced(shin, 15)
    for i in range(3, 14):
        along = places[i + 1] - places[i] if i + 1 < len(places) else places[i] - places[i - 1]
        along /= np.linalg.norm(along)
        side = np.array([-along[1], along[0]]) * (1 if i % 2 else -1)
        root = places[i] + side * 20 * size
        tip = root + (along * 0.75 + side * 0.65) * rng.uniform(26, 48) * size
        outlines.append(ribbon(evenly_spaced(np.array([root, tip]), 4), np.array([11, 4]) * size))
    return outlines


def _tarsus(ankle: Floats, heading: float, size: float) -> list[Floats]:
    outlines = []
    at = ankle
    for length in (118, 84, 72, 60, 96):
        way = np.array([np.cos(heading), np.sin(heading)])
        end = at + way * length * size
        outlines.append(
            ribbon(evenly_spaced(np.array([at, end]), 7), np.array([16, 27, 34, 26]) * size)
        )
        at = end - way * 5 * size
        heading += 0.06
    for turn in (-0.5, 0.5):
        claw = at + np.array([np.cos(heading + turn), np.sin(heading + turn)]) * 42 * size
        outlines.append(ribbon(evenly_spaced(np.array([at, claw]), 4), np.array([12, 4]) * size))
    return outlines
