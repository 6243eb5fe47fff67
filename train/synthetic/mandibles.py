"""The drawing of a single mandible, dissected and laid on tissue paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beetle_lm.predict.curves import spline
from beetle_lm.train.synthetic.canvas import Canvas, Colour, Layer, Mask
from beetle_lm.train.synthetic.curves import Floats, trace
from beetle_lm.train.synthetic.paper import cast_shadow, lay_tissue
from beetle_lm.train.synthetic.surface import Finish, Gleam, engrave, pick, relief, shade
from beetle_lm.train.synthetic.texture import blotches

_Path = tuple[int | tuple[float, float], ...]
_Points = tuple[tuple[float, float], ...]

_TISSUES: tuple[Colour, ...] = ((0.66, 0.50, 0.33), (0.72, 0.60, 0.46), (0.52, 0.31, 0.18))


@dataclass(frozen=True)
class _Side:
    """A mandible's construction, in pixels of the mean shape.

    Args:
        outline: clockwise or not, round the whole mandible.
        corners: landmarks at which the outline turns sharply.
        ridge: the ridge that begins where the outer edge has its landmark.
        inner: +1 where the inner edge is on the right of the picture, -1 on the left.
        lobe: landmarks round the pale lobe at the inner base.
        knob: landmarks round the reddish knob at the outer base.
        hollow: middle of the hollow at the base that the light gets into.
        cutting: middle of the striated area behind the cutting edge.
        tissue: middle of the soft tissue that hangs on the base.
    """

    outline: _Path
    corners: frozenset[int]
    ridge: _Path
    inner: int
    lobe: _Path
    knob: _Path
    hollow: tuple[float, float]
    cutting: tuple[float, float]
    tissue: tuple[float, float]


# fmt: off
_LEFT = _Side(
    outline=(
        1, (1888, 402), (1835, 462), (1798, 556), (1788, 660), (1803, 790), (1852, 965),
        (1918, 1138), 2, 3, (2078, 1430), 4, (2098, 1570), 5, 6, (2112, 1684), 7, 8, (2136, 1772),
        9, (2108, 1870), 10, (2035, 1985), (1930, 2052), (1812, 2098), (1762, 2160), (1700, 2172),
        (1648, 2130), (1592, 2076), (1500, 2062), 11, (1300, 2078), 12, (1108, 2020), (1078, 1950),
        13, 14, (1148, 1750), 15, (1140, 1470), (1190, 1240), 16, (1332, 800), (1425, 612),
        (1548, 465), (1690, 372), (1805, 332), (1872, 328),
    ),
    corners=frozenset({1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 14}),
    ridge=(16, (1345, 1150), (1430, 1350), (1500, 1560), (1540, 1760), (1575, 2010)),
    inner=1,
    lobe=(8, (2136, 1772), 9, (2108, 1870), 10, (1985, 1850), (2020, 1760)),
    knob=(14, 13, (1078, 1950), (1108, 2020), 12, (1240, 2070), (1255, 1930)),
    hollow=(1735, 1835),
    cutting=(1730, 1010),
    tissue=(1890, 2060),
)
_RIGHT = _Side(
    outline=(
        1, (1560, 416), (1685, 452), (1812, 522), (1930, 634), (2030, 768), (2106, 905), 18,
        (2212, 1185), (2262, 1345), (2290, 1510), 17, (2270, 1738), 16, 15, (2326, 1960),
        (2300, 2030), 14, (2130, 2052), 13, (1965, 2042), (1905, 2080), (1842, 2092), (1795, 2050),
        (1735, 1985), (1610, 1930), (1470, 1880), 12, (1310, 1775), 11, (1281, 1690), 10, 9,
        (1322, 1612), 8, 7, (1358, 1530), 6, (1388, 1395), (1428, 1262), 5, 4, (1478, 1110), 3, 2,
        (1582, 940), (1592, 830), (1585, 705), (1556, 590), (1504, 495), (1455, 436),
    ),
    corners=frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16}),
    ridge=(18, (2112, 1170), (2065, 1350), (2035, 1600), (2025, 1850), 13),
    inner=-1,
    lobe=(9, 10, (1281, 1690), 11, (1310, 1775), 12, (1450, 1760), (1420, 1650)),
    knob=(16, 15, (2326, 1960), (2300, 2030), 14, (2170, 2050), (2165, 1920)),
    hollow=(1690, 1790),
    cutting=(1770, 960),
    tissue=(1590, 1990),
)
# fmt: on


def draw_left(canvas: Canvas, template: Floats, rng: np.random.Generator, grey: bool) -> None:
    """Draws one left mandible; `template` are its (16, 2) mean landmarks."""
    _Mandible(canvas, template, rng, grey, _LEFT).draw()


def draw_right(canvas: Canvas, template: Floats, rng: np.random.Generator, grey: bool) -> None:
    """Draws one right mandible; `template` are its (18, 2) mean landmarks."""
    _Mandible(canvas, template, rng, grey, _RIGHT).draw()


class _Mandible:
    def __init__(
        self,
        canvas: Canvas,
        template: Floats,
        rng: np.random.Generator,
        grey: bool,
        side: _Side,
    ) -> None:
        self.canvas, self.rng, self.side = canvas, rng, side
        self.points = {number + 1: xy for number, xy in enumerate(template)}
        # On grey photographs the tissue was mostly retouched away.
        self.tissue_size = rng.uniform(0.3, 0.6) if grey else rng.uniform(0.7, 1.5)

    def draw(self) -> None:
        canvas, rng, side = self.canvas, self.rng, self.side
        lay_tissue(rng, canvas)
        mask = canvas.mask(trace(self.points, side.outline, side.corners))
        cast_shadow(rng, canvas, mask)
        self._paint_tissue(0.9)
        self._paint_chitin(mask)
        self._paint_base(mask)
        self._paint_tissue(0.3 + 0.25 * (self.tissue_size > 0.7), mask)
        self._paint_edge_light(mask)

    def _points(self, path: _Path) -> Floats:
        return np.array([self.points[step] if isinstance(step, int) else step for step in path])

    def _paint_chitin(self, mask: Mask) -> None:
        canvas, rng, side, scale = self.canvas, self.rng, self.side, self.canvas.scale
        height = relief(canvas, mask, rng.uniform(280, 360), rng.uniform(0.45, 0.65))
        ridge = canvas.strokes([spline(self._points(side.ridge))], 22)
        engrave(height, canvas.soften(ridge, 16), -rng.uniform(16, 28) * scale)
        shifted = self._points(side.ridge)[1:] - (side.inner * 70, 0)
        trough = canvas.strokes([spline(shifted)], 60)
        engrave(height, canvas.soften(trough, 30), rng.uniform(12, 26) * scale)
        engrave(height, self._striations(), rng.uniform(3, 8) * scale)
        hollow = canvas.mask(self._blob(side.hollow, (190, 150), 0.25))
        engrave(height, canvas.soften(hollow, 55), rng.uniform(30, 70) * scale)
        height += blotches(rng, canvas, 170, 2) * np.float32(rng.uniform(1.2, 3.4) * scale)
        height += blotches(rng, canvas, 25) * np.float32(rng.uniform(0.05, 0.2) * scale)
        shade(canvas, mask, height, self._finish())

    def _finish(self) -> Finish:
        rng = self.rng
        lamp = np.array([0.40, 0.40, 0.37]) * rng.uniform(0.5, 1.1)
        x, y = rng.normal(0.38, 0.1) * rng.choice([-1, 1]), rng.normal(-0.1, 0.25)
        bright: Colour = (float(lamp[0]), float(lamp[1]), float(lamp[2]))
        weak: Colour = (bright[0] * 0.4, bright[1] * 0.42, bright[2] * 0.45)
        gleams = (
            Gleam(x, y, 0.075, 0.13, bright),
            Gleam(x * 0.6, y, 0.22, 0.35, (0.09, 0.085, 0.07)),
            Gleam(-x * 1.3, y * 0.5, 0.07, 0.22, weak),
        )
        warmth = rng.uniform(0, 0.05)
        level = (0.055 + warmth, 0.065 + warmth * 0.4, 0.07)
        return Finish(level, (0.09 + warmth, 0.09, 0.09), (0.05, 0.05, 0.075), gleams)

    def _striations(self) -> Mask:
        """Fine parallel grooves across the area behind the cutting edge."""
        rng, canvas = self.rng, self.canvas
        middle, inner = np.array(self.side.cutting), self.side.inner
        paths = []
        for i in np.linspace(-1, 1, int(rng.integers(5, 12))):
            at = middle + np.array([inner * i * 45 + rng.normal(0, 10), i * 200])
            reach = np.array([inner * rng.uniform(35, 75), -rng.uniform(40, 80)])
            paths.append(spline([at - reach, at + np.array([8 * inner, 8]), at + reach]))
        return canvas.soften(canvas.strokes(paths, 13), 6)

    def _paint_base(self, mask: Mask) -> None:
        """Where chitin is thin it lets brown light through."""
        canvas, rng, side = self.canvas, self.rng, self.side
        lobe = canvas.mask(spline(self._points(side.lobe), closed=True))
        pale = pick(rng, ((0.50, 0.38, 0.26), (0.40, 0.30, 0.22)))
        canvas.blend(np.minimum(canvas.soften(lobe, 24), mask), pale, rng.uniform(0.15, 0.7))
        knob = canvas.mask(spline(self._points(side.knob), closed=True))
        red = pick(rng, ((0.36, 0.17, 0.10), (0.26, 0.15, 0.12)))
        canvas.blend(np.minimum(canvas.soften(knob, 34), mask), red, rng.uniform(0.15, 0.65))
        hollow = canvas.mask(self._blob(side.hollow, (170, 150), 0.3))
        brown = pick(rng, ((0.30, 0.17, 0.11), (0.27, 0.20, 0.16)))
        canvas.blend(np.minimum(canvas.soften(hollow, 60), mask), brown, rng.uniform(0.1, 0.7))
        for _ in range(int(rng.integers(0, 4))):
            spot = np.array(side.hollow) + rng.normal(0, 110, 2)
            flake = canvas.mask(self._blob((spot[0], spot[1]), (55, 30), 0.5))
            canvas.blend(np.minimum(canvas.soften(flake, 10), mask), (0.62, 0.56, 0.46),
                         rng.uniform(0.2, 0.7))  # fmt: skip

    def _paint_tissue(self, opacity: float, within: Mask | None = None) -> None:
        """Shreds of muscle and membrane at the base; `within` lays a film over the mandible."""
        canvas, rng = self.canvas, self.rng
        middle, size = np.array(self.side.tissue), self.tissue_size
        fleck = 1 + np.float32(0.045) * blotches(rng, canvas, 60, 3)
        for _ in range(int(rng.integers(3, 7))):
            at = middle + rng.normal(0, 1, 2) * (105, 40) * size
            if within is not None:
                at -= (0, 80)
            reach = np.array([120, 85]) * size * rng.uniform(0.5, 1.3, 2)
            shred = canvas.mask(self._blob((at[0], at[1]), (reach[0], reach[1]), 0.45))
            self._paint_shred(shred, fleck, opacity * rng.uniform(0.4, 1.0), within)
        if within is None and rng.random() < size:
            tilt, length = rng.normal(0, 130), rng.uniform(250, 480)
            muscle = [(-70, -80), (tilt * 0.6 - 75, length / 2), (tilt - 80, length),
                      (tilt + 40, length + 40), (tilt * 0.5 + 70, length / 2),
                      (80, -60)]  # fmt: skip
            outline = middle + np.array(muscle) + rng.normal(0, 14, (6, 2))
            self._paint_shred(canvas.mask(spline(outline, closed=True)), fleck, opacity, within)

    def _paint_shred(self, shred: Mask, fleck: Layer, opacity: float, within: Mask | None) -> None:
        soft = self.canvas.soften(shred, 7)
        if within is not None:
            soft = np.minimum(soft, within)
        core = self.canvas.soften(shred, 24)
        bulk = (0.72 + 0.3 * core.astype(np.float32) / 255) * fleck
        colour = np.array(pick(self.rng, _TISSUES), np.float32)
        self.canvas.blend(soft, np.asarray(bulk[..., None] * colour, np.float32), opacity)

    def _paint_edge_light(self, mask: Mask) -> None:
        """The thin light line along the rim where the lamp shines through it."""
        canvas, rng = self.canvas, self.rng
        inside = canvas.soften(mask, 9)
        rim = np.asarray(np.minimum(mask, 255 - inside) * 0.9, np.uint8)
        canvas.blend(rim, (0.25, 0.22, 0.24), rng.uniform(0.0, 0.4))

    def _blob(
        self, middle: tuple[float, float], reach: tuple[float, float], roughness: float
    ) -> Floats:
        angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        radii = 1 + self.rng.uniform(-roughness, roughness, 9)
        ring = np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None] * reach
        return spline(ring + middle, closed=True)
