"""The paper's tables 1 to 12, its numbers beside those found here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.train.reproduction.blocks import Cell, Table
from beetle_lm.train.reproduction.methods import FINETUNE, SCRATCH
from beetle_lm.train.reproduction.paper_numbers import paper_numbers
from beetle_lm.train.reproduction.study import Findings, PartFindings

_KINDS = {SCRATCH: "scratch", FINETUNE: "finetune"}
_IN_WORDS = {SCRATCH: "from scratch", FINETUNE: "fine-tune"}
_LOSSES = {1: (SCRATCH, "pronotum"), 5: (FINETUNE, "pronotum"), 7: (FINETUNE, "elytra"),
           9: (FINETUNE, "head")}  # fmt: skip
_DISTANCES = {"pronotum": 6, "elytra": 8, "head": 10, "left-mandible": 11, "right-mandible": 12}
_TABLE_4 = ("right-mandible", "left-mandible", "elytra", "head")
MEAN_POSITION = "mean position"
"""What the table calls the method that looks at no photograph."""


def summary(findings: Findings) -> Table:
    """How far each method is off on each part."""
    rows: list[tuple[Cell, ...]] = []
    for name, part in findings.parts.items():
        for method, evaluation in all_results(part).items():
            distances, means = (
                evaluation.overall("px_256x192"), evaluation.specimen_means("px_256x192")
            )  # fmt: skip
            rows.append(
                (
                    name,
                    method,
                    int(np.isfinite(means).sum()),
                    distances.mean,
                    float(np.nanmedian(means)),
                    distances.p95,
                    100 * evaluation.shares().above_far,
                )
            )
    columns = (
        "part", "method", "photographs", "mean px", "median px over specimens", "95 % px",
        "above 10 px, %",
    )  # fmt: skip
    title = "Distances of all landmarks of all photographs, px at 256 x 192"
    return Table("summary", title, columns, tuple(rows))


def improvement(findings: Findings) -> Table:
    """By how much each method is better than training from scratch (section 7.2)."""
    tried = dict.fromkeys(name for part in findings.parts.values() for name in part.results)
    others = [name for name in tried if name != SCRATCH]
    printed = paper_numbers()
    rows: list[tuple[Cell, ...]] = []
    for name, part in findings.parts.items():
        before, after = (printed.distances[kind].get(name) for kind in _KINDS.values())
        theirs = part.published.get(SCRATCH), part.published.get(FINETUNE)
        row = (
            _gain(before, after),
            _gain(*(_means(one) if one else None for one in theirs)),
            *(_gain(*(_means_of(part, one) for one in (SCRATCH, other))) for other in others),
        )
        rows.append((name, printed.improvement.get(name), *row))
    columns = (
        "part", "paper's text: fine-tune", "paper's tables", "paper's network", *others
    )  # fmt: skip
    title = f"Percent by which the mean distance is smaller than that of {SCRATCH}"
    return Table("improvement", title, columns, tuple(rows), decimals=1)


def _means_of(part: PartFindings, method: str) -> Sequence[float] | None:
    return _means(part.results[method]) if method in part.results else None


def numbered_tables(findings: Findings) -> Iterator[tuple[int, Table | None]]:
    """The tables 1 to 12 by their numbers; None where what they show was not run."""
    for number in range(1, 13):
        yield number, _numbered(number, findings)


def other_parts(findings: Findings) -> Iterator[Table]:
    """The distances of parts that the paper has no table of."""
    for name, part in findings.parts.items():
        if name not in _DISTANCES:
            yield _distances(f"distances-{name}", f"Average distance per landmark, {name}", part)


def all_results(part: PartFindings) -> dict[str, Evaluation]:
    """All that was compared on a part, by what the tables call it."""
    theirs = {f"paper's network, {_IN_WORDS[n]}": e for n, e in part.published.items()}
    return theirs | {MEAN_POSITION: part.mean_position} | dict(part.results)


def _numbered(number: int, findings: Findings) -> Table | None:
    key, parts = f"table-{number:02d}", findings.parts
    if number in _LOSSES:
        method, name = _LOSSES[number]
        return _loss_table(number, key, method, parts.get(name), name)
    if number == 2 and "pronotum" in parts:
        return _correlation(key, parts["pronotum"])
    if number == 3 and "pronotum" in parts and SCRATCH in findings.study.methods:
        return _scratch(key, "Table 3", parts, ["pronotum"])
    if number == 4 and SCRATCH in findings.study.methods:
        there = [name for name in _TABLE_4 if name in parts]
        return _scratch(key, "Table 4", parts, there) if there else None
    for name, its_number in _DISTANCES.items():
        if its_number == number and name in parts:
            title = f"Table {number}: average distance per landmark, {name}, px at 256 x 192"
            return _distances(key, title, parts[name])
    return None


def _loss_table(
    number: int, key: str, method: str, part: PartFindings | None, name: str
) -> Table | None:
    if part is None or method not in part.losses:
        return None
    printed = paper_numbers().losses[_KINDS[method]][name]
    ours = [epochs[-1] for epochs in part.losses[method]]
    rounds = max(len(ours), len(printed["training"]))
    columns: list[list[Cell]] = [
        list(range(1, rounds + 1)),
        _padded(printed["training"], rounds),
        _padded(printed["validation"], rounds),
        _padded([epoch.training_loss for epoch in ours], rounds),
        _padded([epoch.validation_loss for epoch in ours], rounds),
    ]
    headings = (
        "round", "paper: training loss", "paper: validation loss", "training loss",
        "validation loss",
    )  # fmt: skip
    title = f"Table {number}: losses {_IN_WORDS[method]}, {name}"
    return Table(key, title, headings, tuple(zip(*columns, strict=True)), decimals=5)


def _correlation(key: str, part: PartFindings) -> Table:
    results = all_results(part)
    rows = [
        (word, paper_numbers().correlation[name],
         *(getattr(one.agreement, name) for one in results.values()))
        for word, name in (("r2", "r2"), ("EV", "explained_variance"), ("Pearson", "pearson"))
    ]  # fmt: skip
    title = "Table 2: correlation of predicted with manual coordinates, pronotum"
    return Table(key, title, ("metric", "paper: from scratch", *results), tuple(rows), decimals=4)


def _scratch(
    key: str, number: str, parts: Mapping[str, PartFindings], names: Sequence[str]
) -> Table:
    columns: dict[str, Sequence[float]] = {}
    for name in names:
        columns[f"{name}, paper"] = paper_numbers().distances["scratch"][name]
        if SCRATCH in parts[name].published:
            columns[f"{name}, paper's network"] = _means(parts[name].published[SCRATCH])
        columns[f"{name}, {SCRATCH}"] = _means(parts[name].results[SCRATCH])
    title = f"{number}: average distance per landmark from scratch, px at 256 x 192"
    return Table(key, title, ("landmark", *columns), _by_landmark(columns))


def _distances(key: str, title: str, part: PartFindings) -> Table:
    columns: dict[str, Sequence[float]] = {}
    for method, kind in _KINDS.items():
        printed = paper_numbers().distances[kind].get(part.data.name)
        if printed is not None:
            columns[f"paper: {_IN_WORDS[method]}"] = printed
    columns |= {method: _means(one) for method, one in all_results(part).items()}
    return Table(key, title, ("landmark", *columns), _by_landmark(columns))


def _by_landmark(columns: Mapping[str, Sequence[float]]) -> tuple[tuple[Cell, ...], ...]:
    """A row for each landmark, and one of the means over the landmarks."""
    count = max(map(len, columns.values()))
    rows: list[tuple[Cell, ...]] = [
        (str(i + 1), *(values[i] if i < len(values) else None for values in columns.values()))
        for i in range(count)
    ]
    return *rows, ("mean", *(float(np.nanmean(values)) for values in columns.values()))


def _means(evaluation: Evaluation) -> list[float]:
    return [spread.mean for spread in evaluation.per_landmark("px_256x192")]


def _gain(before: Sequence[float] | None, after: Sequence[float] | None) -> float | None:
    """Percent by which the mean over the landmarks is smaller."""
    if before is None or after is None:
        return None
    return 100 * float(1 - np.nanmean(after) / np.nanmean(before))


def _padded(values: Sequence[float], count: int) -> list[Cell]:
    return [*values, *[None] * (count - len(values))]
