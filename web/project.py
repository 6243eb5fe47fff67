"""A set of photographs that is annotated or corrected: what the page shows and saves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from beetle_lm.errors import Hint, ImageError, LandmarkFileError, OutputError, RequestError
from beetle_lm.files import write_text
from beetle_lm.predict.batch.review import Results, Reviewed
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.parquet import PARQUET
from beetle_lm.predict.formats.tps import TpsRecord, read_tps
from beetle_lm.predict.images.find import find_images
from beetle_lm.predict.images.orientation import ExifFrame, to_upright
from beetle_lm.predict.images.pages import photograph_at
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.procrustes import mean_shape
from beetle_lm.web.curves import PageCurve, curves_of, on_lines, page_curves
from beetle_lm.web.outputs import Headers, Records, Writer, moves_text, write_records
from beetle_lm.web.records import Curves, Row, State, Traced
from beetle_lm.web.runs import Runs
from beetle_lm.web.store import Store
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.model_file.parts import PARTS, PartSpec

Mode = Literal["review", "annotate"]

CORRECTED, CORRECTIONS, KEPT = "corrected.tps", "corrections.csv", "corrections.sqlite"
"""What a review leaves in the folder of results: accepted records, every move, and all it knows."""

_SHAPES = 200  # of which the mean shape is made
_MOVED = 1e-3  # pixels


@dataclass(eq=False)
class Project:
    """Photographs of one part and their landmarks, as they are worked on.

    Args:
        mode: results are reviewed, or photographs annotated.
        spec: the part.
        photographs: in the order of their names.
        frame: the frame of the coordinates in files.
        records: makes the records of the landmark file.
        landmark_file: where accepted records go.
        moves_file: where the table of moves goes; None for nowhere.
        store: what is known and saved.
        model: the model that proposed the landmarks, or that may; None without any.
    """

    mode: Mode
    spec: PartSpec
    photographs: tuple[ImageFile, ...]
    frame: ExifFrame
    records: Records
    landmark_file: Path
    moves_file: Path | None
    store: Store
    model: Path | None = None

    def __post_init__(self) -> None:
        self.headers = self.records.headers
        self.headers.remembered = self.store.pictures()
        self.images = {photograph.name: photograph for photograph in self.photographs}
        self.accepted = 0
        self.writer = Writer(self.write)

    @property
    def folder(self) -> Path:
        """The folder that the names of the photographs are below."""
        return Path(self.photographs[0].folder)

    @property
    def runs(self) -> Runs:
        """The trainings that the page starts."""
        folder = self.landmark_file.with_name(f"{self.landmark_file.stem}-training")
        return Runs(folder, self.spec.name)

    @property
    def curves(self) -> tuple[PageCurve, ...]:
        """The curves of the page."""
        return self.records.curves

    def write(self) -> None:
        """Writes the landmark file and the table of moves.

        Raises:
            OutputError: they cannot be written.
            ImageError: a photograph is gone, and nothing is remembered of it.
        """
        rows = self.store.rows_with_landmarks("accepted")
        if self.mode == "annotate":
            write_records(self.landmark_file, self.records.all(rows))
            self.store.remember("written", _sha256(self.landmark_file))
        else:
            write_records(self.landmark_file, self.records.accepted(rows).values())
        if self.moves_file is not None:
            names = self.spec.landmark_names
            known = set(self.store.names)
            moves = (move for move in self.store.moves() if move.photograph in known)
            write_text(self.moves_file, moves_text(moves, names, self.headers, self.frame))

    def shown_curves(self, row: Row) -> list[Floats | None] | None:
        """The points (m, 2) of each curve that the page shows between its landmarks.

        They are pixels of the upright photograph, y down; None for a curve that is missing, and in
        place of all where nobody has drawn any.

        Raises:
            ImageError: the photograph cannot be read.
        """
        traced, xy = self._traced(row), _landmarks(row, self.spec)
        if traced is None:
            return None
        return [self._shown(curve, traced.get(curve.name), xy) for curve in self.curves]

    def save(
        self,
        number: int,
        revision: int,
        state: State,
        xy: Floats | None,
        seconds: float,
        curves: Sequence[Floats | None] | None = None,
    ) -> Row:
        """Saves a photograph; what was saved is on the disk when this returns.

        Args:
            number: of the photograph, from 0.
            revision: the one that was read before.
            state: what it is now.
            xy: (n, 2) pixels of the upright photograph, y down, NaN missing.
            seconds: how long it was worked on.
            curves: (m, 2) points of each curve in the same frame, between its landmarks, None for
                one that is missing; None in place of all leaves them as they are.

        Raises:
            ChangedElsewhereError: it was saved meanwhile.
            RequestError: an accepted photograph has no landmarks, or their number is wrong.
            OutputError: the disk is full or gone.
        """
        name = self.store.names[number]
        if xy is not None:
            if xy.shape != (len(self.spec), 2):
                raise RequestError(f"{self.spec.name} has {len(self.spec)} landmarks")
            xy = np.clip(xy, (0.0, 0.0), self.headers.of(name).size)
        if state == "accepted" and (xy is None or np.isnan(xy).all()):
            raise RequestError("a photograph without any landmark cannot be accepted")
        if state == "accepted" and name not in self.headers.remembered:
            header = self.headers.of(name)
            self.store.remember_picture(name, header.size, header.orientation)
        before = self.store.row(name)
        traced = before.curves
        if curves is not None and self.curves:
            traced = self._to_keep(before, xy, curves)
        saved = self.store.save(name, revision, state, xy, seconds, traced)
        self.writer.changed()
        return saved

    def _traced(self, row: Row) -> Curves | None:
        """The curves of a photograph: as they were saved, else of its file, else as proposed."""
        if row.curves is not None:
            return row.curves
        record = self.records.earlier.get(row.name)
        if record is not None and (record.curves or record.outlines):
            header = self.headers.of(row.name)
            return curves_of(record, self.curves, self.spec, header, self.frame)
        return row.proposed_curves

    def _shown(self, curve: PageCurve, traced: Traced | None, xy: Floats) -> Floats | None:
        if traced is None:
            return None
        points = curve.between(traced.points, xy) if traced.is_whole else traced.points
        return points if len(points) else None

    def _to_keep(self, before: Row, xy: Floats | None, curves: Sequence[Floats | None]) -> Curves:
        """Curves to be saved: those that nobody changed stay whole as their file has them."""
        was, earlier = _landmarks(before, self.spec), self._traced(before) or {}
        now = np.full_like(was, np.nan) if xy is None else xy
        kept: dict[str, Traced] = {}
        for curve, points in zip(self.curves, curves, strict=True):
            if points is None:
                continue
            old = earlier.get(curve.name)
            ends = [end for end in (curve.start, curve.end) if end is not None]
            if (
                old is not None
                and old.is_whole
                and _alike(was[ends], now[ends])
                and _alike(self._shown(curve, old, was), points)
            ):
                kept[curve.name] = old
            else:
                inside = np.clip(points, (0.0, 0.0), self.headers.of(before.name).size)
                kept[curve.name] = Traced(inside, is_whole=False)
        return kept

    def mean_shape(self) -> Floats | None:
        """The mean shape (n, 2) of the landmarks known, upright as they lie, y down.

        Accepted ones count, and proposed ones where nothing is accepted; None without any.
        """
        accepted = [row.xy for row in self.store.rows_with_landmarks("accepted")]
        proposed = (row.proposed for row in self.store.rows_with_landmarks("open"))
        for known in (accepted, islice(proposed, _SHAPES)):
            whole = [xy for xy in known if xy is not None and not np.isnan(xy).any()]
            if whole:
                chosen = [
                    whole[i]
                    for i in np.linspace(0, len(whole) - 1, min(len(whole), _SHAPES)).astype(int)
                ]
                mean = mean_shape(np.array(chosen))
                return None if mean is None else _as_they_lie(mean, chosen)
        return None

    def close(self) -> None:
        """Writes what is left, and lets the files go."""
        rows = self.store.rows()
        self.accepted = sum(row.state == "accepted" for row in rows)
        self.writer.close()
        self.store.close()


def review_projects(folder: Path, images: Path | None = None) -> list[Project]:
    """The results of a run, to be corrected: a project for each part, with files of its own.

    Args:
        folder: the run's folder of results.
        images: the folder of the photographs, where it is no longer the one they were read from;
            parts may have folders of their own in it.

    Raises:
        OutputError: the folder holds no results, or cannot be written.
        LandmarkFileError: a table of the results is damaged.
        ImageError: none of the photographs is there.
    """
    with ExitStack() as stack:
        projects: list[Project] = []
        every = Results.read(folder)
        for results in every:
            own = None if images is None or len(every) == 1 else images / results.part
            there = own if own is not None and own.is_dir() else images
            projects.append(_review_project(results, there))
            stack.callback(projects[-1].close)
        stack.pop_all()
    return projects


def _review_project(results: Results, images: Path | None) -> Project:
    folder = results.folder
    found = list(results.specimens())
    root = images or results.photographs
    if isinstance(root, str):
        raise ImageError(
            f"the photographs are in {root}, and the page shows those of this machine",
            Hint.PHOTOGRAPHS_MOVED,
        )
    photographs = tuple(photograph_at(root / one.image, one.image) for one in found)
    if not any(photograph.path.exists() for photograph in photographs):
        raise ImageError(f"the photographs are not in {root}", Hint.PHOTOGRAPHS_MOVED)
    names = next((one.placed.names for one in found if one.placed is not None), None)
    counts = {len(one.xy) for one in found if one.xy is not None}
    known = PARTS.get(results.part)
    if names is None and known is not None:
        names = known.landmark_names
    if names is None and len(counts) != 1:
        raise OutputError(f"{folder} holds no landmarks at all, so there is nothing to correct")
    spec = (
        known
        if known is not None and known.landmark_names == names
        else PartSpec(results.part, names)
        if names is not None
        else PartSpec.numbered(results.part, counts.pop())
    )
    frame: ExifFrame = "stored" if results.stored else "apply"
    headers = Headers(photographs)
    order = tuple(photograph.name for photograph in photographs)
    scales = {one.image: one.scale for one in found if one.scale is not None}
    written = folder / "landmarks.tps"
    earlier = _by_photograph(written, order)
    curves = page_curves(spec, list(earlier.values()), written, of_run=True)
    records = Records(order, headers, frame, earlier, scales, curves)
    store = Store(folder / KEPT, order, len(spec))
    tables = ("specimens.csv", "predictions.csv", PARQUET)
    stamp = _sha256(*(folder / name for name in tables))
    if store.about("results") != stamp:
        store.propose(_proposed(one, results, headers) for one in found)
        store.remember("results", stamp)
    return Project(
        "review",
        spec,
        photographs,
        frame,
        records,
        folder / CORRECTED,
        folder / CORRECTIONS,
        store,
        results.model,
    )


def _proposed(one: Reviewed, results: Results, headers: Headers) -> Row:
    """What a run proposes for a photograph, on the upright one."""
    xy, reason = one.xy, one.reason
    if xy is not None and results.stored:
        try:
            header = headers.of(one.image)
            xy = to_upright(xy, header.orientation, header.size)
        except ImageError as error:
            xy, reason = None, str(error)
    return Row(
        one.image,
        one.status,
        reason,
        one.mean_error,
        "" if xy is None else "model" if results.model else "templates",
        xy,
        None if one.placed is None else one.placed.expected_error,
    )


def annotation_project(
    inputs: Sequence[str | Path],
    output: Path,
    spec: PartSpec,
    frame: ExifFrame = "apply",
    model: Path | None = None,
) -> Project:
    """Photographs to be annotated from nothing, or from a TPS file that is half done.

    Args:
        inputs: photographs, folders of them (sub-folders are searched too), or glob patterns.
        output: the TPS file; goes on with it where it is there.
        spec: the part.
        frame: the frame of the coordinates in the file.
        model: a model that proposes landmarks; None without one.

    Raises:
        ImageError: there are no photographs.
        LandmarkFileError: the TPS file cannot be read, a record is of another scheme, or has a
            curve that the part does not have.
        OutputError: the file cannot be written.
        ModelError: the model cannot be read.
        RequestError: the model places another number of landmarks.
    """
    if model is not None:
        _check_landmarks(model, spec)
    photographs = tuple(find_images(list(inputs), recursive=True))
    names = tuple(photograph.name for photograph in photographs)
    headers = Headers(photographs)
    with ExitStack() as stack:
        earlier = on_lines(_by_photograph(output, names), output)
        curves = page_curves(spec, list(earlier.values()), output, of_run=False)
        store = Store(output.with_name(f"{output.name}.sqlite"), names, len(spec))
        stack.callback(store.close)
        if output.exists() and store.about("written") != _sha256(output):
            store.take(_taken(earlier, names, headers, spec, frame, output, store))
        stack.pop_all()
    return Project(
        "annotate",
        spec,
        photographs,
        frame,
        Records(names, headers, frame, earlier, curves=curves),
        output,
        None,
        store,
        model,
    )


def _check_landmarks(model: Path, spec: PartSpec) -> None:
    own = read_card(model).spec
    if len(own) != len(spec):
        raise RequestError(
            f"{model} places {len(own)} landmarks of {own.name}, but {spec.name} has {len(spec)}"
        )


def _taken(
    earlier: Mapping[str, TpsRecord],
    names: Sequence[str],
    headers: Headers,
    spec: PartSpec,
    frame: ExifFrame,
    file: Path,
    store: Store,
) -> list[Row]:
    """What a file has of photographs, which counts before what was saved of them earlier."""
    known = set(names)
    before = {row.name: row for row in store.rows()}
    rows = []
    for name, record in earlier.items():
        if name not in known or not record.is_annotated:
            continue
        if len(record.points) != len(spec):
            found = f"has {len(record.points)} landmarks of {name}, but {spec.name} has {len(spec)}"
            raise LandmarkFileError(file, record.line, found)
        xy = record.upright(headers.of(name), frame)
        rows.append(replace(before[name], state="accepted", xy=xy, origin="file"))
    return rows


def _by_photograph(file: Path, names: Sequence[str]) -> dict[str, TpsRecord]:
    """The records of a file by the photographs that they mean; others by their own names."""
    if not file.exists() or file.stat().st_size == 0:  # as it is before anything is accepted
        return {}
    index = NameIndex(names)
    found: dict[str, TpsRecord] = {}
    for record in read_tps(file):
        name = index.find(record.name) or record.name
        if name in found:
            raise LandmarkFileError(file, record.line, f"holds {name} twice")
        found[name] = record
    return found


def _landmarks(row: Row, spec: PartSpec) -> Floats:
    """The landmarks (n, 2) of a photograph, or those that are proposed; NaN without any."""
    xy = row.xy if row.xy is not None else row.proposed
    return np.full((len(spec), 2), np.nan) if xy is None else xy


def _alike(first: Floats | None, second: Floats) -> bool:
    """Whether points lie in the same places, or are missing in both."""
    if first is None or first.shape != second.shape:
        return False
    return bool(np.allclose(first, second, rtol=0.0, atol=_MOVED, equal_nan=True))


def _as_they_lie(mean: Floats, shapes: Sequence[Floats]) -> Floats:
    """A mean shape turned to how most specimens lie in their photographs."""
    factors = []
    for xy in shapes:
        centred = (xy - xy.mean(axis=0)) @ np.array([1, 1j])
        factors.append(np.vdot(mean @ np.array([1, 1j]), centred) / np.linalg.norm(centred))
    turn = np.sum(factors)
    turned = (mean @ np.array([1, 1j])) * (turn / abs(turn) if abs(turn) > 0 else 1)
    return np.stack([turned.real, turned.imag], axis=1)


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()
