"""`beetle-lm merge`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from beetle_lm.console import echo

_NAMED = 10


def merge(
    first: Annotated[Path, typer.Argument(metavar="TRAINING", help="Landmarks, a file or folder.")],
    second: Annotated[
        Path,
        typer.Argument(metavar="CORRECTED", help="Newer ones, which count where both have some."),
    ],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="TPS", help="File to write.")],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the photographs, for their heights."),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Width and height in pixels if all have one size."),
    ] = None,
    exif: Annotated[
        Literal["apply", "stored"],
        typer.Option(help="Frame of the coordinates: the upright picture or the stored pixels."),
    ] = "apply",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
) -> None:
    """Joins two landmark files by their photographs into a TPS file, and tells what replaced what.

    Example: beetle-lm merge training.tps landmarks/corrected.tps -o new.tps

    ID, SCALE, curves and comments of the first file stay. Records of the second without landmarks
    change nothing. Files of other programs are read as well; where y points down in one, the
    heights of the photographs are needed.
    """
    from beetle_lm.predict.commands.image_size import sizes_of
    from beetle_lm.predict.formats.merge import merge_files

    sizes = sizes_of(images, image_size, exif)
    merged = merge_files(first, second, output, sizes=sizes, overwrite=overwrite)
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
