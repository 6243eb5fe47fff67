"""Joins the commands of all pieces into one program."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Annotated, Any

import typer

from beetle_lm.above import Above
from beetle_lm.console import LogFormatter, echo
from beetle_lm.errors import BeetleLMError, Hint, RequestError
from beetle_lm.export.commands import export, model_of_run
from beetle_lm.help import Command, group
from beetle_lm.hints import sentence_for, told
from beetle_lm.libraries import failed_import
from beetle_lm.predict.commands.convert import convert
from beetle_lm.predict.commands.doctor import doctor
from beetle_lm.predict.commands.evaluate import evaluate
from beetle_lm.predict.commands.gather import gather
from beetle_lm.predict.commands.merge import merge
from beetle_lm.predict.commands.predict import predict
from beetle_lm.predict.commands.review import review_list
from beetle_lm.predict.commands.transfer import transfer
from beetle_lm.train.commands.render import render
from beetle_lm.train.commands.reproduce import reproduce
from beetle_lm.train.commands.train import train
from beetle_lm.web.commands import annotate, review
from beetle_lm.web.site.commands import page_of_model, site
from beetle_lm.zoo.commands import zoo

_NAME, _HELP = (
    "beetle-lm",
    "Landmarks on photographs of beetles, and of any part that you annotate.",
)
_COMMANDS = (
    *(predict, gather, transfer, review, review_list, annotate, merge, evaluate, convert),
    *(train, export, site, render, reproduce, doctor),
)

app = group(
    name=_NAME,
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Print the version and exit.", is_eager=True),
    ] = False,
) -> None:
    context.obj = Above(model_of_run, page_of_model)
    if version:
        from beetle_lm import __version__

        echo(__version__)
        raise typer.Exit


for _command in _COMMANDS:
    app.command(cls=Command)(_command)
app.add_typer(zoo, name="zoo")


def _overview() -> typer.Typer:
    """The same program where it only lists its commands: in plain text, and without their options.

    To prepare the options of all commands, and boxes around text, takes longer than all else.
    """
    overview = typer.Typer(
        name=_NAME,
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    overview.callback()(_options)
    told = {one.__name__.replace("_", "-"): one.__doc__ or "" for one in _COMMANDS}
    for name, text in (told | {"zoo": str(zoo.info.help)}).items():
        first = " ".join(text.split("\n\n")[0].split())
        overview.command(name, short_help=first)(lambda: None)
    return overview


def _only_lists() -> bool:
    completes = any(name.endswith("_COMPLETE") for name in os.environ)  # for a shell, no arguments
    return sys.argv[1:] == ["--help"] or (sys.argv[1:] == [] and not completes)


def run() -> int:
    """Runs the command line; returns 1 for a fatal error and 2 for arguments that do not fit.

    A `BeetleLMError` becomes one sentence on stderr, and so does a library that cannot be imported;
    other exceptions keep their traceback.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(levelname)s: %(message)s", _sentence_for))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.addLevelName(logging.WARNING, "warning")
    warnings.filterwarnings("ignore", module="PIL")  # on odd headers; the image is read or it fails
    try:
        (_overview() if _only_lists() else app)()
    except BeetleLMError as error:
        return _failed(error)
    except (ImportError, OSError, AttributeError) as error:  # as libraries do that are broken
        broken = failed_import(error)
        if broken is None:
            raise
        return _failed(broken)
    return 0


def _failed(error: BeetleLMError) -> int:
    echo(f"error: {told(error, _options_at_hand())}", err=True)
    return 2 if isinstance(error, RequestError) else 1


def _sentence_for(hint: Hint) -> str | None:
    return sentence_for(hint, _options_at_hand())


def _options_at_hand() -> set[str]:
    """The options of the command that was called."""
    command: Any = typer.main.get_command(app)
    for word in sys.argv[1:]:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
    return {option for parameter in command.params for option in parameter.opts}
