"""Photographs as a browser shows them: upright, 8 bit, in full, and small ones for the strip."""

from __future__ import annotations

import threading
from collections import OrderedDict

from beetle_lm.errors import ImageError
from beetle_lm.predict.drawing.overlay import jpeg
from beetle_lm.predict.images.header import read_header
from beetle_lm.predict.images.read import MAX_PIXELS, ImageFile, read_image
from beetle_lm.predict.views.placement import Placement

LARGEST_SIDE = 8192
"""Pixels of the longer side above which a photograph is shown reduced."""

THUMBNAIL = 192
"""Pixels of the longer side of a small picture."""

_AT_ONCE = 2  # photographs that are decoded at the same time: memory does not grow with requests
_KEPT = 600  # small pictures, some 6 kB each
_QUALITY, _SMALL_QUALITY = 95, 80


class Pictures:
    """Makes pictures of photographs.

    Args:
        max_pixels: a photograph of more is not decoded.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._decoding = threading.BoundedSemaphore(_AT_ONCE)
        self._small: OrderedDict[ImageFile, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def whole(self, image: ImageFile) -> bytes:
        """A photograph as JPEG, upright, with all its pixels up to `LARGEST_SIDE`.

        A JPEG that is stored upright is given as it is. Browsers are told not to turn pictures
        themselves.

        Raises:
            ImageError: it cannot be read.
        """
        header = read_header(image)
        if header.is_jpeg and header.orientation == 1 and max(header.size) <= LARGEST_SIDE:
            try:
                return image.path.read_bytes()
            except OSError as error:
                reason = error.strerror or error
                raise ImageError(f"{image.called} cannot be read: {reason}") from error
        with self._decoding:
            return _encoded(image, LARGEST_SIDE, _QUALITY, self._max_pixels, exact=True)

    def small(self, image: ImageFile) -> bytes:
        """A photograph as a JPEG of `THUMBNAIL` pixels.

        Raises:
            ImageError: it cannot be read.
        """
        with self._lock:
            if image in self._small:
                self._small.move_to_end(image)
                return self._small[image]
        with self._decoding:
            made = _encoded(image, THUMBNAIL, _SMALL_QUALITY, self._max_pixels, exact=False)
        with self._lock:
            self._small[image] = made
            while len(self._small) > _KEPT:
                self._small.popitem(last=False)
        return made


def _encoded(image: ImageFile, longest: int, quality: int, max_pixels: int, exact: bool) -> bytes:
    """The picture as JPEG; `exact` where coordinates are read off it.

    What is decoded at a reduced scale may reach some pixels beyond the photograph's edge.
    """
    width, height = read_header(image).size
    scale = min(1.0, longest / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = read_image(image, 3, None if exact else size, max_pixels)
    if scale == 1:
        return jpeg(picture.pixels, quality)
    return jpeg(Placement.fit(picture.frame, size, "stretch").render(picture), quality)
