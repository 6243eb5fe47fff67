"""The template baseline of a reproduction: landmarks from three annotated photographs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from beetle_lm.errors import Hint, LandmarkError, OutputError, SpecimenError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.own_tables import tidy_header, tidy_rows
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.templates.annotated import Templates
from beetle_lm.predict.templates.place import Transfer
from beetle_lm.train.engine.log import EpochLog
from beetle_lm.train.engine.tested import PREDICTIONS
from beetle_lm.train.reproduction.data import LANDMARKS, PartData
from beetle_lm.train.run import METRICS

TEMPLATES = 3
"""Photographs of each round's training photographs that landmarks are transferred from."""


@dataclass(frozen=True, eq=False)
class TransferRound:
    """One round on one part: a job beside the trainings.

    Args:
        folder: where its predictions go; it is done when they and `metrics.json` are there.
        part: the part.
        number: of the round, from 0.
    """

    folder: Path
    part: PartData
    number: int

    source = None
    epochs = 0

    @property
    def name(self) -> str:
        """The job in words."""
        return " ".join(self.folder.parts[-3:])

    @property
    def is_done(self) -> bool:
        """Whether the job is done.

        Raises:
            OutputError: another job was done in this folder.
        """
        try:
            done = json.loads((self.folder / METRICS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return False
        if done["tested"] != list(self.part.tests[self.number]):
            raise OutputError(
                f"{self.folder} was done with other data or options", Hint.OTHER_REPORT
            )
        return True

    def run(
        self,
        device: torch.device,
        report: Callable[[EpochLog], None],
        stepped: Callable[[float], None],
    ) -> None:
        """Places the landmarks of the round's test photographs, where a template fits.

        Args:
            device: of no effect, as there is nothing to train.
            report: of no effect.
            stepped: of no effect.
        """
        spec, by_name = self.part.data.spec, {s.name: s for s in self.part.data.specimens}
        tested = self.part.tests[self.number]
        templates = self._templates()
        rows = [tidy_header()]
        if templates is not None:
            paths = [by_name[name].image.path for name in tested]
            results = Transfer(templates).predict(paths)
            for name, result in zip(tested, results, strict=True):
                if result.landmarks is not None:
                    rows.append(tidy_rows(name, spec.landmark_names, result.landmarks.xy))
        write_text(self.folder / PREDICTIONS, rows)
        used = list(templates.names) if templates is not None else []
        metrics = {"templates": used, "tested": list(tested), "placed": len(rows) - 1}
        write_text(self.folder / METRICS, [json.dumps(metrics, indent=1), "\n"])

    def _templates(self) -> Templates | None:
        """The first training photographs that can be templates, beginning with some far apart."""
        by_name = {s.name: s for s in self.part.data.specimens}
        usable: list[Path] = []
        found = None
        for name in _spread(self.part.training(self.number)):
            if len(usable) == TEMPLATES:
                break
            tried = [*usable, by_name[name].image.path]
            try:
                landmarks = self.part.folder / LANDMARKS
                found = Templates.read(tried, landmarks, self.part.data.spec)
            except (SpecimenError, LandmarkError):
                continue
            usable = tried
        return found


def transferred(part: PartData, folders: Sequence[Path]) -> list[Record] | None:
    """What the rounds of a part placed; NaN where no template fitted, None where none ever did."""
    found = [one for folder in folders for one in _read(folder / PREDICTIONS)]
    if not found:
        return None
    placed = {one.image for one in found}
    nowhere = np.full((len(part.data.spec), 2), np.nan)
    left = [s.name for s in part.data.specimens if s.name not in placed]
    return found + [Record(nowhere, name) for name in left]


def _read(path: Path) -> Sequence[Record]:
    if len(path.read_text(encoding="utf-8").splitlines()) < 2:
        return ()
    return read_records(path)


def _spread(names: Sequence[str]) -> Iterator[str]:
    """All names, those at even distances first."""
    first = np.linspace(0, len(names) - 1, min(TEMPLATES, len(names))).round().astype(int)
    yield from (names[i] for i in first)
    yield from (name for i, name in enumerate(names) if i not in first)
