// @ts-check
/** The convex hull of points, and the pixels inside it. */

/** @typedef {[number, number]} Point */

/** The corners of the convex hull, of points at whole pixels, in order.
 * @param {Point[]} points @returns {Point[]} */
export function hull(points) {
  /** @type {Point[]} */
  const sorted = points.map(([x, y]) => [Math.round(x), Math.round(y)]);
  sorted.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  /** @param {Point[]} given @returns {Point[]} */
  const half = (given) => {
    /** @type {Point[]} */
    const kept = [];
    for (const point of given) {
      while (kept.length > 1 && turn(kept[kept.length - 2], kept[kept.length - 1], point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...half(sorted), ...half([...sorted].reverse())];
}

/** @param {Point} a @param {Point} b @param {Point} c */
const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/** The numbers of the pixels inside a convex polygon or on its edge.
 * @param {Point[]} corners @param {number} width @param {number} height */
export function filledPolygon(corners, width, height) {
  const found = [];
  const ys = corners.map(([, y]) => y);
  const [first, last] = [Math.max(0, Math.min(...ys)), Math.min(height - 1, Math.max(...ys))];
  for (let y = first; y <= last; y += 1) {
    let [left, right] = [Infinity, -Infinity];
    corners.forEach(([x0, y0], index) => {
      const [x1, y1] = corners[(index + 1) % corners.length];
      if (y < Math.min(y0, y1) || y > Math.max(y0, y1)) return;
      const crossings = y0 === y1 ? [x0, x1] : [x0 + ((x1 - x0) * (y - y0)) / (y1 - y0)];
      left = Math.min(left, ...crossings);
      right = Math.max(right, ...crossings);
    });
    for (let x = Math.max(0, Math.round(left)); x <= Math.min(width - 1, Math.round(right)); x += 1)
      found.push(y * width + x);
  }
  return found;
}
