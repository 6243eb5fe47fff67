"""The log of a training of the paper's networks: `log.csv`, and `losses.png` drawn from it."""

from __future__ import annotations

import csv
import math
from dataclasses import astuple, fields
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from beetle_lm.train.paper.loop import PaperEpoch

_LOG = "log.csv"
_COLUMNS = [field.name for field in fields(PaperEpoch)]
TRAINING, VALIDATION = "#0000ff", "#008000"
"""The paper's blue and green."""


class PaperLog:
    """Writes one row for each epoch as it ends.

    Args:
        run: the run folder.
        epochs_before: rows of earlier epochs to keep, when a run goes on.
    """

    def __init__(self, run: Path, epochs_before: int = 0) -> None:
        self._path = run / _LOG
        self.epochs = read_log(run)[:epochs_before] if epochs_before else []
        with self._path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(_COLUMNS)
            rows.writerows(map(_row, self.epochs))

    def append(self, epoch: PaperEpoch) -> None:
        """Adds the row of an epoch."""
        self.epochs.append(epoch)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(_row(epoch))

    def plot(self, path: Path) -> None:
        """Draws both losses over the epochs."""
        figure = Figure(figsize=(7, 4), layout="constrained")
        FigureCanvasAgg(figure)
        draw_losses(figure.subplots(), self.epochs)
        figure.savefig(path, dpi=120)


def draw_losses(axes: Axes, epochs: list[PaperEpoch]) -> None:
    """Training loss in blue and validation loss in green, as the paper's Figures 10 and 11."""
    numbers = [epoch.epoch for epoch in epochs]
    axes.plot(numbers, [e.training_loss for e in epochs], color=TRAINING, label="training")
    losses = [epoch.validation_loss for epoch in epochs]
    if not all(map(math.isnan, losses)):
        axes.plot(numbers, losses, color=VALIDATION, label="validation")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (mean square)")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)


def read_log(run: Path) -> list[PaperEpoch]:
    """The epochs of a run folder, in their order."""
    with (run / _LOG).open(encoding="utf-8", newline="") as file:
        return [
            PaperEpoch(int(row["epoch"]), *(float(row[name] or "nan") for name in _COLUMNS[1:]))
            for row in csv.DictReader(file)
        ]


def _row(epoch: PaperEpoch) -> list[object]:
    number, *values = astuple(epoch)
    return [number, *("" if math.isnan(value) else f"{value:.8g}" for value in values)]
