"""The geometry between an image and the input of a model."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.images.read import Frame, Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.zoo.model_file.card import Fit


@dataclass(frozen=True)
class Placement:
    """The map from image coordinates to the coordinates of a model's input, and back.

    ``x_input = (x_image - frame.left) * scale_x + left`` and the same for y; both systems are
    continuous with the origin at the top-left corner and y down.

    Args:
        frame: the rectangle of the image that is shown, in image pixels.
        input_size: width and height of the model's input.
        content_size: width and height of the shown rectangle in the input, in whole pixels.
    """

    frame: Frame
    input_size: tuple[int, int]
    content_size: tuple[int, int]

    @classmethod
    def fit(cls, frame: Frame, input_size: tuple[int, int], fit: Fit) -> Placement:
        """Fits a rectangle of the image into the input, centred.

        Args:
            frame: the rectangle to show, in image pixels.
            input_size: width and height of the model's input.
            fit: 'stretch' fills the input; 'letterbox' keeps proportions and leaves borders.
        """
        if fit == "stretch":
            return cls(frame, input_size, input_size)
        scale = min(input_size[0] / frame.width, input_size[1] / frame.height)
        content = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
        return cls(frame, input_size, content)

    @property
    def _scale(self) -> Floats:
        width, height = self.content_size
        return np.array([width / self.frame.width, height / self.frame.height])

    @property
    def image_pixels(self) -> float:
        """The length in image pixels that one pixel of the input covers, mean of both axes."""
        return float(1.0 / np.sqrt(self._scale.prod()))

    @property
    def _origin(self) -> Floats:
        return np.array([self.frame.left, self.frame.top])

    @property
    def _corner(self) -> tuple[int, int]:
        return (
            (self.input_size[0] - self.content_size[0]) // 2,
            (self.input_size[1] - self.content_size[1]) // 2,
        )

    def to_input(self, xy: Floats) -> Floats:
        """Image coordinates (..., 2) as input coordinates."""
        return np.asarray((xy - self._origin) * self._scale + self._corner, np.float64)

    def to_image(self, xy: Floats) -> Floats:
        """Input coordinates (..., 2) as image coordinates; the inverse of `to_input`."""
        return np.asarray((xy - self._corner) / self._scale + self._origin, np.float64)

    def render(self, picture: Picture) -> NDArray[np.uint8]:
        """The model's input: (H, W) for a grey picture, (H, W, 3) for a coloured one.

        The picture is shrunk by area averaging; borders repeat its edge.
        """
        pixels = picture.pixels
        if (pixels.shape[1], pixels.shape[0]) != self.content_size:
            shrinks = self.content_size[0] < pixels.shape[1]
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            resized = cv2.resize(pixels, self.content_size, interpolation=method)
            pixels = np.asarray(resized, np.uint8)
        left, top = self._corner
        right = self.input_size[0] - self.content_size[0] - left
        bottom = self.input_size[1] - self.content_size[1] - top
        if left or top or right or bottom:
            repeat = cv2.BORDER_REPLICATE
            bordered = cv2.copyMakeBorder(pixels, top, bottom, left, right, repeat)
            pixels = np.asarray(bordered, np.uint8)
        return pixels
