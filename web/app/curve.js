// @ts-check
/** The smooth line through points that a person has put on a curve.
 *
 * It is that of `through` in `predict/curves.py`, which training takes for the curve: what one sees
 * here is what is learned.
 */

/** @typedef {import("./model.js").Point} Point */

const PIECES = 200; // of a line, about

/** A line, and where on it the points are that it runs through.
 * @typedef {object} Line
 * @property {Point[]} points  without any where fewer than two of the given ones differ
 * @property {number[]} at  for each of the given points its index among `points` */

/** @param {Point} a @param {Point} b */
const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** A point on the line through two others: at `share` 0 the first, at 1 the second.
 * @param {Point} a @param {Point} b @param {number} share @returns {Point} */
const mixed = (a, b, share) => [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];

/** The centripetal Catmull-Rom spline through points.
 * @param {Point[]} points @returns {Line} */
export function through(points) {
  const knots = points.filter((point, i) => i === 0 || apart(point, points[i - 1]) > 0);
  if (knots.length < 2) return { points: [], at: [] };
  let length = 0;
  for (let i = 1; i < knots.length; i += 1) length += apart(knots[i], knots[i - 1]);
  const step = length / PIECES;
  const last = knots.length - 1;
  const padded = [mixed(knots[1], knots[0], 2), ...knots, mixed(knots[last - 1], knots[last], 2)];
  /** @type {Point[]} */
  const line = [];
  /** @type {number[]} */
  const starts = [];
  for (let i = 0; i < last; i += 1) {
    starts.push(line.length);
    piece(/** @type {[Point, Point, Point, Point]} */ (padded.slice(i, i + 4)), step, line);
  }
  starts.push(line.length);
  line.push(knots[last]);
  let knot = -1;
  const at = points.map((point, i) => starts[i === 0 || apart(point, points[i - 1]) > 0 ? ++knot : knot]);
  return { points: line, at };
}

/** The line between the second and the third of four points.
 * @param {[Point, Point, Point, Point]} four @param {number} step @param {Point[]} line */
function piece([p0, p1, p2, p3], step, line) {
  const gap = Math.sqrt(apart(p1, p2));
  const t1 = Math.sqrt(apart(p0, p1));
  const t2 = t1 + gap;
  const t3 = t2 + Math.sqrt(apart(p2, p3));
  const count = Math.max(2, Math.floor(gap ** 2 / step) + 1);
  for (let i = 0; i < count; i += 1) {
    const t = t1 + (gap / count) * i;
    const a1 = mixed(p0, p1, t / t1);
    const a2 = mixed(p1, p2, (t - t1) / gap);
    const a3 = mixed(p2, p3, (t - t2) / (t3 - t2));
    const b1 = mixed(a1, a2, t / t2);
    const b2 = mixed(a2, a3, (t - t1) / (t3 - t1));
    line.push(mixed(b1, b2, (t - t1) / gap));
  }
}

/** Where a line is nearest to a place.
 * @param {Point[]} line @param {Point} place
 * @returns {{far: number, before: number, at: Point}} how far, between which of its points it is (the
 * first of the two), and where */
export function nearest(line, place) {
  /** @type {{far: number, before: number, at: Point}} */
  let best = { far: Infinity, before: 0, at: place };
  for (let i = 0; i + 1 < line.length; i += 1) {
    const [from, to] = [line[i], line[i + 1]];
    const [u, v] = [to[0] - from[0], to[1] - from[1]];
    const along = (place[0] - from[0]) * u + (place[1] - from[1]) * v;
    const at = mixed(from, to, Math.min(Math.max(along / (u * u + v * v || 1), 0), 1));
    const far = apart(place, at);
    if (far < best.far) best = { far, before: i, at };
  }
  return best;
}
