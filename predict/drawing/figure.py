"""Figures that notebooks show, whether or not pyplot was imported, and their files."""

from __future__ import annotations

import io
import warnings
from typing import Literal

import matplotlib as mpl
from matplotlib.figure import Figure

_DOTS_PER_INCH, _SHOWN_DOTS = 200, 100


class Plot(Figure):
    """A matplotlib figure that a notebook shows as a picture; no window is opened."""

    def _repr_png_(self) -> bytes:
        return png(self, _SHOWN_DOTS)


def png(figure: Figure, dots_per_inch: int = _DOTS_PER_INCH) -> bytes:
    """The figure as a PNG file."""
    stream = io.BytesIO()
    with warnings.catch_warnings():  # letters that the font lacks become boxes
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(stream, format="png", dpi=dots_per_inch)
    return stream.getvalue()


def vector(figure: Figure, kind: Literal["svg", "pdf"]) -> bytes:
    """The figure as an SVG or PDF file, the same bytes for the same figure."""
    stream = io.BytesIO()
    # Text stays text in a PDF, as journals ask; in an SVG it needs no font.
    with mpl.rc_context({"svg.hashsalt": "beetle-lm", "svg.fonttype": "path", "pdf.fonttype": 42}):
        undated = {"Date": None} if kind == "svg" else {"CreationDate": None}
        figure.savefig(stream, format=kind, metadata=undated)
    return stream.getvalue()
