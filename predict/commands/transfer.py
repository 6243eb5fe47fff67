"""`beetle-lm transfer`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from beetle_lm.errors import UsageError
from beetle_lm.help import SPEED
from beetle_lm.predict.commands.running import (
    AsJson,
    DryRun,
    Exif,
    FlaggedOnes,
    Formats,
    Isolate,
    MaxPixels,
    Overlay,
    Overwrite,
    PagesRead,
    Quiet,
    Recursive,
    Resume,
    Scale,
    ScaleFrom,
    Verbose,
    carry_out,
    chosen_formats,
    chosen_scale,
)


def transfer(
    context: typer.Context,
    template: Annotated[
        Path, typer.Argument(metavar="TEMPLATE_IMAGE", help="An annotated photograph.")
    ],
    landmarks: Annotated[
        Path,
        typer.Argument(metavar="TEMPLATE.tps", help="Its landmarks, by its name."),
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IMAGES...", help="Photographs, folders of them, or globs."),
    ],
    templates: Annotated[
        list[Path] | None,
        typer.Option(
            "-t",
            "--template",
            metavar="IMAGE",
            help="One more annotated photograph, whose landmarks are in TEMPLATE.tps too; can be"
            " given several times.",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="NAME|TOML", help="Part that gives the landmarks their names."),
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="Folder of results.")
    ] = "beetle-lm-transfer",
    recursive: Recursive = False,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Photographs that are processed at once.", rich_help_panel=SPEED),
    ] = 2,
    formats: Formats = "tps,csv",
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Manual landmarks to compare with."),
    ] = None,
    overlay: Overlay = False,
    flagged: FlaggedOnes = "keep",
    scale: Scale = None,
    scale_from: ScaleFrom = None,
    exif: Exif = "apply",
    max_pixels: MaxPixels = 500_000_000,
    pages: PagesRead = "first",
    isolate: Isolate = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Places the landmarks of an annotated photograph on others, without any training.

    Example: beetle-lm transfer first.jpg first.tps photographs/ -o landmarks --overlay

    For specimens that lie alone on pale, clean ground, such as mandibles on paper, in any rotation.
    The template is laid on each specimen, outline first, and warped until both match. Several
    templates are averaged, which is more accurate.

    A photograph without a specimen that stands out, or on which no template fits, fails with its
    reason and gets no landmarks. The results are those of `predict`.

    Exit codes: 0 all good, 1 stopped by an error, 2 wrong usage, 3 some images failed (all others
    are there), 130 stopped by Ctrl-C.
    """
    if "://" in output:
        raise UsageError("-o names a folder of this machine, from which results can be copied")
    chosen = chosen_formats(formats)
    scales = chosen_scale(scale, scale_from)

    from beetle_lm.predict.batch.options import Options
    from beetle_lm.predict.batch.plan import Request, plan_transfer
    from beetle_lm.predict.batch.source import Alone
    from beetle_lm.predict.templates.annotated import Templates
    from beetle_lm.predict.templates.place import Transfer
    from beetle_lm.zoo.model_file.parts import part_of

    spec = None if part is None else part_of(part)
    annotated = Templates.read([template, *(templates or [])], landmarks, spec, exif, max_pixels)
    for remark in annotated.remarks:
        logging.getLogger("beetle_lm").warning("%s", remark)
    command = tuple(sys.argv[1:])
    request = Request(
        *(inputs, Path(output), recursive, reference, overwrite, resume), command=command
    )
    options = Options(
        formats=chosen,
        exif=exif,
        flagged=flagged,
        scale=scales,
        overlay=overlay,
        batch_size=1,
        workers=workers,
        max_pixels=max_pixels,
        isolate=isolate,
        pages=pages,
    )
    carry_out(
        context,
        plan_transfer(request, landmarks, annotated.spec, options),
        lambda *_: Alone(Transfer(annotated)),
        dry_run=dry_run,
        quiet=quiet,
        verbose=verbose,
        as_json=as_json,
    )
