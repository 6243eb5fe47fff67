"""The drawing of a head with eyes, antennae, mandibles and the front of the pronotum."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.curves import spline
from beetle_lm.train.synthetic.canvas import Canvas, Layer, Mask
from beetle_lm.train.synthetic.curves import Floats, cornered, ribbon
from beetle_lm.train.synthetic.limbs import antenna, bristles, leg, paint_limbs
from beetle_lm.train.synthetic.paper import cast_shadow, lay_card, lay_paper
from beetle_lm.train.synthetic.surface import (
    Drawing,
    Finish,
    Gleam,
    engrave,
    mix,
    pick,
    relief,
    shade,
)
from beetle_lm.train.synthetic.texture import blotches

_MIDLINE = 2240.0
_INK = (0.03, 0.035, 0.045)
# The left half, mirrored for the right one; pixels of the mean shape.
# fmt: off
_CHEEK = ((1738, 1060), (1708, 1170), (1692, 1290), (1690, 1480), (1684, 1620))
_TEMPLE = ((1572, 1798), (1544, 1880), (1546, 2000), (1560, 2200), (1600, 2420))
_EYE = ((1690, 1225), (1612, 1196), (1510, 1222), (1420, 1310), (1368, 1440), (1364, 1540),
        (1402, 1650), (1480, 1745), (1575, 1812), (1650, 1800), (1690, 1700), (1720, 1450))
_GENA = ((1800, 985), (1712, 945), (1640, 980), (1602, 1070), (1590, 1170), (1620, 1260),
         (1740, 1330))
_MANDIBLE = ((1812, 1010), (1732, 860), (1700, 660), (1702, 470), (1740, 320), (1815, 215),
             (1935, 140), (2080, 118), (2215, 150), (2290, 215), (2190, 205), (2090, 215),
             (2020, 275), (2000, 360), (2050, 440), (2060, 640), (1985, 760), (1890, 900))
_GAP = ((2040, 660), (1960, 420), (2000, 280), (2120, 200), (2360, 200), (2480, 280), (2520, 420),
        (2440, 660))
_PRONOTUM = ((840, 2700), (960, 2480), (1080, 2310), (1200, 2195), (1310, 2138), (1420, 2142),
             (1550, 2188))
# fmt: on


def draw_head(canvas: Canvas, template: Floats, rng: np.random.Generator, grey: bool) -> None:
    """Draws one specimen's head; `template` are its (10, 2) mean landmarks."""
    _Head(canvas, template, rng).draw()


class _Head(Drawing):
    def __init__(self, canvas: Canvas, template: Floats, rng: np.random.Generator) -> None:
        super().__init__(canvas, template, rng)
        self.cheeks = {out: _mirrored(_CHEEK, out) for out in (-1, 1)}

    def draw(self) -> None:
        canvas, rng = self.canvas, self.rng
        lay_paper(rng, canvas)
        if rng.random() < 0.6:
            left = rng.uniform(500, 1300)
            lay_card(rng, canvas, left, left + rng.uniform(100, 700))
        capsule = canvas.mask(self._capsule())
        limbs = self._limbs()
        body = np.maximum(
            capsule, canvas.mask(spline(_mirrored(_EYE, -1)), spline(_mirrored(_EYE, 1)))
        )
        cast_shadow(rng, canvas, np.maximum(body, canvas.mask(*limbs)))
        self._paint_palps()
        paint_limbs(canvas, limbs, 70)
        self._paint_jaws()
        self._paint_eyes()
        self._paint_capsule(capsule)
        self._paint_mouth()
        self._paint_pores()
        self._paint_pronotum()

    def _corner(self, right: int, out: int) -> Floats:
        """A landmark of a pair: odd numbers are on the right, the next even one on the left."""
        corner: Floats = self.points[right if out > 0 else right + 1]
        return corner

    def _capsule(self) -> Floats:
        """Vertex, frons and clypeus: from the labrum's suture down both sides to the neck."""
        halves = {}
        for out in (-1, 1):
            front, corner = self._corner(7, out), self._corner(5, out)
            side = _mirrored(((1936, 790), (1868, 890)), out)
            back = [*self.cheeks[out], *_mirrored(((1640, 1740),), out), *_mirrored(_TEMPLE, out)]
            halves[out] = np.vstack(
                [spline(np.vstack([front, side, corner]))[:-1], spline(np.vstack([corner, back]))]
            )
        suture = spline(np.array([self.points[8], (_MIDLINE, 712), self.points[7]]))
        return np.vstack([suture, halves[1], halves[-1][::-1]])

    def _limbs(self) -> list[Floats]:
        rng, limbs = self.rng, []
        for out in (-1, 1):
            base = (_MIDLINE + out * 580, 1000 + rng.normal(0, 15))
            heading = -90 + out * rng.uniform(20, 75)
            limbs += antenna(rng, base, heading, out * rng.normal(0, 4), 1.0)
            if rng.random() < 0.35:
                hip = (_MIDLINE + out * rng.uniform(1150, 1350), rng.uniform(2300, 2600))
                angles = (-90 + out * 60, -90 + out * rng.uniform(-20, 40), -90)
                limbs += leg(rng, hip, angles, 1.6)
        return limbs

    def _paint_palps(self) -> None:
        canvas, rng = self.canvas, self.rng
        palps = []
        for out in (-1, 1):
            for reach, wide in ((rng.uniform(280, 420), 60), (rng.uniform(180, 300), 52)):
                root = np.array([_MIDLINE + out * rng.uniform(430, 520), 520.0])
                heading = np.radians(-90 + out * rng.uniform(-25, 45))
                elbow = root + np.array([np.cos(heading), np.sin(heading)]) * reach
                heading -= out * rng.uniform(0.5, 1.3)
                end = elbow + np.array([np.cos(heading), np.sin(heading)]) * rng.uniform(150, 220)
                palps.append(ribbon(spline([root, (root + elbow) / 2, elbow]),
                                    np.array([0.6, 0.8, 1.0, 0.9]) * wide))  # fmt: skip
                palps.append(ribbon(spline([elbow, (end + elbow) / 2, end]),
                                    np.array([0.6, 1.0, 1.1, 0.6]) * wide))  # fmt: skip
        paint_limbs(canvas, palps, 30)

    def _paint_jaws(self) -> None:
        """Mandibles, the left one over the right one, shut more or less; dark between them."""
        canvas, rng = self.canvas, self.rng
        tone = rng.uniform(0.06, 0.3)
        gap = canvas.mask(spline(_GAP, closed=True))
        canvas.blend(canvas.soften(gap, 12), (tone, tone * 0.97, tone * 0.93), 0.92)
        for out in (1, -1):
            shut = rng.uniform(-70, 60)
            outline = np.array(_MANDIBLE, np.float64)
            outline[:, 0] += np.interp(outline[:, 1], [100, 800], [shut, 0])
            mask = canvas.mask(spline(_mirrored(outline, out), closed=True))
            canvas.darken(canvas.soften(mask, 12), 0.6)
            height = relief(canvas, mask, 110, 0.55)
            groove = _mirrored(((1760, 880), (1770, 640), (1800, 420), (1880, 260)), out)
            engrave(height, canvas.soften(canvas.strokes([spline(groove)], 22), 9),
                    12 * canvas.scale)  # fmt: skip
            gleams = (Gleam(0.35 * out, -0.2, 0.15, 0.3, (0.22, 0.21, 0.20)),)
            finish = Finish((0.07, 0.07, 0.08), (0.12, 0.11, 0.11), (0.04, 0.04, 0.05), gleams)
            shade(canvas, mask, height, finish)

    def _paint_eyes(self) -> None:
        canvas, rng = self.canvas, self.rng
        genae = canvas.mask(
            *(spline(_mirrored(_GENA, out), closed=True) for out in (-1, 1)),
        )
        dark = Finish((0.08, 0.08, 0.09), (0.12, 0.12, 0.12), (0.05, 0.05, 0.06))
        shade(canvas, genae, relief(canvas, genae, 80, 0.5), dark)
        globes = canvas.mask(*(spline(_mirrored(_EYE, out), closed=True) for out in (-1, 1)))
        canvas.darken(canvas.soften(globes, 14), 0.6)
        height = relief(canvas, globes, rng.uniform(170, 220), 0.75)
        height += blotches(rng, canvas, 11) * np.float32(0.12 * canvas.scale)
        shine = rng.uniform(0.12, 0.3)
        gleams = (
            Gleam(-0.25, -0.3, 0.2, 0.2, (shine, shine, shine)),
            Gleam(0.3, -0.3, 0.2, 0.2, (shine * 0.7, shine * 0.7, shine * 0.7)),
        )
        brown = pick(rng, ((0.16, 0.14, 0.12), (0.10, 0.10, 0.10), (0.24, 0.22, 0.20)))
        shade(canvas, globes, height, Finish(brown, brown, (0.04, 0.04, 0.05), gleams))

    def _finish(self) -> Finish:
        flank = mix(self.sheen, (0.12, 0.12, 0.125), 0.75)
        high = mix(
            (0.0, 0.0, 0.0), mix(self.second, (0.6, 0.58, 0.5), 0.5), self.rng.uniform(0.35, 0.8)
        )
        soft = mix((0.0, 0.0, 0.0), self.sheen, 0.2)
        gleams = (
            Gleam(-0.5, 0.0, 0.12, 0.3, high),
            Gleam(0.5, 0.0, 0.12, 0.3, high),
            Gleam(-0.25, -0.2, 0.15, 0.3, soft),
            Gleam(0.25, -0.2, 0.15, 0.3, soft),
        )
        return Finish((0.075, 0.075, 0.085), flank, (0.06, 0.06, 0.07), gleams)

    def _paint_capsule(self, mask: Mask) -> None:
        canvas, rng, scale = self.canvas, self.rng, self.canvas.scale
        canvas.darken(canvas.soften(mask, 12), 0.55)
        height = relief(canvas, mask, rng.uniform(360, 440), rng.uniform(0.4, 0.55))
        wrinkles = blotches(rng, canvas, 30) + blotches(rng, canvas, 16)
        height += wrinkles * np.float32(rng.uniform(0.08, 0.3) * scale)
        furrows = [spline(_mirrored(((1980, 1080), (1940, 1190), (1965, 1310)), out))
                   for out in (-1, 1)]  # fmt: skip
        engrave(height, canvas.soften(canvas.strokes(furrows, 46), 30), rng.uniform(12, 35) * scale)
        ridges = [spline(np.vstack([self._corner(5, out), self.cheeks[out][:4]]) - (out * 14, 0))
                  for out in (-1, 1)]  # fmt: skip
        engrave(height, canvas.soften(canvas.strokes(ridges, 26), 12), -rng.uniform(8, 16) * scale)
        groove = spline([(1838, 1008), (2000, 1030), (_MIDLINE, 1034), (2480, 1036), (2650, 1020)])
        suture = canvas.strokes([groove], 10)
        engrave(height, canvas.soften(suture, 7), 6 * scale)
        shade(canvas, mask, height, self._finish(), self._tint())
        canvas.blend(canvas.soften(suture, 3), _INK, rng.uniform(0.3, 0.7))
        self._paint_shine(mask)
        eyes = [spline(self.cheeks[out][1:] + np.array([out * 2, 0])) for out in (-1, 1)]
        canvas.blend(canvas.soften(canvas.strokes(eyes, 12), 4), _INK, 0.7)

    def _paint_shine(self, mask: Mask) -> None:
        """The bright strips between eye and frons, from the antenna's joint to the front pore."""
        canvas, rng = self.canvas, self.rng
        strips = []
        for out in (-1, 1):
            inner = _mirrored(((1800, 1370), (1772, 1440), (1732, 1420)), out)
            middle = _mirrored(((1812, 1010), (1806, 1120), (1790, 1260)), out)
            outer = self.cheeks[out][:3][::-1] - (out * 22, 0)
            strips.append(spline(np.vstack([middle, inner, outer]), closed=True))
        strip = np.minimum(canvas.soften(canvas.mask(*strips), 14), mask)
        canvas.blend(strip, mix(self.second, (0.85, 0.85, 0.80), 0.75), rng.uniform(0.3, 0.9))

    def _tint(self) -> Layer:
        """Darker on the vertex, where the lens mirrors itself."""
        canvas = self.canvas
        tint = 1 + np.float32(0.05) * blotches(self.rng, canvas, 300, 2)
        dark = canvas.mask(spline([(_MIDLINE - 170, 1700), (_MIDLINE, 1480), (_MIDLINE + 170, 1700),
                                   (_MIDLINE + 150, 2150), (_MIDLINE - 150, 2150)],
                                  closed=True))  # fmt: skip
        tint -= canvas.soften(dark, 90) * np.float32(self.rng.uniform(0.2, 0.55) / 255)
        return tint

    def _paint_mouth(self) -> None:
        """Labrum in front of the clypeus, its front corners the landmarks."""
        canvas, rng, p = self.canvas, self.rng, self.points
        bay = rng.uniform(0, 45)
        front = np.array([p[10], (2070, 408), (_MIDLINE, 420 + bay), (2405, 404), p[9]])
        right = np.array([p[9], (2508, 520), (2522, 640), p[7] - (14, 0)])
        suture = np.array([p[7] - (14, 0), (_MIDLINE, 716), p[8] + (14, 0)])
        left = np.array([p[8] + (14, 0), (1972, 640), (1980, 520), p[10]])
        outline = cornered(front, right, suture, left)
        mask = canvas.mask(outline)
        canvas.darken(canvas.soften(mask, 10), 0.5)
        gleams = (Gleam(0.0, -0.5, 0.4, 0.2, (0.14, 0.14, 0.14)),)
        finish = Finish((0.085, 0.08, 0.085), (0.15, 0.14, 0.14), (0.09, 0.08, 0.08), gleams)
        shade(canvas, mask, relief(canvas, mask, 80, 0.4), finish)
        seam = spline(np.array([p[8], (_MIDLINE, 712), p[7]]))
        canvas.blend(canvas.soften(canvas.strokes([seam], 14), 4), _INK, 0.9)
        rims = [spline(left), spline(right)]
        canvas.blend(canvas.soften(canvas.strokes(rims, 11), 4), (0.34, 0.32, 0.30),
                     rng.uniform(0.3, 0.7))  # fmt: skip
        lip = canvas.strokes([spline(front)], 9)
        canvas.blend(canvas.soften(lip, 3), (0.40, 0.38, 0.34), rng.uniform(0.4, 0.8))
        roots = [(x, 420 + bay * 0.6) for x in (2110, 2190, 2290, 2370)]
        hairs = [spline([root, (root[0] + 6, 330), (root[0] + rng.normal(0, 20), 250)])
                 for root in roots]  # fmt: skip
        canvas.blend(canvas.strokes(hairs, 6), (0.35, 0.31, 0.26), rng.uniform(0.2, 0.8))

    def _paint_pores(self) -> None:
        """The pits of the long bristles: beside the eyes (landmarks) and on the clypeus."""
        canvas, rng = self.canvas, self.rng
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        ring = np.column_stack([np.cos(angles), np.sin(angles)])
        pits = [self.points[number] for number in (1, 2, 3, 4)]
        wide = canvas.mask(*(ring * 34 + pit for pit in pits))
        canvas.blend(canvas.soften(wide, 9), mix(self.sheen, (0.36, 0.36, 0.36), 0.6), 0.4)
        small = [*_mirrored(((1970, 812),), -1), *_mirrored(((1970, 812),), 1)]
        holes = canvas.mask(*(ring * 16 + pit for pit in pits))
        canvas.blend(canvas.soften(holes, 4), _INK, rng.uniform(0.7, 0.95))
        holes = canvas.mask(*(ring * 10 + pit for pit in small))
        canvas.blend(canvas.soften(holes, 4), _INK, rng.uniform(0.2, 0.7))
        kept = [(float(pit[0]), float(pit[1])) for pit in pits if rng.random() < 0.5]
        bristles(canvas, rng, kept, _MIDLINE, 300)

    def _paint_pronotum(self) -> None:
        canvas, rng = self.canvas, self.rng
        edge = np.array(_PRONOTUM) + np.array([0, rng.normal(0, 30)])
        middle = edge[-1, 1] + rng.uniform(5, 30)
        front = spline(np.vstack([edge, [(_MIDLINE, middle)], _flipped(edge)[::-1]]))
        outline = np.vstack([front, [(3700, 3300), (800, 3300)]])
        mask = canvas.mask(outline)
        canvas.darken(canvas.soften(mask, 14), 0.5)
        height = relief(canvas, mask, 330, 0.5)
        height += blotches(rng, canvas, 34) * np.float32(0.15 * canvas.scale)
        rim = canvas.strokes([front + np.array([0, 34])], 16)
        engrave(height, canvas.soften(rim, 9), 8 * canvas.scale)
        shade(canvas, mask, height, self._finish().dimmed(0.85))
        lip = np.minimum(canvas.soften(canvas.strokes([front + np.array([0, 10])], 14), 5), mask)
        canvas.blend(lip, (0.42, 0.40, 0.36), rng.uniform(0.3, 0.7))


def _mirrored(points: object, out: int) -> Floats:
    """Points of the left half (`out` -1), or their mirror image (+1)."""
    left = np.array(points, np.float64)
    return left if out < 0 else _flipped(left)


def _flipped(points: Floats) -> Floats:
    return np.column_stack([2 * _MIDLINE - points[:, 0], points[:, 1] + 8])
