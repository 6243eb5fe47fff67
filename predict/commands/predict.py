"""`beetle-lm predict`."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.errors import UsageError
from beetle_lm.help import PHOTOGRAPHS, RESULTS, SPEED
from beetle_lm.predict.commands.running import (
    AsJson,
    Curves,
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
    chosen_shard,
    results_in,
)
from beetle_lm.zoo.commands import Zoo

if TYPE_CHECKING:
    from beetle_lm.predict.batch.options import Options
    from beetle_lm.predict.batch.plan import Plan, Request


def predict(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUTS...",
            help="Photographs, folders of them, or globs, or one address such as s3://BUCKET/FOLDER;"
            " without --part and --model, one folder with sub-folders PART/ or PART/images/.",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME...]",
            help="Part whose model to use; see `zoo list`. Several with --find.",
        ),
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
    find: Annotated[
        bool,
        typer.Option(
            "--find",
            help="The photographs show whole ground beetles from above, however they lie: find the"
            " part, turn it upright and place its landmarks.",
        ),
    ] = False,
    search: Annotated[
        bool,
        typer.Option(
            "--search",
            help="The part lies in any way, or is small in the photograph: try turns and windows."
            " Slow.",
        ),
    ] = False,
    many: Annotated[
        bool,
        typer.Option(
            "--many",
            help="With --search or --find: a row for each specimen of a photograph, such as a tray"
            " of mandibles or a drawer.",
        ),
    ] = False,
    zoo: Zoo = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Folder of results, or an address such as s3://BUCKET/FOLDER.",
            show_default="beetle-lm-PART, or beetle-lm-parts",
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Photographs by their names below INPUTS, or by paths or addresses: lines of text,"
            " or Parquet.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = None,
    recursive: Recursive = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("-d", "--device", help="What to run on.", rich_help_panel=SPEED),
    ] = "auto",
    batch_size: Annotated[
        int,
        typer.Option(
            "-b",
            "--batch-size",
            min=1,
            help="Photographs in the model at once.",
            rich_help_panel=SPEED,
        ),
    ] = 8,
    workers: Annotated[
        int, typer.Option(min=1, help="Threads that read photographs.", rich_help_panel=SPEED)
    ] = 2,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="CPU threads of the model.",
            show_default="half of the cores",
            rich_help_panel=SPEED,
        ),
    ] = None,
    formats: Formats = "tps,csv",
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="Manual landmarks to compare with; for several parts the folder of"
            " PART/landmarks.tps.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = None,
    overlay: Overlay = False,
    min_score: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Landmarks with a lower score count as missing.",
            rich_help_panel=RESULTS,
        ),
    ] = 0.0,
    flagged: FlaggedOnes = "keep",
    curves: Curves = "curves",
    scale: Scale = None,
    scale_from: ScaleFrom = None,
    exif: Exif = "apply",
    max_pixels: MaxPixels = 500_000_000,
    pages: PagesRead = "first",
    isolate: Isolate = False,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="N/M|auto",
            help="Compute the Nth of M shares, on any number of machines that see OUT; auto in a"
            " SLURM job array. `gather` writes the results.",
            rich_help_panel=SPEED,
        ),
    ] = None,
    engine: Annotated[
        Literal["ray"] | None,
        typer.Option(
            help="Compute on a Ray cluster, partition by partition.", rich_help_panel=SPEED
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="auto|HOST:PORT",
            help="Of the cluster.",
            show_default="one is started on this machine",
            rich_help_panel=SPEED,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Go on with photographs that come into the folder later, until Ctrl-C.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Places landmarks on photographs and writes them as TPS and CSV.

    Example: beetle-lm predict photographs/ --part pronotum -o landmarks --overlay

    With neither --part nor --model, INPUTS is one folder: each sub-folder that is named after a
    part is predicted with the model of that part, into OUT/PART.

    Results are kept on the disk as they come. After Ctrl-C, a crash, a power cut or a full disk the
    same command with --resume continues, and ends with the same results.

    With --watch it goes on until Ctrl-C: whenever photographs come into the folder their landmarks
    are placed, and the results are those of all that are there.

    With --shard several machines share the photographs; each shard is resumed by the same command.

    Exit codes: 0 all good, 1 stopped by an error, 2 wrong usage, 3 some images failed (all others
    are there), 130 stopped by Ctrl-C.
    """
    chosen = chosen_formats(formats)
    scales = chosen_scale(scale, scale_from)
    if not inputs and listed is None:
        raise UsageError("give photographs, a folder of them, or a list with --list")
    if part is not None and model is not None:
        raise UsageError("give either --part NAME or --model FILE, not both")
    if find and search:
        raise UsageError("give either --find or --search, not both")
    if many and not (find or search):
        raise UsageError("--many goes with --search, or with --find for whole beetles")
    share = chosen_shard(shard)
    if share is not None and overwrite:
        raise UsageError(
            "--overwrite would drop what other shards have done: remove what is in OUT first, or"
            " name another folder with -o"
        )
    if share is not None and dry_run:
        raise UsageError("--dry-run tells of the whole run: leave --shard out")

    _check_engine(engine, address, share is not None, overlay)
    _check_output(output, overwrite, overlay, engine)
    if watch:
        drawn, known = overlay or scale_from is not None, reference is not None
        shared = share is not None or engine is not None
        _check_watch(inputs or [], drawn or known, shared, dry_run)
        if listed is not None or "://" in (output or ""):
            raise UsageError("--watch goes with a folder and results on this machine alone")

    from beetle_lm.predict.batch.journal import ROWS
    from beetle_lm.predict.batch.options import Options
    from beetle_lm.predict.batch.plan import Request
    from beetle_lm.predict.batch.runner import load_models

    run = None
    if engine is not None:
        from beetle_lm.predict.batch.ray_engine import run_on_ray

        run = partial(run_on_ray, address=address)
        device = "cpu" if device == "auto" else device  # a cluster may have machines of both kinds
        threads = threads or 1

    options = Options(
        formats=chosen,
        exif=exif,
        min_score=min_score,
        flagged=flagged,
        curves=curves,
        scale=scales,
        overlay=overlay,
        batch_size=batch_size,
        workers=workers,
        max_pixels=max_pixels,
        isolate=isolate,
        pages=pages,
        many=many,
    )
    load = partial(load_models, device=device, threads=threads)
    plan = partial(
        _plan, part=part, model=model, zoo=zoo, options=options, find=find, search=search
    )
    command = tuple(sys.argv[1:])
    rows = None if share is None else f"{ROWS}-{share.file_name}"
    with results_in(output, lambda name: rows in (None, name)) as (folder, mirror):
        request = Request(
            *(inputs or (), folder, recursive, reference, overwrite, resume, share, command),
            *(listed, mirror),
        )
        if watch:
            from beetle_lm.predict.commands import watching

            def of_round(later: bool) -> Plan:
                own = replace(request, overwrite=True, resume=False) if later else request
                return plan(own)

            shown = {"quiet": quiet, "verbose": verbose, "as_json": as_json}
            photographs = Path(request.inputs[0])
            watching.watch(context, photographs, recursive, of_round, load, **shown)
            return
        carry_out(
            context,
            plan(request),
            load,
            dry_run=dry_run,
            quiet=quiet,
            verbose=verbose,
            as_json=as_json,
            run=run,
        )


def _check_engine(engine: str | None, address: str | None, shared: bool, overlay: bool) -> None:
    if address is not None and engine is None:
        raise UsageError("--address goes with --engine ray")
    if engine is not None and shared:
        raise UsageError("give either --engine or --shard, not both")
    if engine is not None and overlay:
        raise UsageError("--engine draws nothing: leave --overlay out")


def _check_output(output: str | None, overwrite: bool, overlay: bool, engine: str | None) -> None:
    from beetle_lm.predict.images.stores import is_address

    if output is None or not is_address(output):
        return
    if overwrite:
        raise UsageError(
            "--overwrite replaces nothing in a store: remove what is there, or name another folder"
            " with -o"
        )
    if overlay:
        raise UsageError("--overlay is drawn on this machine: name a folder of it with -o")
    if engine is not None:
        raise UsageError("--engine needs a folder that all machines see: name one with -o")


def _check_watch(inputs: list[str], pictures: bool, shared: bool, dry_run: bool) -> None:
    if len(inputs) != 1 or not Path(inputs[0]).is_dir():
        raise UsageError("--watch needs one folder, which is there")
    if pictures:
        raise UsageError(
            "--watch reads each photograph once: leave --overlay, --reference and --scale-from out;"
            " --scale, `beetle-lm review` and `beetle-lm evaluate` go with it"
        )
    if shared or dry_run:
        raise UsageError("--watch is for one machine: leave --shard, --engine and --dry-run out")


def _plan(
    request: Request,
    part: str | None,
    model: str | None,
    zoo: str | None,
    options: Options,
    *,
    find: bool,
    search: bool,
) -> Plan:
    from beetle_lm.predict.batch.plan import plan_found, plan_one, plan_parts
    from beetle_lm.predict.views.finding import FINDER
    from beetle_lm.zoo.model_file.onnx import read_card
    from beetle_lm.zoo.registry import named_model, resolve

    parts = [] if part is None else [name.strip() for name in part.split(",")]
    if not all(parts):
        raise UsageError(f"--part needs the name of a part, or several with commas, got {part!r}")
    if twice := next((name for name in parts if parts.count(name) > 1), None):
        raise UsageError(f"--part names {twice} twice")
    if find:
        if not parts and model is None:
            raise UsageError("--find needs --part NAME, or several: --part head,pronotum,elytra")
        models = {name: named_model(name, zoo) for name in parts}
        if model is not None:
            file = resolve(model, zoo)
            models = {read_card(file).spec.name: file}
        return plan_found(request, named_model(FINDER, zoo), models, options)
    if len(parts) > 1:
        raise UsageError("several parts on one photograph need --find")
    if parts:
        return plan_one(request, named_model(parts[0], zoo), parts[0], options, search=search)
    if model is not None:
        return plan_one(request, resolve(model, zoo), None, options, search=search)
    if search:
        raise UsageError("--search needs --part NAME or --model FILE")
    plan = plan_parts(request, zoo, options)
    if plan is None:
        raise UsageError(
            "give either --part NAME or --model FILE, or else one folder with a sub-folder for"
            " each part, such as elytra/ or elytra/images/"
        )
    return plan
