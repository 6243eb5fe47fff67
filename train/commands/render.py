"""`beetle-lm render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beetle_lm.console import console, echo
from beetle_lm.text import counted


def render(
    part: Annotated[
        str,
        typer.Argument(
            help="left-mandible, right-mandible, pronotum, elytra or head.", metavar="PART"
        ),
    ],
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many images.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder that gets PART/images, PART/landmarks.tps.",
        ),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same images.")] = 0,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Width and height in pixels.")
    ] = "1632x1224",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a series that is there.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Draws images of a carabid part with known landmarks.

    Example: beetle-lm render pronotum -n 50 -o drawn
    """
    from rich.progress import Progress

    from beetle_lm.predict.commands.image_size import parse_size
    from beetle_lm.train.synthetic.files import render_series

    pixels = parse_size(size, "--size")
    shown = console(err=True)
    with Progress(console=shown, disable=quiet or not shown.is_terminal) as progress:
        task = progress.add_task(f"drawing {part}", total=count)
        folder = render_series(
            part, count, output, seed, pixels, overwrite, lambda: progress.advance(task)
        )
    echo(
        f"{counted(count, 'image')} in {folder / 'images'}, landmarks in {folder / 'landmarks.tps'}"
    )
