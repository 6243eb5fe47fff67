"""`beetle-lm predict`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.errors import ImageError, UsageError

if TYPE_CHECKING:
    from beetle_lm.predict.images import ImageFile
    from beetle_lm.predict.predictor import Predictor, Result
    from beetle_lm.predict.reference import Reference
    from beetle_lm.predict.result_files import Format
    from beetle_lm.predict.run import Finished, Options

_FORMATS: dict[str, Format] = {"tps": "tps", "csv": "csv"}
_FAILED_NAMED = 10
_SOME_FAILED, _INTERRUPTED = 3, 130


def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUTS...", help="Photographs, folders of them, or globs."),
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
            show_default="beetle-lm-PART",
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
        typer.Option(
            min=1, help="CPU threads of the model.", show_default="what onnxruntime chooses"
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", metavar="tps,csv", help="Landmark files to write.")
    ] = "tps,csv",
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Manual landmarks (TPS or CSV) to compare with."),
    ] = None,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also draw the landmarks on the photographs.")
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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace earlier results in OUT.")
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

    Exit codes: 0 all good, 1 nothing done, 2 wrong usage, 3 some images failed (all others are
    there).
    """
    if scale is not None and not 0 < scale < float("inf"):
        raise UsageError(f"--scale must be above 0, got {scale}")
    chosen = _chosen_formats(formats)
    path = _model_file(part, model, zoo)

    import warnings

    from beetle_lm.predict.images import find_images
    from beetle_lm.predict.predictor import Predictor
    from beetle_lm.predict.reference import Reference
    from beetle_lm.predict.result_files import is_result, refuse_existing
    from beetle_lm.predict.run import Options

    warnings.filterwarnings("ignore", module="PIL")  # on odd headers; the image is read or it fails
    images = [image for image in find_images(inputs, recursive) if not is_result(image.path)]
    if not images:
        raise ImageError(f"no images in {', '.join(inputs)} but results of earlier runs")
    if output is None and part is not None:
        output = Path(f"beetle-lm-{_file_name(part)}")
    if output is not None:
        refuse_existing(output, overwrite)
    manual = None if reference is None else Reference.read(reference, images, exif)
    predictor = Predictor.load(path, device, threads)
    if output is None:
        output = Path(f"beetle-lm-{_file_name(predictor.card.spec.name)}")
        refuse_existing(output, overwrite)
    options = Options(
        formats=chosen,
        exif=exif,
        min_score=min_score,
        scale=scale,
        overlay=overlay,
        batch_size=batch_size,
        workers=workers,
        overwrite=overwrite,
    )
    if dry_run:
        _tell_plan(images, output, options, reference)
        return
    if not quiet:
        card = predictor.card
        typer.echo(f"{card.spec.name}, model {card.version}, on {predictor.provider}", err=True)
    failures: list[Result] = []

    def on_result(result: Result) -> None:
        if result.error is not None and len(failures) < _FAILED_NAMED:
            failures.append(result)
        if verbose:
            typer.echo(_line(result), err=True)

    try:
        finished = _run_with_progress(
            predictor, images, output, options, manual, on_result, hidden=quiet or verbose
        )
    except KeyboardInterrupt:
        typer.echo(f"stopped; nothing was written to {output}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    _tell(finished, output, failures, as_json)
    if finished.failed:
        raise typer.Exit(_SOME_FAILED)


def _chosen_formats(text: str) -> tuple[Format, ...]:
    names = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in names if name not in _FORMATS]:
        raise UsageError(f"--format must be tps, csv or both (tps,csv), got {unknown[0]!r}")
    return tuple(dict.fromkeys(_FORMATS[name] for name in names))


def _model_file(part: str | None, model: str | None, zoo: str | None) -> Path:
    from beetle_lm.zoo.registry import named_model, resolve

    if part is not None and model is None:
        return named_model(part, zoo)
    if model is not None and part is None:
        return resolve(model, zoo)
    raise UsageError("give either --part NAME or --model FILE")


def _file_name(part: str) -> str:
    """The name of a part as it can stand in the name of a folder on every system."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in part)


def _tell_plan(
    images: Sequence[ImageFile], output: Path, options: Options, reference: Path | None
) -> None:
    from beetle_lm.predict.result_files import planned

    typer.echo(f"would read {_counted(len(images))}:")
    for image in images:
        typer.echo(f"  {image.path}")
    typer.echo("would write:")
    for name in planned(options.formats, options.overlay, reference is not None):
        typer.echo(f"  {output / name}")


def _run_with_progress(
    predictor: Predictor,
    images: Sequence[ImageFile],
    output: Path,
    options: Options,
    manual: Reference | None,
    on_result: Callable[[Result], None],
    hidden: bool,
) -> Finished:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    from beetle_lm.predict.run import predict_to_folder

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeLeft())
    disable = hidden or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as bar:
        task = bar.add_task("landmarks", total=len(images))

        def step(result: Result) -> None:
            bar.advance(task)
            on_result(result)

        return predict_to_folder(predictor, images, output, options, manual, step)


def _tell(finished: Finished, output: Path, failures: Sequence[Result], as_json: bool) -> None:
    for result in failures:
        typer.echo(_line(result), err=True)
    if finished.failed > len(failures):
        rest = finished.failed - len(failures)
        typer.echo(f"and {rest} more failed; specimens.csv has all reasons", err=True)
    evaluation = finished.evaluation
    if evaluation is not None:
        from beetle_lm.predict import evaluation_table

        for line in (*evaluation_table.unmatched(evaluation), *evaluation.notes):
            typer.echo(line, err=True)
    if as_json:
        import json

        typer.echo(json.dumps({"output": str(output), **finished.summary}, indent=2))
        return
    if evaluation is not None:
        from rich.console import Console

        console = Console()
        # A pipe has no width of its own, and a table that is cut off is of no use in a file.
        Console(width=None if console.is_terminal else 160).print(
            evaluation_table.table(evaluation)
        )
    failed = f", {finished.failed} failed" if finished.failed else ""
    typer.echo(
        f"{_counted(finished.images)}: landmarks on {finished.images - finished.failed}{failed};"
        f" results in {output}"
    )


def _line(result: Result) -> str:
    if result.error is not None:
        in_folder = "/" in result.name
        return f"failed: {result.name + ': ' if in_folder else ''}{result.error}"
    scores = None if result.landmarks is None else result.landmarks.score
    return f"{result.name}: " + ("" if scores is None else f"mean score {scores.mean():.2f}")


def _counted(images: int) -> str:
    return "1 image" if images == 1 else f"{images} images"
