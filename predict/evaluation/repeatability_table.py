"""The repeatability of landmarks as a table for the terminal."""

from __future__ import annotations

import math

from rich.console import Group
from rich.table import Table
from rich.text import Text

from beetle_lm.console import console
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.evaluation.repeatability import Repeatability
from beetle_lm.predict.evaluation.shape_table import anova_table
from beetle_lm.predict.evaluation.suspects import find_suspects, in_words
from beetle_lm.predict.formats.names import listed
from beetle_lm.text import counted

_WIDTH = 120


def show(found: Repeatability) -> None:
    """Prints how exactly each landmark was placed, and the Procrustes ANOVA."""
    console(width=_WIDTH).print(Group(_landmarks(found), *_anova(found), *map(Text, _said(found))))


def problems(people: Evaluation) -> list[str]:
    """Sentences on what was left out of two annotations, and on what looks wrong in them."""
    both = (
        ("first", people.only_predicted, people.predicted),
        ("second", people.only_manual, people.manual),
    )
    lines = [_of_file(remark) for remark in people.remarks]
    for where, alone, xy in both:
        if alone:
            count = counted(len(alone), "specimen")
            lines.append(f"not compared, in the {where} file alone: {count}: {listed(alone)}")
        suspects = find_suspects(people.images, xy, people.sizes)
        lines += [f"{where} file, {line}" for line in in_words(suspects)]
    if people.waiting:
        waiting = len(people.waiting)
        lines.append(f"{waiting} not annotated yet, not compared: {listed(people.waiting)}")
    return lines


def _of_file(remark: str) -> str:
    side, colon, rest = remark.partition(": ")
    return {"predicted": "first file", "manual": "second file"}.get(side, side) + colon + rest


def _landmarks(found: Repeatability) -> Table:
    title = f"Two annotations of {counted(found.specimens, 'specimen')}"
    table = Table(title=title, box=None, padding=(0, 1), header_style="bold")
    named = found.names != tuple(str(number + 1) for number in range(len(found.names)))
    headings = ["landmark", "n", "sd\npx", "sd\n% c. size", "apart\npx"]
    headings += [] if found.model is None else ["model\npx"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    if named:
        table.add_column("name")
    for index, name in enumerate(found.names):
        cells = [str(index + 1), str(found.counts[index])]
        values = (found.sd[index], found.sd_percent[index], found.between[index])
        cells += [_number(value, 2) for value in values]
        cells += [] if found.model is None else [_number(found.model[index], 2)]
        table.add_row(*cells, *([name] if named else []))
    return table


def _anova(found: Repeatability) -> list[Table]:
    if not found.sources:
        return []
    return [anova_table(f"Procrustes ANOVA of {found.whole} specimens", found.sources)]


def _said(found: Repeatability) -> list[str]:
    lines = []
    if not math.isnan(found.repeatability):
        lines.append(
            f"repeatability {found.repeatability:.3f}: the share of the variance of shape that lies"
            " between specimens"
        )
    elif found.whole < 3:
        lines.append(
            "no Procrustes ANOVA: it needs 3 specimens of which both annotations have all landmarks"
        )
    if not found.between.any():
        lines.append("both annotations are the same: they do not tell how exact a person is")
    elif found.model is not None:
        lines.append(
            f"the model is {found.model_over_person:.2f} times as far from a person as another"
            " person is"
        )
    return lines


def _number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:.{decimals}f}"
