"""Landmarks that are proposed while photographs are annotated, in a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from beetle_lm.errors import BeetleLMError, ImageError
from beetle_lm.predict.images.read import read_image
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.result import Result
from beetle_lm.predict.templates.alignment import Aligned, carried, combined
from beetle_lm.web.choice import SIDE, embedding, next_photographs
from beetle_lm.web.curves import PageCurve
from beetle_lm.web.project import Project
from beetle_lm.web.records import Row, Traced

TEMPLATES = 6
"""Annotated photographs that landmarks are carried from: those most like the new one."""

_PAUSE = 0.1  # seconds between photographs that are compared
_SMALL = 40  # photographs that are kept small, 1 MB each
_EMBEDDED = 400  # photographs that are compared with each other
_CHUNK = 16  # photographs whose landmarks are taken at once

LEAST_LIKENESS = 0.4
"""Photographs less alike than this are proposed no landmarks: fewer than a fourth of them would lie
within 2 % of centroid size (measured on mandibles, shells, trilobites and elytra)."""

_UNLIKE = "unlike what is annotated so far: click its landmarks"


class Proposer:
    """Proposes landmarks, and says which photographs to annotate next.

    What is asked for is done first; in between photographs are compared with each other.

    Args:
        project: the photographs; what is proposed goes into its store.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._wanted: deque[str] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._predictor: Predictor | None = None
        self._model: Path | None = None
        self._small: dict[str, Aligned] = {}
        self.embeddings: dict[str, Floats] = {}
        count = len(project.photographs)
        some = np.unique(np.linspace(0, count - 1, min(count, _EMBEDDED)).astype(int))
        self._to_embed = deque(project.photographs[i].name for i in some)
        self.predicting: tuple[int, int] | None = None
        self.rounds = 0  # how often a model was through with all that were left
        self.problem = ""
        self._all: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def want(self, names: Iterable[str]) -> None:
        """Asks for landmarks of photographs, before what was asked for earlier."""
        with self._changed:
            for name in reversed(list(names)):
                if name in self._wanted:
                    self._wanted.remove(name)
                self._wanted.appendleft(name)
            while len(self._wanted) > 8:
                self._wanted.pop()
            self._changed.notify()

    def predict_all(self, model: Path) -> None:
        """Places the landmarks of a model on all photographs that are not done."""
        with self._changed:
            self._model, self._predictor = model, None
            self._all = self._predict_rest
            rows = self._project.store.rows()
            self.predicting = (0, sum(row.state in ("open", "draft") for row in rows))
            self._changed.notify()

    def next(self) -> list[str]:
        """The photographs to annotate next."""
        return next_photographs(self._project.store.rows(), dict(self.embeddings))

    def close(self) -> None:
        """Ends, after the photograph that is at work."""
        with self._changed:
            self._ends = True
            self._changed.notify()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._ends or self._wanted or self._all):
                    # The page comes first: photographs are compared when nothing else is to do.
                    if not self._changed.wait(_PAUSE if self._to_embed else None):
                        break
                if self._ends:
                    return
                name = self._wanted.popleft() if self._wanted else None
                everything, self._all = (None, self._all) if name else (self._all, None)
            try:
                if name is not None:
                    self._propose(name)
                elif everything is not None:
                    everything()
                elif self._to_embed:
                    self._embed(self._to_embed.popleft())
            except BeetleLMError as error:
                self.problem = str(error)
                self.predicting = None

    def _embed(self, name: str) -> None:
        if name not in self.embeddings:
            try:
                picture = read_image(self._project.images[name], 1, (SIDE * 4, SIDE * 4))
            except ImageError:
                return
            self.embeddings[name] = embedding(picture)

    def _propose(self, name: str) -> None:
        row = self._project.store.row(name)
        if row.state != "open" or row.origin == "model":
            return
        model = self._model or self._project.model
        proposed = self._by_model(model, name) if model else self._by_templates(name)
        if proposed is not None:
            self._project.store.propose([proposed])

    def _predict_rest(self) -> None:
        model = self._model
        if model is None:
            return
        predictor = self._predictor = Predictor.load(model)
        rows = self._project.store.rows()
        left = [row.name for row in rows if row.state in ("open", "draft")]
        done = 0
        for begin in range(0, len(left), _CHUNK):
            chunk = left[begin : begin + _CHUNK]
            images = [self._project.images[name] for name in chunk]
            results = predictor.predict(iter(images), min(8, len(left)), workers=1)
            self._project.store.propose(
                proposal(result, name, self._project.curves)
                for name, result in zip(chunk, results, strict=True)
            )
            done += len(chunk)
            self.predicting = (done, len(left))
            if self._ends:
                return
        self.rounds += 1
        self.predicting = None

    def _by_model(self, model: Path, name: str) -> Row:
        if self._predictor is None:
            self._predictor = Predictor.load(model)
        [result] = self._predictor.predict([self._project.images[name]], 1, workers=1)
        return proposal(result, name, self._project.curves)

    def _by_templates(self, name: str) -> Row | None:
        """Landmarks of the annotated photographs that look most alike, where they are alike."""
        annotated = [
            row
            for row in self._project.store.rows_with_landmarks("accepted")
            if row.xy is not None and not np.isnan(row.xy).any()
        ]
        if not annotated:
            return None
        for each in (name, *(row.name for row in annotated)):
            self._embed(each)
        target = self._small_one(name)
        found = [
            carried(self._small_one(row.name), row.xy, target)
            for row in self._nearest(name, annotated)
            if row.xy is not None
        ]
        if max(likeness for _, likeness in found) < LEAST_LIKENESS:
            return Row(name, "", _UNLIKE)
        return Row(name, "ok", "", None, "templates", combined(found))

    def _nearest(self, name: str, annotated: Sequence[Row]) -> list[Row]:
        own = self.embeddings.get(name)
        if own is None:
            return list(annotated[:TEMPLATES])
        far = {
            row.name: float(np.linalg.norm(self.embeddings[row.name] - own))
            for row in annotated
            if row.name in self.embeddings
        }
        return sorted(annotated, key=lambda row: far.get(row.name, np.inf))[:TEMPLATES]

    def _small_one(self, name: str) -> Aligned:
        if name not in self._small:
            if len(self._small) >= _SMALL:
                self._small.pop(next(iter(self._small)))
            self._small[name] = Aligned.read(self._project.images[name])
        return self._small[name]


def proposal(result: Result, name: str, curves: Sequence[PageCurve] = ()) -> Row:
    """What the result of a model proposes for a photograph, with those of the page's curves."""
    landmarks = result.landmarks
    if landmarks is None:
        return Row(name, result.status, result.error or result.flag or "")
    placed = landmarks.curves
    return Row(
        name,
        result.status,
        result.error or result.flag or "",
        result.mean_expected_error,
        "model",
        landmarks.xy,
        landmarks.expected_error,
        proposed_curves={
            curve.name: Traced(curve.between(placed[curve.name], landmarks.xy), is_whole=False)
            for curve in curves
            if curve.name in placed
        }
        or None,
    )
