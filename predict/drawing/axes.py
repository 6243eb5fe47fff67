"""A photograph and its landmarks on matplotlib's axes."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from beetle_lm.predict.drawing.labels import label_places
from beetle_lm.predict.drawing.overlay import FLAGGED
from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.text import printable

_LINE = 80  # letters
_BLUE = "#56B4E9"  # Okabe and Ito's, as on overlays
_ORANGE = "#F0B43C"
_RED = "#{:02x}{:02x}{:02x}".format(*FLAGGED)
_OUTLINE = [patheffects.withStroke(linewidth=2.5, foreground="black")]


def draw_on_axes(
    picture: Picture,
    landmarks: Landmarks | None,
    name: str,
    problem: str | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draws a photograph with numbered landmarks in circles of their expected errors.

    Args:
        picture: the photograph, RGB; at a reduced scale as well as in full.
        landmarks: in pixels of the upright photograph; None draws none.
        name: what stands above the photograph.
        problem: what speaks against it: said below the name, in red; None for nothing.
        axes: to draw into; None makes a new figure with pyplot, which notebooks show.

    Returns:
        The axes, in pixels of the upright photograph, y down.
    """
    if axes is None:
        from matplotlib import pyplot

        axes = pyplot.subplots(layout="constrained")[1]
    frame, (width, height) = picture.frame, picture.size
    axes.imshow(picture.pixels, extent=(frame.left, frame.right, frame.bottom, frame.top))
    axes.set(xlim=(0, width), ylim=(height, 0), xlabel="x (px)", ylabel="y (px)")
    told = [name] if problem is None else [name, *textwrap.wrap(printable(problem), _LINE)]
    colour = "black" if problem is None else _RED
    axes.set_title("\n".join(map(printable, told)), fontsize=10, color=colour, parse_math=False)
    if landmarks is not None:
        _draw_landmarks(axes, landmarks, picture.size)
    return axes


def _draw_landmarks(axes: Axes, landmarks: Landmarks, size: tuple[int, int]) -> None:
    xy, there = landmarks.xy, ~landmarks.missing
    for line in landmarks.curves.values():
        axes.plot(*line.T, "-", color=_ORANGE, linewidth=1.2, path_effects=_OUTLINE)
        axes.plot(*line[1:-1].T, ".", color=_ORANGE, markersize=4)
    if landmarks.expected_error is not None:
        for (x, y), radius in zip(xy[there], landmarks.expected_error[there], strict=True):
            circle = Circle((x, y), radius, fill=False, ec=_BLUE, lw=1.2, path_effects=_OUTLINE)
            axes.add_patch(circle)
    axes.plot(*xy.T, ".", color=_BLUE, markersize=5, path_effects=_OUTLINE)
    reach = 0.03 * max(size)
    places = label_places(xy, reach, reach / 2, np.array(size) - reach / 2)
    for number in np.flatnonzero(there):
        x, y = places[number].tolist()
        axes.text(
            x, y, str(number + 1), color="white", ha="center", va="center", path_effects=_OUTLINE
        )
