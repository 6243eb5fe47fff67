// @ts-check
/** From what decoders give, in any depth and with transparency, to 8 bit grey or RGB, by the rules
 * of `predict`: the range is that of the bits in use, or of the values in use where they all lie far
 * from zero, without the at most 2 % that lie farther from all others than these reach. */

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */

const SAMPLED = 1 << 18;
const APART = 0.02;
const NONE = 0.0002;
const ALL_WHOLE = 1.5 * 2 ** 52;

/** Whole numbers nearest to others, to the even one where two are as near: a sum so large has no room for
 * more. @param {number} value */
export const rounded = (value) => value + ALL_WHOLE - ALL_WHOLE;

/** Values of any kind as 8 bit, from black to white.
 * @param {Uint8Array | Uint16Array | Uint32Array | Int16Array | Float32Array | Float64Array} values
 * @returns {Uint8Array} */
export function to8Bit(values) {
  if (values instanceof Uint8Array) return values;
  const [low, high] = range(values);
  const factor = 255 / Math.max(high - low, 1e-12);
  const scaled = new Uint8Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = Number.isNaN(values[index]) ? 0 : values[index];
    scaled[index] = rounded(Math.min(Math.max((value - low) * factor, 0), 255));
  }
  return scaled;
}

/** The values that become black and white.
 * @param {ArrayLike<number>} values @returns {[number, number]} */
function range(values) {
  const [low, high] = inUse(values);
  if (values instanceof Uint16Array && low < high / 2) {
    const bits = Math.max(8, Math.floor(Math.log2(Math.max(1, Math.floor(high)))) + 1);
    return [0, 2 ** bits - 1];
  }
  return [low, high];
}

/** @param {ArrayLike<number>} values @returns {[number, number]} */
function inUse(values) {
  let [lowest, highest] = [Infinity, -Infinity];
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (!Number.isFinite(value)) continue;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (lowest > highest) return [0, 1];
  const step = Math.max(1, Math.floor(values.length / SAMPLED)) | 1;
  const sample = new Float64Array(Math.ceil(values.length / step));
  let count = 0;
  for (let index = 0; index < values.length; index += step)
    if (Number.isFinite(values[index])) sample[count++] = values[index];
  const sorted = sample.subarray(0, count).sort();
  const at = (/** @type {number} */ share) => sorted[Math.floor(share * (count - 1))];
  const [low, high] = [at(APART), at(1 - APART)];
  if (!(low < high)) return [lowest, highest];
  const upper = end(sorted, low, highest);
  const mirrored = sorted.map((value) => -value).reverse();
  return [-end(mirrored, -upper, -lowest), upper];
}

/** The highest value that does not lie apart: as far from all others as these reach.
 * @param {Float64Array} ordered @param {number} other @param {number} highest */
function end(ordered, other, highest) {
  const first = Math.floor((1 - APART) * (ordered.length - 1));
  for (let index = first; index < ordered.length; index += 1) {
    const candidate = ordered[index];
    const [here, reach] = [after(ordered, candidate), after(ordered, 2 * candidate - other)];
    if (reach - here <= NONE * ordered.length && ordered.length - here <= APART * ordered.length)
      return highest <= 2 * candidate - other ? highest : candidate;
  }
  return highest;
}

/** How many values are no larger. @param {Float64Array} ordered @param {number} value */
function after(ordered, value) {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ordered[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Pixels with an alpha, over white. An alpha of 0 everywhere does not count.
 * @param {Uint8Array} values @param {number} channels
 * @param {Uint8Array | Uint16Array} alpha of each pixel
 * @param {boolean} [premultiplied]  the values have been multiplied by it */
export function overWhite(values, channels, alpha, premultiplied = false) {
  const whole = alpha instanceof Uint8Array ? 255 : 65535;
  let [least, most] = [Infinity, 0];
  for (let index = 0; index < alpha.length; index += 1) {
    if (alpha[index] < least) least = alpha[index];
    if (alpha[index] > most) most = alpha[index];
  }
  if (most === 0 || least === whole) return values;
  const opaque = new Uint8Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const share = Math.fround(alpha[Math.floor(index / channels)] / whole);
    const front = values[index] * (premultiplied ? 1 : share);
    const value = rounded(front + 255 * (1 - share));
    opaque[index] = Math.min(Math.max(value, 0), 255);
  }
  return opaque;
}

/** 8 bit grey or RGB as the one that is wanted. @param {Pixels} pixels @param {number} channels
 * @returns {Pixels} */
export function inChannels(pixels, channels) {
  const { values, width, height } = pixels;
  if (pixels.channels === channels) return pixels;
  if (channels === 1) {
    const grey = new Uint8Array(width * height);
    for (let index = 0, at = 0; index < grey.length; index += 1, at += 3)
      grey[index] = (9798 * values[at] + 19235 * values[at + 1] + 3735 * values[at + 2] + 16384) >> 15;
    return { values: grey, width, height, channels: 1 };
  }
  const colour = new Uint8Array(width * height * 3);
  for (let index = 0, at = 0; index < values.length; index += 1, at += 3)
    colour[at] = colour[at + 1] = colour[at + 2] = values[index];
  return { values: colour, width, height, channels: 3 };
}
