// @ts-check
/** Landmarks on one photograph: where the model looks, what it finds, and whether that can be right. */
import { inChannels } from "./levels.js";
import { Placement } from "./placement.js";
import { centroidSize, middleOf, similarity } from "./procrustes.js";
import { qualityFlag } from "./quality.js";
import { Window } from "./window.js";
import { filledPolygon, hull } from "./polygon.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./placement.js").View} View */
/** @typedef {[number, number]} Point */

/**
 * @typedef {object} Output  what a model returns, in pixels of its input
 * @property {Point[]} xy
 * @property {number[]} score
 * @property {number[]} errors
 * @property {Point[]} semilandmarks  of the part's curves
 * @property {number[]} across  their expected distances from the curves
 *
 * @typedef {(pixels: Uint8Array) => Promise<Output>} Run  planes of the input, one after the other
 *
 * @typedef {object} Placed  in pixels of the upright photograph
 * @property {Point[]} xy
 * @property {number[]} score
 * @property {number[]} errors
 * @property {Point[]} semilandmarks
 * @property {number[]} across
 * @property {string} flag
 *
 * @typedef {object} Pass
 * @property {View} view
 * @property {Pixels} shown
 * @property {Output} output
 * @property {Point[]} inImage
 * @property {string} fault
 * @property {string} flag
 */

const DETAIL = 3; // times more pixels than the input are of use, where it is seen twice
const SMALLEST = 4; // px of centroid size: less is no specimen
const APART = 2.5; // times as large or small
const FAINTER = 2; // times the limit of errors: so unsure may the model be of another specimen
const PAINTED = 1.3; // of the landmarks' hull, about its middle
const BEYOND = 0.02; // of the specimen's extent: a landmark so far outside the photograph is told

/** Width and height that a photograph is decoded for. @param {Card} card @returns {Point} */
export function sizeWanted({ input_width, input_height, whole }) {
  const detail = whole ? DETAIL : 1;
  return [input_width * detail, input_height * detail];
}

export class NoLandmarks extends Error {}

/** Places the landmarks. @param {Card} card @param {Run} run @param {Picture} picture
 * @returns {Promise<Placed>} */
export async function place(card, run, picture) {
  const straight = Placement.fit(picture.frame, inputSize(card), card.fit);
  const first = await seen(card, run, straight, straight.render(picture.pixels));
  let [found, flags] = [first, first.flag ? [first.flag] : []];
  if (card.whole) {
    const view = upright(card, first);
    if (view) found = await seen(card, run, view, view.render(picture));
    flags = [found.flag, cutOff(card, found, picture.size)];
    if (await isCrowded(card, run, first, found))
      flags.push("there may be another specimen in the photograph");
  }
  if (found.fault) throw new NoLandmarks(`has no landmarks: the model gives ${found.fault}`);
  const [width, height] = picture.size;
  /** @type {(point: Point) => Point} */
  const inside = ([x, y]) => [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  const { score, errors, semilandmarks, across } = found.output;
  const inPixels = (/** @type {number} */ error) => error * found.view.imagePixels;
  return {
    xy: found.inImage.map(inside),
    score,
    errors: errors.map(inPixels),
    semilandmarks: semilandmarks.map((xy) => inside(found.view.toImage(xy))),
    across: across.map(inPixels),
    flag: flags.filter(Boolean).join("; "),
  };
}

/** @param {Card} card @returns {Point} */
const inputSize = ({ input_width, input_height }) => [input_width, input_height];

/** @param {Card} card @param {Run} run @param {View} view @param {Pixels} shown
 * @returns {Promise<Pass>} */
async function seen(card, run, view, shown) {
  const pixels = inChannels(shown, card.channels);
  const output = await run(planes(pixels));
  const fault = faultOf(output, inputSize(card));
  const flag = fault ? "" : qualityFlag(card, output.xy, output.errors, view.imagePixels);
  return { view, shown: pixels, output, inImage: output.xy.map((xy) => view.toImage(xy)), fault, flag };
}

/** @param {Pixels} pixels */
function planes({ values, channels }) {
  if (channels === 1) return values;
  const count = values.length / channels;
  const found = new Uint8Array(values.length);
  for (let index = 0; index < count; index += 1)
    for (let channel = 0; channel < channels; channel += 1)
      found[channel * count + index] = values[index * channels + channel];
  return found;
}

/** What cannot be right in what a model returned. @param {Output} output @param {Point} size */
function faultOf({ xy, score, errors, semilandmarks, across }, size) {
  const every = (/** @type {(value: number, axis: number) => boolean} */ fits) =>
    [...xy, ...semilandmarks].every((point) => point.every(fits));
  if (!every(Number.isFinite)) return "coordinates that are not finite";
  if (!every((value, axis) => value >= -size[axis] && value <= 2 * size[axis]))
    return "coordinates far outside the photograph";
  if (!score.every((value) => value >= 0 && value <= 1)) return "scores that are not from 0 to 1";
  if (![...errors, ...across].every((value) => Number.isFinite(value) && value >= 0))
    return "expected errors that are negative or not finite";
  return "";
}

/** The view in which a whole specimen lies upright; null where that is not known.
 * @param {Card} card @param {Pass} found */
function upright({ shapes, whole, input_width, input_height }, found) {
  if (!shapes || !whole || found.fault || centroidSize(found.inImage) < SMALLEST) return null;
  const length = whole.size * Math.hypot(input_width, input_height);
  /** @type {Point[]} */
  const goal = shapes.mean.map(([x, y]) => [
    x * length + whole.centre[0] * input_width,
    y * length + whole.centre[1] * input_height,
  ]);
  const matrix = similarity(found.inImage, goal);
  return Math.hypot(matrix[0], matrix[1]) > 0 ? new Window(matrix, [input_width, input_height]) : null;
}

/** Says that a specimen reaches beyond the edge of its photograph.
 * @param {Card} card @param {Pass} found @param {Point} size */
function cutOff(card, { fault, inImage }, size) {
  if (fault) return "";
  const extent = [0, 1].map((axis) => {
    const values = inImage.map((point) => point[axis]);
    return Math.max(...values) - Math.min(...values);
  });
  const room = BEYOND * Math.max(...extent);
  const beyond = inImage.flatMap((point, index) =>
    point.some((value, axis) => value < -room || value > size[axis] + room) ? [index + 1] : [],
  );
  if (!beyond.length) return "";
  const which = `landmark${beyond.length > 1 ? "s" : ""} ${beyond.join(", ")}`;
  return `the ${card.part.name} reaches beyond the edge of the photograph (${which})`;
}

/** Whether there is another specimen once the one that was found is painted over. Two make the model
 * unsure of the photograph as a whole: where it is certain there is no other.
 * @param {Card} card @param {Run} run @param {Pass} first @param {Pass} found */
async function isCrowded(card, run, first, found) {
  if (found.fault || (!first.flag && !first.fault)) return false;
  const other = await seen(card, run, first.view, paintedOver(first, found));
  if (other.fault) return false;
  const mean = other.output.errors.reduce((sum, error) => sum + error, 0) / other.output.errors.length;
  const share = centroidSize(other.inImage) / centroidSize(found.inImage);
  return mean < FAINTER * card.limits.mean_error && 1 / APART < share && share < APART;
}

/** The whole photograph, with the colour of its rim where a specimen was found.
 * @param {Pass} first @param {Pass} found @returns {Pixels} */
function paintedOver(first, found) {
  const { width, height, channels } = first.shown;
  const values = first.shown.values.slice();
  const xy = found.inImage.map((point) => first.view.toInput(point));
  const [u, v] = middleOf(xy);
  const outline = hull(xy.map(([x, y]) => [(x - u) * PAINTED + u, (y - v) * PAINTED + v]));
  const inside = filledPolygon(outline, width, height);
  for (let channel = 0; channel < channels; channel += 1) {
    const at = (/** @type {number} */ x, /** @type {number} */ y) => values[(y * width + x) * channels + channel];
    const rim = [];
    for (let x = 0; x < width; x += 1) rim.push(at(x, 0), at(x, height - 1));
    for (let y = 0; y < height; y += 1) rim.push(at(0, y), at(width - 1, y));
    rim.sort((a, b) => a - b);
    const half = rim.length / 2;
    const median = Math.round((rim[Math.floor(half - 0.5)] + rim[Math.floor(half)]) / 2);
    inside.forEach((pixel) => (values[pixel * channels + channel] = median));
  }
  return { values, width, height, channels };
}
