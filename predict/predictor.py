"""Photographs in, landmarks out: the Python interface to a model."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import ImageError, IsolationError, RequestError
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
from beetle_lm.predict.placement import Placement
from beetle_lm.predict.quality import quality_flag
from beetle_lm.predict.result import Result
from beetle_lm.predict.session import Device, Placed, Session
from beetle_lm.text import counted, printable
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.registry import resolve


class Predictor:
    """A model that is ready to place landmarks on photographs.

    >>> predictor = Predictor.load("model.onnx")
    >>> for result in predictor.predict("photographs"):
    ...     print(result)  # `result.landmarks.xy` are the coordinates
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    @classmethod
    def load(
        cls,
        model: str | Path,
        device: Device = "auto",
        threads: int | None = None,
        zoo: str | None = None,
    ) -> Predictor:
        """Loads a model.

        Args:
            model: path of an ONNX file, the name of a part with a bundled model, or
                ``hf:org/name@revision`` for one of the Hub, which is fetched once and then kept.
            device: 'auto' takes CUDA where it can be had and the CPU elsewhere.
            threads: CPU threads that the model may use; None leaves the choice to onnxruntime.
            zoo: web address or file of an organisation's registry, whose models can then be named,
                too; the environment variable BEETLE_LM_ZOO where not given.

        Raises:
            PartError: there is no such part.
            ModelError: there is no such file, or it is no model of beetle-lm's.
            HubError: the model has to be fetched, and cannot be.
            DeviceError: no onnxruntime is installed, or CUDA was asked for and not obtained.
        """
        return cls(Session.open(resolve(str(model), zoo), device, threads))

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
        return {"model": self.session.sha256, "device": self.provider}

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says of the model."""
        model = {
            "part": self.spec.name,
            "version": self.card.version,
            "file": str(self.session.path),
            "sha256": self.session.sha256,
            "weights_sha256": self.card.weights_sha256,
        }
        return {"model": model, "provider": self.provider}

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of the runtime."""
        return {"onnxruntime": self.session.runtime_version}

    def made_with(self, images: Sequence[ImageFile]) -> MadeWith:
        """Which of some photographs the model was trained or validated on, as far as is known."""
        seen = self.card.photographs
        files = {image.path: image for image in images if image.is_first}
        found = [] if seen is None else seen.among(files)
        if seen is None or not found:
            return MadeWith()
        least = "" if seen.is_complete else "at least "
        one = len(found) == 1
        have = counted(len(images), "photograph that has", "photographs that have")
        return MadeWith(
            tuple(files[path] for path in found),
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
        return threads.until_end_of(self.place(found, batch_size, threads, read))

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[Result, None, None]:
        """Places landmarks as `predict` does, in threads that do other things, too.

        Args:
            photographs: each is one photograph.
            batch_size: photographs that go through the model at once, unless its file says.
            threads: read the photographs, two batches ahead at most.
            read: reads a photograph.

        Raises:
            ModelError: the model cannot be run.
        """
        batch_size = self.session.batch_size or batch_size
        prepare = partial(_prepare, card=self.card, read=read)
        ahead = threads.ahead(prepare, enumerate(photographs, start=1), more=2 * batch_size)
        with closing(ahead):
            while group := list(islice(ahead, batch_size)):
                ready = [member for member in group if isinstance(member, _Ready)]
                finished: Iterator[Result] = iter(())
                if ready:
                    placed = self.session.run(_batch(ready, batch_size))
                    finished = (one.finish(placed, i, self.card) for i, one in enumerate(ready))
                for member in group:
                    yield next(finished) if isinstance(member, _Ready) else member


@dataclass(frozen=True, eq=False)
class _Ready:
    """A photograph as the model takes it: `pixels` is (C, H, W)."""

    name: str
    photograph: Photograph
    size: tuple[int, int]
    orientation: int
    placement: Placement
    pixels: NDArray[np.uint8]

    def finish(self, placed: Placed, index: int, card: ModelCard) -> Result:
        """The result of this photograph, which is the one of that index in its batch."""
        landmarks, flag, reason = None, None, None
        if fault := placed.fault(index, card.input_size):
            reason = f"{printable(Path(self.name).name)} has no landmarks: the model gives {fault}"
        else:
            xy, expected_error = placed.xy[index], placed.expected_error[index]
            in_image = np.clip(self.placement.to_image(xy), (0.0, 0.0), self.size)
            pixels = self.placement.image_pixels
            landmarks = Landmarks(card.spec, in_image, placed.score[index], expected_error * pixels)
            flag = quality_flag(card, xy, expected_error, pixels)
        return Result(
            self.name, self.size, self.orientation, landmarks, reason, flag, self.photograph
        )


def _batch(ready: Sequence[_Ready], size: int) -> NDArray[np.uint8]:
    """Photographs as a batch (size, C, H, W), filled up with black.

    Always whole batches: a GPU would prepare itself anew for each new shape, and a landmark would
    depend, in its last digits, on how many photographs there are.
    """
    batch = np.zeros((size, *ready[0].pixels.shape), np.uint8)
    for row, member in zip(batch, ready, strict=False):
        row[...] = member.pixels
    return batch


def _prepare(numbered: tuple[int, Photograph], card: ModelCard, read: Read) -> _Ready | Result:
    number, photograph = numbered
    name = name_of(photograph, number)
    try:
        picture = read_photograph(photograph, card.channels, card.input_size, read)
        placement = Placement.fit(picture.frame, card.input_size, card.fit)
        pixels = placement.render(picture)
    except ImageError as error:
        return Result(name, None, 1, None, str(error), photograph=photograph, hint=error.hint)
    except IsolationError:  # all others would fail as well
        raise
    except Exception as error:  # one photograph never stops the others
        reason = f"{Path(name).name} cannot be read: {type(error).__name__}: {error}"
        reason = printable(reason)
        return Result(name, None, 1, None, reason, photograph=photograph)
    planes = pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return _Ready(name, photograph, picture.size, picture.orientation, placement, planes)
