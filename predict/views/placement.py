"""The geometry between an image and the input of a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.images.read import Frame, Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.zoo.model_file.card import Fit

_SHARPER = 0.35  # levels: a picture is halved when it has 1.57 times the pixels wanted, per side


class View(Protocol):
    """Where a photograph lies in a model's input, straight or turned."""

    @property
    def image_pixels(self) -> float:
        """The length in image pixels that one pixel of the input covers, mean of both axes."""

    def to_input(self, xy: Floats) -> Floats:
        """Image coordinates (..., 2) as input coordinates."""

    def to_image(self, xy: Floats) -> Floats:
        """Input coordinates (..., 2) as image coordinates; the inverse of `to_input`."""

    def render(self, picture: Picture) -> NDArray[np.uint8]:
        """The model's input: (H, W) for a grey picture, (H, W, 3) for a coloured one."""


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


@dataclass(frozen=True, eq=False)
class Window:
    """An affine map between a photograph and a model's input that may turn it as well.

    Args:
        matrix: (2, 3) from image coordinates to input coordinates, both continuous with the origin
            at the top-left corner and y down.
        input_size: width and height of the model's input.
    """

    matrix: Floats
    input_size: tuple[int, int]

    @property
    def image_pixels(self) -> float:
        """The length in image pixels that one pixel of the input covers, mean of both axes."""
        return 1 / math.sqrt(abs(float(np.linalg.det(self.matrix[:, :2]))))

    @property
    def corners(self) -> Floats:
        """The corners (4, 2) of the input in image coordinates, from the top left clockwise."""
        width, height = self.input_size
        return self.to_image(np.array([[0, 0], [width, 0], [width, height], [0, height]], float))

    def to_input(self, xy: Floats) -> Floats:
        """Image coordinates (..., 2) as input coordinates."""
        return np.asarray(xy @ self.matrix[:, :2].T + self.matrix[:, 2], np.float64)

    def to_image(self, xy: Floats) -> Floats:
        """Input coordinates (..., 2) as image coordinates; the inverse of `to_input`."""
        back = np.linalg.inv(self.matrix[:, :2])
        return np.asarray((xy - self.matrix[:, 2]) @ back.T, np.float64)

    def render(self, picture: Picture, halved: Halved | None = None) -> NDArray[np.uint8]:
        """The model's input: (H, W) for a grey picture, (H, W, 3) for a coloured one.

        The photograph's edge is repeated where the window reaches beyond it.

        Args:
            picture: the photograph.
            halved: the same at halved sizes, where several windows are cut out of it.
        """
        frame, (height, width) = picture.frame, picture.pixels.shape[:2]
        scale = np.array([frame.width / width, frame.height / height])
        linear = self.matrix[:, :2] * scale
        shift = self.matrix[:, :2] @ (frame.left, frame.top) + self.matrix[:, 2]
        halved = halved or Halved(picture.pixels)
        return halved.warped(np.c_[linear, shift], self.input_size)


class Halved:
    """A picture at its size, half of it and so on; each size is made when it is first needed.

    Args:
        pixels: uint8 (H, W) or (H, W, 3).
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._levels = [pixels]

    def warped(
        self,
        matrix: Floats,
        size: tuple[int, int],
        border: int = cv2.BORDER_REPLICATE,
        value: float = 0.0,
    ) -> NDArray[np.uint8]:
        """The picture under an affine map, made of the size that has about as many pixels.

        Args:
            matrix: (2, 3) from continuous coordinates of the picture to those of what is returned.
            size: width and height of what is returned.
            border: OpenCV's rule for what lies beyond the picture's edge.
            value: of pixels there, under OpenCV's constant rule.
        """
        shrink = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
        pixels = self._level(max(0, math.floor(math.log2(1 / shrink) + _SHARPER)))
        moved = matrix.copy()
        moved[:, :2] *= np.array(self._levels[0].shape[1::-1]) / pixels.shape[1::-1]
        # OpenCV's pixel (0, 0) has its centre at 0, ours at 0.5.
        moved[:, 2] += moved[:, :2] @ (0.5, 0.5) - 0.5
        turned = cv2.warpAffine(
            pixels, moved, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=value
        )
        return np.asarray(turned, np.uint8)

    def _level(self, number: int) -> NDArray[np.uint8]:
        while len(self._levels) <= number and min(self._levels[-1].shape[:2]) > 1:
            height, width = self._levels[-1].shape[:2]
            half = (width // 2, height // 2)
            smaller = cv2.resize(self._levels[-1], half, interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(smaller, np.uint8))
        return self._levels[min(number, len(self._levels) - 1)]
