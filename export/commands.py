"""`beetle-lm export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beetle_lm.console import echo
from beetle_lm.help import PUBLISHING

if TYPE_CHECKING:
    from beetle_lm.export.parity import ParityReport
    from beetle_lm.export.to_onnx import Storage


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.", metavar="RUN")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The ONNX file to write.")
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            help="Photographs to check the file on.  [default: the run's own]", metavar="DIR"
        ),
    ] = None,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Store the weights in 16 bit: half the size.")
    ] = False,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Store large dense layers, those of the paper's networks, in 8 bit: a quarter of"
            " the size, and faster.",
        ),
    ] = False,
    model_version: Annotated[
        str,
        typer.Option(
            help="The model's version, for its card.", metavar="VERSION", rich_help_panel=PUBLISHING
        ),
    ] = "1",
    licence: Annotated[
        str,
        typer.Option(
            help="The model's licence, for its card.", metavar="NAME", rich_help_panel=PUBLISHING
        ),
    ] = "not stated",
    provenance: Annotated[
        str | None,
        typer.Option(
            help="Where the training data come from, for the card.",
            metavar="TEXT",
            rich_help_panel=PUBLISHING,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Writes a trained network as one ONNX file that is all that prediction needs.

    Example: beetle-lm export runs/wing -o wing.onnx --fp16

    The file is compared with the network on real photographs, and not written if a landmark differs
    by more than 0.02 px, or with --int8 by more than 0.25 px; the card then says by how much.
    """
    from beetle_lm.errors import UsageError
    from beetle_lm.libraries import require_extra

    if fp16 and int8:
        raise UsageError("give either --fp16 or --int8, not both")

    with require_extra("train"):
        from beetle_lm.export.publish import export_run

    storage: Storage = "int8" if int8 else "float16" if fp16 else "float32"
    report = export_run(run, output, images, storage, model_version, licence, provenance, overwrite)
    echo(_written(output, report))


def model_of_run(run: Path, output: Path) -> str:
    """Makes the model file with which a training ends, in place of an earlier one.

    Args:
        run: folder of the finished training run.
        output: the file to write.

    Returns:
        What was written, in words.
    """
    from beetle_lm.libraries import require_extra

    with require_extra("train"):
        from beetle_lm.export.publish import export_run

    return _written(output, export_run(run, output, overwrite=True))


def _written(output: Path, report: ParityReport) -> str:
    size = output.stat().st_size / 1e6
    return f"{output} ({size:.1f} MB); file against network: {report}"
