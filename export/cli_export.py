"""`beetle-lm export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The ONNX file to write.")
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            help="Photographs to check the file on; the run's own are taken where not given."
        ),
    ] = None,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Store the weights in 16 bit: half the size.")
    ] = False,
    model_version: Annotated[str, typer.Option(help="The model's version, for its card.")] = "1",
    licence: Annotated[str, typer.Option(help="The model's licence, for its card.")] = "not stated",
    provenance: Annotated[
        str | None, typer.Option(help="Where the training data come from, for the card.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Writes a trained network as one ONNX file that is all that prediction needs.

    The file is compared with the network on real photographs, and not written if a landmark differs
    by more than 0.02 px.
    """
    from beetle_lm.errors import require_extra

    with require_extra("train"):
        from beetle_lm.export.publish import export_run

    report = export_run(run, output, images, fp16, model_version, licence, provenance, overwrite)
    size = output.stat().st_size / 1e6
    print(f"{output} ({size:.1f} MB); file against network: {report}")
