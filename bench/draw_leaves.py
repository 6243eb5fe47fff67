"""Drawn leaves with curves, to try semilandmarks on: photographs and a TPS file.

``python bench/draw_leaves.py OUT 40`` draws 40. Landmarks are the base and the tip of the blade and
the end of the stalk; curves are both margins and the midrib, each with other points on every leaf.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.curves import evenly_spaced, spline
from beetle_lm.predict.formats.tps import TpsRecord, write_tps

SIZE = (480, 360)

Floats = NDArray[np.float64]


def main() -> None:
    """Draws leaves into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    images = chosen.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(chosen.seed)
    records = []
    for number in range(chosen.count):
        pixels, xy, curves = leaf(rng)
        name = f"leaf_{number:03d}.jpg"
        cv2.imwrite(str(images / name), pixels)
        drawn = {k: evenly_spaced(line, int(rng.integers(6, 13))) for k, line in curves.items()}
        records.append(TpsRecord.from_image_xy(xy, SIZE, name, curves=drawn))
    write_tps(chosen.out / "landmarks.tps", records)


def leaf(rng: np.random.Generator) -> tuple[NDArray[np.uint8], Floats, dict[str, Floats]]:
    """A leaf on paper: its pixels (H, W, 3), landmarks (3, 2), and curves by their names."""
    base, tip = np.array([110.0, 190.0]), np.array([410.0, 170.0])
    base, tip = base + rng.uniform(-15, 15, 2), tip + rng.uniform([-40, -25], [20, 25])
    along = (tip - base) / np.linalg.norm(tip - base)
    across = np.array([-along[1], along[0]])
    length = float(np.linalg.norm(tip - base))
    bend = rng.uniform(-0.06, 0.06) * length
    share = np.linspace(0.0, 1.0, 9)

    def edge(side: float) -> Floats:
        widest, width = rng.uniform(0.32, 0.5), rng.uniform(0.16, 0.3) * length
        power = np.log(0.5) / np.log(widest)
        out = side * width * np.sin(np.pi * share**power) ** rng.uniform(0.8, 1.2)
        out += bend * np.sin(np.pi * share) + np.sin(np.pi * share) * rng.normal(0, 1.5, 9)
        return spline(base + np.outer(share * length, along) + np.outer(out, across), step=2.0)

    middle = bend * np.sin(np.pi * share)
    midrib = spline(base + np.outer(share * length, along) + np.outer(middle, across), step=2.0)
    upper, lower = edge(-1.0), edge(1.0)
    stalk = base - along * rng.uniform(40, 75) + across * rng.uniform(-15, 15)

    scale = 3
    canvas = np.full((SIZE[1] * scale, SIZE[0] * scale, 3), rng.uniform(205, 240, 3), np.uint8)
    green = np.array([60.0, 120.0, 80.0]) + rng.uniform(-25, 25, 3)
    blade = np.vstack([upper, lower[::-1]]) * scale
    cv2.fillPoly(canvas, [np.rint(blade).astype(np.int32)], green.tolist(), cv2.LINE_AA)
    paler = (green + 55).tolist()
    for place in np.linspace(0.12, 0.85, 8):
        start = midrib[int(place * (len(midrib) - 1))]
        for line in (upper, lower):
            end = line[min(len(line) - 1, int((place + 0.12) * (len(line) - 1)))]
            stop = start + 0.85 * (end - start)
            points = np.rint(np.vstack([start, stop]) * scale).astype(np.int32)
            cv2.polylines(canvas, [points], False, paler, 2, cv2.LINE_AA)
    for path, width in ((midrib, 4), (np.vstack([stalk, base]), 8)):
        points = np.rint(path * scale).astype(np.int32)
        cv2.polylines(canvas, [points], False, paler, width, cv2.LINE_AA)
    pixels = cv2.resize(canvas, SIZE, interpolation=cv2.INTER_AREA).astype(np.float64)
    light = 1 + rng.uniform(-0.15, 0.15) * np.linspace(-1, 1, SIZE[0])[None, :, None]
    pixels = pixels * light + rng.normal(0, 4, pixels.shape)
    return (
        np.clip(pixels, 0, 255).astype(np.uint8),
        np.vstack([base, tip, stalk]),
        {
            "upper margin": upper,
            "midrib": midrib,
            "lower margin": lower,
        },
    )


if __name__ == "__main__":
    main()
