"""What came of the photographs of a part: counts, failures, the comparison, the overview."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from beetle_lm.errors import Hint, ImageError, LandmarkError
from beetle_lm.predict.batch.comparison import Comparison
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.overlays import marked_photograph
from beetle_lm.predict.batch.plan import Task
from beetle_lm.predict.batch.reference import Reference
from beetle_lm.predict.batch.source import SourceRecord
from beetle_lm.predict.batch.writers import ResultFiles, Written
from beetle_lm.predict.drawing.overlay import OVERLAY, overlay_sized
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.images.read import Read
from beetle_lm.predict.result import Result
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.predict.scales.sources import ScaleOf

_FAILURES_KEPT = 10

_log = logging.getLogger("beetle_lm")


@dataclass(eq=False)
class Outcome:
    """What came of the photographs of one part.

    Args:
        shown: what the overview shows; nothing without overlays.
        counts: of photographs, or of the specimens that were found on them, by status, and of
            landmarks that were left out.
        turned: how many photographs carry an EXIF orientation.
        scaleless: how many photographs with landmarks lack the scale that was asked for.
        failures: the first ten photographs without landmarks.
        hints: what can be done about failures, each once.
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
    scaleless: int = 0
    failures: list[Result] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    evaluation: Evaluation | None = None

    @property
    def images(self) -> int:
        """How many photographs there were."""
        return self.counts["images"]

    @property
    def failed(self) -> int:
        """How many photographs have no landmarks."""
        return self.counts["failed"]

    @property
    def flagged(self) -> int:
        """How many photographs have landmarks that should be checked."""
        return self.counts["flagged"]

    @property
    def specimens(self) -> int | None:
        """How many specimens were found; None where one was looked for in each photograph."""
        return self.counts.get("specimens")

    @property
    def unsure(self) -> int:
        """How many places may have shown a further specimen, but the model was not sure of it."""
        return self.counts.get("unsure_places", 0)

    def add_photograph(self, result: Result, *, many: bool) -> None:
        """Counts a photograph, and what was found on it where all specimens were looked for."""
        self.counts["images"] += 1
        self.turned += result.orientation != 1
        if many:
            found = sum(one.specimen is not None for one in result.specimens)
            self.counts["specimens"] = (self.specimens or 0) + found
            self.counts["unsure_places"] = self.unsure + len(result.unsure)

    def add(self, result: Result, written: Written | None, scale: Scale | None) -> None:
        """Counts one result, of whose landmarks `written` was written, with that scale."""
        self.counts[result.status] += 1
        if scale is not None and scale.units_per_px is None and written is not None:
            self.scaleless += 1
        if result.hint is not None and result.hint not in self.hints:
            self.hints.append(result.hint)
        if written is not None:
            self.counts["landmarks_below_min_score"] += written.below
        elif len(self.failures) < _FAILURES_KEPT:
            self.failures.append(result)


def outcome_of(
    rows: Iterable[Result],
    task: Task,
    source: SourceRecord,
    options: Options,
    read: Read,
    shown: Selection,
    scales: ScaleOf | None = None,
    files: ResultFiles | None = None,
) -> Outcome:
    """Goes through the results of a part once; the same rows always have the same outcome.

    Args:
        rows: the results, in the order of the photographs.
        task: what was predicted.
        source: what placed the landmarks.
        options: what is written and how.
        read: reads photographs for the overview that were not drawn in this run.
        shown: what the overview shows; takes what it lacks.
        scales: gives the photographs' scales; None where they are not known.
        files: takes each result; None writes nothing.

    Raises:
        OutputError: the files cannot be written.
    """
    outcome = Outcome(shown)
    comparison = None if task.reference is None else _comparison(task.reference, source)
    for result, image in zip(rows, task.images, strict=True):
        scale = None if scales is None else scales(result.name, result.scale)
        outcome.add_photograph(result, many=options.many)
        for one in result.specimens:
            written = Written.of(one, options.exif, options.min_score, options.flagged)
            outcome.add(one, written, scale)
            if files is not None:
                files.add(one, written, scale)
            if comparison is not None and written is not None and not written.dropped:
                comparison.add(one, written)
        if files is not None:
            files.add_photograph(result)
        is_drawn = options.overlay and (result.landmarks is not None or result.unsure)
        if is_drawn and shown.lacks(result.name):
            try:
                picture = overlay_sized(read(image, OVERLAY.channels, OVERLAY.at_least))
            except ImageError as error:  # the landmarks are there all the same
                _log.warning("no overlay: %s", error)
                continue
            marked = marked_photograph(picture, result, task)
            flagged = any(one.status == "flagged" for one in result.specimens)
            shown.take(result.name, marked, options.min_score, flagged=flagged)
    if comparison is not None:
        for_all = None if options.scale is None else options.scale.for_all
        outcome.evaluation = _evaluation(comparison, for_all)
    return outcome


def _comparison(reference: Reference, source: SourceRecord) -> Comparison:
    """Takes what is compared; photographs that the source was made with are told, or left out."""
    left_out = frozenset() if source.compared else source.own
    return Comparison(reference, source.spec, left_out, source.note)


def _evaluation(comparison: Comparison, scale: float | None) -> Evaluation | None:
    try:
        return comparison.evaluation(scale)
    except LandmarkError as error:  # e.g. all photographs with manual landmarks failed
        _log.warning("nothing was compared with the manual landmarks: %s", error)
        return None
