"""The paper's experiments on a data set: all trainings, then what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from beetle_lm.predict.evaluation.metrics import Evaluation, evaluate
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.text import counted
from beetle_lm.train.engine.log import EpochLog, read_log
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.engine.tested import PREDICTIONS
from beetle_lm.train.methods import load_recipe
from beetle_lm.train.paper.trainer import PaperEpoch
from beetle_lm.train.reproduction.data import PAPER_PARTS, PartData, published
from beetle_lm.train.reproduction.jobs import (
    RoundJob,
    do_all,
    part_training,
    pretraining,
    round_folder,
)
from beetle_lm.train.reproduction.methods import (
    GIVEN_UP,
    PRETRAIN,
    SCRATCH,
    TRANSFER,
    Settings,
)
from beetle_lm.train.reproduction.transfer import TransferRound, transferred

_TRIED_ON = PAPER_PARTS[0]  # the part on which the paper chooses among its models


@dataclass(frozen=True, eq=False)
class Study:
    """What is compared on what.

    Args:
        report: the folder of the report.
        parts: by name, those whose results are wanted.
        pretraining: the parts to pre-train on; empty where none of the three is there.
        methods: recipes by name.
        transfer: whether landmarks are transferred from templates as well.
        settings: what is changed in the paper's recipes.
        seed: of everything random.
        published: folder of the predictions of the paper's networks, None where there is none.
        keep_weights: whether the networks of finished rounds stay.
    """

    report: Path
    parts: Mapping[str, PartData]
    pretraining: Sequence[PartData]
    methods: Mapping[str, Recipe]
    transfer: bool
    settings: Settings
    seed: int
    published: Path | None = None
    keep_weights: bool = False

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(next(iter(self.parts.values())).tests)

    @property
    def tries_models(self) -> bool:
        """Whether the models that the paper gives up are trained: for a round, on the pronotum."""
        return SCRATCH in self.methods and _TRIED_ON in self.parts

    def recipe(self, name: str) -> Recipe:
        """One of the package's recipes with the changes of this study."""
        return self.settings.applied(load_recipe(name))

    def jobs(self) -> list[RoundJob]:
        """All jobs, each after what it starts from."""
        jobs: list[RoundJob] = []
        if any(recipe.pretrained for recipe in self.methods.values()):
            recipe = self.recipe(PRETRAIN)
            jobs += [
                pretraining(self.report, self.pretraining, recipe, number, self.seed)
                for number in range(self.rounds)
            ]
        for part in self.parts.values():
            for recipe in self.methods.values():
                jobs += self._of_method(part, recipe, self.rounds)
            if self.transfer:
                jobs += [
                    TransferRound(folder, part, number)
                    for number, folder in enumerate(self.folders(part.name, TRANSFER))
                ]
        if self.tries_models:
            for name in GIVEN_UP:
                jobs += self._of_method(self.parts[_TRIED_ON], self.recipe(name), 1)
        return jobs

    def folders(self, part: str, method: str) -> list[Path]:
        """The folders of all rounds of a method on a part."""
        return [round_folder(self.report, part, method, i) for i in range(self.rounds)]

    def _of_method(self, part: PartData, recipe: Recipe, rounds: int) -> list[RoundJob]:
        """The jobs of one method on one part: each writes what it predicts for its round."""
        return [
            part_training(self.report, part, recipe, number, self.seed, self.keep_weights)
            for number in range(rounds)
        ]


@dataclass(frozen=True, eq=False)
class PartFindings:
    """What was found on one part.

    Args:
        data: the part.
        results: by the method's name, the comparison of all photographs, each predicted in the
            round that tests it; NaN where no template fitted, and no transfer where none ever did.
        losses: by the method's name, the epochs of each round; of the paper's networks alone.
        published: by the recipe's name, the same of the predictions of the paper's own networks.
        mean_position: the same where each landmark is put at its mean place on the training
            photographs of the round, whatever the picture shows.
    """

    data: PartData
    results: Mapping[str, Evaluation]
    losses: Mapping[str, Sequence[Sequence[PaperEpoch]]]
    published: Mapping[str, Evaluation]
    mean_position: Evaluation


@dataclass(frozen=True, eq=False)
class Findings:
    """What a study found.

    Args:
        study: what was asked.
        device: where it was trained, in words.
        parts: by name.
        models: epochs of the first round of the paper's three models on the pronotum, by their
            recipes' names; empty where they were not tried.
    """

    study: Study
    device: str
    parts: Mapping[str, PartFindings]
    models: Mapping[str, Sequence[PaperEpoch]]


def reproduce(
    study: Study,
    device: torch.device,
    report: Callable[[EpochLog], None],
    stepped: Callable[[float], None],
    say: Callable[[str], None],
) -> Findings:
    """Does all trainings that are not done, and compares what they predict.

    Args:
        study: what to do.
        device: where to train.
        report: called after every epoch.
        stepped: called every now and then with the epochs of a training that are done, also in
            part.
        say: called with a sentence when a training begins.

    Raises:
        OutputError: the report's folder holds trainings with other data or options.
        LandmarkFileError: a file of published predictions cannot be read.
    """
    do_all(study.jobs(), device, report, stepped, say)
    models = (SCRATCH, *GIVEN_UP) if study.tries_models else ()
    return Findings(
        study,
        _in_words(device),
        {name: _found(study, part) for name, part in study.parts.items()},
        {
            name: read_log(round_folder(study.report, _TRIED_ON, name, 0), PaperEpoch)
            for name in models
        },
    )


def _in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"a processor with {counted(threads, 'thread')}"


def _found(study: Study, part: PartData) -> PartFindings:
    folders = {name: study.folders(part.name, name) for name in study.methods}
    results = {name: _compared(part, _predicted(runs)) for name, runs in folders.items()}
    if study.transfer:
        placed = transferred(part, study.folders(part.name, TRANSFER))
        if placed is not None:
            results[TRANSFER] = _compared(part, placed)
    return PartFindings(
        data=part,
        results=results,
        losses={
            name: [read_log(run, PaperEpoch) for run in folders[name]]
            for name, recipe in study.methods.items()
            if recipe.of_the_paper
        },
        published=published(study.published, part) if study.published else {},
        mean_position=_compared(part, _at_mean_position(part)),
    )


def _predicted(runs: Sequence[Path]) -> list[Record]:
    return [one for run in runs for one in read_records(run / PREDICTIONS)]


def _at_mean_position(part: PartData) -> list[Record]:
    by_name = {specimen.name: specimen for specimen in part.data.specimens}
    placed = []
    for number, tested in enumerate(part.tests):
        trained = [by_name[name] for name in part.training(number)]
        places = np.stack([one.landmarks.xy / one.size for one in trained])
        there = np.isfinite(places).sum(axis=0)
        mean = np.nansum(places, axis=0) / np.where(there, there, np.nan)
        placed += [Record(mean * by_name[name].size, name) for name in tested]
    return placed


def _compared(part: PartData, found: Sequence[Record]) -> Evaluation:
    specimens = part.data.specimens
    manual = [Record(one.landmarks.xy, one.name) for one in specimens]
    sizes = {one.name: one.size for one in specimens}
    return evaluate(found, manual, sizes, part.data.spec)
