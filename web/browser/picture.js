// @ts-check
/** A photograph read upright, as large as it has to be for a model. */
import { FileError } from "./errors.js";
import { decodeJpeg } from "./jpeg.js";
import { checkWhole, readStart } from "./jpeg-start.js";
import { inChannels } from "./levels.js";
import { toUpright, turnUpright, uprightSize } from "./orientation.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {import("./placement.js").Frame} Frame */
/** @typedef {[number, number]} Pair */

/**
 * @typedef {object} Picture
 * @property {Pixels} pixels  fewer than the photograph has where it was decoded at a reduced scale
 * @property {Pair} size  width and height of the whole photograph, upright
 * @property {Frame} frame  what `pixels` covers: whole blocks, so a little more than the photograph
 */

const SMALLEST_SIDE = 8;
export const MOST_PIXELS = 500_000_000;

/** @param {Pair} size */
export function checkSize([width, height]) {
  if (Math.min(width, height) < SMALLEST_SIDE)
    throw new FileError(`is too small to show anything (${width} x ${height} pixels)`);
  if (width * height > MOST_PIXELS)
    throw new FileError(
      `is too large to be decoded: ${width} x ${height} pixels, the limit is ${MOST_PIXELS} pixels`,
    );
}

/** A JPEG, decoded no smaller than it has to be to fill a box in one direction.
 * @param {Uint8Array} bytes @param {number} channels 1 or 3 @param {Pair} atLeast
 * @param {import("./jpeg-rest.js").ReadRest | null} readRest  reads some of it at the same time
 * @returns {Promise<Picture>} */
export async function readJpeg(bytes, channels, atLeast, readRest) {
  const { size: stored, orientation } = readStart(bytes);
  const size = uprightSize(stored, orientation);
  checkSize(size);
  checkWhole(bytes);
  const shrink = Math.max(size[0] / atLeast[0], size[1] / atLeast[1]);
  const reduction = [8, 4, 2].find((factor) => factor <= shrink) ?? 1;
  const decoded = inChannels(await decodeJpeg(bytes, channels, reduction, readRest), channels);
  const frame = covered(decoded, size, orientation, reduction);
  return { pixels: turnUpright(decoded, orientation), size, frame };
}

/** @param {Pixels} decoded @param {Pair} size @param {number} orientation @param {number} reduction
 * @returns {Frame} */
function covered(decoded, size, orientation, reduction) {
  if (reduction === 1) return whole(size);
  /** @type {Pair} */
  const corner = [decoded.width * reduction, decoded.height * reduction];
  const [a, b] = [toUpright([0, 0], orientation, size), toUpright(corner, orientation, size)];
  const [left, right] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [top, bottom] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  return { left, top, right, bottom };
}

/** @param {Pair} size @returns {Frame} */
const whole = ([width, height]) => ({ left: 0, top: 0, right: width, bottom: height });

/** A photograph of which all pixels were decoded, upright.
 * @param {Pixels} pixels @param {number} channels @returns {Picture} */
export function asPicture(pixels, channels) {
  /** @type {Pair} */
  const size = [pixels.width, pixels.height];
  checkSize(size);
  return { pixels: inChannels(pixels, channels), size, frame: whole(size) };
}
