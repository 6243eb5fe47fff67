"""Joins the commands of all pieces into one program."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from beetle_lm.errors import BeetleLMError, UsageError
from beetle_lm.export.cli_export import export
from beetle_lm.predict.cli_convert import convert
from beetle_lm.predict.cli_doctor import doctor
from beetle_lm.predict.cli_evaluate import evaluate
from beetle_lm.predict.cli_predict import predict
from beetle_lm.predict.cli_review import review_list
from beetle_lm.predict.cli_transfer import transfer
from beetle_lm.train.cli_render import render
from beetle_lm.train.cli_reproduce import reproduce
from beetle_lm.train.cli_train import train
from beetle_lm.zoo.cli_zoo import zoo

app = typer.Typer(
    name="beetle-lm",
    help="Landmarks on photographs of beetles, and of any part that you annotate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from beetle_lm import __version__

        print(__version__)
        raise typer.Exit


for command in (
    predict, transfer, review_list, evaluate, convert, train, export, render, reproduce, doctor,
):  # fmt: skip
    app.command()(command)
app.add_typer(zoo, name="zoo")


def run() -> int:
    """Runs the command line; returns 1 for a fatal error and 2 for arguments that do not fit.

    A `BeetleLMError` becomes one sentence on stderr; other exceptions keep their traceback.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.addLevelName(logging.WARNING, "warning")
    try:
        app()
    except BeetleLMError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0
