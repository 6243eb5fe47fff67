"""`beetle-lm reproduce`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer

from beetle_lm.console import echo
from beetle_lm.help import LEARNING, ROBUSTNESS, SPEED
from beetle_lm.text import counted


def reproduce(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder with a sub-folder for each part: PART/images, PART/landmarks.tps.",
            metavar="DATA",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="REPORT", help="Folder of the report.")
    ],
    parts: Annotated[
        str | None,
        typer.Option(metavar="PART,...", help="Which parts.  [default: all that are there]"),
    ] = None,
    rounds: Annotated[
        int,
        typer.Option(
            min=2,
            help="Number of rounds; each photograph is tested in one of them.",
            rich_help_panel=LEARNING,
        ),
    ] = 9,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Epochs of the paper's networks from scratch, instead of 5000; those of its other"
            " recipes change in proportion.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE[:EPOCHS],...",
            help="What to compare: recipes or TOML files, and transfer, which trains nothing."
            "  [default: paper-scratch,paper-finetune,pretrained,"
            "transfer]",
        ),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Predictions of the paper's own networks (PART-manual-256x192.tps,"
            " PART-scratch-256x192.tps, PART-finetuned-256x192.tps): compared on the same"
            " specimens.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Images in a step of the paper's networks.  [default: 128]",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    brightening: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=255,
            help="The paper's N, which it does not give: the greatest constant that its"
            " augmentation adds to a colour.  [default: 50]",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    keep_weights: Annotated[
        bool,
        typer.Option(
            "--keep-weights",
            help="Keep the network of every round (370 MB each for the paper's).",
            rich_help_panel=ROBUSTNESS,
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel=LEARNING)
    ] = 0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", "-d", help="What to train on.", rich_help_panel=SPEED),
    ] = "auto",
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Leave out specimens with problems.", rich_help_panel=ROBUSTNESS
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with what is in REPORT, and write the report anew.",
            rich_help_panel=ROBUSTNESS,
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Repeats the paper's experiments and reports its tables and figures beside its numbers.

    Example: beetle-lm reproduce carabids/ --parts pronotum,elytra -o report

    Finished trainings are never repeated: interrupt it at any time, and go on with --resume. The
    same command with --resume in a second terminal shares the work.
    """
    from beetle_lm.errors import OutputError, UsageError
    from beetle_lm.libraries import require_extra

    with require_extra("train"):
        from beetle_lm.train.engine.device import choose_device
        from beetle_lm.train.engine.progress import TrainingProgress
        from beetle_lm.train.reproduction import study
        from beetle_lm.train.reproduction.data import part_names, read_parts
        from beetle_lm.train.reproduction.jobs import JOBS
        from beetle_lm.train.reproduction.methods import (
            DEFAULT,
            TRANSFER,
            Settings,
            load_methods,
        )
        from beetle_lm.train.reproduction.report import PAGES, write_report
        from beetle_lm.zoo.model_file.parts import PRETRAIN_LANDMARKS

    if not resume and any((output / name).exists() for name in (JOBS, *PAGES)):
        raise OutputError(
            f"{output} holds a report already; --resume goes on with it, another folder starts anew"
        )
    if published is not None and not published.is_dir():
        raise UsageError(f"--published: there is no folder {published}")
    settings = Settings(epochs, batch_size, brightening)
    names = _listed(recipes) or list(DEFAULT)
    methods = load_methods([name for name in names if name != TRANSFER], settings)
    torch_device = choose_device(device)
    there = part_names(data)
    wanted = _listed(parts) or there
    tuned = any(recipe.pretrained for recipe in methods.values())
    basis = [name for name in PRETRAIN_LANDMARKS if name in there and tuned]
    if tuned and not basis:
        raise UsageError(
            "fine-tuning needs a pre-training on pronotum, elytra or head, and none of them is in"
            f" {data}; --recipes names other methods"
        )
    read = read_parts(data, list(dict.fromkeys([*wanted, *basis])), rounds, seed, skip_bad)
    for part in read.values():
        for remark in (*part.data.remarks, *part.data.problems):
            logging.getLogger("beetle_lm").warning("%s: %s", part.name, remark)
    asked = study.Study(
        report=output,
        parts={name: read[name] for name in wanted},
        pretraining=[read[name] for name in basis],
        methods=methods,
        transfer=TRANSFER in names,
        settings=settings,
        seed=seed,
        published=published,
        keep_weights=keep_weights,
    )
    jobs = asked.jobs()
    left = [one for one in jobs if not one.is_done]
    try:
        with TrainingProgress(sum(one.epochs for one in left), quiet) as progress:
            progress.say(f"{len(left)} of {counted(len(jobs), 'job')} to do, on {torch_device}")
            told = (progress.epoch, progress.step, progress.say)
            found = study.reproduce(asked, torch_device, *told)
    except KeyboardInterrupt:
        echo("stopped; the same command with --resume goes on", err=True)
        raise typer.Exit(130) from None
    write_report(found)
    echo(f"{output / PAGES[0]} and {output / PAGES[1]}")


def _listed(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]
