"""Draws the landmark schemes of `docs/parts.md` on drawn specimens.

python bench/draw_parts.py docs/parts
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from beetle_lm.predict.drawing.overlay import draw
from beetle_lm.train.synthetic.render import render, specimen_rng
from beetle_lm.zoo.model_file.parts import PARTS

SIZE = (1000, 750)
SEED = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        pixels, landmarks = render(part, specimen_rng(SEED, part, 1), SIZE)
        drawn = draw(pixels, landmarks.xy, np.ones(len(landmarks.spec)))
        path = folder / f"{part}.jpg"
        cv2.imwrite(
            str(path), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85]
        )
        print(path)


if __name__ == "__main__":
    main()
