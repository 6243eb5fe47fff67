"""A model's part searched for on a photograph: turns and windows are tried, the likeliest kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from beetle_lm.errors import ModelError
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import mahalanobis, superimpose
from beetle_lm.predict.session import Session
from beetle_lm.predict.views.aim import Aimed, cut_off, seen_again, upright
from beetle_lm.predict.views.passes import Pass, Photo, Questions, Wanted
from beetle_lm.predict.views.placement import Window
from beetle_lm.zoo.model_file.card import ModelCard

_TURNS = 12
_KEPT = 2  # candidates that are refined
_DETAIL = 3
_SIDE = 256  # px of the picture in which objects are sought
_RIM = 4  # px of that picture, taken for ground
_SMALLEST = 0.004  # share of the picture that an object covers
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

    detail = _DETAIL
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

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Aimed]]:
        """See `Aim`."""
        aimed = []
        for photo in photos:
            aimed.append((yield from self._found(session, photo)))
        return aimed

    def _found(self, session: Session, photo: Photo) -> Questions[Aimed]:
        objects = objects_in(photo)
        tried = [
            photo.under(view, self.card)
            for turn in range(_TURNS)
            for view in self._views(photo, objects, 2 * math.pi * turn / _TURNS)
        ]
        found = sorted((yield Wanted(session, tried)), key=self._unlikely)[:_KEPT]
        views = [upright(self.card, one) for one in found]
        again = yield from seen_again(session, [photo] * len(found), found, views, few=True)
        best = min([*again, *found], key=self._unlikely)
        reasons = [cut_off(best, photo.size)]
        if len(objects) > 1 and objects[1].area > _ALIKE * objects[0].area:
            reasons.append("there may be several specimens in the photograph")
        box = best.view.corners if isinstance(best.view, Window) else None
        return Aimed(best, box, "; ".join(filter(None, reasons)) or None)

    def _views(self, photo: Photo, objects: Sequence[Object], angle: float) -> list[Window]:
        width, height = self.card.input_size
        whole = min(width / photo.size[0], height / photo.size[1])
        views = [self._turned(np.array(photo.size) / 2, whole, angle)]
        share = math.sqrt(math.prod(self.card.limits.size)) * math.hypot(width, height)
        reach = share * float(np.linalg.norm(self._mean, axis=1).max())
        for one in objects:
            views += [self._turned(one.centre, reach / one.reach / more, angle) for more in _WIDER]
        return views

    def _turned(self, centre: Floats, scale: float, angle: float) -> Window:
        """The window about a place of the photograph."""
        cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
        linear = np.array([[cosine, -sine], [sine, cosine]])
        middle = np.array(self.card.input_size) / 2
        return Window(np.c_[linear, middle - linear @ centre], self.card.input_size)

    def _unlikely(self, found: Pass) -> float:
        """How far landmarks are likely to be off, for their size; more for odd shapes."""
        size = centroid_size(found.xy)
        if found.fault is not None or not size > 0 or self.card.shapes is None:
            return math.inf
        laid = superimpose(found.xy, self._mean)
        if laid is None:
            return math.inf
        distance = mahalanobis(laid.shape - self._mean, self.card.shapes)
        odd = max(1.0, distance / self.card.shapes.distance_limit)
        return float(found.expected_error.mean()) / size * odd


@dataclass(frozen=True, eq=False)
class Object:
    """Something that stands out of a photograph's ground.

    Args:
        centre: (2,) the middle of its circle, in pixels of the photograph.
        reach: the radius of the smallest circle around it, in the same pixels.
        area: in these pixels, squared.
    """

    centre: Floats
    reach: float
    area: float


def objects_in(photo: Photo) -> list[Object]:
    """What stands out of the ground of a photograph, the largest first; the ground is its rim's."""
    pixels, scale = photo.small(_SIDE)
    grey = cv2.GaussianBlur(pixels, (0, 0), 2.0).astype(np.int16)
    rim = np.concatenate(
        [side.ravel() for side in (grey[:_RIM], grey[-_RIM:], grey[:, :_RIM], grey[:, -_RIM:])]
    )
    off = np.minimum(np.abs(grey - int(np.median(rim))), 255).astype(np.uint8)
    _, mask = cv2.threshold(off, 0, 255, cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in outlines:
        area = cv2.contourArea(outline)
        if area < _SMALLEST * mask.size:
            continue
        (x, y), radius = cv2.minEnclosingCircle(outline)
        found.append(
            Object(np.array([x + 0.5, y + 0.5]) / scale, (radius + 1) / scale, area / scale**2)
        )
    found.sort(key=lambda one: -one.area)
    return found[:_MOST_OBJECTS]
