"""The trainings that the page starts, on the disk: for each its run folder and its landmarks."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beetle_lm.errors import OutputError
from beetle_lm.text import file_name

_CONFIG, _LOG = "config.toml", "log.csv"  # what the command leaves in a run folder


@dataclass(frozen=True)
class Run:
    """A training.

    Args:
        folder: its run folder.
        model: the model file in it, which is there once the training is through.
    """

    folder: Path
    model: Path

    @property
    def landmarks(self) -> Path:
        """The landmark file that it trains on."""
        return self.folder.with_name(f"{self.folder.name}.tps")

    @property
    def is_resumable(self) -> bool:
        """Whether it has begun, and did not come to its end."""
        config = self.folder / _CONFIG
        return config.is_file() and self.landmarks.is_file() and not self.model.is_file()

    @property
    def photographs(self) -> int:
        """How many it trains on; 0 where that is not known."""
        try:
            text = self.landmarks.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return 0
        return sum(line.startswith("LM=") for line in text.splitlines())

    @property
    def epochs(self) -> int:
        """How many epochs it has in all; 0 where that is not known yet."""
        try:
            return int(self._config["recipe"]["epochs"])
        except (ValueError, KeyError, TypeError):
            return 0

    @property
    def start(self) -> str:
        """What it started from; empty for nothing."""
        return str(self._config.get("init", ""))

    @property
    def epochs_done(self) -> int:
        """How many epochs are done."""
        try:
            with (self.folder / _LOG).open(encoding="utf-8", newline="") as stream:
                return max(0, sum(1 for _ in csv.reader(stream)) - 1)
        except OSError:
            return 0

    @property
    def _config(self) -> dict[str, Any]:
        """What it was asked to do; empty where that is not written yet."""
        try:
            return tomllib.loads((self.folder / _CONFIG).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}


@dataclass(frozen=True)
class Runs:
    """All trainings of a part.

    Args:
        folder: where they are, once there is one.
        part: the name of the part.
    """

    folder: Path
    part: str

    def run(self, number: int) -> Run:
        """A training by its number, whether it is there or not."""
        folder = self.folder / f"run-{number}"
        return Run(folder, folder / f"{file_name(self.part)}.onnx")

    @property
    def trained_model(self) -> Path | None:
        """The model that was trained last, even where the page was not there any more to see it."""
        models = [run.model for run in self._all() if run.model.is_file()]
        return models[-1] if models else None

    @property
    def resumable(self) -> Run | None:
        """The last training, where it can be gone on with."""
        begun = [run for run in self._all() if run.is_resumable or run.model.is_file()]
        return begun[-1] if begun and begun[-1].is_resumable else None

    def new(self) -> Run:
        """One that is not there yet.

        Raises:
            OutputError: the folder of the trainings cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be made: {error.strerror or error}") from error
        return self.run(1 + max(self._numbers(), default=0))

    def _all(self) -> list[Run]:
        return [self.run(number) for number in self._numbers()]

    def _numbers(self) -> list[int]:
        """The numbers of all that is there, in their order."""
        names = {path.name.removesuffix(".tps") for path in self.folder.glob("run-*")}
        numbers = (name.removeprefix("run-") for name in names)
        return sorted(int(number) for number in numbers if number.isascii() and number.isdigit())
