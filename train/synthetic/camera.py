"""From the finished drawing to a photograph: focus, lamps, haze, grey, sensor noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.train.synthetic.canvas import Canvas, Layer, blur
from beetle_lm.train.synthetic.curves import Floats
from beetle_lm.train.synthetic.surface import pick
from beetle_lm.train.synthetic.texture import colour_grain, grain

_HAZES = ((0.36, 0.48, 0.70), (0.45, 0.48, 0.52), (0.34, 0.40, 0.50))
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def photograph(rng: np.random.Generator, canvas: Canvas, grey: bool) -> NDArray[np.uint8]:
    """(H, W, 3) the picture as a camera on a microscope takes it.

    Args:
        rng: the source of chance.
        canvas: the finished drawing; changed in place.
        grey: a grey photograph of stretched contrast instead of a coloured, hazy one.
    """
    height, width = canvas.shape
    y, x = np.ogrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    off_axis = np.asarray((x - rng.normal(0, 0.2)) ** 2 + (y - rng.normal(0, 0.2)) ** 2, np.float32)
    pixels: Layer = np.asarray(blur(canvas.pixels, rng.uniform(2.0, 4.5) * canvas.scale))
    unsharp = np.asarray(blur(pixels, rng.uniform(5, 12) * canvas.scale), np.float32)
    share = np.clip((off_axis - 0.6) * np.float32(rng.uniform(0.2, 0.7)), 0, 0.9)
    pixels += (unsharp - pixels) * share[..., None]
    if not grey:
        _fringe(pixels, rng.normal(0, 1.2, 2) * canvas.scale)
    haze = rng.uniform(0.05, 0.22)
    pixels *= np.float32(1 - haze)
    pixels += np.float32(haze) * np.array(pick(rng, _HAZES, 0.05), np.float32)
    pixels *= (np.float32(rng.uniform(0.95, 1.1)) - off_axis * np.float32(rng.uniform(0, 0.08)))[
        ..., None
    ]
    if grey:
        brightness = pixels @ _GREY
        black, white = np.percentile(brightness[::8, ::8], (1, 99))
        dark, light = rng.uniform(0.03, 0.12), rng.uniform(0.78, 0.95)
        gain = (light - dark) / max(float(white - black), 0.05)
        pixels = ((brightness - np.float32(black)) * np.float32(gain) + np.float32(dark))[..., None]
    strength = rng.uniform(0.004, 0.013)
    pixels = pixels + grain(rng, canvas.shape, strength)
    if grey:
        pixels = np.repeat(pixels, 3, axis=2)
    else:
        pixels += colour_grain(rng, canvas.shape, strength * 0.6)
    return np.asarray(np.clip(pixels * 255 + 0.5, 0, 255), np.uint8)


def _fringe(pixels: Layer, shift: Floats) -> None:
    """Moves red and blue apart, as a lens does off its axis."""
    for channel, sign in ((0, 1.0), (2, -1.0)):
        move = np.column_stack([np.eye(2), shift * sign])
        pixels[..., channel] = cv2.warpAffine(
            pixels[..., channel],
            move,
            (pixels.shape[1], pixels.shape[0]),
            borderMode=cv2.BORDER_REPLICATE,
        )
