"""The plots of a comparison of shapes, as matplotlib figures for papers; no window is opened."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse as DrawnEllipse

from beetle_lm.predict.drawing.figure import Plot
from beetle_lm.predict.drawing.labels import label_places
from beetle_lm.predict.evaluation.shapes import Ellipse, ShapeComparison
from beetle_lm.text import counted

# Okabe and Ito's colours, which the colour-blind tell apart. In grey, full and open marks differ,
# and full and broken lines.
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_DARK, _LINE, _PALE, _FAINT = "#595959", "#999999", "#BDBDBD", "#E3E3E3"
_MOST_DRAWN = 2000  # specimens
_ENLARGED = (100, 50, 20, 10, 5, 3, 2, 1)  # times that ellipses are drawn larger
_WIDEST = 0.16  # of the shape's extent that an ellipse may have
_SMALL = 8  # points
_BAR = 0.1
_LEGEND = 3.0  # inches that the words above a narrow shape need


def scores(shapes: ShapeComparison) -> Plot:
    """Manual and predicted shapes on the first two principal components, a line for each pair."""
    components, count = shapes.components, len(shapes.images)
    figure = Plot(figsize=(5.6, 5.0), layout="constrained")
    axes = figure.subplots()
    drawn = np.unique(np.linspace(0, count - 1, min(count, _MOST_DRAWN)).astype(int))
    manual, predicted = components.manual[:, :2], components.predicted[:, :2]
    lines = np.stack([manual[drawn], predicted[drawn]], axis=1)
    axes.add_collection(LineCollection(list(lines), colors=_LINE, linewidths=0.7, zorder=1))
    axes.plot([], [], color=_LINE, lw=1.0, label="the same specimen")
    size = 5.0 if count < 100 else 3.5
    axes.plot(*manual[drawn].T, "o", ms=size, color=_BLUE, mec="none", zorder=3, label="manual")
    axes.plot(
        *predicted[drawn].T,
        "s",
        ms=size,
        mfc="none",
        mec=_ORANGE,
        mew=0.9,
        zorder=2,
        label="predicted",
    )
    for points, colour, style in ((manual, _BLUE, "-"), (predicted, _ORANGE, "--")):
        _draw_ellipse(axes, Ellipse.of(points), fill=False, ec=colour, lw=1.4, ls=style, zorder=4)
    axes.plot([], [], color=_DARK, lw=1.4, label="95 % of the specimens")
    shares = [f"PC{number} ({share:.1%})" for number, share in enumerate(components.shares[:2], 1)]
    axes.set(xlabel=shares[0], ylabel=shares[1])
    axes.set_aspect("equal", adjustable="datalim")
    axes.tick_params(labelsize=_SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(0, color=_PALE, lw=0.5, zorder=0)
    axes.axvline(0, color=_PALE, lw=0.5, zorder=0)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=_SMALL
    )
    if len(drawn) < count:
        axes.set_title(f"{len(drawn)} of {counted(count, 'specimen')}", fontsize=_SMALL)
    return figure


def errors(shapes: ShapeComparison) -> Plot:
    """Where 95 % of the predicted landmarks lie about the manual ones, on the mean shape.

    Ellipses of the manual shapes, how specimens vary, lie below, enlarged alike.
    """
    mean, numbers = shapes.mean, range(len(shapes.mean))
    off = [Ellipse.of(shapes.errors[:, number]) for number in numbers]
    varied = [Ellipse.of(shapes.manual[:, number]) for number in numbers]
    low, high = mean.min(axis=0), mean.max(axis=0)
    extent = float((high - low).max())
    factor = _enlargement([*off, *varied], extent)
    reach = np.array(
        [
            factor * max(one.major, other.major) + 0.03 * extent
            for one, other in zip(off, varied, strict=True)
        ]
    )
    around = float(reach.max()) + 0.03 * extent
    bottom = high[1] + around + 0.05 * extent
    width, height = (high - low + 2 * around + (0, 0.05 * extent)).tolist()
    inches = 5.2 / max(width, height)
    across = max(width * inches, _LEGEND)
    figure = Plot(figsize=(across, height * inches + 0.7), layout="constrained")
    axes = figure.subplots()
    enlarged = "" if factor == 1 else f", {factor} times enlarged"
    for index, (x, y) in enumerate(mean.tolist()):
        _draw_ellipse(
            axes,
            varied[index],
            (x, y),
            factor,
            fc=_FAINT,
            ec=_PALE,
            lw=0.6,
            zorder=1,
            label=f"95 % of the manual shapes{enlarged}" if index == 0 else None,
        )
        right, down = (factor * each for each in off[index].middle)
        _draw_ellipse(
            axes,
            off[index],
            (x + right, y + down),
            factor,
            fill=False,
            ec=_BLUE,
            lw=1.4,
            zorder=3,
            label=f"95 % of the errors{enlarged}" if index == 0 else None,
        )
        axes.plot([x, x + right], [y, y + down], color=_BLUE, lw=1.2, zorder=3)
    axes.plot(*mean.T, ".", ms=2.5, color="black", zorder=4, label="mean manual shape")
    for number, place in enumerate(label_places(mean, reach, low - around, high + around), 1):
        axes.annotate(
            str(number),
            (float(place[0]), float(place[1])),
            ha="center",
            va="center",
            fontsize=_SMALL,
            zorder=5,
        )
    bar = (low[0] - around, low[0] - around + _BAR)
    axes.plot(bar, (bottom, bottom), color="black", lw=1.5, solid_capstyle="butt", clip_on=False)
    axes.annotate(
        f"{_BAR} of centroid size",
        (bar[1], bottom),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=_SMALL,
    )
    axes.set(xlim=(low[0] - around, high[0] + around), ylim=(bottom, low[1] - around))
    axes.set_aspect("equal")
    axes.axis("off")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=1, frameon=False, fontsize=_SMALL
    )
    return figure


def _enlargement(every: list[Ellipse], extent: float) -> int:
    longest = max(2 * one.major for one in every)
    return next((n for n in _ENLARGED if n * longest <= _WIDEST * extent), 1)


def _draw_ellipse(
    axes: Axes,
    ellipse: Ellipse,
    middle: tuple[float, float] | None = None,
    factor: float = 1.0,
    **style: Any,
) -> None:
    axes.add_patch(
        DrawnEllipse(
            ellipse.middle if middle is None else middle,
            2 * factor * ellipse.major,
            2 * factor * ellipse.minor,
            angle=ellipse.angle,
            **style,
        )
    )
