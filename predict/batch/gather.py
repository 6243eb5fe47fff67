"""From the rows of a run to its results: counts, files, the comparison, the overview."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beetle_lm.errors import ImageError, LandmarkError
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Task
from beetle_lm.predict.batch.reference import Reference
from beetle_lm.predict.batch.writers import ResultFiles, Written
from beetle_lm.predict.drawing.overlay import Marked
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.images.read import Read
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec

_FAILURES_KEPT = 10

_log = logging.getLogger("beetle_lm")


@dataclass(eq=False)
class Gathered:
    """What the rows of one part amount to.

    Args:
        shown: what the overview shows; nothing without overlays.
        counts: of all photographs, by status, and of left out landmarks.
        turned: how many photographs carry an EXIF orientation.
        failures: the first ten photographs without landmarks.
        evaluation: the comparison with manual landmarks, where there are any.
    """

    shown: Selection
    counts: dict[str, int] = field(
        default_factory=lambda: {
            "images": 0,
            "ok": 0,
            "flagged": 0,
            "failed": 0,
            "landmarks_below_min_score": 0,
        }
    )
    turned: int = 0
    failures: list[Result] = field(default_factory=list)
    evaluation: Evaluation | None = None

    def add(self, result: Result, written: Written | None) -> None:
        """Counts one result, of whose landmarks `written` was written."""
        self.counts["images"] += 1
        self.counts[result.status] += 1
        self.turned += result.orientation != 1
        if written is not None:
            self.counts["landmarks_below_min_score"] += written.missing
        elif len(self.failures) < _FAILURES_KEPT:
            self.failures.append(result)


def gather(
    rows: Iterable[Result],
    task: Task,
    spec: PartSpec,
    options: Options,
    read: Read,
    files: ResultFiles | None = None,
) -> Gathered:
    """Goes once through the results of a part; the same rows always amount to the same.

    Args:
        rows: the results, in the order of the photographs.
        task: what was predicted.
        spec: its part.
        options: what is written and how.
        read: reads the photographs of the overview.
        files: takes each result; None writes nothing.

    Raises:
        OutputError: the files cannot be written.
    """
    gathered = Gathered(Selection([image.name for image in task.images]))
    for result, image in zip(rows, task.images, strict=True):
        written = Written.of(result, options.exif, options.min_score)
        gathered.add(result, written)
        if files is not None:
            files.add(result, written)
        if task.reference is not None and written is not None:
            task.reference.add(result.name, written)
        if options.overlay and gathered.shown.wants(result.name):
            marked = marked_photograph(result, image.path, task.reference, read)
            if marked is not None:
                flagged = result.status == "flagged"
                gathered.shown.add(result.name, marked, options.min_score, flagged=flagged)
    if task.reference is not None:
        gathered.evaluation = _evaluation(task.reference, spec, options.scale)
    return gathered


def marked_photograph(
    result: Result, path: Path, reference: Reference | None, read: Read
) -> Marked | None:
    """A photograph with its landmarks at the scale of its overlay; None where there is nothing."""
    landmarks = result.landmarks
    if landmarks is None or landmarks.score is None:
        return None
    manual = None if reference is None else reference.upright(result.name)
    try:
        return Marked.read(path, landmarks.xy, landmarks.score, manual, read)
    except ImageError as error:  # the landmarks are there all the same
        _log.warning("no overlay: %s", error)
        return None


def photographs(task: Task, names: Sequence[str]) -> dict[str, Path]:
    """The files of some photographs."""
    wanted = frozenset(names)
    return {image.name: image.path for image in task.images if image.name in wanted}


def _evaluation(reference: Reference, spec: PartSpec, scale: float | None) -> Evaluation | None:
    try:
        return reference.evaluation(spec, scale)
    except LandmarkError as error:  # e.g. all photographs with manual landmarks failed
        _log.warning("nothing was compared with the manual landmarks: %s", error)
        return None
