"""All specimens of a photograph: what stands out of the ground is searched, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.session import Session
from beetle_lm.predict.views.aim import Aimed, Sighting, cut_off, seen_again, upright
from beetle_lm.predict.views.objects import Object, objects_in
from beetle_lm.predict.views.passes import Pass, Photo, Questions, Shown, Wanted
from beetle_lm.predict.views.placement import Window
from beetle_lm.predict.views.search import Search, turns
from beetle_lm.zoo.model_file.card import ModelCard

_DETAIL = 8  # a specimen is an eighth of the photograph or more, or else it is enlarged
_SIDE = 512  # px of the picture in which objects are sought
_SMALLEST = 0.001  # share of the picture that an object covers
_FAINTEST = 12.0  # grey levels by which an object differs from the ground
_KEPT = 2  # candidates of an object that are refined
_ROUNDS = 3
_SURE = 0.7  # times the limit of expected errors: with more, it is not taken for a specimen
_ODD = 1.5  # times the limit of shapes
_SAME = 0.5  # of the larger one's radius: two so near are one specimen
_WIDER = 1.15  # what is painted over: of the landmarks' hull, about its middle
_LEFT_OVER = 0.6  # of a specimen's area: less beside it is no other one
_OF_TWO = 1.2  # times the area of the smallest specimen: so large are two that touch
_KNOWN = 0.2  # of an object's reach: one so near, and about as large, was searched before
_IN_LINE = 0.5  # of a specimen's extent: middles so far apart in height are in one row


class SearchMany:
    """Every object of a photograph is searched as `Search` does, and each specimen is kept.

    What was found is painted over, and what stands out then is searched again: specimens that
    touch it, or are paler. Where landmarks have expected errors near the limit of flags, or beyond
    it, there is no specimen: an object there is told as a place of which the model is unsure.

    Args:
        card: the model's.

    Raises:
        ModelError: it does not know what shapes it was trained on.
    """

    detail, many = _DETAIL, True
    settings: Mapping[str, object] = MappingProxyType(
        {"choice of search": True, "choice of several specimens": True}
    )
    record: Mapping[str, Any] = MappingProxyType({"search": True})

    def __init__(self, card: ModelCard) -> None:
        self.card, self._search = card, Search(card)

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """See `Aim`."""
        sightings = []
        for photo in photos:
            sightings.append((yield from self._seen(session, photo)))
        return sightings

    def _seen(self, session: Session, photo: Photo) -> Questions[Sighting]:
        found: list[Pass] = []
        searched: list[Object] = []
        for _ in range(_ROUNDS):
            new = [one for one in self._objects(photo, found) if not _is_known(one, searched)]
            before = len(found)
            candidates: list[Pass] = []
            # All of the photograph, too, unless several things stand out of its ground.
            places = deque[Object | None]([None, *new] if not searched and len(new) < 2 else new)
            while places:
                place = places.popleft()
                best = yield from self._best(session, photo, place, found)
                if self._is_sure(best):
                    candidates.append(best)
                elif place in new and self._may_be_two(place, [*found, *candidates]):
                    places += place.halves
            for likely in sorted(candidates, key=self._search.unlikely):
                if not any(_is_same(likely, other) for other in found):
                    found.append(likely)
            searched += new
            if len(found) == before:
                break
        unsure = [one for one in searched if not any(_is_of(one, other) for other in found)]
        specimens = tuple(
            Aimed(one, _corners(one), cut_off(one, photo.size)) for one in _in_rows(found)
        )
        return Sighting(specimens, tuple(one.square for one in unsure))

    def _objects(self, photo: Photo, found: Sequence[Pass]) -> list[Object]:
        """What stands out of the ground beside what was found.

        Around a specimen that is what else its animal or its label has, unless it is as large as
        one; elsewhere it is what is paler than the specimens that were found before.
        """
        outlines = [_hull(one.in_image) for one in found]
        objects = objects_in(photo, _SIDE, _SMALLEST, outlines, _FAINTEST)
        least = _LEFT_OVER * min(map(_area, found), default=0.0)
        return [
            one
            for one in objects
            if one.covered > least or not any(_is_of(one, other) for other in found)
        ]

    def _may_be_two(self, one: Object, found: Sequence[Pass]) -> bool:
        """Whether an object is large enough for two specimens that touch each other."""
        return one.covered > _OF_TWO * min(map(_area, found), default=0.0)

    def _best(
        self, session: Session, photo: Photo, one: Object | None, found: Sequence[Pass]
    ) -> Questions[Pass]:
        """The likeliest landmarks on an object, or on all of the photograph.

        They are those of an upright view, if the model is sure there: its size and turn are right.
        """

        def under(view: Window) -> Shown:
            return _painted(photo.under(view, self.card), photo, found)

        tried = [
            under(view)
            for angle in turns()
            for view in (
                [self._search.whole(photo, angle)]
                if one is None
                else self._search.windows([one], angle)
            )
        ]
        first = sorted((yield Wanted(session, tried)), key=self._search.unlikely)[:_KEPT]
        views = [upright(self.card, each) for each in first]
        again = yield from seen_again(session, [photo] * len(first), first, views, few=True)
        best = min(again, key=self._search.unlikely)
        return best if self._is_sure(best) else min([*again, *first], key=self._search.unlikely)

    def _is_sure(self, one: Pass) -> bool:
        """Whether this may be taken for a specimen."""
        return (
            one.fault is None
            and float(one.expected_error.mean()) < _SURE * self.card.limits.mean_error
            and self._search.oddness(one) < _ODD
        )


def _corners(one: Pass) -> Floats | None:
    return one.view.corners if isinstance(one.view, Window) else None


def _hull(xy: Floats) -> Floats:
    """The outline of what is painted over, in pixels of the photograph."""
    middle = xy.mean(axis=0)
    hull = cv2.convexHull(xy.astype(np.float32)).reshape(-1, 2)
    return np.asarray((hull - middle) * _WIDER + middle, np.float64)


def _area(one: Pass) -> float:
    """Of what is painted over, in pixels of the photograph, squared."""
    return cv2.contourArea(_hull(one.in_image).astype(np.float32))


def _painted(shown: Shown, photo: Photo, found: Sequence[Pass]) -> Shown:
    """A view with the colour of the photograph's rim where specimens were found."""
    if not found:
        return shown
    pixels = shown.pixels.copy()
    for plane, whole in zip(pixels, photo.whole.pixels, strict=True):
        rim = np.concatenate((whole[0], whole[-1], whole[:, 0], whole[:, -1]))
        for one in found:
            outline = np.rint(shown.view.to_input(_hull(one.in_image)) - 0.5).astype(np.int32)
            cv2.fillConvexPoly(plane, outline, float(np.median(rim)))
    return Shown(shown.view, pixels)


def _radius(one: Pass) -> float:
    """The distance of landmarks from their middle, in pixels of the photograph."""
    return centroid_size(one.in_image) / float(np.sqrt(len(one.xy)))


def _apart(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one - other))


def _is_same(one: Pass, other: Pass) -> bool:
    """Whether two are the same specimen."""
    middles = (each.in_image.mean(axis=0) for each in (one, other))
    return _apart(*middles) < _SAME * max(_radius(one), _radius(other))


def _is_known(one: Object, searched: Sequence[Object]) -> bool:
    """Whether an object is one of those that were searched."""
    return any(
        _apart(one.centre, other.centre) < _KNOWN * other.reach
        and abs(one.reach - other.reach) < _KNOWN * other.reach
        for other in searched
    )


def _is_of(one: Object, specimen: Pass) -> bool:
    """Whether an object lies in the window in which a specimen was found."""
    corners = _corners(specimen)
    if corners is None:
        return True
    x, y = (float(value) for value in one.centre)
    return cv2.pointPolygonTest(corners.astype(np.float32), (x, y), False) >= 0


def _in_rows(found: Sequence[Pass]) -> list[Pass]:
    """Specimens in the order in which one reads: by rows, and in them from the left."""
    rows: list[list[Pass]] = []
    for one in sorted(found, key=lambda one: float(one.in_image[:, 1].mean())):
        top = float(one.in_image[:, 1].mean())
        if rows and top - _middle(rows[-1]) < _IN_LINE * float(np.ptp(one.in_image, axis=0).max()):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [one for row in rows for one in sorted(row, key=lambda one: one.in_image[:, 0].mean())]


def _middle(row: Sequence[Pass]) -> float:
    return float(np.mean([one.in_image[:, 1].mean() for one in row]))
