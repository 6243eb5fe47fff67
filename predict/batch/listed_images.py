"""Photographs by a list of their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.images.find import ImageFile, place_below
from beetle_lm.predict.images.pages import photograph_at


class ListedImages(Sequence[ImageFile]):
    """Photographs by their names below a folder, which nobody searches.

    Args:
        names: the names.
        folder: the folder, or its address.
        options: say whether pages are photographs.
    """

    def __init__(self, names: Sequence[str], folder: Path | str, options: Options) -> None:
        self._names, self._folder, self._pages = names, folder, options.pages

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> ImageFile: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ImageFile]: ...
    def __getitem__(self, index: int | slice) -> ImageFile | Sequence[ImageFile]:
        if isinstance(index, slice):
            return [self._image(name) for name in self._names[index]]
        return self._image(self._names[index])

    def __iter__(self) -> Iterator[ImageFile]:
        return map(self._image, self._names)

    def _image(self, name: str) -> ImageFile:
        place = place_below(self._folder, name)
        return photograph_at(place, name) if self._pages == "all" else ImageFile(place, name)
