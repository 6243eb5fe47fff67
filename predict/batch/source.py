"""The protocol of what places landmarks on photographs: a model, or templates."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from beetle_lm.predict.images.read import ImageFile, Read
from beetle_lm.predict.images.reading import Threads
from beetle_lm.predict.inputs import MadeWith
from beetle_lm.zoo.model_file.parts import PartSpec

if TYPE_CHECKING:
    from beetle_lm.predict.batch.reference import Reference
    from beetle_lm.predict.inputs import Photograph
    from beetle_lm.predict.result import Result


class Source(Protocol):
    """A source of landmarks, as far as a run needs to know it."""

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

    def made_with(self, images: Sequence[ImageFile]) -> MadeWith:
        """Which of some photographs it was made with.

        Args:
            images: the photographs; of several in a file it can only be the first.
        """

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[Result, None, None]:
        """Places landmarks on photographs, in their order, one result for each.

        A photograph that gets none becomes a result with the reason.

        Args:
            photographs: each is one photograph.
            batch_size: photographs that are taken at once.
            threads: read the photographs, a bounded number ahead.
            read: reads a photograph; see `beetle_lm.predict.images.reading`.
        """


@dataclass(frozen=True, eq=False)
class SourceRecord:
    """What is told of a source of landmarks when all are placed, and the source itself is gone.

    Args:
        spec: the part whose landmarks it placed.
        record: what run.json says of it, as JSON values.
        versions: the versions of the libraries that only it used, by their names.
        own: names of photographs with manual landmarks that it was made with.
        compared: these are compared with their manual landmarks all the same.
        note: what the comparison has to say of them; empty where there are none.
    """

    spec: PartSpec
    record: Mapping[str, Any]
    versions: Mapping[str, str]
    own: frozenset[str] = field(default=frozenset())
    compared: bool = True
    note: str = ""

    @classmethod
    def of(cls, source: Source, images: Sequence[ImageFile], reference: Reference | None) -> Self:
        """What is told of a source.

        Args:
            source: places the landmarks.
            images: the photographs.
            reference: manual landmarks to compare with.
        """
        told = source.spec, source.record, source.versions
        if reference is None:
            return cls(*told)
        own = source.made_with([image for image in images if image.name in reference])
        names = frozenset(image.name for image in own.images)
        return cls(*told, names, own.compared, own.note)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values; `from_dict` reads it back."""
        return {
            "part": self.spec.to_dict(),
            "record": self.record,
            "versions": self.versions,
            "own": sorted(self.own),
            "compared": self.compared,
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> Self:
        """Reads what `to_dict` wrote.

        Raises:
            PartError: the part is damaged.
            KeyError, TypeError: an entry is missing or of a wrong kind.
        """
        return cls(
            PartSpec.from_dict(entries["part"]),
            dict(entries["record"]),
            dict(entries["versions"]),
            frozenset(entries["own"]),
            bool(entries["compared"]),
            str(entries["note"]),
        )


class Sources(Protocol):
    """Sources of the landmarks of several parts, on photographs that are gone through once."""

    @property
    def parts(self) -> Sequence[Source]:
        """A source for each part, one at least."""

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[tuple[Result, ...], None, None]:
        """The results of all parts for each photograph; see `Source.place`."""


class Alone:
    """One source, as `Sources`."""

    def __init__(self, source: Source) -> None:
        self.parts = (source,)

    def place(
        self, photographs: Iterable[Photograph], batch_size: int, threads: Threads, read: Read
    ) -> Generator[tuple[Result, ...], None, None]:
        """See `Sources`."""
        with closing(self.parts[0].place(photographs, batch_size, threads, read)) as results:
            for result in results:
                yield (result,)
