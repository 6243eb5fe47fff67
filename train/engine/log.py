"""The log of a training run: `log.csv`, and `losses.png` drawn from it."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from beetle_lm.train.heatmap.loop import EpochLog

_COLUMNS = ("epoch", "learning_rate", "training_loss", "validation_px")


class TrainingLog:
    """Writes one row for each epoch as it ends.

    Args:
        run: the run folder.
        epochs_before: rows of earlier epochs to keep, when a run goes on.
    """

    def __init__(self, run: Path, epochs_before: int = 0) -> None:
        self._path = run / "log.csv"
        self.epochs: list[EpochLog] = []
        if epochs_before and self._path.is_file():
            with self._path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            self.epochs = [_parse(row) for row in rows][:epochs_before]
        with self._path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(_COLUMNS)
        for epoch in self.epochs:
            self._write(epoch)

    def append(self, epoch: EpochLog) -> None:
        """Adds the row of an epoch."""
        self.epochs.append(epoch)
        self._write(epoch)

    def _write(self, epoch: EpochLog) -> None:
        error = "" if math.isnan(epoch.validation_px) else f"{epoch.validation_px:.4f}"
        row = (epoch.epoch, f"{epoch.learning_rate:.3e}", f"{epoch.training_loss:.5f}", error)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)

    def plot(self, path: Path) -> None:
        """Draws training loss and validation error over the epochs."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator, ScalarFormatter

        losses = [epoch.training_loss for epoch in self.epochs]
        errors = [epoch.validation_px for epoch in self.epochs]
        panels = [("training loss", losses)]
        if not all(math.isnan(error) for error in errors):
            panels.append(("validation error\n(px of the model's input)", errors))
        figure = Figure(figsize=(7, 2.4 * len(panels) + 0.4), layout="constrained")
        FigureCanvasAgg(figure)
        rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (label, values) in zip(rows, panels, strict=True):
            axes.plot([epoch.epoch for epoch in self.epochs], values)
            axes.set_ylabel(label)
            axes.set_yscale("log")
            for axis in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
                axis(ScalarFormatter())
            axes.grid(alpha=0.3, which="both")
        rows[-1].set_xlabel("epoch")
        rows[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.savefig(path, dpi=120)


def _parse(row: dict[str, str]) -> EpochLog:
    return EpochLog(
        int(row["epoch"]),
        float(row["learning_rate"]),
        float(row["training_loss"]),
        float(row["validation_px"] or "nan"),
    )
