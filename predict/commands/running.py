"""What `beetle-lm predict` and `beetle-lm transfer` have in common on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beetle_lm.console import echo, echo_json
from beetle_lm.errors import BeetleLMError, RequestError, UsageError
from beetle_lm.help import RESULTS, ROBUSTNESS, TERMINAL

if TYPE_CHECKING:
    from beetle_lm.predict.batch.mirror import Mirror
    from beetle_lm.predict.batch.plan import Plan, Task
    from beetle_lm.predict.batch.progress import Observer
    from beetle_lm.predict.batch.result_files import Format
    from beetle_lm.predict.batch.shard import Shard
    from beetle_lm.predict.batch.source import Sources
    from beetle_lm.predict.commands.terminal import Terminal
    from beetle_lm.predict.scales.sources import ScaleSource

    Load = Callable[[Sequence[Task], Plan], Sources]
    Runner = Callable[[Plan, Load, Observer], dict[str, Any]]

_FORMATS: dict[str, Format] = {"tps": "tps", "csv": "csv", "parquet": "parquet"}
_SOME_FAILED, _INTERRUPTED = 3, 130

Recursive = Annotated[bool, typer.Option("-r", "--recursive", help="Also look into sub-folders.")]
Formats = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="tps,csv,parquet",
        help="Landmark files to write.",
        rich_help_panel=RESULTS,
    ),
]
Overlay = Annotated[
    bool,
    typer.Option(
        "--overlay",
        help="Also draw the landmarks on the photographs, and an overview.",
        rich_help_panel=RESULTS,
    ),
]
FlaggedOnes = Annotated[
    Literal["keep", "missing", "drop"],
    typer.Option(
        "--flagged",
        help="Landmarks of flagged photographs in the landmark files: as others with a comment, as"
        " missing, or left out.",
        rich_help_panel=RESULTS,
    ),
]
Curves = Annotated[
    Literal["curves", "append"],
    typer.Option(
        help="Semilandmarks in the landmark files: as curves (CURVES= in TPS), or appended to the"
        " landmarks, with a table of sliders for geomorph.",
        rich_help_panel=RESULTS,
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="UNITS_PER_PIXEL|TABLE",
        help="Scale of all photographs, or a table of photographs and their scales (CSV).",
        rich_help_panel=RESULTS,
    ),
]
ScaleFrom = Annotated[
    str | None,
    typer.Option(
        "--scale-from",
        metavar="grid|bar:LENGTH",
        help="Read the scale from each photograph: from a millimetre grid, or from a printed scale"
        " bar of that length.",
        rich_help_panel=RESULTS,
    ),
]
Exif = Annotated[
    Literal["apply", "stored"],
    typer.Option(
        help="Coordinates of the upright picture, or of the pixels as stored (tpsDig).",
        rich_help_panel=RESULTS,
    ),
]
MaxPixels = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Refuse photographs of more pixels, unread.",
        rich_help_panel=ROBUSTNESS,
    ),
]
PagesRead = Annotated[
    Literal["first", "all"],
    typer.Option(
        "--pages",
        help="What counts of a TIFF file with several pictures: the first, or each as a photograph"
        " of its own, named like stack_page2.tif.",
        rich_help_panel=RESULTS,
    ),
]
Isolate = Annotated[
    bool,
    typer.Option(
        "--isolate",
        help="Decode in separate processes: a photograph that crashes its decoder, or takes"
        " over a minute, fails alone.",
        rich_help_panel=ROBUSTNESS,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Resume an interrupted run in OUT; photographs done are kept.",
        rich_help_panel=ROBUSTNESS,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace earlier results in OUT, drop an unfinished run.",
        rich_help_panel=ROBUSTNESS,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what would be read and written, and stop.",
        rich_help_panel=ROBUSTNESS,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("-q", "--quiet", help="No progress, only problems.", rich_help_panel=TERMINAL),
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="A line per image.", rich_help_panel=TERMINAL)
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print the summary of the run as JSON.", rich_help_panel=TERMINAL),
]


def chosen_formats(text: str) -> tuple[Format, ...]:
    """The landmark files that `--format` names.

    Raises:
        UsageError: it names others.
    """
    names = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in names if name not in _FORMATS]:
        raise UsageError(
            f"--format must be tps, csv, parquet or several (tps,csv), got {unknown[0]!r}"
        )
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
    load: Load,
    *,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    run: Runner | None = None,
) -> None:
    """Runs a plan or its shard, or says what it would do, and reports on the terminal.

    Raises:
        Exit: with code 3 where photographs failed, 130 after Ctrl-C.
        BeetleLMError: the run was stopped by an error.
    """
    from beetle_lm.predict.batch.runner import run_plan, run_shard

    run = run or (run_plan if plan.shard is None else run_shard)
    from beetle_lm.predict.commands.terminal import Terminal, tell_plan

    if dry_run:
        tell_plan(plan)
        return
    terminal = Terminal(plan, options_of(context), quiet, verbose)
    with shown(plan, terminal):
        summary = run(plan, load, terminal)
    tell_outcome(terminal, summary, as_json=as_json)


@contextmanager
def shown(plan: Plan, terminal: Terminal) -> Iterator[None]:
    """The terminal shows the run of a plan; where it is stopped, it says what stays.

    Raises:
        Exit: with code 130 after Ctrl-C.
        BeetleLMError: the run was stopped by an error.
    """
    try:
        with terminal:
            yield
    except KeyboardInterrupt:
        nothing = f"nothing was written to {plan.output}"
        echo(f"stopped; {terminal.what_stays() or nothing}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    except BeetleLMError:
        if terminal.has_begun and (stays := terminal.what_stays()):
            echo(stays, err=True)
        raise


def options_of(context: typer.Context) -> set[str]:
    """The options of the command at hand, which hints may name."""
    return {option for one in context.command.params for option in one.opts}


def tell_outcome(terminal: Terminal, summary: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints what came of a run.

    Raises:
        Exit: with code 3 where photographs failed.
    """
    terminal.tell_problems()
    if as_json:
        import json

        echo_json(json.dumps(summary, indent=2))
    else:
        terminal.tell_results(summary)
    if terminal.failed:
        raise typer.Exit(_SOME_FAILED)


@contextmanager
def results_in(
    output: str | None, has_rows: Callable[[str], bool] = lambda name: True
) -> Iterator[tuple[Path | None, Mirror | None]]:
    """The folder of results that a path or an address names, and its mirror if it is in a store.

    Args:
        output: as it was given.
        has_rows: whose unfinished rows are wanted from a store, by the names of their files.

    Raises:
        RequestError: results cannot be written there.
        StoreError: the store does not answer, or lets nobody in.
    """
    from beetle_lm.predict.batch.mirror import Mirror
    from beetle_lm.predict.images.stores import is_address

    if output is None or not is_address(output):
        yield (None if output is None else Path(output)), None
        return
    with Mirror.opened(output, has_rows) as mirror:
        yield mirror.folder, mirror


def chosen_shard(text: str | None) -> Shard | None:
    """The shard that `--shard` names; with 'auto' that of a task of a SLURM job array.

    Raises:
        UsageError: it names none, or this is no such task.
    """
    if text is None:
        return None
    from beetle_lm.predict.batch.shard import Shard

    try:
        return Shard.read(text) if text.strip().lower() != "auto" else _shard_of_array()
    except RequestError as error:
        raise UsageError(f"--shard: {error}") from error


def _shard_of_array() -> Shard:
    from beetle_lm.predict.batch.shard import Shard

    found = {}
    for name in ("ID", "COUNT", "MIN"):
        value = os.environ.get(f"SLURM_ARRAY_TASK_{name}", "")
        if not value.isdecimal():
            raise UsageError(
                "--shard auto needs a task of a SLURM job array, whose SLURM_ARRAY_TASK_ID, _COUNT"
                " and _MIN are numbers; elsewhere give the shard, such as --shard 3/100"
            )
        found[name] = int(value)
    step = os.environ.get("SLURM_ARRAY_TASK_STEP", "")
    number, rest = divmod(found["ID"] - found["MIN"], int(step) if step.isdecimal() else 1)
    if rest or number >= found["COUNT"]:
        raise UsageError(
            f"--shard auto needs a job array of a row of numbers, such as 1-{found['COUNT']}; for"
            f" some tasks of another array give the shard, such as --shard {found['ID']}/100"
        )
    return Shard(number + 1, found["COUNT"])
