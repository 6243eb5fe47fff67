"""`beetle-lm predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.errors import BeetleLMError, UsageError

if TYPE_CHECKING:
    from beetle_lm.predict.plan import Plan, Request
    from beetle_lm.predict.result_files import Format

_FORMATS: dict[str, Format] = {"tps": "tps", "csv": "csv"}
_SOME_FAILED, _INTERRUPTED = 3, 130


def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUTS...",
            help="Photographs, folders of them, or globs; without --part and --model, one folder"
            " with sub-folders PART/ or PART/images/.",
        ),
    ],
    part: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part whose model to use; see `zoo list`."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="FILE|hf:ORG/NAME[@REV]",
            help="Model file (.onnx), or one of the Hub; it is fetched once and then kept.",
        ),
    ] = None,
    zoo: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            envvar="BEETLE_LM_ZOO",
            help="Registry of your organisation's models, for --part.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Folder of results.",
            show_default="beetle-lm-PART, or beetle-lm-parts",
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Also look into sub-folders.")
    ] = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option("-d", "--device", help="What to run on.")
    ] = "auto",
    batch_size: Annotated[
        int, typer.Option("-b", "--batch-size", min=1, help="Photographs in the model at once.")
    ] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Threads that read photographs.")] = 2,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads of the model.", show_default="half of the cores"),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", metavar="tps,csv", help="Landmark files to write.")
    ] = "tps,csv",
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="Manual landmarks (TPS or CSV) to compare with; for several parts the folder of"
            " PART/landmarks.tps.",
        ),
    ] = None,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay", help="Also draw the landmarks on the photographs, and an overview."
        ),
    ] = False,
    min_score: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Landmarks with a lower score count as missing."),
    ] = 0.0,
    scale: Annotated[
        float | None,
        typer.Option(metavar="UNITS_PER_PIXEL", help="Scale of the photographs, for the TPS file."),
    ] = None,
    exif: Annotated[
        Literal["apply", "stored"],
        typer.Option(
            help="Coordinates of the upright picture, or of the pixels as stored (tpsDig)."
        ),
    ] = "apply",
    max_pixels: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Refuse photographs of more pixels, unread."),
    ] = 500_000_000,
    isolate: Annotated[
        bool,
        typer.Option(
            "--isolate",
            help="Decode in separate processes: a photograph that crashes its decoder, or takes"
            " over a minute, fails alone.",
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with an interrupted run in OUT; photographs done are kept."
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace earlier results in OUT, drop an unfinished run."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be read and written, and stop.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="No progress, only problems.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="A line per image.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary of the run as JSON.")
    ] = False,
) -> None:
    """Places landmarks on photographs and writes them as TPS and CSV.

    With neither --part nor --model, INPUTS is one folder: each sub-folder that is named after a
    part is predicted with the model of that part, into OUT/PART.

    Results are kept on the disk as they come. After Ctrl-C, a crash, a power cut or on a full disk
    the same command with --resume goes on, to the same results.

    Exit codes: 0 all good, 1 stopped by an error, 2 wrong usage, 3 some images failed (all others
    are there), 130 stopped by Ctrl-C.
    """
    if scale is not None and not 0 < scale < float("inf"):
        raise UsageError(f"--scale must be above 0, got {scale}")
    chosen = _chosen_formats(formats)
    if part is not None and model is not None:
        raise UsageError("give either --part NAME or --model FILE, not both")

    import warnings

    from beetle_lm.predict.options import Options
    from beetle_lm.predict.plan import Request
    from beetle_lm.predict.run_plan import run_plan
    from beetle_lm.predict.run_report import Terminal, tell_plan

    warnings.filterwarnings("ignore", module="PIL")  # on odd headers; the image is read or it fails
    request = Request(inputs, output, recursive, reference, exif, overwrite, resume)
    plan = _plan(request, part, model, zoo)
    options = Options(
        formats=chosen,
        exif=exif,
        min_score=min_score,
        scale=scale,
        overlay=overlay,
        batch_size=batch_size,
        workers=workers,
        max_pixels=max_pixels,
        isolate=isolate,
    )
    if dry_run:
        tell_plan(plan, options)
        return
    terminal = Terminal(plan, quiet, verbose)
    try:
        with terminal:
            summary = run_plan(plan, options, device, threads, terminal)
    except KeyboardInterrupt:
        nothing = f"nothing was written to {plan.output}"
        typer.echo(f"stopped; {terminal.what_stays() or nothing}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    except BeetleLMError:
        if terminal.has_begun and (stays := terminal.what_stays()):
            typer.echo(stays, err=True)
        raise
    terminal.tell_problems()
    if as_json:
        import json

        typer.echo(json.dumps(summary, indent=2))
    else:
        terminal.tell_results()
    if terminal.failed:
        raise typer.Exit(_SOME_FAILED)


def _chosen_formats(text: str) -> tuple[Format, ...]:
    names = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in names if name not in _FORMATS]:
        raise UsageError(f"--format must be tps, csv or both (tps,csv), got {unknown[0]!r}")
    return tuple(dict.fromkeys(_FORMATS[name] for name in names))


def _plan(request: Request, part: str | None, model: str | None, zoo: str | None) -> Plan:
    from beetle_lm.predict.plan import plan_one, plan_parts
    from beetle_lm.zoo.registry import named_model, resolve

    if part is not None:
        return plan_one(request, named_model(part, zoo), part)
    if model is not None:
        return plan_one(request, resolve(model, zoo))
    plan = plan_parts(request, zoo)
    if plan is None:
        raise UsageError(
            "give either --part NAME or --model FILE, or else one folder with a sub-folder for"
            " each part, such as elytra/ or elytra/images/"
        )
    return plan
