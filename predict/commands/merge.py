"""`beetle-lm merge`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from beetle_lm.console import echo

_NAMED = 10


def merge(
    first: Annotated[Path, typer.Argument(metavar="TRAINING.tps", help="Landmarks, a TPS file.")],
    second: Annotated[
        Path,
        typer.Argument(
            metavar="CORRECTED.tps", help="Newer ones, which count where both have some."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="TPS", help="File to write.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
) -> None:
    """Joins two TPS files by their photographs, and tells what replaced what.

    ID, SCALE, curves and comments of the first file stay. Records of the second without landmarks
    change nothing.
    """
    from beetle_lm.predict.formats.merge import merge_files

    merged = merge_files(first, second, output, overwrite)
    for one in merged.replaced[:_NAMED]:
        far = "" if math.isnan(one.farthest) else f", by up to {one.farthest:.1f} px"
        count = "1 landmark" if one.landmarks == 1 else f"{one.landmarks} landmarks"
        echo(f"{one.name}: {count} replaced{far}")
    if len(merged.replaced) > _NAMED:
        echo(f"and {len(merged.replaced) - _NAMED} more")
    waiting = f", {merged.waiting} not annotated and left out" if merged.waiting else ""
    echo(
        f"{output}: {len(merged.records)} records; {len(merged.replaced)} replaced,"
        f" {len(merged.added)} new, {merged.same} the same in both, {merged.kept} only in"
        f" {first.name}{waiting}"
    )
