"""The folder of results: written beside, moved into place at the end."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.orientation import ExifFrame, to_stored, upright_size
from beetle_lm.predict.predictor import Result
from beetle_lm.predict.result_files import Format, shared_base_names, unique_ids
from beetle_lm.predict.tables import tidy_header, tidy_rows, wide_header, wide_row
from beetle_lm.predict.textfile import base_name, encodable, fixed
from beetle_lm.predict.tps import TpsFormatter, TpsRecord
from beetle_lm.predict.unfinished import UnfinishedFolder, unwritable
from beetle_lm.zoo.parts import PartSpec

SPECIMEN_COLUMNS = (
    "image",
    "status",
    "reason",
    "width",
    "height",
    "mean_score",
    "min_score",
    "missing",
)

_SCORE_DECIMALS = 4

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class Written:
    """A result as it is written: in the frame that was chosen, with weak landmarks left out.

    Args:
        xy: (n, 2) pixels, y down; NaN where the score is below the limit.
        score: (n,) scores of all landmarks.
        size: width and height of the photograph in that frame.
    """

    xy: Floats
    score: Floats
    size: tuple[int, int]

    @classmethod
    def of(cls, result: Result, frame: ExifFrame, min_score: float = 0.0) -> Written | None:
        """What is written of a result; None for one without landmarks."""
        if result.landmarks is None or result.size is None or result.landmarks.score is None:
            return None
        xy, score, size = result.landmarks.xy, result.landmarks.score, result.size
        if frame == "stored":
            xy = to_stored(xy, result.orientation, size)
            size = upright_size(size, result.orientation)
        return cls(np.where((score < min_score)[:, None], np.nan, xy), score, size)


class ResultFolder:
    """Writes results into a folder as they come; all of them appear at the end, or none.

    Use it as a context: what was not finished with `finish` is removed.

    Args:
        folder: where the results go; made if need be.
        spec: the part.
        names: names of all images, in their order.
        formats: which landmark files to write.
        frame: the frame of the written coordinates.
        min_score: landmarks with a lower score are written as missing.
        scale: units per pixel for the TPS file, None where unknown.
        overwrite: replace the results of an earlier run.

    Raises:
        OutputError: the folder cannot be written, or holds results already.
    """

    def __init__(
        self,
        folder: Path,
        spec: PartSpec,
        names: Sequence[str],
        *,
        formats: Sequence[Format] = ("tps", "csv"),
        frame: ExifFrame = "apply",
        min_score: float = 0.0,
        scale: float | None = None,
        overwrite: bool = False,
    ) -> None:
        self._place = UnfinishedFolder(folder, overwrite)
        self.counts = {"images": 0, "ok": 0, "failed": 0, "landmarks_below_min_score": 0}
        self.turned = 0
        self._spec = spec
        self._ids = unique_ids(names)
        self._shared = frozenset(shared_base_names(names))
        self._frame: ExifFrame = frame
        self._min_score = min_score
        self._scale = scale
        self._formats = tuple(formats)
        self._tps = TpsFormatter()
        self._files = ExitStack()
        self._streams: dict[str, TextIO] = {}

    @property
    def unfinished(self) -> Path:
        """Where results lie until they are whole; anything else for the folder goes there too."""
        return self._place.path

    def __enter__(self) -> Self:
        self._place.__enter__()
        try:
            if "tps" in self._formats:
                self._open("landmarks.tps", "")
            if "csv" in self._formats:
                self._open("landmarks.csv", wide_header(len(self._spec)))
                self._open("predictions.csv", tidy_header())
            self._open("specimens.csv", ",".join(SPECIMEN_COLUMNS) + "\n")
        except OSError as error:
            self._abandon()
            raise unwritable(self._place.folder, error) from error
        if self._shared and "tps" in self._formats:
            _log.warning(
                "photographs in different folders have the same name, e.g. %s: in landmarks.tps"
                " their IMAGE= has the folders too",
                min(self._shared),
            )
        return self

    def add(self, result: Result) -> Written | None:
        """Writes one result; returns what was written of its landmarks, None if it has none.

        Raises:
            OutputError: the folder cannot be written, e.g. because the disk is full.
        """
        written = Written.of(result, self._frame, self._min_score)
        self.counts["images"] += 1
        self.counts["failed" if written is None else "ok"] += 1
        self.turned += result.orientation != 1
        try:
            self._write_specimen(result, written)
            if written is not None:
                self._write_landmarks(result.name, written)
        except OSError as error:
            raise unwritable(self._place.folder, error) from error
        return written

    def finish(self, run: dict[str, Any]) -> None:
        """Writes `run` as run.json and moves all results into place.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            self._files.close()
        except OSError as error:
            raise unwritable(self._place.folder, error) from error
        self._place.finish(run)

    def overlay_path(self, name: str) -> Path:
        """Where the overlay of an image goes; its folders are kept."""
        parts = [part for part in PurePosixPath(self._ids[name]).parts if part not in ("/", "..")]
        safe = [part.replace(":", "_").replace("\\", "_") for part in parts]
        last = f"{safe[-1]}.jpg"
        return self.unfinished.joinpath("overlays", *safe[:-1], last)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._abandon()

    def _abandon(self) -> None:
        self._files.close()
        self._place.abandon()

    def _open(self, name: str, header: str) -> None:
        stream = (self.unfinished / name).open("w", encoding="utf-8", newline="")
        self._streams[name] = self._files.enter_context(stream)
        stream.write(header)

    def _write_specimen(self, result: Result, written: Written | None) -> None:
        size: tuple[int | str, int | str] = result.size or ("", "")
        scores = ("", "")
        missing: int | str = ""
        if written is not None:
            size = written.size
            scores = _score(written.score.mean()), _score(written.score.min())
            missing = int(np.isnan(written.xy[:, 0]).sum())
            self.counts["landmarks_below_min_score"] += missing
        status = "failed" if written is None else "ok"
        row = (encodable(result.name), status, result.error or "", *size, *scores, missing)
        csv.writer(self._streams["specimens.csv"], lineterminator="\n").writerow(row)

    def _write_landmarks(self, name: str, written: Written) -> None:
        if "tps" in self._formats:
            record = TpsRecord.from_image_xy(
                written.xy, written.size, name, self._ids[name], self._scale
            )
            keep_folders = base_name(name) in self._shared
            self._streams["landmarks.tps"].write(self._tps.format(record, keep_folders))
        if "csv" in self._formats:
            self._streams["landmarks.csv"].write(wide_row(name, written.xy))
            rows = tidy_rows(name, self._spec.landmark_names, written.xy, written.score)
            self._streams["predictions.csv"].write(rows)


def _score(value: float) -> str:
    return fixed(float(value), _SCORE_DECIMALS)
