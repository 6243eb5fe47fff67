"""A model's part searched for on a photograph: turns and windows are tried, the likeliest kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from beetle_lm.errors import ModelError
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import mahalanobis, superimpose
from beetle_lm.predict.session import Session
from beetle_lm.predict.views.aim import Aimed, Sighting, cut_off, seen_again, upright
from beetle_lm.predict.views.objects import Object, objects_in
from beetle_lm.predict.views.passes import Pass, Photo, Questions, Wanted
from beetle_lm.predict.views.placement import Window
from beetle_lm.zoo.model_file.card import ModelCard

_TURNS = 12
_KEPT = 2  # candidates that are refined
_DETAIL = 3
_ALIKE = 0.4  # of the largest object: another so large may be another specimen
_MOST_OBJECTS = 2
_WIDER = (1.0, 1.35)  # how much more than an object its windows show


class Search:
    """Turns and windows of the photograph, and then the one that the model expects to be nearest.

    The windows are the whole photograph and what stands out of its ground. What the model finds in
    the likeliest of them says where the specimen lies; there it is run once more.

    Args:
        card: the model's.

    Raises:
        ModelError: it does not know what shapes it was trained on.
    """

    detail, many = _DETAIL, False
    settings: Mapping[str, object] = MappingProxyType({"choice of search": True})
    record: Mapping[str, Any] = MappingProxyType({"search": True})

    def __init__(self, card: ModelCard) -> None:
        if card.shapes is None:
            raise ModelError(
                f"the model {card.spec.name} does not know the shapes it was trained on, and cannot"
                " search for its part"
            )
        self.card = card
        self._mean = np.array(card.shapes.mean)

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """See `Aim`."""
        sightings = []
        for photo in photos:
            sightings.append(Sighting(((yield from self._found(session, photo)),)))
        return sightings

    def _found(self, session: Session, photo: Photo) -> Questions[Aimed]:
        objects = objects_in(photo)[:_MOST_OBJECTS]
        tried = [
            photo.under(view, self.card)
            for angle in turns()
            for view in (self.whole(photo, angle), *self.windows(objects, angle))
        ]
        found = sorted((yield Wanted(session, tried)), key=self.unlikely)[:_KEPT]
        views = [upright(self.card, one) for one in found]
        again = yield from seen_again(session, [photo] * len(found), found, views, few=True)
        best = min([*again, *found], key=self.unlikely)
        reasons = [cut_off(best, photo.size)]
        if len(objects) > 1 and objects[1].area > _ALIKE * objects[0].area:
            reasons.append("there may be several specimens in the photograph")
        box = best.view.corners if isinstance(best.view, Window) else None
        return Aimed(best, box, "; ".join(filter(None, reasons)) or None)

    def whole(self, photo: Photo, angle: float) -> Window:
        """All of a photograph, turned."""
        width, height = self.card.input_size
        scale = min(width / photo.size[0], height / photo.size[1])
        return self._turned(np.array(photo.size) / 2, scale, angle)

    def windows(self, objects: Iterable[Object], angle: float) -> list[Window]:
        """The windows onto objects that may be the part, turned."""
        share = math.sqrt(math.prod(self.card.limits.size)) * math.hypot(*self.card.input_size)
        reach = share * float(np.linalg.norm(self._mean, axis=1).max())
        return [
            self._turned(one.centre, reach / one.reach / more, angle)
            for one in objects
            for more in _WIDER
        ]

    def _turned(self, centre: Floats, scale: float, angle: float) -> Window:
        """The window about a place of the photograph."""
        cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
        linear = np.array([[cosine, -sine], [sine, cosine]])
        middle = np.array(self.card.input_size) / 2
        return Window(np.c_[linear, middle - linear @ centre], self.card.input_size)

    def unlikely(self, found: Pass) -> float:
        """How far landmarks are likely to be off, for their size; more for odd shapes."""
        size = centroid_size(found.xy)
        if found.fault is not None or not size > 0:
            return math.inf
        return float(found.expected_error.mean()) / size * max(1.0, self.oddness(found))

    def oddness(self, found: Pass) -> float:
        """How unlike those of the training a shape is: above 1 it would be flagged."""
        laid = superimpose(found.xy, self._mean)
        if laid is None or self.card.shapes is None:
            return math.inf
        distance = mahalanobis(laid.shape - self._mean, self.card.shapes)
        return distance / self.card.shapes.distance_limit


def turns() -> list[float]:
    """The angles, in radians, at which a photograph is looked at."""
    return [2 * math.pi * turn / _TURNS for turn in range(_TURNS)]
