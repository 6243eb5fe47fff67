"""Draws photographs of the paper's five carabid parts whose landmarks are known exactly."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import PartError, RequestError
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.train.synthetic.camera import photograph
from beetle_lm.train.synthetic.canvas import Canvas
from beetle_lm.train.synthetic.curves import Floats
from beetle_lm.train.synthetic.elytra import draw_elytra
from beetle_lm.train.synthetic.head import draw_head
from beetle_lm.train.synthetic.mandibles import draw_left, draw_right
from beetle_lm.train.synthetic.pronotum import draw_pronotum
from beetle_lm.train.synthetic.shapes import shape_model
from beetle_lm.zoo.model_file.parts import PartSpec, find_part

SIZE = (1632, 1224)
"""Width and height of a drawn photograph unless another size is asked for, in pixels."""
SMALLEST, LARGEST = 64, 8192
"""Limits of width and height, in pixels."""

_GREY_SHARE = 0.4

_Draw = Callable[[Canvas, Floats, np.random.Generator, bool], None]
_DRAWINGS: dict[str, _Draw] = {
    "left-mandible": draw_left,
    "right-mandible": draw_right,
    "pronotum": draw_pronotum,
    "elytra": draw_elytra,
    "head": draw_head,
}

DRAWN = tuple(_DRAWINGS)
"""The parts that can be drawn, those of the paper."""


def render(
    part: str, rng: np.random.Generator, size: tuple[int, int] = SIZE
) -> tuple[NDArray[np.uint8], Landmarks]:
    """Draws one photograph of a part.

    The landmarks are drawn from the part's shape model, and every structure that a landmark denotes
    is drawn at it. Same state of `rng`, same picture.

    Args:
        part: one of the paper's parts, e.g. 'elytra'.
        rng: the source of chance.
        size: width and height in pixels. The framing is that of 4:3 photographs; other shapes get
            more background.

    Returns:
        The picture, (H, W, 3) RGB, and its landmarks in its pixels.

    Raises:
        PartError: the part is unknown, or is not drawn.
        RequestError: a side is shorter than 64 or longer than 8192 pixels.
    """
    spec = drawn_part(part)
    check_size(size)
    model = shape_model(spec.name)
    canvas = Canvas(size, model.mean, model.sample(rng))
    grey = bool(rng.random() < _GREY_SHARE)
    _DRAWINGS[spec.name](canvas, model.mean, rng, grey)
    return photograph(rng, canvas, grey), Landmarks(spec, canvas.landmarks)


def drawn_part(name: str) -> PartSpec:
    """The part of that name, which can be drawn.

    Raises:
        PartError: it is unknown, or cannot.
    """
    spec = find_part(name)
    if name not in DRAWN:
        raise PartError(f"{name} cannot be drawn; these can: {', '.join(DRAWN)}")
    return spec


def check_size(size: tuple[int, int]) -> None:
    """Refuses sizes of pictures that cannot be drawn.

    Raises:
        RequestError: a side is shorter than 64 or longer than 8192 pixels.
    """
    if not all(SMALLEST <= side <= LARGEST for side in size):
        raise RequestError(
            f"a picture of {size[0]} x {size[1]} pixels cannot be drawn: each side must have"
            f" {SMALLEST} to {LARGEST}"
        )


def specimen_rng(seed: int, part: str, number: int) -> np.random.Generator:
    """The source of chance for one specimen of a series, whatever the series' length.

    Args:
        seed: the series' seed, not negative.
        part: the part's name.
        number: the specimen's number, from 1.
    """
    return np.random.default_rng([seed, zlib.crc32(part.encode()), number])
