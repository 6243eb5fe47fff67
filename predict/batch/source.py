"""What places landmarks on photographs: a model, or templates."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from beetle_lm.predict.images.read import Read
from beetle_lm.zoo.model_file.parts import PartSpec

if TYPE_CHECKING:
    from beetle_lm.predict.inputs import Photograph
    from beetle_lm.predict.result import Result


class Placer(Protocol):
    """Places landmarks on photographs; what a run needs to know of it."""

    @property
    def spec(self) -> PartSpec:
        """The part whose landmarks it places."""

    @property
    def title(self) -> str:
        """What it is, in a few words for the terminal."""

    @property
    def batch_size(self) -> int | None:
        """Photographs that it always takes at once; None where that is the user's choice."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What its landmarks depend on, as JSON values, by what a user would call it."""

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says of it, as JSON values."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of the libraries that only it uses, by their names."""

    def predict(
        self, items: Iterable[Photograph], batch_size: int, workers: int, read: Read
    ) -> Generator[Result, None, None]:
        """Places landmarks on photographs, in their order, one result for each.

        A photograph that has none becomes a result with its reason.

        Args:
            items: paths, `ImageFile`s or arrays of pixels.
            batch_size: photographs that are taken at once.
            workers: threads.
            read: reads the photographs; see `beetle_lm.predict.images.sandbox.reading`.
        """
