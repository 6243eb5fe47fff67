"""The photographs of a part, drawn with their landmarks by the threads that decode them."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np

from beetle_lm.errors import ImageError
from beetle_lm.files import reachable
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.overlay_names import OverlayNames
from beetle_lm.predict.batch.plan import Task
from beetle_lm.predict.batch.staging import writing
from beetle_lm.predict.drawing.overlay import OVERLAY, Marked, jpeg, overlay_sized
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.images.read import File, Form, ImageFile, Picture
from beetle_lm.predict.images.reading import Reader, Threads
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.result import Result
from beetle_lm.text import printable

_UNFIT_NAME = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOENT, errno.ENOTDIR}

_log = logging.getLogger("beetle_lm")


class Pictures:
    """Reads photographs for their landmarks, and keeps of each what its overlays are drawn on.

    What is kept is at most 1600 pixels long, and of no more photographs than are read ahead. The
    pixels that the landmarks depend on are the same as without overlays.

    Args:
        reader: reads the photographs.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[ImageFile, Picture | ImageError] = {}

    def read(self, file: File, channels: int, at_least: tuple[int, int] | None = None) -> Picture:
        """Reads a photograph as `read_image` does, and keeps what its overlays are drawn on."""
        picture, drawn_on = self._reader.forms(file, [Form(channels, at_least), OVERLAY])
        if isinstance(picture, ImageError):
            raise picture
        kept = drawn_on if isinstance(drawn_on, ImageError) else overlay_sized(drawn_on)
        self._kept[ImageFile.of(file)] = kept
        return picture

    def take(self, image: ImageFile) -> Picture | None:
        """What the overlays of a photograph are drawn on, once; None where there is nothing."""
        kept = self._kept.pop(image, None)
        if isinstance(kept, ImageError):  # the landmarks are there all the same
            _log.warning("no overlay: %s", kept)
            return None
        return kept


class Overlays:
    """Draws the photographs of a part with their landmarks.

    Args:
        task: what is predicted.
        options: how, and what is written.
        threads: draw, and write what was drawn.
        folder: where the folder of overlays goes.
        ids: an identifier for each image's name.
        shown: takes the pictures of the overview.
    """

    def __init__(
        self,
        task: Task,
        options: Options,
        threads: Threads,
        folder: Path,
        ids: Mapping[str, str],
        shown: Selection,
    ) -> None:
        self._task, self._options, self._threads = task, options, threads
        self._folder, self._names, self._shown = folder, OverlayNames(ids), shown

    def draw(self, picture: Picture, result: Result) -> Future[Path | None] | None:
        """Has the overlay of a photograph drawn; None where there is nothing to draw.

        Args:
            picture: the photograph, as `Pictures` kept it.
            result: what came of it.

        Returns:
            The overlay's file, once it is written; None where the file system takes no such
            name, and an OutputError where it takes no file.
        """
        if result.landmarks is None and not result.unsure:
            return None
        return self._threads.submit(self._drawn, picture, result)

    def _drawn(self, picture: Picture, result: Result) -> Path | None:
        marked = marked_photograph(picture, result, self._task)
        flagged = any(one.status == "flagged" for one in result.specimens)
        self._shown.take(result.name, marked, self._options.min_score, flagged=flagged)
        path = reachable(self._names.path(self._folder, result.name))
        drawn = jpeg(marked.drawn(self._options.min_score, _flags(result)))
        with writing(path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(drawn)
            except OSError as error:
                if error.errno not in _UNFIT_NAME:
                    raise
                name = printable(result.name)
                _log.warning("no overlay of %s: its name: %s", name, error.strerror or error)
                return None
        return path


def marked_photograph(picture: Picture, result: Result, task: Task) -> Marked:
    """A photograph with the landmarks of its specimens, and with manual ones if there are any."""
    manual = () if task.reference is None else task.reference.upright(result.name)
    of_first = np.concatenate(manual) if manual else None
    first, *others = (
        _marked(picture, one, of_first if one is result else None) for one in result.specimens
    )
    return replace(first, others=tuple(others))


def _marked(picture: Picture, result: Result, manual: Floats | None) -> Marked:
    xy, score, curves = np.empty((0, 2)), np.empty(0), list[Floats]()
    if result.landmarks is not None and result.landmarks.score is not None:
        xy, score = result.landmarks.xy, result.landmarks.score
        curves = list(result.landmarks.curves.values())
    return Marked.of(
        picture,
        xy,
        score,
        manual,
        result.box,
        curves,
        number=result.specimen,
        unsure=result.unsure,
    )


def _flags(result: Result) -> str | None:
    """Why any specimen of a photograph is flagged; None where none is."""
    if result.specimen is None:
        return result.flag
    flagged = [one for one in result.specimens if one.flag is not None]
    return "; ".join(f"specimen {one.specimen}: {one.flag}" for one in flagged) or None
