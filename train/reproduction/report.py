"""The report of a reproduction: what was run, tables and figures, as Markdown, HTML and CSV."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from beetle_lm import __version__
from beetle_lm.errors import OutputError
from beetle_lm.files import write_bytes, write_text
from beetle_lm.text import counted
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.paper.augment import VERSIONS
from beetle_lm.train.reproduction.blocks import (
    Block,
    Cell,
    Heading,
    Paragraph,
    Picture,
    Table,
    markdown,
    page,
)
from beetle_lm.train.reproduction.figures import figures
from beetle_lm.train.reproduction.methods import GIVEN_UP, PRETRAIN, SCRATCH, TRANSFER
from beetle_lm.train.reproduction.study import Findings, PartFindings
from beetle_lm.train.reproduction.tables import improvement, numbered_tables, other_parts, summary
from beetle_lm.train.reproduction.transfer import TEMPLATES

PAGES = ("report.md", "report.html")
"""File names of the report, of which the first has its tables and figures beside it."""

_TITLE = "The paper's experiments, repeated"


def write_report(findings: Findings) -> None:
    """Writes the pages, `tables/` and `figures/` into the folder of the study.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = findings.study.report
    blocks = list(_blocks(findings))
    try:
        for name in ("tables", "figures"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for block in blocks:
            if isinstance(block, Table):
                write_text(folder / "tables" / f"{block.key}.csv", [block.csv()])
            elif isinstance(block, Picture):
                write_text(folder / "figures" / f"{block.key}.csv", [block.numbers.csv()])
                write_bytes(folder / "figures" / f"{block.key}.png", [block.png])
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    write_text(folder / PAGES[0], [markdown(_TITLE, blocks)])
    write_text(folder / PAGES[1], [page(_TITLE, blocks)])


def _blocks(findings: Findings) -> Iterator[Block]:
    yield Paragraph(
        "Le Van Linh et al., *Deep learning for landmarking on morphometry anatomical images*"
        " (2018), each of its numbers beside the one found here. Distances are px of photographs"
        ' stretched to 256 x 192. "Paper" is what it prints, for all its photographs; "paper\'s'
        ' network" is what its own networks predicted for exactly the specimens tested here, as'
        " its first author published it."
    )
    yield Heading("What was run")
    yield from _statement(findings)
    yield Heading("How far each method is off")
    yield summary(findings)
    yield Paragraph(
        '"Mean position" looks at no photograph: it puts each landmark at its mean place on the'
        " round's training photographs. A network that is no better has learned nothing else."
    )
    if SCRATCH in findings.study.methods:
        yield improvement(findings)
        if any("mandible" in name for name in findings.parts):
            yield Paragraph(
                "The paper's text and its Tables 11 and 12 have left and right mandible the other"
                " way round."
            )
    yield Heading("The paper's tables")
    left_out = []
    for number, table in numbered_tables(findings):
        if table is None:
            left_out.append(f"Table {number}")
        else:
            yield table
    yield from other_parts(findings)
    yield Heading("The paper's figures")
    for name, picture in figures(findings):
        if picture is None:
            left_out.append(f"Figure {name}")
        else:
            yield picture
    if left_out:
        yield Paragraph(
            f"Left out, because the part or the method was not run: {', '.join(left_out)}."
        )


def _placed(name: str, part: PartFindings) -> str:
    """On how many photographs of a part templates fitted."""
    found = part.results.get(TRANSFER)
    count = int(np.isfinite(found.specimen_means("px")).sum()) if found else 0
    return f"{name} {count} of {len(part.data.data.specimens)} placed"


def _statement(findings: Findings) -> Iterator[Block]:
    study = findings.study
    rounds = counted(study.rounds, "round")
    yield Paragraph(
        f"Each part in {rounds}: every photograph is predicted once, by networks trained on the"
        f" photographs of the other rounds. Seed {study.seed}, on {findings.device}; beetle-lm"
        f" {__version__}, torch {torch.__version__}."
    )
    yield Table(
        "photographs",
        "Photographs",
        ("part", "photographs", "landmarks", "tested in each round"),
        tuple(
            (
                name,
                len(part.data.data.specimens),
                len(part.data.data.spec),
                ", ".join(str(len(test)) for test in part.data.tests),
            )
            for name, part in findings.parts.items()
        ),
    )
    recipes = dict(study.methods)
    if any(recipe.pretrained for recipe in recipes.values()):
        recipes[PRETRAIN] = study.recipe(PRETRAIN)
    if study.tries_models:
        recipes |= {name: study.recipe(name) for name in GIVEN_UP}
    yield Table(
        "recipes",
        "Recipes",
        ("method", "network", "epochs", "images in a step", "learning rate", "momentum"),
        tuple(_recipe_row(name, recipe) for name, recipe in recipes.items()),
    )
    yield Paragraph(
        "The paper has 9 rounds of 293 photographs of each part, 5,000 epochs from scratch and of"
        " fine-tuning, and 10,000 of pre-training; it does not give the images in a step, nor the"
        " greatest constant of its augmentation."
    )
    papers = [recipe.to_dict() for recipe in recipes.values() if recipe.of_the_paper]
    if papers:
        share, most = round(100 * papers[0]["validation_share"]), papers[0]["brightening"]
        yield Paragraph(
            f"The paper's networks learn from {VERSIONS} images of each photograph: itself, three"
            f" with a constant from 1 to {most} added to one colour channel, and"
            " each channel alone, all made grey. Of photographs that are grey already, all"
            " channels are alike: the three constants brighten them by about 0.3, 0.59 and 0.11"
            f" times their value, and the channels alone are three copies. {share} % of the images,"
            " drawn at random, validate, as in the paper: most photographs have images on both"
            " sides, so that a validation loss says nothing of new photographs. Nothing is chosen"
            " by it; the last epoch counts."
        )
    if study.transfer:
        yield Paragraph(
            f"Transfer trains nothing: it lays {TEMPLATES} of the round's training photographs on"
            " each test photograph. Where no template fits, it says so and places nothing; such"
            " photographs are not in its figures: "
            + ", ".join(_placed(name, part) for name, part in findings.parts.items())
            + "."
        )
    if PRETRAIN in recipes:
        names = ", ".join(part.name for part in study.pretraining)
        yield Paragraph(
            "Each round has a pre-training of its own, on the photographs that it does not test of"
            f" these parts together: {names}. What is tested after fine-tuning was not seen before."
        )


def _recipe_row(name: str, recipe: Recipe) -> tuple[Cell, ...]:
    return name, recipe.network, recipe.epochs, recipe.batch_size, *recipe.schedule()
