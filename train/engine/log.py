"""The log of a training run: `log.csv`, and `losses.png` drawn from it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from beetle_lm.errors import CheckpointError, Hint, OutputError
from beetle_lm.files import write_bytes, write_text
from beetle_lm.predict.formats.csv import csv_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG = "log.csv"
"""The log's file name in a run folder."""


@dataclass(frozen=True)
class EpochLog:
    """What there is to say of one epoch: a row of the log, whose columns are the fields.

    A method of training that has more to say adds fields, and says in `formats` how they are
    written.

    Args:
        epoch: its number, from 1.
        learning_rate: at its end.
        training_loss: mean over its steps.
        validation_px: mean landmark error on what validates, in input pixels; NaN where nothing
            does.
    """

    epoch: int
    learning_rate: float
    training_loss: float
    validation_px: float

    formats: ClassVar[Mapping[str, str]] = {
        "learning_rate": ".3e",
        "training_loss": ".5f",
        "validation_px": ".4f",
    }

    def row(self) -> list[str]:
        """The cells of its row; empty where nothing validates."""
        return [str(self.epoch), *(self._cell(name) for name in self.formats)]

    def _cell(self, name: str) -> str:
        value: float = getattr(self, name)
        if math.isnan(value) and name.startswith("validation"):
            return ""
        return f"{value:{self.formats[name]}}"


E = TypeVar("E", bound=EpochLog)


class TrainingLog(Generic[E]):
    """Writes one row for each epoch as it ends.

    Args:
        run: the run folder.
        kind: what there is to say of an epoch.
        epochs_before: rows of earlier epochs to keep, when a run goes on.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, run: Path, kind: type[E], epochs_before: int = 0) -> None:
        self._path = run / LOG
        self.epochs: list[E] = read_log(run, kind)[:epochs_before] if epochs_before else []
        self._lines = [csv_line(_columns(kind)), *(csv_line(epoch.row()) for epoch in self.epochs)]
        self._write()

    def append(self, epoch: E) -> None:
        """Adds the row of an epoch.

        Raises:
            OutputError: it cannot be written.
        """
        self.epochs.append(epoch)
        self._lines.append(csv_line(epoch.row()))
        self._write()

    def _write(self) -> None:
        """The whole log anew: whenever a run is killed, the file holds whole rows."""
        try:
            write_text(self._path, self._lines)
        except OutputError as error:
            raise OutputError(str(error), Hint.RESUME) from error


def read_log(run: Path, kind: type[E]) -> list[E]:
    """The epochs of a run folder, in their order; none where it has no log.

    Raises:
        CheckpointError: it cannot be read, or is no such log.
    """
    path = run / LOG
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                kind(int(row["epoch"]), *(float(row[name] or "nan") for name in _columns(kind)[1:]))
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise CheckpointError(f"{path} is not the log of a training run, or damaged") from error


def _columns(kind: type[EpochLog]) -> list[str]:
    return [field.name for field in fields(kind)]


def draw_losses(epochs: Sequence[EpochLog], path: Path) -> None:
    """Draws training loss and validation error over the epochs, one above the other."""
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    losses = [epoch.training_loss for epoch in epochs]
    errors = [epoch.validation_px for epoch in epochs]
    panels = [("training loss", losses)]
    if not all(math.isnan(error) for error in errors):
        panels.append(("validation error\n(px of the model's input)", errors))
    figure = new_figure(2.4 * len(panels) + 0.4)
    rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, (label, values) in zip(rows, panels, strict=True):
        axes.plot([epoch.epoch for epoch in epochs], values)
        axes.set_ylabel(label)
        axes.set_yscale("log")
        for axis in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            axis(ScalarFormatter())
        axes.grid(alpha=0.3, which="both")
    rows[-1].set_xlabel("epoch")
    rows[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    save_figure(figure, path)


def new_figure(height: float) -> Figure:
    """A figure of 7 inches in width, drawn without a display.

    Args:
        height: in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure as a PNG file.

    Raises:
        OutputError: it cannot be written.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=120, format="png")
    write_bytes(path, [drawn.getvalue()])
