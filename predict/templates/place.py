"""Landmarks from annotated photographs, without training: the image-processing baseline.

In the spirit of reference [31] of Le Van Linh et al.: the specimen is segmented, a template's
outline is aligned with its outline in any rotation, and landmarks move to where their surroundings
match.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from beetle_lm.errors import ImageError, IsolationError, RequestError, SpecimenError, StoreError
from beetle_lm.predict.images.read import ImageFile, Picture, Read, read_image
from beetle_lm.predict.images.reading import Threads
from beetle_lm.predict.inputs import MadeWith, Photograph, name_of, read_photograph
from beetle_lm.predict.landmarks import Floats, Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.predict.templates.annotated import Templates
from beetle_lm.predict.templates.registration import Fit
from beetle_lm.predict.templates.segmentation import SIDE, find_specimen
from beetle_lm.text import counted, printable
from beetle_lm.zoo.model_file.parts import PartSpec

LEAST_LIKENESS = 0.60
"""A template less alike than this, over the whole specimen, does not fit. The value lies between
those of right mandibles on each other and on left ones (`bench/README.md`)."""

_ERROR_AT_ONE, _ERROR_SLOPE = 0.02, 0.13  # of the specimen's size, by likeness; measured there
_HALF_SCORE = 0.01  # of the photograph's diagonal: as models do
_PREFERENCE = 8  # power of likeness that weights fits; chosen like the parameters of a fit
_APART = 0.05  # of the specimen's size: a fit that is so far from the median counts half


class Transfer:
    """Places landmarks by registering templates to a photograph's specimen.

    Args:
        templates: one or more annotated photographs; where several fit, their landmarks are
            averaged, weighted by how well they fit.
    """

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    @property
    def spec(self) -> PartSpec:
        """The part of the templates."""
        return self._templates.spec

    @property
    def title(self) -> str:
        """The templates, in a few words."""
        count = len(self._templates.names)
        told = self._templates.names[0] if count == 1 else f"{count} templates"
        return f"{self.spec.name}, {counted(len(self.spec), 'landmark')} from {told}"

    @property
    def batch_size(self) -> int:
        """One: photographs do not depend on each other."""
        return 1

    @property
    def settings(self) -> Mapping[str, object]:
        """What the landmarks depend on: the templates."""
        return {"templates": self._templates.sha256}

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says of the templates."""
        model = {
            "part": self.spec.name,
            "landmarks": len(self.spec),
            "semilandmarks": self.spec.semilandmarks,
            "templates": list(self._templates.names),
            "file": str(self._templates.file),
            "sha256": self._templates.sha256,
        }
        return {"model": model, "provider": "transfer"}

    @property
    def versions(self) -> Mapping[str, str]:
        """None besides those that every run records."""
        return {}

    def made_with(self, images: Sequence[ImageFile]) -> MadeWith:
        """Which of some photographs are templates: they are not compared with themselves."""
        found = tuple(one for one in images if one.is_first and self._templates.has(one))
        if not found:
            return MadeWith()
        names = ", ".join(image.called for image in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        verb = "is a template" if len(found) == 1 else "are templates"
        return MadeWith(found, compared=False, note=f"{names}{more} {verb} and not compared")

    def predict(
        self,
        items: Iterable[Photograph],
        batch_size: int = 1,
        workers: int = 2,
        read: Read = read_image,
    ) -> Generator[Result, None, None]:
        """Places landmarks on photographs, in their order, one result for each.

        Args:
            items: paths, `ImageFile`s or arrays of pixels.
            batch_size: of no effect.
            workers: threads, each with a photograph of its own.
            read: reads the photographs; see `beetle_lm.predict.images.reading`.

        Raises:
            RequestError: fewer than one worker.
        """
        if workers < 1:
            raise RequestError("workers must be at least 1")
        threads = Threads(workers)
        return threads.until_end_of(self.place(items, batch_size, threads, read))

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[Result, None, None]:
        """Places landmarks as `predict` does, in threads that do other things, too.

        Args:
            photographs: each is one photograph.
            batch_size: of no effect.
            threads: each does a photograph, one for each thread ahead at most.
            read: reads a photograph.
        """
        place = partial(self._place, read=read)
        return threads.ahead(place, enumerate(photographs, start=1), more=threads.number)

    def _place(self, numbered: tuple[int, Photograph], read: Read) -> Result:
        number, photograph = numbered
        name = name_of(photograph, number)
        try:
            picture = read_photograph(photograph, 3, (SIDE, SIDE), read)
        except ImageError as error:
            return Result(name, None, 1, None, str(error), photograph=photograph, hint=error.hint)
        except (IsolationError, StoreError):  # all others would fail as well
            raise
        except Exception as error:  # one photograph never stops the others
            reason = f"{name} cannot be read: {type(error).__name__}: {error}"
            return Result(name, None, 1, None, printable(reason), photograph=photograph)
        seen = picture.size, picture.orientation
        try:
            landmarks = self._landmarks(picture)
        except SpecimenError as error:
            return Result(name, *seen, None, str(error), photograph=photograph)
        return Result(name, *seen, landmarks, None, photograph=photograph)

    def _landmarks(self, picture: Picture) -> Landmarks:
        specimen = find_specimen(picture)
        fits = [template.fit(specimen) for template in self._templates.fitted]
        best = max(fit.overall for fit in fits)
        if best < LEAST_LIKENESS:
            raise SpecimenError(
                f"no template fits the specimen (likeness {best:.2f}, at least"
                f" {LEAST_LIKENESS:.2f} is needed)"
            )
        xy, likeness = combined([fit for fit in fits if fit.overall >= LEAST_LIKENESS])
        placement = specimen.placement
        in_image = np.clip(placement.to_image(xy), (0.0, 0.0), picture.size)
        size = fits[0].size * placement.image_pixels
        error = size * (_ERROR_AT_ONE + _ERROR_SLOPE * (1 - likeness))
        half = _HALF_SCORE * float(np.hypot(*picture.size))
        return Landmarks(self.spec, in_image, 1 / (1 + (error / half) ** 2), error)


def combined(fits: Sequence[Fit]) -> tuple[Floats, Floats]:
    """Landmarks (n, 2) and likeness (n,) of several fits to the same specimen, one at least.

    The mean, weighted by how alike the surroundings of a landmark are; of three or more fits, one
    far from their median counts less.
    """
    xy = np.stack([fit.xy for fit in fits])
    likeness = np.stack([fit.likeness for fit in fits])
    weights = likeness**_PREFERENCE
    if len(fits) > 2:
        off = np.linalg.norm(xy - np.median(xy, axis=0), axis=2)
        weights = weights / (1 + (off / (_APART * fits[0].size)) ** 2)
    weights = weights / weights.sum(axis=0)
    mean = (weights[:, :, None] * xy).sum(axis=0)
    return mean, (weights * likeness).sum(axis=0)
