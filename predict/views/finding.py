"""Parts found on photographs of whole specimens, by a model of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from beetle_lm.errors import Hint, RequestError
from beetle_lm.predict.session import Session
from beetle_lm.predict.views.aim import (
    Aim,
    Aimed,
    Sighting,
    Upright,
    cut_off,
    window_onto,
)
from beetle_lm.predict.views.many import SearchMany
from beetle_lm.predict.views.passes import Pass, Photo, Questions, Wanted
from beetle_lm.predict.views.placement import Window
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.whole import PartWindow

FINDER = "carabid"
"""The name of the model that finds the parts of whole specimens."""

_DETAIL = 4  # a part's picture is a fourth of the photograph or more, or else it is enlarged


class Finder:
    """A model of whole specimens that finds their parts.

    What it found on a photograph serves all parts.

    Args:
        session: the model.
        many: it finds all specimens of a photograph.

    Raises:
        ModelError: it is to find all, and does not know what shapes it was trained on.
    """

    def __init__(self, session: Session, *, many: bool = False) -> None:
        self.session = session
        card = session.card
        self.aim: Aim = SearchMany(card) if many else Upright(card, always=False)
        self._found: WeakKeyDictionary[Photo, Sighting] = WeakKeyDictionary()

    def whole_specimens(self, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """The landmarks of the whole specimens."""
        new = [photo for photo in photos if photo not in self._found]
        if new:
            found = yield from self.aim.place(self.session, new)
            self._found.update(zip(new, found, strict=True))
        return [self._found[photo] for photo in photos]


def window_of(part: str, card: ModelCard) -> PartWindow:
    """Where a part lies on whole specimens.

    Args:
        part: the part's name.
        card: of the model that finds it.

    Raises:
        RequestError: the model finds no parts, or not this one.
    """
    name, parts = card.spec.name, () if card.whole is None else card.whole.parts
    if not parts:
        raise RequestError(f"the model {name} finds no parts")
    known = ", ".join(sorted(each.part for each in parts))
    if part == name:
        raise RequestError(
            f"{part} is the whole specimen, on which {known} can be found", Hint.NO_FINDING
        )
    for each in parts:
        if each.part == part:
            return each
    raise RequestError(f"the model {name} finds {known}, but no part {part}", Hint.SEARCH)


class OnWhole:
    """The part of a whole specimen, turned upright and cut out of the photograph.

    Args:
        finder: finds it.
        card: of the part's model.

    Raises:
        RequestError: the finder finds no parts, or not this one.
    """

    def __init__(self, finder: Finder, card: ModelCard) -> None:
        self._finder, self._part = finder, card
        self._window = window_of(card.spec.name, finder.session.card)

    @property
    def card(self) -> ModelCard:
        """Of the finder's model, which sees the whole photograph."""
        return self._finder.session.card

    @property
    def many(self) -> bool:
        """Whether the finder finds all specimens."""
        return self._finder.aim.many

    @property
    def detail(self) -> int:
        """A part is smaller than its specimen."""
        return _DETAIL * (self._finder.aim.detail if self.many else 1)

    @property
    def settings(self) -> Mapping[str, object]:
        """The finder's file, and how it looks."""
        own = self._finder.aim.settings if self.many else {}
        return {"finder": self._finder.session.sha256, **own}

    @property
    def record(self) -> Mapping[str, Any]:
        """The finder's model."""
        return {"finder": self._finder.session.record}

    def place(self, session: Session, photos: Sequence[Photo]) -> Questions[list[Sighting]]:
        """See `Aim`."""
        sightings = yield from self._finder.whole_specimens(photos)
        wholes = [
            (photo, whole)
            for photo, sighting in zip(photos, sightings, strict=True)
            for whole in sighting.specimens
        ]
        views = [part_view(whole.found, self._window, session.card) for _, whole in wholes]
        shown = [
            photo.under(view, session.card)
            for (photo, _), view in zip(wholes, views, strict=True)
            if view is not None
        ]
        found = iter((yield Wanted(session, shown)))
        parts = iter(
            [
                self._lost(whole.found)
                if view is None
                else self._aimed(next(found), view, whole, photo)
                for (photo, whole), view in zip(wholes, views, strict=True)
            ]
        )
        return [
            Sighting(tuple(next(parts) for _ in sighting.specimens), sighting.unsure)
            for sighting in sightings
        ]

    def _lost(self, whole: Pass) -> Aimed:
        tiny = f"a {self.card.spec.name} that is only a few pixels large"
        return Aimed(replace(whole, fault=whole.fault or tiny))

    def _aimed(self, found: Pass, view: Window, whole: Aimed, photo: Photo) -> Aimed:
        name = self.card.spec.name
        reasons = [
            f"the {name} on which it was found: {reason}"
            for reason in (whole.found.flag, whole.flag)
            if reason is not None
        ]
        if beyond := cut_off(found, photo.size):
            reasons.append(beyond)
        return Aimed(found, view.corners, "; ".join(reasons) or None)


def part_view(whole: Pass, window: PartWindow, card: ModelCard) -> Window | None:
    """The view that cuts a part out of a whole specimen.

    Args:
        whole: the specimen's landmarks.
        window: where the part lies.
        card: of the part's model.

    Returns:
        None where the landmarks cannot be right.
    """
    if whole.fault is not None:
        return None
    width, height = card.input_size
    goal = np.array(window.places) * height + (width / 2, height / 2)
    return window_onto(whole.in_image[np.array(window.landmarks) - 1], goal, card.input_size)
