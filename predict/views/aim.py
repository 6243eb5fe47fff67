"""Where on a photograph a model is to look: at all of it, or at the specimen once it is found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import cv2
import numpy as np

from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import least_squares_map
from beetle_lm.predict.session import Session
from beetle_lm.predict.views.passes import Pass, Photo, Questions, Shown, Wanted
from beetle_lm.predict.views.placement import Window
from beetle_lm.zoo.model_file.card import ModelCard

_UPRIGHT_DETAIL = 3
_SMALLEST = 4.0  # px of centroid size: less is no specimen
_APART = 2.5  # times as large or small
_FAINTER = 2.0  # times the limit of errors: so unsure may the model be of another specimen
_PAINTED = 1.3  # of the landmarks' hull, about its middle
_ANOTHER = "there may be another specimen in the photograph"
_BEYOND = 0.02  # of the specimen's extent: a landmark so far outside the photograph is told


@dataclass(frozen=True, eq=False)
class Aimed:
    """What a model found where it was to look.

    Args:
        found: landmarks, and where they were looked for.
        box: (4, 2) corners of the window in which they were looked for, in pixels of the
            photograph; None where that was all of it.
        flag: why that may be the wrong place, in words; None where nothing says so.
    """

    found: Pass
    box: Floats | None = None
    flag: str | None = None


@dataclass(frozen=True, eq=False)
class Sighting:
    """What a model found on one photograph.

    Args:
        specimens: one where one is looked for; any number, in reading order, where several are.
        unsure: (4, 2) corners of each place that stands out of the ground, but where the model is
            not sure of a specimen, in pixels of the photograph; none where one specimen is looked
            for.
    """

    specimens: tuple[Aimed, ...]
    unsure: tuple[Floats, ...] = ()


class Aim(Protocol):
    """How a model comes to see the specimens on photographs."""

    @property
    def many(self) -> bool:
        """Whether all specimens of a photograph are looked for."""

    @property
    def card(self) -> ModelCard:
        """Of the model that sees the whole photograph first."""

    @property
    def detail(self) -> int:
        """How many times more pixels than the model's input, along each side, are of use."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What landmarks depend on beside the model, as JSON values by what a user calls it."""

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says of it, beside the model."""

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """Says what the models are to see, view after view, until landmarks are placed.

        Args:
            session: the model.
            photos: the photographs, ready for the model of `card`.
        """


class Straight:
    """All of the photograph, as it lies."""

    detail, many = 1, False
    settings: Mapping[str, object] = MappingProxyType({})
    record: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """See `Aim`."""
        found = yield Wanted(session, [photo.whole for photo in photos])
        return [Sighting((Aimed(one),)) for one in found]


class Upright:
    """All of the photograph first, then turned so that the specimen lies upright.

    For models of whole specimens (`WholeSpecimen`).

    Args:
        card: the model's.
        always: look a second time even where nothing speaks against the first landmarks, which are
            less exact, but near enough to find a part by.
    """

    detail, many = _UPRIGHT_DETAIL, False
    settings: Mapping[str, object] = MappingProxyType({})
    record: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, card: ModelCard, *, always: bool = True) -> None:
        self.card, self._always = card, always

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """See `Aim`."""
        first = yield Wanted(session, [photo.whole for photo in photos])
        views = [
            upright(self.card, one) if self._always or one.flag is not None else None
            for one in first
        ]
        found = yield from seen_again(session, photos, first, views, few=not self._always)
        crowded = yield from self._crowded(session, photos, first, found)
        reasons = [
            (cut_off(one, photo.size), _ANOTHER if photo in crowded else None)
            for one, photo in zip(found, photos, strict=True)
        ]
        return [
            Sighting((Aimed(one, flag="; ".join(filter(None, told)) or None),))
            for one, told in zip(found, reasons, strict=True)
        ]

    def _crowded(
        self,
        session: Session,
        photos: Sequence[Photo],
        first: Sequence[Pass],
        found: Sequence[Pass],
    ) -> Questions[list[Photo]]:
        """The photographs that show another specimen once the one that was found is painted over.

        Two specimens make the model unsure on the photograph as a whole: where it is certain there
        is no other.
        """
        unsure = [
            (photo, one)
            for photo, whole, one in zip(photos, first, found, strict=True)
            if whole.flag is not None and one.fault is None
        ]
        others = yield Wanted(
            session, [painted_over(photo, one) for photo, one in unsure], few=True
        )
        most = _FAINTER * self.card.limits.mean_error
        return [
            photo
            for (photo, one), other in zip(unsure, others, strict=True)
            if other.fault is None
            and other.expected_error.mean() < most
            and not apart_in_size(one.in_image, other.in_image)
        ]


def aim_of(card: ModelCard) -> Aim:
    """How a model looks that is given nothing but photographs."""
    return Straight(card) if card.whole is None else Upright(card)


def upright(card: ModelCard, found: Pass) -> Window | None:
    """The view in which a specimen lies upright, as far as its landmarks are known.

    Args:
        card: of the model, with the shapes of its training.
        found: its landmarks.

    Returns:
        None where the landmarks cannot be right.
    """
    if card.shapes is None or found.fault is not None:
        return None
    mean, size = np.array(card.shapes.mean), np.array(card.input_size)
    if card.whole is not None:
        centre, share = np.array(card.whole.centre), card.whole.size
    else:  # as its training photographs lie, more or less
        centre, share = np.array([0.5, 0.5]), math.sqrt(math.prod(card.limits.size))
    goal = mean * share * np.linalg.norm(size) + centre * size
    return window_onto(found.in_image, goal, card.input_size)


def window_onto(xy: Floats, goal: Floats, input_size: tuple[int, int]) -> Window | None:
    """The view, turned, scaled and moved, that lays landmarks nearest to places in the input.

    Args:
        xy: (n, 2) in pixels of the photograph.
        goal: (n, 2) in pixels of the input.
        input_size: width and height of the input.

    Returns:
        None where the landmarks nearly lie in one point.
    """
    if centroid_size(xy) < _SMALLEST:
        return None
    matrix = least_squares_map(xy, goal)
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    return Window(matrix, input_size) if scale > 0 else None


def seen_again(
    session: Session,
    photos: Sequence[Photo],
    first: Sequence[Pass],
    views: Sequence[Window | None],
    *,
    few: bool,
) -> Questions[list[Pass]]:
    """What a model finds under new views; where there is none, what it found before.

    Args:
        session: the model.
        photos: the photographs.
        first: what it found before.
        views: the new view of each.
        few: whether there is one for some of them only.
    """
    pairs = zip(photos, views, strict=True)
    shown = [photo.under(view, session.card) for photo, view in pairs if view is not None]
    again = iter((yield Wanted(session, shown, few)))
    return [one if view is None else next(again) for one, view in zip(first, views, strict=True)]


def apart_in_size(first: Floats, second: Floats) -> bool:
    """Whether one of two specimens is so small that it is no specimen beside the other."""
    return not 1 / _APART < centroid_size(second) / centroid_size(first) < _APART


def painted_over(photo: Photo, found: Pass) -> Shown:
    """All of a photograph, with the colour of its rim where a specimen was found."""
    view, pixels = photo.whole.view, photo.whole.pixels.copy()
    xy = view.to_input(found.in_image)
    widened = (xy - xy.mean(axis=0)) * _PAINTED + xy.mean(axis=0)
    outline = cv2.convexHull(np.rint(widened).astype(np.int32))
    for plane in pixels:
        rim = np.concatenate((plane[0], plane[-1], plane[:, 0], plane[:, -1]))
        cv2.fillConvexPoly(plane, outline, float(np.median(rim)))
    return Shown(view, pixels)


def cut_off(found: Pass, size: tuple[int, int]) -> str | None:
    """Says that a specimen reaches beyond the edge of its photograph; None where it does not.

    Args:
        found: its landmarks.
        size: width and height of the photograph.
    """
    if found.fault is not None:
        return None
    xy = found.in_image
    room = _BEYOND * float(np.ptp(xy, axis=0).max())
    beyond = ((xy < -room) | (xy > np.array(size) + room)).any(axis=1)
    if not beyond.any():
        return None
    numbers = ", ".join(str(index + 1) for index in np.flatnonzero(beyond))
    which = f"landmark{'s' if beyond.sum() > 1 else ''} {numbers}"
    return f"the {found.card.spec.name} reaches beyond the edge of the photograph ({which})"
