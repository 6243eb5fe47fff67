// @ts-check
/** Quality flags: why the landmarks of a photograph should be looked at, by the limits of the card
 * and in the words of `predict`. */
import { mahalanobis, superimposed } from "./procrustes.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {[number, number]} Point */

/** A number in fixed point; where two are as near, the one that ends even.
 * @param {number} value @param {number} decimals */
export function fixed(value, decimals) {
  let text = value.toFixed(decimals);
  const more = value.toFixed(Math.min(100, decimals + 30));
  const behind = decimals ? more.slice(more.indexOf(".") + 1 + decimals) : more.slice(more.indexOf(".") + 1);
  if (/^50*$/.test(behind) && Number(text.at(-1)) % 2) {
    const cut = more.slice(0, more.indexOf(".") + (decimals ? 1 + decimals : 0));
    if (Number(cut.at(-1)) % 2 === 0) text = cut;
  }
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** The reasons to look at a photograph, in words; empty where there are none.
 * @param {Card} card @param {Point[]} xy landmarks in pixels of the input
 * @param {number[]} errors expected, in the same pixels
 * @param {number} pixels of the photograph that one pixel of the input covers in length */
export function qualityFlag(card, xy, errors, pixels) {
  return [...errorReasons(card, errors, pixels), ...shapeReasons(card, xy)].join("; ");
}

/** @param {Card} card @param {number[]} errors @param {number} pixels @returns {string[]} */
function errorReasons({ limits }, errors, pixels) {
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const worst = errors.indexOf(Math.max(...errors));
  const [error, limit] = [mean * pixels, limits.mean_error * pixels];
  if (mean > limits.mean_error)
    return [`expected error ${fixed(error, 1)} px on average (limit ${fixed(limit, 1)})`];
  if (errors[worst] > limits.landmark_error) {
    const [largest, most] = [errors[worst] * pixels, limits.landmark_error * pixels];
    return [`expected error ${fixed(largest, 1)} px at landmark ${worst + 1} (limit ${fixed(most, 1)})`];
  }
  return [];
}

/** @param {Card} card @param {Point[]} xy @returns {string[]} */
function shapeReasons({ shapes, limits, input_width, input_height }, xy) {
  if (!shapes) return [];
  const found = superimposed(xy, shapes.mean);
  if (!found) return ["all landmarks lie in one point"];
  const reasons = [];
  if (!(limits.rotation[0] <= found.rotation && found.rotation <= limits.rotation[1])) {
    const way = found.rotation > 0 ? "clockwise" : "anticlockwise";
    reasons.push(`turned ${fixed(Math.abs(found.rotation), 0)} degrees ${way}, more than in training`);
  }
  const size = found.size / Math.hypot(input_width, input_height);
  if (!(limits.size[0] <= size && size <= limits.size[1]))
    reasons.push(`${size > limits.size[1] ? "larger" : "smaller"} in the picture than in training`);
  const [distance, limit] = [mahalanobis(found.shape, shapes), shapes.distance_limit];
  if (distance > limit)
    reasons.push(
      `shape unlike those of the training (distance ${fixed(distance, 1)}, limit ${fixed(limit, 1)})`,
    );
  return reasons;
}
