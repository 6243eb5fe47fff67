// @ts-check
/** What a model says about itself: the card inside its file. */
import { FileError } from "./errors.js";
import { cardText, FORMAT } from "./onnx-file.js";

/**
 * @typedef {[number, number]} Pair
 *
 * @typedef {object} ShapeSpace
 * @property {number} specimens
 * @property {Pair[]} mean
 * @property {number[][]} components
 * @property {number[]} variances
 * @property {number} rest_variance
 * @property {number} distance_limit
 *
 * @typedef {object} Limits
 * @property {number} mean_error
 * @property {number} landmark_error
 * @property {Pair} rotation
 * @property {Pair} size
 *
 * @typedef {{name: string, from: number, to: number}} Measurement
 *
 * @typedef {{name: string, from: number, to: number, semilandmarks: number}} Curve
 *
 * @typedef {object} Card
 * @property {number} format
 * @property {{name: string, landmark_names: string[], mirror_pairs: Pair[],
 *   measurements?: Measurement[], curves?: Curve[]}} part
 * @property {number} input_width
 * @property {number} input_height
 * @property {1 | 3} channels
 * @property {"letterbox" | "stretch"} fit
 * @property {string} version
 * @property {string} weights_sha256
 * @property {{data: string, photographs: number, mean_px_256x192: number}[]} metrics
 * @property {string} provenance
 * @property {string} licence
 * @property {ShapeSpace | null} shapes
 * @property {Limits} limits
 * @property {{number: number, checksums: string}} [photographs]
 * @property {{centre: Pair, size: number, parts: object[]}} [whole]
 */

const finite = (/** @type {unknown} */ value) => typeof value === "number" && Number.isFinite(value);
const text = (/** @type {unknown} */ value) => typeof value === "string";
const pair = (/** @type {unknown} */ value) =>
  Array.isArray(value) && value.length === 2 && value.every(finite);
const list = (/** @type {(each: any) => boolean} */ fits) => (/** @type {unknown} */ value) =>
  Array.isArray(value) && value.every(fits);

const isCurve = (/** @type {any} */ each, /** @type {any} */ part) =>
  text(each?.name) &&
  isOf(each.from, part) &&
  isOf(each.to, part) &&
  Number.isInteger(each.semilandmarks) &&
  each.semilandmarks > 0;

/** What each entry of a card has to be; `beetle-lm export` writes no others.
 * @type {Record<string, (value: any) => boolean>} */
const ENTRIES = {
  part: (part) =>
    text(part?.name) &&
    part.name.trim() !== "" &&
    list(text)(part.landmark_names) &&
    part.landmark_names.length > 0 &&
    list(pair)(part.mirror_pairs) &&
    (part.measurements === undefined ||
      list((each) => text(each?.name) && isOf(each.from, part) && isOf(each.to, part))(part.measurements)) &&
    (part.curves === undefined || list((each) => isCurve(each, part))(part.curves)),
  input_width: (value) => Number.isInteger(value) && value >= 1 && value <= 8192,
  input_height: (value) => Number.isInteger(value) && value >= 1 && value <= 8192,
  channels: (value) => value === 1 || value === 3,
  fit: (value) => value === "letterbox" || value === "stretch",
  version: text,
  weights_sha256: text,
  metrics: list((each) => text(each?.data) && finite(each.photographs) && finite(each.mean_px_256x192)),
  provenance: text,
  licence: text,
  shapes: (value) =>
    value === null ||
    (finite(value?.specimens) &&
      list(pair)(value.mean) &&
      list(list(finite))(value.components) &&
      value.components.every((/** @type {number[]} */ each) => each.length === 2 * value.mean.length) &&
      list(finite)(value.variances) &&
      value.variances.length === value.components.length &&
      value.rest_variance > 0 &&
      value.distance_limit > 0),
  limits: (value) =>
    value?.mean_error > 0 && value.landmark_error > 0 && pair(value.rotation) && pair(value.size),
  photographs: (value) =>
    value === undefined || (finite(value?.number) && text(value.checksums)),
  whole: (value) => value === undefined || (pair(value?.centre) && value.size > 0),
};

/** @param {unknown} number @param {any} part */
function isOf(number, part) {
  return Number.isInteger(number) && Number(number) >= 1 && Number(number) <= part.landmark_names.length;
}

/** The card in a model file. @param {Uint8Array} bytes @returns {Card} */
export function readCard(bytes) {
  let card;
  try {
    card = JSON.parse(cardText(bytes));
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError("is damaged: its card cannot be read");
  }
  if (card?.format !== FORMAT)
    throw new FileError(`has a card of format version ${String(card?.format).slice(0, 60)}, this page reads version ${FORMAT}`);
  for (const [name, fits] of Object.entries(ENTRIES))
    if (!fits(card[name])) throw new FileError(`is damaged: its card has no right ‘${name}’`);
  if (card.shapes && card.shapes.mean.length !== card.part.landmark_names.length)
    throw new FileError("is damaged: its shapes are of another part");
  if (card.whole && !card.shapes)
    throw new FileError("is damaged: a model of whole specimens without their shapes");
  return card;
}
