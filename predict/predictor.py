"""Photographs in, landmarks out: the Python interface to a model."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from beetle_lm.errors import ImageError, IsolationError, RequestError, StoreError
from beetle_lm.predict.images.read import ImageFile, Read, read_image
from beetle_lm.predict.images.reading import Threads
from beetle_lm.predict.inputs import (
    MadeWith,
    Photograph,
    Photographs,
    name_of,
    photographs,
    read_photograph,
)
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.predict.session import Device, Session
from beetle_lm.predict.views.aim import Aim, Aimed, Sighting, aim_of
from beetle_lm.predict.views.finding import FINDER, Finder, OnWhole
from beetle_lm.predict.views.many import SearchMany
from beetle_lm.predict.views.passes import Pass, Photo
from beetle_lm.predict.views.search import Search
from beetle_lm.text import counted, printable
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.seen import SeenPhotographs
from beetle_lm.zoo.registry import resolve


class Predictor:
    """A model that is ready to place landmarks on photographs.

    >>> predictor = Predictor.load("model.onnx")
    >>> for result in predictor.predict("photographs"):
    ...     print(result)  # `result.landmarks.xy` are the coordinates
    """

    def __init__(self, session: Session, aim: Aim | None = None) -> None:
        self.session = session
        self.aim = aim or aim_of(session.card)

    @classmethod
    def load(
        cls,
        model: str | Path,
        device: Device = "auto",
        threads: int | None = None,
        zoo: str | None = None,
        *,
        find: bool = False,
        search: bool = False,
        many: bool = False,
    ) -> Predictor:
        """Loads a model.

        Args:
            model: path of an ONNX file, the name of a part with a bundled model, or
                ``hf:org/name@revision`` for one of the Hub, which is fetched once and then kept.
            device: 'auto' takes CUDA where it can be had and the CPU elsewhere.
            threads: CPU threads that the model may use; None leaves the choice to onnxruntime.
            zoo: web address or file of an organisation's registry, whose models can then be named,
                too; the environment variable BEETLE_LM_ZOO where not given.
            find: the photographs show whole ground beetles, on which the part is found first.
            search: the part lies in any way, or is small in the photographs; turns and windows are
                tried, which is slow.
            many: with `find` or `search`, all specimens of a photograph are looked for.

        Raises:
            PartError: there is no such part.
            RequestError: both are asked for, `many` without either, or the part is none that can be
                found.
            ModelError: there is no such file, or it is no model of beetle-lm's.
            HubError: the model has to be fetched, and cannot be.
            DeviceError: no onnxruntime is installed, or CUDA was asked for and not obtained.
        """
        if find and search:
            raise RequestError("a part is either found on the whole specimen, or searched for")
        if many and not (find or search):
            raise RequestError("several specimens of a photograph are found, or searched for")
        session = Session.open(resolve(str(model), zoo), device, threads)
        if search:
            return cls(session, searching(session.card, many=many))
        if not find:
            return cls(session)
        finder = Finder(Session.open(resolve(FINDER, zoo), device, threads), many=many)
        return cls(session, OnWhole(finder, session.card))

    @property
    def card(self) -> ModelCard:
        """What the model says of itself."""
        return self.session.card

    @property
    def provider(self) -> str:
        """The execution provider that was really obtained, as onnxruntime calls it."""
        return self.session.provider

    @property
    def spec(self) -> PartSpec:
        """The part whose landmarks the model places."""
        return self.card.spec

    @property
    def title(self) -> str:
        """The model and what it runs on, in a few words."""
        return f"{self.spec.name}, model {self.card.version}, on {self.provider}"

    @property
    def batch_size(self) -> int | None:
        """Photographs that the model always takes at once; None where any number will do."""
        return self.session.batch_size

    @property
    def settings(self) -> Mapping[str, object]:
        """What the landmarks depend on: the file and the device."""
        return {"model": self.session.sha256, "device": self.provider, **self.aim.settings}

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says of the model."""
        return {"model": self.session.record, "provider": self.provider, **self.aim.record}

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of the runtime."""
        return {"onnxruntime": self.session.runtime_version}

    def made_with(self, images: Sequence[ImageFile]) -> MadeWith:
        """Which of some photographs the model was trained or validated on, as far as is known."""
        seen = self.card.photographs
        if seen is None:
            return MadeWith()
        found = [image for image in images if image.is_first and _is_among(image, seen)]
        if not found:
            return MadeWith()
        least = "" if seen.is_complete else "at least "
        one = len(found) == 1
        have = counted(len(images), "photograph that has", "photographs that have")
        return MadeWith(
            tuple(found),
            note=f"{least}{len(found)} of the {have} manual landmarks"
            f" {'is one' if one else 'are among those'} that the model was made with: on new ones"
            " it is less accurate",
        )

    def predict(
        self,
        items: Photographs,
        batch_size: int = 8,
        workers: int = 2,
        read: Read = read_image,
    ) -> Generator[Result, None, None]:
        """Places landmarks on photographs, in their order, one result for each.

        Where all specimens of a photograph are looked for there is one for each specimen, in
        reading order, and one with the reason for a photograph on which none was found.

        Photographs are read ahead by threads, a few batches at most: memory does not grow with
        their number, and an iterable of millions is gone through as they are needed. One that
        cannot be read, or is not there, becomes a result with its reason, and so does one for which
        the model gives what cannot be: coordinates that are not finite or far outside, scores
        outside 0 to 1, expected errors below 0.

        Args:
            items: the path of a photograph or of a folder of photographs, a glob pattern, a PIL
                image, an array of upright uint8 pixels, (H, W) grey or (H, W, 3) RGB, or any
                iterable of these. A PIL image is treated as its file would be: transparency is put
                over white, 16 bit are scaled to 8, and it is turned upright where it carries an
                EXIF orientation. Of a TIFF file with several pictures the first is read, with a
                warning; PIL images or arrays give the others.
            batch_size: photographs that go through the model at once.
            workers: threads that read photographs.
            read: reads the photographs; see `beetle_lm.predict.images.reading`.

        Returns:
            Results, whose landmarks are in pixels of the upright photograph, y down from its top
            edge; `Result` has more.

        Raises:
            TypeError: something is given that can be no photograph.
            ImageError: a folder holds no photographs, or a glob pattern fits none; inside an
                iterable this is raised when its turn comes.
            RequestError: fewer than one photograph in a batch, or fewer than one worker.
            ModelError: the model cannot be run.
        """
        if batch_size < 1 or workers < 1:
            raise RequestError("batch size and workers must be at least 1")
        found = photographs(items)
        if not isinstance(items, Iterator):  # then looking at the first takes none away
            first = list(islice(found, batch_size))
            batch_size, found = max(1, len(first)), chain(first, found)
        threads = Threads(workers)
        placed = self.place(found, batch_size, threads, read)
        return threads.until_end_of(_each_specimen(placed))

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[Result, None, None]:
        """Places landmarks as `predict` does, in threads that do other things, too.

        There is one result for each photograph, which may have `others`.

        Args:
            photographs: each is one photograph.
            batch_size: photographs that go through the model at once, unless its file says.
            threads: read the photographs, two batches ahead at most.
            read: reads a photograph.

        Raises:
            ModelError: the model cannot be run.
        """
        for [result] in place_together([self], photographs, batch_size, threads, read):
            yield result


def place_together(
    predictors: Sequence[Predictor],
    photographs: Iterable[Photograph],
    batch_size: int,
    threads: Threads,
    read: Read,
) -> Generator[tuple[Result, ...], None, None]:
    """Places the landmarks of several parts on photographs that are read once.

    Args:
        predictors: one for each part; they see the photographs first by the same model.
        photographs: each is one photograph.
        batch_size: photographs that go through a model at once, unless its file says.
        threads: read the photographs, two batches ahead at most.
        read: reads a photograph.

    Returns:
        For each photograph the results of all parts.

    Raises:
        ModelError: a model cannot be run.
    """
    batch_size = predictors[0].session.batch_size or batch_size
    prepare = partial(_prepare, predictors=predictors, read=read)
    ahead = threads.ahead(prepare, enumerate(photographs, start=1), more=2 * batch_size)
    with closing(ahead):
        while group := list(islice(ahead, batch_size)):
            ready = [member for member in group if isinstance(member, _Ready)]
            photos = [member.photo for member in ready]
            found = []
            for each in predictors:
                questions = each.aim.place(each.session, photos)
                try:
                    wanted = next(questions)
                    while True:
                        passes: list[Pass] = []
                        size = wanted.session.batch_size or batch_size
                        for shown, batch in wanted.batches(size):
                            passes += wanted.passes(shown, wanted.session.run(batch))
                        wanted = questions.send(passes)
                except StopIteration as end:
                    found.append(end.value)
            finished = iter(
                [
                    tuple(
                        member.finish(sightings[index], each)
                        for sightings, each in zip(found, predictors, strict=True)
                    )
                    for index, member in enumerate(ready)
                ]
            )
            for member in group:
                yield next(finished) if isinstance(member, _Ready) else member


class Together:
    """Models of several parts, which see each photograph once; `Sources` of a run.

    Args:
        parts: one for each part; they see the photographs first by the same model.
    """

    def __init__(self, parts: Sequence[Predictor]) -> None:
        self.parts = parts

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[tuple[Result, ...], None, None]:
        """See `place_together`."""
        return place_together(self.parts, photographs, batch_size, threads, read)


@dataclass(frozen=True, eq=False)
class _Ready:
    """A photograph that has been read."""

    name: str
    photograph: Photograph
    photo: Photo

    def finish(self, sighting: Sighting, predictor: Predictor) -> Result:
        """The result of this photograph, by what a model found on it."""
        card, unsure = predictor.card, sighting.unsure
        if not predictor.aim.many:
            return self._placed(sighting.specimens[0], card)
        results = [self._placed(aimed, card) for aimed in sighting.specimens]
        if results:
            first, *others = (
                replace(result, specimen=number) for number, result in enumerate(results, 1)
            )
            return replace(first, others=tuple(others), unsure=unsure)
        name = printable(Path(self.name).name)
        there = counted(len(unsure), "place stands", "places stand") if unsure else "nothing stands"
        sought = predictor.aim.card.spec.name
        reason = f"{name} shows no {sought} that the model is sure of; {there} out of its ground"
        size, orientation = self.photo.size, self.photo.orientation
        return Result(
            *(self.name, size, orientation, None, reason),
            photograph=self.photograph,
            unsure=unsure,
        )

    def _placed(self, aimed: Aimed, card: ModelCard) -> Result:
        """The result of one specimen."""
        landmarks, flag, reason, found = None, None, None, aimed.found
        if found.fault is not None:
            name = printable(Path(self.name).name)
            reason = f"{name} has no landmarks: the model gives {found.fault}"
        else:
            view = found.view
            in_image, semilandmarks = (
                np.clip(view.to_image(xy), (0.0, 0.0), self.photo.size)
                for xy in (found.xy, found.semilandmarks)
            )
            landmarks = Landmarks(card.spec, in_image, found.score, found.error_in_image)
            if card.spec.curves:
                across = found.semilandmark_error * view.image_pixels
                landmarks = replace(
                    landmarks, semilandmarks=semilandmarks, semilandmark_error=across
                )
            flag = "; ".join(filter(None, (found.flag, aimed.flag))) or None
        return Result(
            self.name,
            self.photo.size,
            self.photo.orientation,
            landmarks,
            reason,
            flag,
            self.photograph,
            box=aimed.box,
        )


def searching(card: ModelCard, *, many: bool) -> Aim:
    """How a model looks that searches photographs for its part, or for all of them.

    Raises:
        ModelError: it does not know what shapes it was trained on.
    """
    return SearchMany(card) if many else Search(card)


def _each_specimen(placed: Generator[Result, None, None]) -> Generator[Result, None, None]:
    with closing(placed):
        for result in placed:
            yield from result.specimens


def _is_among(image: ImageFile, seen: SeenPhotographs) -> bool:
    try:
        return seen.has(image.sha256())
    except OSError:  # then nothing is placed on it
        return False


def _prepare(
    numbered: tuple[int, Photograph], predictors: Sequence[Predictor], read: Read
) -> _Ready | tuple[Result, ...]:
    number, photograph = numbered
    name = name_of(photograph, number)
    cards = [each.card for each in predictors]
    aim, keep = predictors[0].aim, any(each.aim.detail > 1 for each in predictors)
    channels = max(card.channels for card in (aim.card, *cards))
    sizes = np.array(
        [np.multiply(each.card.input_size, each.aim.detail) for each in predictors]
        + [aim.card.input_size]
    )
    try:
        at_least = (int(sizes[:, 0].max()), int(sizes[:, 1].max()))
        picture = read_photograph(photograph, channels, at_least, read)
        return _Ready(name, photograph, Photo(picture, aim.card, keep=keep))
    except ImageError as error:
        failed = Result(name, None, 1, None, str(error), photograph=photograph, hint=error.hint)
    except (IsolationError, StoreError):  # all others would fail as well
        raise
    except Exception as error:  # one photograph never stops the others
        reason = printable(f"{Path(name).name} cannot be read: {type(error).__name__}: {error}")
        failed = Result(name, None, 1, None, reason, photograph=photograph)
    return (failed,) * len(predictors)
