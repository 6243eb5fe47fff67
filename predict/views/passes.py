"""One pass of a model over photographs, each under a view of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.images.levels import in_channels
from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.quality import quality_flag
from beetle_lm.predict.session import Placed, Session
from beetle_lm.predict.views.placement import Halved, Placement, View, Window
from beetle_lm.zoo.model_file.card import ModelCard

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, eq=False)
class Shown:
    """A photograph as a model takes it.

    Args:
        view: where the photograph lies in the model's input.
        pixels: uint8 (C, H, W), the input.
    """

    view: View
    pixels: NDArray[np.uint8]


class Photo:
    """A decoded photograph, ready for a model that sees all of it, and for further views.

    Args:
        picture: the photograph.
        card: of the model that sees all of it.
        keep: keep its pixels for further views.
    """

    def __init__(self, picture: Picture, card: ModelCard, *, keep: bool) -> None:
        self.size, self.orientation = picture.size, picture.orientation
        view = Placement.fit(picture.frame, card.input_size, card.fit)
        self.whole = _shown(view, view.render(picture), card)
        self._kept = (picture, Halved(picture.pixels)) if keep else None

    def under(self, view: Window, card: ModelCard) -> Shown:
        """A further view, in the channels of a card's model."""
        assert self._kept is not None, "the pixels were not kept"
        return _shown(view, view.render(*self._kept), card)

    def small(self, side: int) -> tuple[NDArray[np.uint8], float]:
        """All of it in grey, its longer side of so many pixels, and its scale to the photograph."""
        assert self._kept is not None, "the pixels were not kept"
        scale = side / max(self.size)
        width, height = (max(1, round(length * scale)) for length in self.size)
        view = Window(np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]]), (width, height))
        return in_channels(view.render(*self._kept), 1), scale


@dataclass(frozen=True, eq=False)
class Pass:
    """What a model found in one photograph under one view.

    Args:
        card: the model's.
        view: where the photograph lay in the model's input.
        xy: (n, 2) landmarks in pixels of the input.
        score: (n,) from 0 to 1.
        expected_error: (n,) in pixels of the input.
        semilandmarks: (s, 2) of the part's curves, in pixels of the input.
        semilandmark_error: (s,) in pixels of the input.
        fault: what cannot be right in that, in words; None where nothing is wrong.
    """

    card: ModelCard
    view: View
    xy: Floats
    score: Floats
    expected_error: Floats
    semilandmarks: Floats
    semilandmark_error: Floats
    fault: str | None

    @property
    def in_image(self) -> Floats:
        """The landmarks (n, 2) in pixels of the photograph; they may lie outside it."""
        return self.view.to_image(self.xy)

    @property
    def error_in_image(self) -> Floats:
        """Expected errors (n,) in pixels of the photograph."""
        return self.expected_error * self.view.image_pixels

    @property
    def flag(self) -> str | None:
        """Why the landmarks should be looked at; None where nothing speaks against them."""
        pixels = self.view.image_pixels
        return quality_flag(self.card, self.xy, self.expected_error, pixels)


@dataclass(frozen=True, eq=False)
class Wanted:
    """Photographs that a model is to be run on.

    Args:
        session: the model.
        shown: the photographs, in the model's input.
        few: whether these are single ones out of many.
    """

    session: Session
    shown: Sequence[Shown]
    few: bool = False

    def batches(self, size: int) -> Iterator[tuple[Sequence[Shown], NDArray[np.uint8]]]:
        """The photographs by batches, and each batch as uint8 (size, C, H, W).

        Always whole batches, filled up with black: a GPU would prepare itself anew for each new
        shape, and a landmark would depend, in its last digits, on how many photographs there are.
        A few go one by one, for most of a batch would be black.

        Args:
            size: photographs that go through the model at once.
        """
        if self.few and self.session.batch_size is None:
            size = 1
        for start in range(0, len(self.shown), size):
            group = self.shown[start : start + size]
            batch = np.zeros((size, *group[0].pixels.shape), np.uint8)
            for row, one in zip(batch, group, strict=False):
                row[...] = one.pixels
            yield group, batch

    def passes(self, group: Sequence[Shown], placed: Placed) -> Iterator[Pass]:
        """What was found in the photographs of a batch."""
        card = self.session.card
        for index, one in enumerate(group):
            yield Pass(
                card,
                one.view,
                placed.xy[index],
                placed.score[index],
                placed.expected_error[index],
                placed.semilandmarks[index],
                placed.semilandmark_error[index],
                placed.fault(index, card.input_size),
            )


Questions = Generator[Wanted, list[Pass], _Answer]
"""Says what is to be seen, is told what the model found there, and so on to the answer."""


def _shown(view: View, pixels: NDArray[np.uint8], card: ModelCard) -> Shown:
    pixels = in_channels(pixels, card.channels)
    return Shown(view, pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
