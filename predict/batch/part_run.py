"""From photographs to a folder of results: what `beetle-lm predict` does for one part."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import OutputError
from beetle_lm.predict.batch import provenance as run_record
from beetle_lm.predict.batch.gather import Gathered, gather, marked_photograph, photographs
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.result_files import overlay_path, unique_ids
from beetle_lm.predict.batch.source import Placer
from beetle_lm.predict.batch.unfinished_part import UnfinishedPart
from beetle_lm.predict.batch.writers import ResultFiles
from beetle_lm.predict.drawing.overlay import jpeg
from beetle_lm.predict.drawing.overview import overview
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import Read

_log = logging.getLogger("beetle_lm")


def run_task(
    placer: Placer,
    task: Task,
    path: Path,
    parts: Sequence[str],
    options: Options,
    read: Read,
    observer: Observer,
) -> Finished:
    """Predicts the photographs of a part, or the rest of them, and writes all results.

    Args:
        placer: what places the landmarks.
        task: what is predicted and where to.
        path: what is done is kept there; the part is gone on with if it was begun there.
        parts: the parts of the whole run.
        options: how, and what is written.
        read: reads the photographs.
        observer: is told what happens.

    Raises:
        OutputError: a folder cannot be written, or the part was begun with something else.
        LandmarkError: the manual landmarks are not those of the model's part.
        ModelError: the model cannot be run.
    """
    spec = placer.spec
    if task.reference is not None:
        task.reference.check(spec)
    # As if all photographs were there still: a smaller batch may change the last digits.
    batch_size = placer.batch_size or min(options.batch_size, len(task.images))
    with UnfinishedPart(
        path,
        task.folder,
        spec,
        run_record.settings(placer, task.reference, parts, options, batch_size),
        task.images,
        batch_size,
        lambda count: observer.kept(task, count),
    ) as part:
        observer.started(task, placer, part.rows.count)
        summary = part.whole
        if summary is None:
            _predict(placer, task, part, options, read, observer)
            gathered, written = _write(placer, task, part, options, read)
            summary = run_record.summary(
                placer,
                task.images,
                options,
                gathered.counts,
                part.started,
                part.rows.seconds,
            )
            part.seal(summary, written)
        else:
            gathered = gather(part.rows, task, spec, options, read)
        part.place()
    counts = gathered.counts
    return Finished(
        task.folder,
        summary,
        counts["images"],
        counts["failed"],
        counts["flagged"],
        tuple(gathered.failures),
        gathered.evaluation,
        gathered.shown,
    )


def _predict(
    placer: Placer,
    task: Task,
    part: UnfinishedPart,
    options: Options,
    read: Read,
    observer: Observer,
) -> None:
    ids = unique_ids([image.name for image in task.images]) if options.overlay else {}
    done = part.rows.count
    predicted = placer.predict(
        islice(task.images, done, None), part.batch_size, options.workers, read
    )
    with closing(predicted):
        for image, result in zip(islice(task.images, done, None), predicted, strict=True):
            picture = None
            if options.overlay:
                marked = marked_photograph(result, image.path, task.reference, read)
                if marked is not None:
                    picture = overlay_path(part.results, ids[image.name])
                    write_drawing(picture, marked.drawn(options.min_score, result.flag))
            part.add(result, picture)
            observer.placed(task, result)
    part.all_added()


def _write(
    placer: Placer, task: Task, part: UnfinishedPart, options: Options, read: Read
) -> tuple[Gathered, list[Path]]:
    """Writes all results but overlays and run.json; returns which files."""
    spec = placer.spec
    ids = unique_ids([image.name for image in task.images])
    with ResultFiles(part.results, spec, ids, options.formats, options.scale) as files:
        gathered = gather(part.rows, task, spec, options, read, files)
    written = files.paths
    if gathered.evaluation is not None and task.reference is not None:
        from beetle_lm.predict.evaluation import report as evaluation_report  # imports matplotlib

        drawn = filter(task.reference.is_drawn_upright, gathered.evaluation.images)
        paths = photographs(task, list(drawn))
        folder = part.results / "evaluation"
        shutil.rmtree(folder, ignore_errors=True)  # half written by a run that was killed
        evaluation_report.write_evaluation(gathered.evaluation, folder, paths.get, read=read)
        written += [folder / name for name in evaluation_report.FILES]
    if gathered.shown.cells:
        written.append(part.results / "overview.jpg")
        write_drawing(written[-1], overview({spec.name: gathered.shown}))
    if gathered.turned:
        _warn_of_frame(gathered.turned, options.exif)
    return gathered, written


def write_drawing(target: Path, pixels: NDArray[np.uint8]) -> None:
    """Writes a picture among results that are not in place yet; its folder is made if need be.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(jpeg(pixels))
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error


def _warn_of_frame(turned: int, exif: ExifFrame) -> None:
    count = "1 photograph carries" if turned == 1 else f"{turned} photographs carry"
    if exif == "apply":
        frame = "the upright picture, as viewers show it; --exif stored gives those of the pixels"
        frame += " as they are stored, which tpsDig and geomorph show"
    else:
        frame = "the pixels as they are stored, which tpsDig and geomorph show; --exif apply gives"
        frame += " those of the upright picture, as viewers show it"
    _log.warning("%s an EXIF orientation: coordinates are those of %s", count, frame)
