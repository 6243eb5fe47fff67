// @ts-check
/** Laying landmarks on others by least squares. */

/** @typedef {[number, number]} Point */

/** @param {Point[]} xy @returns {Point} */
export function middleOf(xy) {
  let [x, y] = [0, 0];
  for (const point of xy) [x, y] = [x + point[0], y + point[1]];
  return [x / xy.length, y / xy.length];
}

/** The root of the summed squared distances of landmarks from their centroid. @param {Point[]} xy */
export function centroidSize(xy) {
  const [u, v] = middleOf(xy);
  let sum = 0;
  for (const [x, y] of xy) sum += (x - u) ** 2 + (y - v) ** 2;
  return Math.sqrt(sum);
}

/** Landmarks laid on a mean shape of centroid size 1 around the origin, without a reflection; null
 * where all lie in one point.
 * @param {Point[]} xy @param {Point[]} mean
 * @returns {{shape: Point[], rotation: number, size: number} | null} rotation in degrees, clockwise */
export function superimposed(xy, mean) {
  const size = centroidSize(xy);
  if (!(size > 0)) return null;
  const [u, v] = middleOf(xy);
  /** @type {Point[]} */
  const unit = xy.map(([x, y]) => [(x - u) / size, (y - v) / size]);
  let [real, imaginary] = [0, 0];
  unit.forEach(([x, y], index) => {
    const [p, q] = mean[index];
    real += x * p + y * q;
    imaginary += x * q - y * p;
  });
  const turn = Math.atan2(imaginary, real);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  /** @type {Point[]} */
  const shape = unit.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]);
  return { shape, rotation: (-turn * 180) / Math.PI, size };
}

/** How far a shape is from the mean, in standard deviations of the shapes known.
 * @param {Point[]} shape superimposed @param {import("./card.js").ShapeSpace} space */
export function mahalanobis(shape, space) {
  const flat = shape.flatMap(([x, y], index) => [x - space.mean[index][0], y - space.mean[index][1]]);
  let rest = flat.reduce((sum, value) => sum + value * value, 0);
  let sum = 0;
  space.components.forEach((component, index) => {
    const score = component.reduce((total, value, at) => total + value * flat[at], 0);
    sum += score ** 2 / space.variances[index];
    rest -= score ** 2;
  });
  return Math.sqrt(sum + Math.max(0, rest) / space.rest_variance);
}

/** The map that turns, scales and moves points nearest to others, (a, b, c; d, e, f) row by row.
 * @param {Point[]} source @param {Point[]} target
 * @returns {import("./window.js").Matrix} */
export function similarity(source, target) {
  const [from, to] = [middleOf(source), middleOf(target)];
  let [real, imaginary, length] = [0, 0, 0];
  source.forEach((point, index) => {
    const [x, y] = [point[0] - from[0], point[1] - from[1]];
    const [p, q] = [target[index][0] - to[0], target[index][1] - to[1]];
    real += x * p + y * q;
    imaginary += x * q - y * p;
    length += x * x + y * y;
  });
  const [a, b] = [real / length, imaginary / length];
  return [a, -b, to[0] - a * from[0] + b * from[1], b, a, to[1] - b * from[0] - a * from[1]];
}
