"""The data of a reproduction: photographs of several parts, rounds, pre-training, predictions."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beetle_lm.errors import Hint, LandmarkError, RequestError, TrainingDataError
from beetle_lm.predict.evaluation.metrics import PAPER_SIZE, Evaluation, evaluate
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.train.data.dataset import AnnotatedImages, read_training_data
from beetle_lm.train.data.folds import folds
from beetle_lm.zoo.model_file.parts import PRETRAIN_LANDMARKS, PartSpec

IMAGES, LANDMARKS = "images", "landmarks.tps"
"""What the folder of a part holds."""

PAPER_PARTS = ("pronotum", "elytra", "head", "left-mandible", "right-mandible")
"""The paper's parts, in the order of its tables."""

_PUBLISHED = {"paper-scratch": "scratch", "paper-finetune": "finetuned"}


@dataclass(frozen=True, eq=False)
class PartData:
    """The photographs of a part, divided into rounds.

    Args:
        folder: holds `images/` and `landmarks.tps`.
        data: the photographs.
        tests: names of the test photographs of each round; each photograph is in one of them.
    """

    folder: Path
    data: AnnotatedImages
    tests: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """The part's name."""
        return self.data.spec.name

    def training(self, number: int) -> list[str]:
        """Names of the photographs that are not tested in a round, counted from 0."""
        tested = set(self.tests[number])
        return [s.name for s in self.data.specimens if s.name not in tested]


def part_names(data: Path) -> list[str]:
    """The sub-folders that hold a part, the paper's first.

    Raises:
        RequestError: there is none.
    """
    found = sorted(path.name for path in data.iterdir() if _is_part(path)) if data.is_dir() else []
    if not found:
        raise RequestError(
            f"{data} holds no part: a part is a sub-folder with {IMAGES}/ and {LANDMARKS}"
        )
    known = [name for name in PAPER_PARTS if name in found]
    return known + [name for name in found if name not in known]


def _is_part(folder: Path) -> bool:
    return (folder / IMAGES).is_dir() and (folder / LANDMARKS).is_file()


def read_parts(
    data: Path, names: Sequence[str], rounds: int, seed: int, skip_bad: bool
) -> dict[str, PartData]:
    """Reads parts and divides each into rounds, at random.

    Args:
        data: the folder of the parts.
        names: of the parts.
        rounds: number of rounds.
        seed: of the division.
        skip_bad: leave out specimens with problems.

    Raises:
        RequestError: a part is not there or has fewer photographs than rounds.
        TrainingDataError: there are problems and `skip_bad` is False.
    """
    if missing := [name for name in names if not _is_part(data / name)]:
        raise RequestError(
            f"{data} has no part {missing[0]}; there are: {', '.join(part_names(data))}"
        )
    read = {n: read_training_data(data / n / IMAGES, data / n / LANDMARKS, n) for n in names}
    problems = [f"{name}: {one}" for name in names for one in read[name].problems]
    if problems and not skip_bad:
        raise TrainingDataError(problems, Hint.SKIP_BAD)
    for name, part in read.items():
        if len(part.specimens) < rounds:
            raise RequestError(
                f"{rounds} rounds need as many photographs of each part, and {name} has"
                f" {len(part.specimens)}"
            )
    return {
        name: PartData(
            data / name,
            part,
            tuple(map(tuple, folds([s.name for s in part.specimens], rounds, seed))),
        )
        for name, part in read.items()
    }


def pretraining_data(parts: Sequence[PartData]) -> AnnotatedImages:
    """Photographs of pronotum, elytra and head as one data set of eight landmarks (section 7.1).

    Args:
        parts: those of the three that are there.

    Returns:
        The photographs, named ``PART/NAME``.
    """
    name = " + ".join(part.name for part in parts)
    count = len(next(iter(PRETRAIN_LANDMARKS.values())))
    spec = PartSpec.numbered(name, count)
    specimens = []
    for part in parts:
        kept = [number - 1 for number in PRETRAIN_LANDMARKS[part.name]]
        for one in part.data.specimens:
            image = dataclasses.replace(one.image, name=f"{part.name}/{one.name}")
            landmarks = Landmarks(spec, one.landmarks.xy[kept])
            specimens.append(dataclasses.replace(one, image=image, landmarks=landmarks))
    no_shapes = parts[0].data.shapes[:0, :count]
    return AnnotatedImages(spec, tuple(specimens), (), (), no_shapes)


def published(folder: Path, part: PartData) -> dict[str, Evaluation]:
    """The predictions of the paper's own networks on exactly the part's specimens.

    Args:
        folder: holds ``PART-manual-256x192.tps`` and ``PART-scratch-256x192.tps`` or
            ``PART-finetuned-256x192.tps``.
        part: the part; specimens are matched by the last number in their files' names.

    Returns:
        By the recipe's name; images have the names of the part's. What is not there is left out.

    Raises:
        LandmarkFileError: a file cannot be read.
        LandmarkError: the files are of a part with another number of landmarks.
    """
    manual = folder / f"{part.name}-manual-256x192.tps"
    if not manual.is_file():
        return {}
    theirs = _by_number(manual)
    ours = {number: s.name for s in part.data.specimens if (number := _number(s.name)) in theirs}
    compared = {}
    for recipe, kind in _PUBLISHED.items():
        path = folder / f"{part.name}-{kind}-256x192.tps"
        if not path.is_file():
            continue
        found = _by_number(path)
        common = {number: name for number, name in ours.items() if number in found}
        if not common:
            raise LandmarkError(f"{path} has no specimen whose number is in {part.folder}")
        compared[recipe] = evaluate(
            [dataclasses.replace(found[number], image=name) for number, name in common.items()],
            [dataclasses.replace(theirs[number], image=name) for number, name in common.items()],
            dict.fromkeys(common.values(), PAPER_SIZE),
            part.data.spec,
        )
    return compared


def _by_number(path: Path) -> dict[int, Record]:
    numbered = ((_number(record.name), record) for record in read_records(path))
    return {number: record for number, record in numbered if number is not None}


def _number(image: str) -> int | None:
    """The last number in a photograph's name: that of the specimen."""
    numbers = re.findall(r"\d+", Path(image).stem)
    return int(numbers[-1]) if numbers else None
