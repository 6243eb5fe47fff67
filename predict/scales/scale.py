"""What is known of how long a pixel is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How long a pixel of a photograph is, or why that is not known.

    Args:
        units_per_px: length of a pixel, in whatever unit it was given; None where it is not known.
        note: what it was read from and how sure that is, or why there is none; empty where it was
            given.
    """

    units_per_px: float | None
    note: str = ""

    @classmethod
    def read(cls, units: float, pixels: float, note: str) -> Scale:
        """The scale of something so many units and so many pixels long, to six digits."""
        return cls(float(f"{units / pixels:.6g}"), note)
