"""The drawing of elytra, with what is seen round them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.predict.curves import spline
from beetle_lm.train.synthetic.canvas import Canvas, Layer
from beetle_lm.train.synthetic.curves import Floats, cornered, ribbon
from beetle_lm.train.synthetic.limbs import leg, paint_limbs, sided
from beetle_lm.train.synthetic.paper import cast_shadow, lay_margin, lay_paper
from beetle_lm.train.synthetic.surface import (
    Drawing,
    Finish,
    Gleam,
    engrave,
    mix,
    relief,
    shade,
)
from beetle_lm.train.synthetic.texture import blotches

_MIDLINE = 1702.0
_SEAM_END = (1701.0, 2118.0)
# Right elytron: from the shoulder down the margin to the sinuation, on to the tip, and into the
# notch; and its base from the scutellum out to the shoulder. Pixels of the mean shape.
_MARGIN = [(2190, 388), (2228, 490), (2260, 640), (2284, 800), (2303, 1020), (2310, 1250),
           (2301, 1440), (2266, 1630), (2196, 1800), (2094, 1945)]  # fmt: skip
_TO_TIP = [(1888, 2128), (1822, 2184)]
_NOTCH = [(1716, 2190)]
_BASE = [(1880, 366), (1965, 372), (2065, 352)]
_STRIAE = 8

_Points = Sequence[tuple[float, float]]


def draw_elytra(canvas: Canvas, template: Floats, rng: np.random.Generator, grey: bool) -> None:
    """Draws one specimen's elytra.

    Args:
        canvas: the sheet; its template landmarks are `template`.
        template: (11, 2) the mean landmarks.
        rng: the source of chance.
        grey: for a grey photograph, whose grid may have been painted over.
    """
    _Elytra(canvas, template, rng).draw(grey)


class _Elytra(Drawing):
    def draw(self, grey: bool) -> None:
        """Everything from the paper up."""
        canvas, rng = self.canvas, self.rng
        lay_paper(rng, canvas)
        lay_margin(rng, canvas, grey)
        limbs = self._legs()
        belly = canvas.mask(self._abdomen())
        outline = self._outline()
        body = canvas.mask(outline)
        neck = canvas.mask(self._neck())
        cast_shadow(rng, canvas, np.maximum(np.maximum(body, belly), np.maximum(neck, limbs[1])))
        paint_limbs(canvas, limbs[0])
        self._paint_abdomen(belly)
        dark = Finish((0.07, 0.08, 0.11), (0.10, 0.11, 0.13), (0.04, 0.05, 0.07))
        shade(canvas, neck, relief(canvas, neck, 150, 0.5), dark)
        self._paint_pronotum()
        self._paint_elytra(outline)
        self._paint_scutellum()
        if rng.random() < 0.4:
            self._skin()

    def _legs(self) -> tuple[list[Floats], np.ndarray]:
        rng = self.rng
        outlines: list[Floats] = []
        for out in (-1, 1):
            side = _MIDLINE + out * 520
            if rng.random() < 0.9:
                lift = rng.uniform(-50, -15)
                angles = (lift, rng.uniform(62, 100), rng.uniform(60, 105))
                outlines += leg(rng, (side, rng.uniform(620, 950)), sided(angles, out), 0.9)
            if rng.random() < 0.85:
                angles = (rng.uniform(-70, 10), rng.uniform(85, 135), rng.uniform(60, 120))
                outlines += leg(rng, (side - 40 * out, rng.uniform(1750, 1900)),
                                sided(angles, out), 1.1)  # fmt: skip
            if rng.random() < 0.4:
                angles = (rng.uniform(-60, 0), rng.uniform(60, 110), rng.uniform(70, 100))
                outlines += leg(rng, (_MIDLINE + out * 380, rng.uniform(100, 220)),
                                sided(angles, out), 0.8)  # fmt: skip
        return outlines, self.canvas.mask(*outlines)

    def _abdomen(self) -> Floats:
        end = self.rng.uniform(2270, 2560)
        wide = self.rng.uniform(-60, 20)
        right = [(2230 + wide, 1300), (2235 + wide, 1700), (2170 + wide, 1950),
                 (2050 + wide, 2190), (1905, end - 55)]  # fmt: skip
        left = [(2 * _MIDLINE - x, y) for x, y in reversed(right)]
        return spline([*right, (_MIDLINE, end), *left], closed=True)

    def _paint_abdomen(self, mask: np.ndarray) -> None:
        canvas, rng = self.canvas, self.rng
        gleams = (Gleam(-0.2, 0.5, 0.3, 0.25, (0.10, 0.13, 0.18)),)
        finish = Finish((0.09, 0.105, 0.13), (0.10, 0.115, 0.13), (0.03, 0.04, 0.05), gleams)
        height = relief(canvas, mask, 260, 0.5)
        segments = [
            spline([(1200, y - 160), (_MIDLINE, y), (2200, y - 160)]) for y in (2230, 2370, 2480)
        ]
        engrave(height, canvas.soften(canvas.strokes(segments, 14), 6), 7 * canvas.scale)
        shade(canvas, mask, height, finish)
        if rng.random() < 0.5:
            centre = _MIDLINE + rng.normal(0, 120)
            patch = spline([(centre - 150, 2200), (centre, 2215), (centre + 150, 2195),
                            (centre + 100, 2255), (centre - 110, 2260)], closed=True)  # fmt: skip
            pale = np.minimum(canvas.mask(patch), mask)
            canvas.blend(canvas.soften(pale, 12), (0.55, 0.47, 0.38), rng.uniform(0.2, 0.7))

    def _neck(self) -> Floats:
        """The stalk under the pronotum, its flanks running out to the shoulders."""
        right = [(1895, 60), (1900, 235), (1925, 275), (2000, 300), (2110, 312), (2150, 345),
                 (2120, 440)]  # fmt: skip
        left = [(2 * 1684 - x, y) for x, y in reversed(right)]
        return spline(right + left, closed=True)

    def _paint_pronotum(self) -> None:
        canvas, rng = self.canvas, self.rng
        drop, wide, lean = rng.normal(0, 28), rng.normal(0, 35), rng.normal(0, 20)
        hind = min(245 + drop, 262)
        corners = ((1225 - wide, hind - lean), (2150 + wide, hind + lean))
        outline = cornered(
            [corners[0], (1450, hind + 6), (_MIDLINE - 15, hind + 8), (1920, hind + 6),
             corners[1]],
            [corners[1], (2185 + wide, hind - 180), (2260 + wide, hind - 420),
             (2260, hind - 900)],
            [(2260, hind - 900), (1110, hind - 900)],
            [(1110, hind - 900), (1115 - wide, hind - 420), (1190 - wide, hind - 180), corners[0]],
        )  # fmt: skip
        mask = canvas.mask(outline)
        canvas.darken(canvas.soften(mask, 22), 0.55)
        height = relief(canvas, mask, 230, 0.4)
        height += blotches(rng, canvas, 30) * np.float32(0.5 * canvas.scale)
        furrows = [[(x + out * 10, hind - 60), (x, hind - 300)] for x, out in
                   ((1430, -1), (_MIDLINE - 10, 0), (1950, 1))]  # fmt: skip
        engrave(height, canvas.soften(canvas.strokes(furrows, 40), 25), 14 * canvas.scale)
        shade(canvas, mask, height, self._finish().dimmed(0.8))
        edge = spline([corners[0], (1450, hind + 6), (_MIDLINE - 15, hind + 8), (1920, hind + 6),
                       corners[1]])  # fmt: skip
        rim = canvas.strokes([edge - (0, 12)], 12)
        canvas.blend(canvas.soften(rim, 5), mix((0.3, 0.3, 0.3), self.sheen, 0.5), 0.45)

    def _side(self, out: int) -> tuple[Floats, Floats, Floats]:
        """Base, margin and inner edge of an elytron: scutellum to shoulder, shoulder to tip, tip
        to scutellum."""
        p = self.points
        inner, shoulder, bend, tip = (4, 5, 6, 7) if out > 0 else (11, 10, 9, 8)

        def mirrored(points: _Points) -> _Points:
            # The mean specimen lies a little askew.
            axis = [1681.6 + (y - 330) * 0.0099 for _, y in points]
            pairs = zip(points, axis, strict=True)
            return points if out > 0 else [(2 * middle - x, y + 12) for (x, y), middle in pairs]

        base = spline([p[inner], *mirrored(_BASE), p[shoulder]])
        margin = np.vstack([
            spline([p[shoulder], *mirrored(_MARGIN), p[bend]])[:-1],
            spline([p[bend], *mirrored(_TO_TIP), p[tip]])[:-1],
        ])  # fmt: skip
        notch = [(2 * _SEAM_END[0] - x, y) if out < 0 else (x, y) for x, y in _NOTCH]
        seam = np.vstack([spline([p[tip], *notch, _SEAM_END])[:-1],
                          spline([_SEAM_END, (1704, 1300), p[1]])])  # fmt: skip
        return base, margin, seam

    def _outline(self) -> Floats:
        base, margin, seam = self._side(1)
        left_base, left_margin, left_seam = self._side(-1)
        p = self.points
        notch = np.vstack([seam[: _first(seam)], left_seam[: _first(left_seam)][::-1]])
        scutellum = spline([p[11], p[1], p[4]])
        return np.vstack([scutellum, base, margin, p[7][None], notch, p[8][None],
                          left_margin[::-1], left_base[::-1]])  # fmt: skip

    def _finish(self) -> Finish:
        """Dark above, metallic on the flanks, greenish towards the rim."""
        flank = mix(self.sheen, (0.17, 0.16, 0.17), 0.6)
        strong = mix(self.sheen, (0.0, 0.0, 0.0), self.rng.uniform(0.25, 0.6))
        margin = mix(self.second, (0.0, 0.0, 0.0), 0.6)
        low, high = (mix(self.second, strong, share) for share in (0.9, 0.6))
        gleams = (
            Gleam(-0.48, 0.15, 0.08, 0.25, low),
            Gleam(0.48, 0.15, 0.08, 0.25, low),
            Gleam(-0.45, -0.3, 0.09, 0.3, mix((0.0, 0.0, 0.0), high, 0.7)),
            Gleam(0.45, -0.3, 0.09, 0.3, mix((0.0, 0.0, 0.0), high, 0.7)),
            Gleam(-0.66, 0.0, 0.07, 0.5, margin),
            Gleam(0.66, 0.0, 0.07, 0.5, margin),
        )
        return Finish((0.07, 0.07, 0.09), flank, (0.05, 0.06, 0.06), gleams)

    def _striae(self) -> list[Floats]:
        paths = []
        for out in (1, -1):
            _, margin, seam = self._side(out)
            count = 240
            # The margin is longer than the seam: matched by height, so that striae run lengthwise.
            hem = _by_height(margin, np.linspace(0, 1, count))
            suture = _by_height(seam[::-1], np.linspace(0, 1, count))
            rows = np.linspace(0, 1, count)
            for i in range(1, _STRIAE + 1):
                share = (i - 0.35) / (_STRIAE + 0.55)
                begin, end = self.rng.uniform(0.012, 0.03), self.rng.uniform(0.93, 0.985)
                keep = (rows > begin) & (rows < end)
                paths.append((suture * (1 - share) + hem * share)[keep])
            paths.append((suture * 0.945 + hem * 0.055)[6:22])
        return paths

    def _paint_elytra(self, outline: Floats) -> None:
        canvas, rng, scale = self.canvas, self.rng, self.canvas.scale
        mask = canvas.mask(outline)
        canvas.darken(canvas.soften(mask, 14), 0.6)
        height = relief(canvas, mask, rng.uniform(380, 470), rng.uniform(0.55, 0.7))
        striae = canvas.strokes(self._striae(), 11)
        engrave(height, canvas.soften(striae, 4), rng.uniform(1.0, 2.4) * scale)
        engrave(height, canvas.soften(striae, 14), rng.uniform(1.0, 3.0) * scale)
        seam = spline([self.points[1], (1704, 1300), _SEAM_END])
        engrave(height, canvas.soften(canvas.strokes([seam], 16), 8), 6 * scale)
        height += blotches(rng, canvas, 13) * np.float32(rng.uniform(0.0, 0.12) * scale)
        rims = [self._side(out)[1] for out in (1, -1)]
        gutter = [(path - (_MIDLINE, 1300)) * (0.955, 0.985) + (_MIDLINE, 1300) for path in rims]
        engrave(height, canvas.soften(canvas.strokes(gutter, 16), 10), 3 * scale)
        shade(canvas, mask, height, self._finish(), self._tint())
        canvas.blend(
            np.minimum(canvas.soften(striae, 2), mask),
            mix((0.3, 0.25, 0.22), self.sheen, 0.5),
            0.18,
        )
        slit = ribbon(seam, [10, rng.uniform(5, 9), rng.uniform(6, 12)])
        canvas.blend(canvas.soften(canvas.mask(slit), 2.5), (0.03, 0.04, 0.06), 0.85)
        ridges = [self._side(out)[0] for out in (1, -1)]
        ledge = canvas.strokes(ridges, 9)
        canvas.blend(canvas.soften(ledge, 2.5), mix((0.25, 0.28, 0.28), self.sheen, 0.4), 0.45)

    def _tint(self) -> Layer:
        """Brighter towards the apex's flanks than at the base, where the light is blocked."""
        canvas = self.canvas
        rows = np.arange(canvas.shape[0], dtype=np.float32) / np.float32(canvas.scale)
        fall = np.interp(rows, [300, 480, 1000, 1600, 2300], [0.5, 0.72, 0.9, 1.15, 0.9])
        tint = np.float32(0.06) * blotches(self.rng, canvas, 300, 2)
        tint += np.asarray(fall, np.float32)[:, None]
        return tint

    def _paint_scutellum(self) -> None:
        canvas, p = self.canvas, self.points
        shield = cornered([p[3], p[2]], [p[2], (1786, 352), p[1]], [p[1], (1618, 355), p[3]])
        mask = canvas.mask(shield)
        finish = Finish((0.09, 0.11, 0.14), (0.13, 0.15, 0.16), (0.05, 0.06, 0.08))
        shade(canvas, mask, relief(canvas, mask, 45, 0.4), finish)
        edges = [spline([p[2], (1786, 352), p[1]]), spline([p[3], (1618, 355), p[1]])]
        canvas.blend(canvas.soften(canvas.strokes(edges, 7), 2), (0.025, 0.03, 0.045), 0.9)
        frill = spline([(1520, 302), p[3], (1700, 278), p[2], (1885, 297)])
        canvas.blend(canvas.soften(canvas.strokes([frill], 8), 2.5), (0.30, 0.33, 0.36), 0.5)
        for inner in (4, 11):
            toward = [p[inner], (p[inner] * 0.45 + p[1] * 0.55) + (0, 6), p[1]]
            lip = canvas.strokes([spline(toward)], 8)
            canvas.blend(canvas.soften(lip, 2.5), mix((0.25, 0.28, 0.28), self.sheen, 0.3), 0.4)

    def _skin(self) -> None:
        """A scrap of the wing's skin that peeps out of the seam or from under the apex."""
        rng = self.rng
        if rng.random() < 0.5:
            centre = np.array([1690.0, rng.uniform(900, 1900)])
            reach = np.array([35.0, 150.0])
        else:
            centre = np.array([rng.uniform(1400, 2000), 2190.0])
            reach = np.array([90.0, 60.0])
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        corners = centre + np.column_stack([np.cos(angles), np.sin(angles)]) * reach * rng.uniform(
            0.3, 1.0, (7, 1)
        )
        mask = self.canvas.soften(self.canvas.mask(corners), 5)
        self.canvas.blend(mask, (0.62, 0.58, 0.50), rng.uniform(0.3, 0.8))


def _first(seam: Floats) -> int:
    """Index of the seam's upper end of the notch."""
    return int(np.abs(seam - _SEAM_END).sum(axis=1).argmin()) + 1


def _by_height(path: Floats, shares: Floats) -> Floats:
    """Points of a path at shares of its way down."""
    order = np.maximum.accumulate(path[:, 1])
    order = order + np.arange(len(order)) * 1e-6
    wanted = order[0] + shares * (order[-1] - order[0])
    return np.column_stack([np.interp(wanted, order, path[:, 0]), wanted])
