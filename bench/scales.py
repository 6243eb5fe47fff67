"""Scales that are found in photographs against a count by hand.

    python bench/scales.py DATA [EVERY]

Of the sets without a grid every EVERYth photograph is read, 8 unless given; all take an hour.
DATA is the folder of real photographs (see bench/README.md). Counted by hand: on enlarged crops the
middles of two horizontal lines of the millimetre grid, as far apart as the photograph has them, in
pixels of the full size; their distance along the grid by the millimetres between, to some 3 pixels.
Printed bars were looked at, not counted.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from beetle_lm.predict.images.read import read_image
from beetle_lm.predict.scales.bar import find_bar
from beetle_lm.predict.scales.grid import SEEN_AT, find_grid

Place = tuple[float, float]

GRIDS: dict[str, tuple[Place, Place, int]] = {  # a line, another one, millimetres
    "012": ((283, 304), (329, 2274), 8),
    "112": ((231, 196), (361, 2406), 9),
    "120": ((260, 83), (330, 2303), 9),
    "122": ((226, 185), (254, 2403), 9),
    "123": ((162, 80), (312, 2292), 9),
    "125": ((137, 109), (314, 2344), 9),
    "126": ((405, 209), (492, 2423), 9),
    "127": ((38, 257), (70, 2227), 8),
    "129": ((131, 233), (153, 2209), 8),
    "212": ((162, 162), (165, 2386), 9),
}


def main(data: Path, every: int) -> None:
    print("millimetre grids, pixels per mm: specimen, counted, found, off by %, what is told")
    worst = 0.0
    for specimen, (start, end, millimetres) in GRIDS.items():
        counted = math.dist(start, end) / millimetres
        path = data / "carabids" / "elytra" / "images" / f"Elytre_{specimen}.JPG"
        scale = find_grid(read_image(path, 1, SEEN_AT))
        if scale.units_per_px is None:
            print(f"{specimen}  {counted:.2f}  none  {scale.note}")
            worst = math.inf
            continue
        found = 1 / scale.units_per_px
        off = 100 * (found / counted - 1)
        worst = max(worst, abs(off))
        print(f"{specimen}  {counted:.2f}  {found:.2f}  {off:+.2f}  {scale.note}")
    print(f"worst: {worst:.2f} %")
    kinds = {
        "the same photographs without the grid": "carabids_more/images/*_nogrid.jpg",
        "other parts of the same beetles": "carabids_more/images/[MP]*.jpg",
        "other Poecilus": "carabids_more/no_landmarks/*.jpg",
        "fly wings": "wings/images/*",
        "shells": "mollusk/images/*",
        "whole beetles": "beetleflow/images/*",
        "trilobites": "trilobites/images/*",
    }
    print("grids found where there are none (trilobites: some have rulers)")
    for kind, pattern in kinds.items():
        paths = sorted(data.glob(pattern))
        paths = paths if len(paths) < 12 else paths[::every]
        invented = []
        for path in paths:
            scale = find_grid(read_image(path, 1, SEEN_AT))
            if scale.units_per_px is not None:
                invented.append(f"{path.name} ({scale.note})")
        print(f"{kind}: {len(invented)} of {len(paths)} {'; '.join(invented)}", flush=True)
    print("scale bars found (trilobites)")
    notes = [
        find_bar(read_image(path, 1), 1.0) for path in sorted(data.glob("trilobites/images/*"))
    ]
    found_bars = sum(scale.units_per_px is not None for scale in notes)
    several = sum(scale.note.endswith("px long") for scale in notes if scale.units_per_px is None)
    print(f"one bar on {found_bars} of {len(notes)}, several on {several}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("every", type=int, nargs="?", default=8, metavar="EVERY")
    options = parser.parse_args()
    main(options.data, options.every)
