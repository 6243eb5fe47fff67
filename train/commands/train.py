"""`beetle-lm train`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beetle_lm.console import echo
from beetle_lm.help import LEARNING, PHOTOGRAPHS, ROBUSTNESS, SPEED
from beetle_lm.text import counted
from beetle_lm.zoo.commands import Zoo

if TYPE_CHECKING:
    from beetle_lm.train.data.dataset import AnnotatedImages
    from beetle_lm.train.finetune import Transfer


MakeModel = Callable[[Path, Path], str]
"""What the program hands to the command as its context's object: given the folder of a finished run
and a path, it writes the model file there, and says in words what it wrote."""


def train(
    context: typer.Context,
    images: Annotated[
        Path,
        typer.Argument(
            help="Folder of photographs; sub-folders are searched too.", metavar="IMAGES"
        ),
    ],
    landmarks: Annotated[
        Path,
        typer.Argument(help="Their manual landmarks: TPS, CSV, COCO, ...", metavar="LANDMARKS"),
    ],
    part: Annotated[
        str,
        typer.Option(
            help="One of the paper's parts, a name for your own part, or a TOML file that names its"
            " landmarks and mirror pairs.",
            metavar="NAME|TOML",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the training run.")
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A recipe that comes with beetle-lm, or a TOML file.  [default: pretrained, or"
            " with --init one of the source's network]",
            metavar="NAME|TOML",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of epochs, instead of the recipe's.", rich_help_panel=LEARNING
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Cross-validate in this many folds: every photograph is tested once.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="LIST",
            help="Text file with the names of photographs that are only measured at the end.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    val_share: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.9,
            help="Share of the photographs to measure after every epoch instead of training on"
            " them; expected errors are then learned from these.  [default: 0]",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Start from the weights of a model of the zoo (zoo:NAME), of the Hub"
            " (hf:ORG/NAME[@REV]), in a file (.onnx, .safetensors) or of a run folder. The head"
            " starts anew where the part is another one.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    zoo: Zoo = None,
    shapes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Landmarks of further specimens, whose photographs are not needed:"
            " what shapes are likely is learned from them too.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    turn: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=180.0,
            metavar="DEGREES",
            help="How far new photographs may be turned against those trained on.  [default:"
            " about as far as these against each other, 5 to 15]",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel=LEARNING)
    ] = 0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", "-d", help="What to train on.", rich_help_panel=SPEED),
    ] = "auto",
    exif: Annotated[
        Literal["apply", "stored"],
        typer.Option(
            help="Whether the landmarks lie on the photographs as shown upright, or on the pixels"
            " as stored (tpsDig, geomorph).",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = "apply",
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Leave out specimens with problems.", rich_help_panel=PHOTOGRAPHS
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Specimens whose landmarks look wrong, e.g. two swapped, are problems, too, and"
            " not only remarks.",
            rich_help_panel=PHOTOGRAPHS,
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with an interrupted run.", rich_help_panel=ROBUSTNESS),
    ] = False,
    no_export: Annotated[
        bool, typer.Option("--no-export", help="Leave out the model file at the end.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Trains a network to place the landmarks of any part that you have annotated.

    Example: beetle-lm train photographs/ landmarks.tps --part wing -o runs/wing

    All problems of the data are listed before anything is trained. The run can be interrupted and
    resumed. At the end the model is in RUN/PART.onnx; `beetle-lm export` makes smaller files of it.
    """
    from beetle_lm.errors import UsageError
    from beetle_lm.libraries import require_extra

    if folds is not None and test is not None:
        raise UsageError("--folds tests every photograph, so it cannot go with --test")
    with require_extra("train"):
        from beetle_lm.predict.batch.staging import locked
        from beetle_lm.predict.evaluation import table as evaluation_table
        from beetle_lm.text import file_name
        from beetle_lm.train import cross_validate, run
        from beetle_lm.train.data.dataset import read_training_data
        from beetle_lm.train.engine.device import choose_device
        from beetle_lm.train.engine.progress import TrainingProgress
        from beetle_lm.train.finetune import open_source, transfer_from
        from beetle_lm.train.job import make_job, read_test_list
        from beetle_lm.train.methods import load_recipe, usual_recipe

    source = open_source(init, zoo) if init is not None else None
    chosen = load_recipe(recipe) if recipe else usual_recipe(source.networks if source else ())
    chosen = chosen if epochs is None else chosen.changed(epochs=epochs)
    chosen = chosen if turn is None else chosen.with_turn(turn)
    chosen, val_share = chosen.with_validation_share(val_share)
    torch_device = choose_device(device)
    data = read_training_data(images, landmarks, part, exif, shapes, strict, chosen.learns_curves)
    _tell_problems(data, skip_bad)
    names = read_test_list(test, data) if test is not None else []
    transfer = transfer_from(source, chosen, data.spec) if source else None
    start = (source.name, source.sha256) if source else ("", "")
    job = make_job(data, images, landmarks, exif, chosen, seed, val_share, names, *start, shapes)
    if folds is not None and folds > len(data.specimens):
        raise UsageError(f"--folds {folds} needs as many photographs, got {len(data.specimens)}")
    total = chosen.epochs * (1 if folds is None else _folds_left(output, folds, resume))
    try:
        with locked(output), TrainingProgress(total, quiet) as progress:
            progress.say(_summary(data, job, torch_device, transfer))
            common = (torch_device, resume, progress.epoch, transfer, progress.step)
            if folds is None:
                metrics, evaluation = run.train(job, data, output, *common)
            else:
                evaluation = cross_validate.cross_validate(
                    job, data, output, folds, val_share, *common
                )
    except KeyboardInterrupt:
        echo("stopped; the same command with --resume goes on from the last epoch", err=True)
        raise typer.Exit(130) from None
    if evaluation is not None:
        evaluation_table.show(evaluation)
    if folds is not None:
        echo(f"every photograph was tested once; tables and plots are in {output / 'test'}")
        return
    _print_metrics(metrics)
    model = None if no_export else output / f"{file_name(data.spec.name)}.onnx"
    echo(_made(output, model, context.obj.model_of_run))


def _tell_problems(data: AnnotatedImages, skip_bad: bool) -> None:
    from beetle_lm.errors import Hint, TrainingDataError

    log = logging.getLogger("beetle_lm")
    for remark in data.remarks:
        log.warning(remark)
    if data.problems and not skip_bad:
        raise TrainingDataError(data.problems, Hint.SKIP_BAD)
    for problem in data.problems:
        log.warning("left out: %s", problem)


def _folds_left(output: Path, folds: int, resume: bool) -> int:
    from beetle_lm.train.cross_validate import fold_folder
    from beetle_lm.train.run import is_finished

    done = [is_finished(fold_folder(output, fold)) for fold in range(1, folds + 1)]
    return folds - (sum(done) if resume else 0)


def _summary(data: AnnotatedImages, job: Any, device: Any, transfer: Transfer | None) -> str:
    training = counted(len(job.training), "photograph")
    counts = f"{training} to train on, {len(job.validation)} to validate"
    tested = f", {len(job.test)} to test" if job.test else ""
    shapes = f", {counted(len(data.shapes), 'further shape')}" if len(data.shapes) else ""
    epochs = counted(job.recipe.epochs, "epoch")
    return (
        f"{data.spec.name}, {counted(len(data.spec), 'landmark')}: {counts}{tested}{shapes};"
        f" {epochs} on {device}" + (f"\n{transfer}" if transfer else "")
    )


def _made(output: Path, model: Path | None, make_model: MakeModel) -> str:
    if model is None:
        return f"{output}; `beetle-lm export {output} -o model.onnx` makes the model of it"
    return make_model(output, model)


def _print_metrics(metrics: dict[str, Any]) -> None:
    (width, height), validation = metrics["input"], metrics["validation"]
    photographs = counted(metrics["training"]["photographs"], "photograph")
    echo(f"{counted(metrics['epoch'], 'epoch')}, {photographs}")
    if validation["photographs"]:
        echo(
            f"mean error {validation['mean_px_of_input']:.2f} px of the model's {width} x {height}"
            f" input on {counted(validation['photographs'], 'validation photograph')}"
        )
