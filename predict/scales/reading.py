"""Scales that are read from photographs while these are decoded for their landmarks."""

from __future__ import annotations

from collections.abc import Sequence

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.read import File, Form, ImageFile, Picture
from beetle_lm.predict.images.reading import Reader
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.predict.scales.sources import Mark
from beetle_lm.text import printable


class ScaleReader(Reader):
    """Reads photographs as another reader does, and keeps the scale of each until it is taken.

    Args:
        reader: reads the photographs.
        mark: what says their scale.
    """

    def __init__(self, reader: Reader, mark: Mark) -> None:
        super().__init__(self._forms)
        self._reader, self._mark = reader, mark
        self._kept: dict[ImageFile, Scale] = {}

    def take(self, image: ImageFile) -> Scale | None:
        """The scale of a photograph; None for one that could not be read."""
        return self._kept.pop(image, None)

    def _forms(self, file: File, forms: Sequence[Form]) -> list[Picture | ImageError]:
        image = ImageFile.of(file)
        if image in self._kept:  # it is read once more, to be looked at more closely
            return self._reader.forms(file, forms)
        *pictures, seen = self._reader.forms(file, [*forms, self._mark.form])
        self._kept[image] = self._read(seen)
        return pictures

    def _read(self, seen: Picture | ImageError) -> Scale:
        if isinstance(seen, ImageError):
            return Scale(None, str(seen))
        try:
            return self._mark.find(seen)
        except Exception as error:  # the landmarks are there all the same
            return Scale(None, printable(f"not read: {type(error).__name__}: {error}"))
