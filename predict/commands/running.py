"""What `beetle-lm predict` and `beetle-lm transfer` have in common on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.console import echo, echo_json
from beetle_lm.errors import BeetleLMError, RequestError, UsageError

if TYPE_CHECKING:
    from beetle_lm.predict.batch.plan import Plan, Task
    from beetle_lm.predict.batch.result_files import Format
    from beetle_lm.predict.batch.source import Sources
    from beetle_lm.predict.scales.sources import ScaleSource

_FORMATS: dict[str, Format] = {"tps": "tps", "csv": "csv"}
_SOME_FAILED, _INTERRUPTED = 3, 130

Recursive = Annotated[bool, typer.Option("-r", "--recursive", help="Also look into sub-folders.")]
Formats = Annotated[
    str, typer.Option("--format", metavar="tps,csv", help="Landmark files to write.")
]
Overlay = Annotated[
    bool,
    typer.Option("--overlay", help="Also draw the landmarks on the photographs, and an overview."),
]
FlaggedOnes = Annotated[
    Literal["keep", "missing", "drop"],
    typer.Option(
        "--flagged",
        help="Landmarks of flagged photographs in the landmark files: as others with a comment, as"
        " missing, or left out.",
    ),
]
Curves = Annotated[
    Literal["curves", "append"],
    typer.Option(
        help="Semilandmarks in the landmark files: as curves (CURVES= in TPS), or appended to the"
        " landmarks, with a table of sliders for geomorph.",
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="UNITS_PER_PIXEL|TABLE",
        help="Scale of all photographs, or a table of photographs and their scales (CSV).",
    ),
]
ScaleFrom = Annotated[
    str | None,
    typer.Option(
        "--scale-from",
        metavar="grid|bar:LENGTH",
        help="Read the scale from each photograph: from a millimetre grid, or from a printed scale"
        " bar of that length.",
    ),
]
Exif = Annotated[
    Literal["apply", "stored"],
    typer.Option(help="Coordinates of the upright picture, or of the pixels as stored (tpsDig)."),
]
MaxPixels = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="Refuse photographs of more pixels, unread."),
]
PagesRead = Annotated[
    Literal["first", "all"],
    typer.Option(
        "--pages",
        help="What counts of a TIFF file with several pictures: the first, or each as a photograph"
        " of its own, named like stack_page2.tif.",
    ),
]
Isolate = Annotated[
    bool,
    typer.Option(
        "--isolate",
        help="Decode in separate processes: a photograph that crashes its decoder, or takes"
        " over a minute, fails alone.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Resume an interrupted run in OUT; photographs done are kept."),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace earlier results in OUT, drop an unfinished run."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be read and written, and stop.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, only problems.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="A line per image.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary of the run as JSON.")]


def chosen_formats(text: str) -> tuple[Format, ...]:
    """The landmark files that `--format` names.

    Raises:
        UsageError: it names others.
    """
    names = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in names if name not in _FORMATS]:
        raise UsageError(f"--format must be tps, csv or both (tps,csv), got {unknown[0]!r}")
    return tuple(dict.fromkeys(_FORMATS[name] for name in names))


def chosen_scale(scale: str | None, scale_from: str | None) -> ScaleSource | None:
    """What `--scale` and `--scale-from` say of the photographs' scales; None where neither does.

    Raises:
        UsageError: they say what cannot be meant.
        LandmarkFileError: the table cannot be read.
    """
    if scale is None and scale_from is None:
        return None
    if scale is not None and scale_from is not None:
        raise UsageError("give either --scale or --scale-from, not both")
    from beetle_lm.predict.scales.sources import Mark, SameScale, ScaleTable

    try:
        if scale_from is not None:
            kind, colon, length = scale_from.strip().partition(":")
            if kind.lower() == "grid" and not colon:
                return Mark("grid")
            if kind.lower() == "bar" and colon:
                return Mark("bar", float(length))
            raise ValueError(scale_from)
        if scale is not None and Path(scale).is_file():
            return ScaleTable.read(Path(scale))
        return SameScale(float(scale or ""))
    except RequestError as error:
        given = f"--scale {scale}" if scale is not None else f"--scale-from {scale_from}"
        raise UsageError(f"{given}: {error}") from error
    except ValueError as error:
        if scale_from is not None:
            raise UsageError(
                f"--scale-from must be grid or bar:LENGTH, such as bar:5, got {scale_from!r}"
            ) from error
        raise UsageError(
            f"--scale must be a number above 0 or a table that is there, got {scale!r}"
        ) from error


def carry_out(
    context: typer.Context,
    plan: Plan,
    load: Callable[[Sequence[Task], Plan], Sources],
    *,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Runs a plan, or says what it would do, and reports on the terminal.

    Raises:
        Exit: with code 3 where photographs failed, 130 after Ctrl-C.
        BeetleLMError: the run was stopped by an error.
    """
    from beetle_lm.predict.batch.runner import run_plan
    from beetle_lm.predict.commands.terminal import Terminal, tell_plan

    if dry_run:
        tell_plan(plan)
        return
    options = {option for one in context.command.params for option in one.opts}
    terminal = Terminal(plan, options, quiet, verbose)
    try:
        with terminal:
            summary = run_plan(plan, load, terminal)
    except KeyboardInterrupt:
        nothing = f"nothing was written to {plan.output}"
        echo(f"stopped; {terminal.what_stays() or nothing}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    except BeetleLMError:
        if terminal.has_begun and (stays := terminal.what_stays()):
            echo(stays, err=True)
        raise
    terminal.tell_problems()
    if as_json:
        import json

        echo_json(json.dumps(summary, indent=2))
    else:
        terminal.tell_results()
    if terminal.failed:
        raise typer.Exit(_SOME_FAILED)
