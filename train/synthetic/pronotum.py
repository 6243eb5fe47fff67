"""The drawing of a pronotum between head and elytra."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.curves import evenly_spaced, spline
from beetle_lm.train.synthetic.canvas import Canvas, Layer, Mask
from beetle_lm.train.synthetic.curves import Floats, trace
from beetle_lm.train.synthetic.limbs import antenna, bristles, leg, paint_limbs, sided
from beetle_lm.train.synthetic.paper import cast_shadow, lay_card, lay_paper
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

_MIDLINE = 2098.0
# fmt: off
_RIGHT_SIDE = ((2838, 500), (2932, 590), (3022, 720), (3092, 856), (3148, 1020), (3180, 1200),
               (3182, 1380), (3162, 1560), (3130, 1740), (3097, 1905))
_LEFT_SIDE = ((1055, 1850), (1025, 1680), (1000, 1480), (996, 1280), (1012, 1080), (1052, 900),
              (1112, 740), (1192, 600), (1284, 497))
_OUTLINE = (8, (1800, 537), 1, (2360, 537), 2, (2652, 500), 3, *_RIGHT_SIDE, 4,
            (2880, 2066), (2500, 2088), 5, (1700, 2088), (1310, 2066), 6, *_LEFT_SIDE, 7,
            (1470, 494))
_ELYTRA = ((760, 2650), (850, 2420), (950, 2240), (1050, 2165), (1200, 2130), (1600, 2060),
           (2600, 2060), (2980, 2130), (3120, 2165), (3230, 2250), (3330, 2430), (3400, 2650))
# fmt: on


def draw_pronotum(canvas: Canvas, template: Floats, rng: np.random.Generator, grey: bool) -> None:
    """Draws one specimen's pronotum; `template` are its (8, 2) mean landmarks."""
    _Pronotum(canvas, template, rng).draw()


class _Pronotum(Drawing):
    def draw(self) -> None:
        canvas, rng = self.canvas, self.rng
        lay_paper(rng, canvas)
        if rng.random() < 0.6:
            left = rng.uniform(500, 1300)
            lay_card(rng, canvas, left, left + rng.uniform(100, 600))
        outline = trace(self.points, _OUTLINE, {2, 4, 6, 8})
        body = canvas.mask(outline)
        limbs = self._limbs()
        cast_shadow(rng, canvas, np.maximum(body, canvas.mask(*limbs)))
        paint_limbs(canvas, limbs, 75)
        self._paint_elytra()
        self._paint_head()
        self._paint_pronotum(body, outline)
        self._paint_fringe()
        roots = ((3186.0, 1330.0), (990.0, 1330.0), (3080.0, 1990.0), (1075.0, 1990.0))
        bristles(canvas, rng, [root for root in roots if rng.random() < 0.7], _MIDLINE, 190)

    def _limbs(self) -> list[Floats]:
        rng, limbs = self.rng, []
        for out in (-1, 1):
            side = _MIDLINE + out * 950
            if rng.random() < 0.85:
                thigh = rng.uniform(-45, 20)
                angles = (thigh, rng.uniform(-115, -75), rng.uniform(-110, -80))
                hip = (side, rng.uniform(1250, 1500))
                limbs += leg(rng, hip, sided(angles, out), 1.35)
            if rng.random() < 0.5:
                angles = (rng.uniform(-30, 30), rng.uniform(60, 120), 90)
                hip = (side - 80 * out, rng.uniform(2150, 2350))
                limbs += leg(rng, hip, sided(angles, out), 1.3)
            if rng.random() < 0.35:
                base = (_MIDLINE + out * 560, rng.uniform(-560, -400))
                heading = 90 - out * rng.uniform(50, 75)
                limbs += antenna(rng, base, heading, out * rng.uniform(3, 10), 0.95)
        return limbs

    def _paint_elytra(self) -> None:
        canvas, rng, scale = self.canvas, self.rng, self.canvas.scale
        outline = np.vstack([spline(_ELYTRA), [(3400, 3200), (760, 3200)]])
        mask = canvas.mask(outline)
        height = relief(canvas, mask, 330, 0.45)
        fan = [[(_MIDLINE + x * 110, 2260), (_MIDLINE + x * 128, 2900)] for x in range(-8, 9) if x]
        engrave(height, canvas.soften(canvas.strokes(fan, 16), 9), 3 * scale)
        shade(canvas, mask, height, self._finish().dimmed(0.75))
        sag = rng.uniform(-10, 40)
        ledge = spline([(1010, 2215), (1300, 2190 + sag), (1750, 2200 + sag), (1960, 2170)])
        mirrored = np.column_stack([2 * _MIDLINE - ledge[:, 0], ledge[:, 1]])
        hollow = canvas.mask(
            np.vstack([ledge, [(1990, 2080), (1250, 2080)]]),
            np.vstack([mirrored, [(2206, 2080), (2946, 2080)]]),
        )
        canvas.blend(np.minimum(canvas.soften(hollow, 10), mask), (0.05, 0.055, 0.07), 0.7)
        rims = canvas.soften(canvas.strokes([ledge, mirrored], 12), 4)
        canvas.blend(rims, mix((0.22, 0.23, 0.24), self.sheen, 0.5), 0.45)
        tip = (_MIDLINE, 2290 + sag)
        shield = [spline([(_MIDLINE + x, 2080), (_MIDLINE + x * 0.45, 2230), tip])
                  for x in (-180, 180)]  # fmt: skip
        canvas.blend(canvas.soften(canvas.strokes(shield, 14), 4), (0.03, 0.035, 0.05), 0.8)
        canvas.blend(canvas.strokes([[tip, (_MIDLINE, 2900)]], 12), (0.03, 0.035, 0.05), 0.7)

    def _paint_head(self) -> None:
        canvas, rng = self.canvas, self.rng
        rise = rng.normal(-10, 45)
        left, right = self.points[8], self.points[2]
        flare = [(-8, 640 - 536), (4, 0), (-6, -95), (-70, -205 + rise), (-75, -330 + rise),
                 (-5, -520 + rise), (60, -900)]  # fmt: skip
        outline = np.vstack([spline(left + flare), spline(right + flare * np.array([-1, 1]))[::-1]])
        mask = canvas.mask(outline)
        height = relief(canvas, mask, 330, 0.5)
        height += blotches(rng, canvas, 24) * np.float32(rng.uniform(0.1, 0.5) * canvas.scale)
        eyes = []
        for corner, out in ((left, -1), (right, 1)):
            size = rng.uniform(0.9, 1.1)
            eye = np.array([(-10, -165), (95, -245), (178, -370), (170, -520), (80, -640),
                            (-40, -660), (-60, -400)]) * size  # fmt: skip
            eyes.append(spline(corner + eye * (out, 1) + (0, rise), closed=True))
        globes = canvas.mask(*eyes)
        gleams = (Gleam(-0.2, -0.1, 0.3, 0.4, (0.16, 0.15, 0.13)),)
        chitin = Finish((0.10, 0.10, 0.10), (0.11, 0.11, 0.11), (0.03, 0.03, 0.04), gleams)
        shade(canvas, globes, relief(canvas, globes, 120, 0.7), chitin)
        shade(canvas, mask, height, self._finish().dimmed(0.9))

    def _finish(self) -> Finish:
        """Dark above, with lamps mirrored on both flanks."""
        flank = mix(self.sheen, (0.13, 0.12, 0.14), 0.72)
        lamp = self.rng.uniform(0.9, 1.7)
        high = mix((0.0, 0.0, 0.0), mix(self.second, (0.62, 0.60, 0.50), 0.45), lamp)
        soft = mix((0.0, 0.0, 0.0), self.sheen, 0.22)
        margin = mix((0.0, 0.0, 0.0), self.sheen, 0.4)
        gleams = (
            Gleam(-0.45, 0.02, 0.09, 0.17, high),
            Gleam(0.45, 0.02, 0.09, 0.17, high),
            Gleam(-0.3, -0.25, 0.2, 0.25, soft),
            Gleam(0.3, -0.25, 0.2, 0.25, soft),
            Gleam(-0.45, -0.5, 0.2, 0.2, margin),
            Gleam(0.45, -0.5, 0.2, 0.2, margin),
        )
        return Finish((0.07, 0.07, 0.08), flank, (0.05, 0.055, 0.06), gleams)

    def _paint_pronotum(self, mask: Mask, outline: Floats) -> None:
        canvas, rng, scale, p = self.canvas, self.rng, self.canvas.scale, self.points
        canvas.darken(canvas.soften(mask, 16), 0.55)
        height = relief(canvas, mask, rng.uniform(560, 660), rng.uniform(0.45, 0.6))
        rough = blotches(rng, canvas, 34) + blotches(rng, canvas, 17)
        height += rough * self._roughness() * np.float32(rng.uniform(0.3, 1.0) * scale)
        middle = spline([p[1], (2104, 900), (2100, 1500), p[5]])
        engrave(height, canvas.soften(canvas.strokes([middle], 20), 9), rng.uniform(2, 7) * scale)
        pits = []
        for x, out in ((1560, -1), (2640, 1)):
            top, low = rng.uniform(1440, 1580), rng.uniform(1780, 1900)
            pits.append(spline([(x - out * 10, top), (x + out * 5, 1680), (x + out * 35, low)]))
        engrave(height, canvas.soften(canvas.strokes(pits, 90), 55), rng.uniform(25, 60) * scale)
        centre = np.array([_MIDLINE, 1290.0])
        gutter = (outline - centre) * (0.972, 0.985) + centre
        border = canvas.strokes([gutter], 14)
        engrave(height, canvas.soften(border, 8), rng.uniform(4, 8) * scale)
        shade(canvas, mask, height, self._finish(), self._tint())
        canvas.blend(canvas.soften(canvas.strokes([middle], 8), 3), (0.24, 0.23, 0.21), 0.3)
        edges = [_stretch(outline, p[6], p[4]) - np.array([0, 10])]
        lip = np.minimum(canvas.soften(canvas.strokes(edges, 14), 5), mask)
        canvas.blend(lip, mix((0.30, 0.30, 0.30), self.second, 0.5), rng.uniform(0.3, 0.6))

    def _roughness(self) -> Layer:
        """Smooth in the middle, wrinkled towards the base."""
        canvas = self.canvas
        rows = np.arange(canvas.shape[0], dtype=np.float32)[:, None] / np.float32(canvas.scale)
        return np.asarray(
            np.interp(rows, [500, 1300, 1850, 2050], [0.02, 0.06, 0.55, 0.8]), np.float32
        )

    def _tint(self) -> Layer:
        canvas = self.canvas
        tint = 1 + np.float32(0.05) * blotches(self.rng, canvas, 350, 2)
        middle = canvas.mask(
            spline([(_MIDLINE - 260, 1500), (_MIDLINE, 900), (_MIDLINE + 260, 1500),
                    (_MIDLINE + 200, 2000), (_MIDLINE - 200, 2000)], closed=True)
        )  # fmt: skip
        tint -= canvas.soften(middle, 140) * np.float32(self.rng.uniform(0.1, 0.35) / 255)
        return tint

    def _paint_fringe(self) -> None:
        """The short hairs along the front edge, over the neck."""
        canvas, rng, p = self.canvas, self.rng, self.points
        edge = evenly_spaced(spline([p[8], (1800, 537), p[1], (2360, 537), p[2]]), 110)
        reach = np.column_stack([rng.normal(0, 7, 110), -rng.uniform(18, 46, 110)])
        hairs = [np.vstack([root, root + tip]) for root, tip in zip(edge, reach, strict=True)]
        mask = canvas.soften(canvas.strokes(hairs, 7), 3)
        canvas.blend(mask, (0.62, 0.52, 0.36), rng.uniform(0.25, 0.8))
        rim = canvas.soften(canvas.strokes([edge], 7), 2.5)
        canvas.blend(rim, (0.34, 0.30, 0.24), rng.uniform(0.3, 0.7))


def _stretch(outline: Floats, start: Floats, end: Floats) -> Floats:
    """The stretch of an outline between two of its points, on the side away from its start."""
    first, last = (int(np.abs(outline - point).sum(axis=1).argmin()) for point in (start, end))
    return outline[min(first, last) : max(first, last) + 1]
