"""What came of one photograph, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from beetle_lm.errors import Hint, ImageError
from beetle_lm.predict.images.read import Picture, read_image
from beetle_lm.predict.images.specimens import specimen_name
from beetle_lm.predict.inputs import Photograph, read_photograph
from beetle_lm.predict.landmarks import Floats, Landmarks
from beetle_lm.predict.measurements import Length, measured
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.text import counted, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Status = Literal["ok", "flagged", "failed"]
"""All is well, look at it, it has no landmarks."""

_PLOTTED, _SHOWN = 1600, 800  # pixels


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """What came of one photograph: landmarks, or the reason why there are none.

    It prints in one line, `plot` draws it, and a notebook shows it as a picture. For that it keeps
    what the photograph was given as, a path or pixels; what was decoded from a path it does not
    keep, so that a list of results stays small.

    Args:
        name: the photograph's path as found or given; 'array 1', 'image 1' and so on, by their
            numbers in the input, for arrays and for PIL images that were not opened from a file.
        size: width and height of the upright photograph in pixels; None where it was not read.
        orientation: EXIF orientation of the file, 1 to 8.
        landmarks: in pixels of the upright photograph, inside it, y down; None where it failed.
        error: one sentence on what went wrong; None where nothing did.
        flag: the quality flag: why the photograph should be looked at, in words; None where nothing
            speaks against its landmarks.
        photograph: what it was given as; None where that is not known any more.
        hint: what can be done about the error in the program at hand, where that is known.
        box: (4, 2) corners of the window in which the landmarks were looked for, in pixels of the
            upright photograph; None where that was all of it.
        scale: what was read from the photograph of how long its pixels are; None where nobody
            looked.
        specimen: the number of the specimen in its photograph, from 1, in reading order; None where
            one specimen was looked for, or none was found.
        others: the further specimens of the photograph, where all were looked for; `specimens` has
            this one as well.
        unsure: (4, 2) corners of each place of the photograph that may have shown a specimen, but
            where the model was not sure of one, in pixels of the upright photograph.
    """

    name: str
    size: tuple[int, int] | None
    orientation: int
    landmarks: Landmarks | None
    error: str | None
    flag: str | None = None
    photograph: Photograph | None = None
    hint: Hint | None = None
    box: Floats | None = None
    scale: Scale | None = None
    specimen: int | None = None
    others: tuple[Result, ...] = ()
    unsure: tuple[Floats, ...] = ()

    @property
    def specimens(self) -> tuple[Result, ...]:
        """A result for each specimen of the photograph, this one first; this one alone if none."""
        return (self, *self.others)

    @property
    def called(self) -> str:
        """What its rows are called in tables: the photograph's name, or the specimen's own."""
        return self.name if self.specimen is None else specimen_name(self.name, self.specimen)

    @property
    def note(self) -> str:
        """How many specimens its photograph shows, in words; empty where one was looked for."""
        found = sum(one.specimen is not None for one in self.specimens)
        if not found:
            return ""
        more = counted(len(self.unsure), "more place stands", "more places stand")
        unsure = f"; {more} out of the ground, but the model is unsure" if self.unsure else ""
        return f"{counted(found, 'specimen')} found{unsure}"

    @property
    def status(self) -> Status:
        """In a word, as in `specimens.csv`: 'ok', 'flagged' or 'failed'."""
        if self.landmarks is None:
            return "failed"
        return "ok" if self.flag is None else "flagged"

    @property
    def mean_expected_error(self) -> float | None:
        """The mean of the landmarks' expected errors in pixels of the photograph; None if unknown.

        An expected error is the distance from the true landmark that is to be expected.
        """
        if self.landmarks is None or self.landmarks.expected_error is None:
            return None
        return float(self.landmarks.expected_error.mean())

    @property
    def measurements(self) -> dict[str, Length]:
        """The lengths that the part names, in pixels, by their names; none where it failed."""
        return {} if self.landmarks is None else measured(self.landmarks)

    def __str__(self) -> str:
        told = []
        if self.size is not None:
            told.append(f"{self.size[0]} x {self.size[1]} px")
        if self.landmarks is not None:
            told.append(counted(len(self.landmarks.xy), "landmark"))
        if self.mean_expected_error is not None:
            told.append(f"expected error {self.mean_expected_error:.1f} px on average")
        if self.error is not None:
            told.append(f"failed: {printable(self.error)}")
        elif self.flag is not None:
            told.append(f"flagged: {printable(self.flag)}")
        return f"{printable(self.called)}: {', '.join(told)}"

    def __repr__(self) -> str:
        return f"<Result {self}>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draws the photograph with its numbered landmarks and their expected errors.

        The axes are in pixels of the upright photograph, y down. The radius of the circle around a
        landmark is its expected error. A quality flag, or the reason of a failure, stands above.

        Args:
            ax: matplotlib's axes to draw into; None makes a new figure with pyplot.

        Returns:
            The axes.

        Raises:
            ImageError: the photograph cannot be read, or not any more.
        """
        from beetle_lm.predict.drawing.axes import draw_on_axes

        picture = self._picture(_PLOTTED)
        return draw_on_axes(picture, self.landmarks, self.called, self.flag or self.error, ax)

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; None, for the line of text, where there is nothing to draw."""
        from beetle_lm.predict.drawing.overlay import Marked, png

        if self.landmarks is None:
            return None
        try:
            picture = self._picture(_SHOWN)
        except ImageError:
            return None
        xy, score = self.landmarks.xy, self.landmarks.score
        score = np.ones(len(xy)) if score is None else score
        curves = self.landmarks.curves.values()
        marked = Marked.of(picture, xy, score, box=self.box, curves=curves)
        return png(marked.fitted(_SHOWN, _SHOWN).drawn(0.0, self.flag))

    def _picture(self, side: int) -> Picture:
        if self.photograph is None:
            raise ImageError(f"{printable(self.name)} is not at hand to be drawn")
        return read_photograph(self.photograph, 3, (side, side), read_image)
