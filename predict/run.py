"""From photographs to a folder of results: what `beetle-lm predict` does."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm import __version__
from beetle_lm.errors import ImageError, LandmarkError, OutputError
from beetle_lm.predict.evaluate import Evaluation
from beetle_lm.predict.images import ImageFile
from beetle_lm.predict.orientation import ExifFrame
from beetle_lm.predict.outputs import ResultFolder
from beetle_lm.predict.overlay import Marked, write_jpeg
from beetle_lm.predict.overview import Selection, overview
from beetle_lm.predict.predictor import Predictor, Result
from beetle_lm.predict.reference import Reference
from beetle_lm.predict.result_files import Format

_FAILURES_KEPT = 10

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True)
class Options:
    """How photographs are predicted and what is written.

    Args:
        formats: landmark files to write.
        exif: frame of the written coordinates.
        min_score: landmarks with a lower score are written as missing.
        scale: units per pixel, None where unknown.
        overlay: also draw the landmarks on the photographs, and an overview of some of them.
        batch_size: photographs that go through the model at once.
        workers: threads that read photographs.
        overwrite: replace the results of an earlier run.
    """

    formats: tuple[Format, ...] = ("tps", "csv")
    exif: ExifFrame = "apply"
    min_score: float = 0.0
    scale: float | None = None
    overlay: bool = False
    batch_size: int = 8
    workers: int = 2
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run did.

    Args:
        folder: where the results are.
        summary: the content of run.json.
        images: how many photographs there were.
        failed: how many of them have no landmarks.
        failures: the first ten of these.
        evaluation: the comparison with manual landmarks, where there are any.
        shown: what the overview shows; nothing without overlays.
    """

    folder: Path
    summary: dict[str, Any]
    images: int
    failed: int
    failures: tuple[Result, ...]
    evaluation: Evaluation | None
    shown: Selection


def predict_to_folder(
    predictor: Predictor,
    images: Sequence[ImageFile],
    folder: Path,
    options: Options,
    reference: Reference | None = None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> Finished:
    """Predicts photographs and writes all results into a folder, or none if it is stopped.

    Args:
        predictor: the model.
        images: the photographs.
        folder: where the results go; made if need be.
        options: how, and what is written.
        reference: manual landmarks to compare with.
        on_result: called with each result as it comes.

    Raises:
        OutputError: the folder cannot be written, or holds results already.
        LandmarkError: the manual landmarks are not those of the model's part.
        ModelError: the model cannot be run.
    """
    spec = predictor.card.spec
    if reference is not None:
        reference.check(spec)
    results = ResultFolder(
        folder,
        spec,
        [image.name for image in images],
        formats=options.formats,
        frame=options.exif,
        min_score=options.min_score,
        scale=options.scale,
        overwrite=options.overwrite,
    )
    paths = {image.name: image.path for image in images}
    shown = Selection(list(paths))
    failures: list[Result] = []
    started, clock = datetime.now(UTC), time.perf_counter()
    with results:
        with closing(predictor.predict(images, options.batch_size, options.workers)) as predicted:
            for result in predicted:
                written = results.add(result)
                if reference is not None and written is not None:
                    reference.add(result.name, written)
                if written is None and len(failures) < _FAILURES_KEPT:
                    failures.append(result)
                if options.overlay:
                    target = results.overlay_path(result.name)
                    _draw(result, paths[result.name], target, shown, options.min_score, reference)
                on_result(result)
        seconds = time.perf_counter() - clock
        evaluation = None if reference is None else _evaluation(reference, predictor, options)
        if reference is not None and evaluation is not None:
            _write_evaluation(evaluation, reference, paths, results)
        if shown.cells:
            write_drawing(results.unfinished / "overview.jpg", overview({spec.name: shown}))
        if results.turned:
            _warn_of_frame(results.turned, options.exif)
        summary = _summary(predictor, options, results.counts, started, seconds)
        results.finish(summary)
    counts = results.counts
    return Finished(
        folder, summary, counts["images"], counts["failed"], tuple(failures), evaluation, shown
    )


def _draw(
    result: Result,
    path: Path,
    target: Path,
    shown: Selection,
    min_score: float,
    reference: Reference | None,
) -> None:
    landmarks = result.landmarks
    if landmarks is None or landmarks.score is None:
        return
    manual = None if reference is None else reference.upright(result.name)
    try:
        marked = Marked.read(path, landmarks.xy, landmarks.score, manual)
    except ImageError as error:  # the landmarks are there all the same
        _log.warning("no overlay: %s", error)
        return
    write_drawing(target, marked.drawn(min_score))
    shown.add(result.name, marked, min_score)


def write_drawing(target: Path, pixels: NDArray[np.uint8]) -> None:
    """Writes a picture of the results.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        write_jpeg(target, pixels)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error


def _evaluation(reference: Reference, predictor: Predictor, options: Options) -> Evaluation | None:
    try:
        return reference.evaluation(predictor.card.spec, options.scale)
    except LandmarkError as error:  # e.g. all photographs with manual landmarks failed
        _log.warning("nothing was compared with the manual landmarks: %s", error)
        return None


def _write_evaluation(
    evaluation: Evaluation,
    reference: Reference,
    paths: dict[str, Path],
    results: ResultFolder,
) -> None:
    from beetle_lm.predict.evaluation_report import write_evaluation  # imports matplotlib

    def photograph_of(name: str) -> Path | None:
        return paths[name] if reference.is_drawn_upright(name) else None

    write_evaluation(evaluation, results.unfinished / "evaluation", photograph_of)


def _warn_of_frame(turned: int, exif: ExifFrame) -> None:
    count = "1 photograph carries" if turned == 1 else f"{turned} photographs carry"
    if exif == "apply":
        frame = "the upright picture, as viewers show it; --exif stored gives those of the pixels"
        frame += " as they are stored, which tpsDig and geomorph show"
    else:
        frame = "the pixels as they are stored, which tpsDig and geomorph show; --exif apply gives"
        frame += " those of the upright picture, as viewers show it"
    _log.warning("%s an EXIF orientation: coordinates are those of %s", count, frame)


def _summary(
    predictor: Predictor,
    options: Options,
    counts: dict[str, int],
    started: datetime,
    seconds: float,
) -> dict[str, Any]:
    card, session = predictor.card, predictor.session
    return {
        "beetle_lm": __version__,
        "model": {
            "part": card.spec.name,
            "version": card.version,
            "file": str(session.path),
            "sha256": session.sha256,
            "weights_sha256": card.weights_sha256,
        },
        "provider": session.provider,
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": session.runtime_version,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        },
        "options": asdict(options),
        "frame": "upright" if options.exif == "apply" else "stored",
        "counts": counts,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
    }
