"""`beetle-lm evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.console import echo, echo_json
from beetle_lm.errors import UsageError
from beetle_lm.help import PHOTOGRAPHS

if TYPE_CHECKING:
    from beetle_lm.predict.evaluation.metrics import Evaluation


def evaluate(
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED", help="Predicted landmarks: TPS, CSV, COCO, ...")
    ],
    manual: Annotated[
        Path, typer.Argument(metavar="MANUAL", help="Landmarks placed by hand: TPS, CSV, COCO, ...")
    ],
    *,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the photographs: gives their sizes, and plots are drawn on them.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Size of all images in pixels, e.g. 3264x2448.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="NAME|TOML", help="Part that gives the landmarks their names."),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            metavar="UNITS_PER_PIXEL",
            help="Scale of all images; else the SCALE of the manual file counts.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = None,
    exif: Annotated[
        Literal["apply", "stored"],
        typer.Option(
            help="Whether the landmarks lie on the upright pictures or on the pixels as stored.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = "apply",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Folder for tables and plots."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier evaluation in OUT.")
    ] = False,
    repeated: Annotated[
        bool,
        typer.Option(
            "--repeated",
            help="Both files were placed by hand: standard deviations and Procrustes ANOVA with"
            " repeatability.",
            rich_help_panel="Two annotations",
        ),
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --repeated: landmarks of a model on the same photographs, to compare its"
            " error with a person's.",
            rich_help_panel="Two annotations",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON in place of the table.")
    ] = False,
) -> None:
    """Compares predicted with manual landmarks: how far off, where, and on which specimens.

    Example: beetle-lm evaluate landmarks/landmarks.tps manual.tps -o evaluation

    Specimens are matched by the names of their images, those of `predict --many` by where they lie
    as well. From six of them on shapes are compared, too: Procrustes ANOVA, repeatability, variance
    and mean shapes. With --repeated both files are
    annotations of the same photographs, by two people or twice by one, and it tells how exactly
    landmarks are placed.
    """
    _check_repeated(repeated, model, output)
    _check(images, image_size, scale)

    from beetle_lm.predict.commands.image_size import parse_size
    from beetle_lm.predict.evaluation import report as evaluation_report
    from beetle_lm.predict.evaluation import table as evaluation_table
    from beetle_lm.predict.evaluation.metrics import evaluate as compare
    from beetle_lm.predict.formats.read import read_both
    from beetle_lm.predict.formats.sizes import (
        ImageSizes,
        PhotographFolder,
        SameSize,
        sizes_beside,
    )
    from beetle_lm.zoo.model_file.parts import part_of

    size = None if image_size is None else parse_size(image_size, "--image-size")

    spec = None if part is None else part_of(part)
    if output is not None:
        evaluation_report.refuse_existing(output, overwrite)
    photographs = None if images is None else PhotographFolder(images, exif)
    sizes: ImageSizes
    if photographs is not None:
        sizes = photographs
    elif size is not None:
        sizes = SameSize(size)
    else:
        sizes = sizes_beside(predicted)

    found, true = read_both(predicted, manual, sizes.names)
    evaluation = compare(found, true, sizes, spec, scale)
    if repeated:
        others = None
        if model is not None:
            placed, _ = read_both(model, manual, sizes.names)
            others = compare(placed, true, sizes, spec, scale)
        _tell_repeatability(evaluation, others, as_json)
        return
    for line in (*evaluation_table.unmatched(evaluation), *evaluation.notes):
        echo(line, err=True)
    if "px_256x192" not in evaluation.units:
        echo("--images DIR or --image-size WxH tells the sizes of the images", err=True)
    if output is not None:
        drawn_on = (lambda _: None) if photographs is None else photographs.to_draw_on
        evaluation_report.write_evaluation(evaluation, output, drawn_on, overwrite)
    if as_json:
        echo_json(evaluation_report.json_text(evaluation))
        return
    evaluation_table.show(evaluation)


def _check(images: Path | None, image_size: str | None, scale: float | None) -> None:
    if images is not None and image_size is not None:
        raise UsageError("give --images or --image-size, not both")
    if scale is not None and not 0 < scale < float("inf"):
        raise UsageError(f"--scale must be a number above 0, got {scale}")


def _check_repeated(repeated: bool, model: Path | None, output: Path | None) -> None:
    if model is not None and not repeated:
        raise UsageError("--model goes with --repeated")
    if repeated and output is not None:
        raise UsageError("--repeated prints a table, or JSON with --json; it writes no folder")


def _tell_repeatability(people: Evaluation, model: Evaluation | None, as_json: bool) -> None:
    from beetle_lm.predict.evaluation import repeatability_table
    from beetle_lm.predict.evaluation.repeatability import repeatability

    for line in repeatability_table.problems(people):
        echo(line, err=True)
    found = repeatability(people, model)
    if as_json:
        echo_json(json.dumps(found.to_dict(), indent=1))
    else:
        repeatability_table.show(found)
