// @ts-check
/** Pictures made smaller by area averaging and larger by linear interpolation, as OpenCV does it. */
import { rounded } from "./levels.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */

/** @param {Pixels} pixels @param {number} width @param {number} height @returns {Pixels} */
export function resized(pixels, width, height) {
  if (pixels.width === width && pixels.height === height) return pixels;
  const shrinks = width < pixels.width;
  return shrinks && height <= pixels.height
    ? averaged(pixels, width, height)
    : interpolated(pixels, width, height, shrinks);
}

/**
 * @typedef {object} Spread  which values make each new one, and their shares
 * @property {Int32Array} from  where those of each begin; one more at the end
 * @property {Int32Array} source
 * @property {Float32Array} share
 */

/** The values that each new one covers. @param {number} size @param {number} wanted
 * @returns {Spread} */
function covered(size, wanted) {
  const scale = size / wanted;
  /** @type {number[]} */
  const source = [];
  /** @type {number[]} */
  const share = [];
  const from = new Int32Array(wanted + 1);
  for (let index = 0; index < wanted; index += 1) {
    const [begin, end] = [index * scale, (index + 1) * scale];
    const width = Math.min(scale, size - begin);
    const last = Math.min(Math.floor(end), size - 1);
    const first = Math.min(Math.ceil(begin), last);
    /** @param {number} each @param {number} part */
    const add = (each, part) => {
      source.push(each);
      share.push(part / width);
    };
    if (first - begin > 1e-3) add(first - 1, first - begin);
    for (let each = first; each < last; each += 1) add(each, 1);
    if (end - last > 1e-3) add(last, Math.min(end - last, 1, width));
    from[index + 1] = source.length;
  }
  return { from, source: Int32Array.from(source), share: Float32Array.from(share) };
}

/** @param {Pixels} pixels @param {number} width @param {number} height @returns {Pixels} */
function averaged(pixels, width, height) {
  const { channels } = pixels;
  const [wide, tall] = [covered(pixels.width, width), covered(pixels.height, height)];
  const length = width * channels;
  const values = new Uint8Array(length * height);
  const line = new Float32Array(length);
  // Means of two by two OpenCV rounds up, and all others to the even one of two as near.
  const halved = pixels.width === 2 * width && pixels.height === 2 * height;
  const across = new Float32Array(length);
  let row = -1; // which one that is; two new rows may share the one between them
  for (let y = 0; y < height; y += 1) {
    line.fill(0);
    for (let each = tall.from[y]; each < tall.from[y + 1]; each += 1) {
      const source = tall.source[each];
      if (source !== row) {
        acrossRow(pixels, source, wide, across);
        row = source;
      }
      const share = tall.share[each];
      for (let index = 0; index < length; index += 1) line[index] += across[index] * share;
    }
    const to = y * length;
    if (halved) for (let index = 0; index < length; index += 1) values[to + index] = line[index] + 0.5;
    else for (let index = 0; index < length; index += 1) values[to + index] = rounded(line[index]);
  }
  return { values, width, height, channels };
}

/** The means of a row. @param {Pixels} pixels @param {number} row @param {Spread} wide
 * @param {Float32Array} into */
function acrossRow({ values, width, channels }, row, { from, source, share }, into) {
  for (let channel = 0; channel < channels; channel += 1) {
    const begin = row * width * channels + channel;
    for (let x = 1, each = 0, at = channel; x < from.length; x += 1, at += channels) {
      const end = from[x];
      let sum = 0;
      for (; each < end; each += 1) sum += values[begin + source[each] * channels] * share[each];
      into[at] = sum;
    }
  }
}

const FINE = 2048; // OpenCV's shares of two neighbours are whole numbers of this

/**
 * @typedef {object} Between  the two neighbours of each new value, and their shares
 * @property {Int32Array} first
 * @property {Int32Array} second
 * @property {Int32Array} near
 * @property {Int32Array} far
 */

/** @param {number} size @param {number} wanted
 * @param {boolean} area  whether as OpenCV does where it averages along the other axis
 * @returns {Between} */
function between(size, wanted, area) {
  const scale = size / wanted;
  const [first, second] = [new Int32Array(wanted), new Int32Array(wanted)];
  const [near, far] = [new Int32Array(wanted), new Int32Array(wanted)];
  for (let index = 0; index < wanted; index += 1) {
    const centre = Math.fround((index + 0.5) * scale - 0.5);
    let place = Math.floor(area ? index * scale : centre);
    let rest = Math.fround(area ? index + 1 - (place + 1) / scale : centre - place);
    if (area) rest = rest <= 0 ? 0 : rest - Math.floor(rest);
    if (place < 0) [place, rest] = [0, 0];
    if (place >= size - 1) [place, rest] = [size - 1, 0];
    first[index] = place;
    second[index] = Math.min(place + 1, size - 1);
    near[index] = rounded(Math.fround(1 - rest) * FINE);
    far[index] = rounded(rest * FINE);
  }
  return { first, second, near, far };
}

/** @param {Pixels} pixels @param {number} width @param {number} height @param {boolean} area
 * @returns {Pixels} */
function interpolated(pixels, width, height, area) {
  const { channels, values: old } = pixels;
  const [wide, tall] = [between(pixels.width, width, area), between(pixels.height, height, area)];
  const values = new Uint8Array(width * height * channels);
  const stride = pixels.width * channels;
  for (let y = 0, at = 0; y < height; y += 1) {
    const [above, below] = [tall.first[y] * stride, tall.second[y] * stride];
    for (let x = 0; x < width; x += 1)
      for (let channel = 0; channel < channels; channel += 1, at += 1) {
        const [left, right] = [wide.first[x] * channels + channel, wide.second[x] * channels + channel];
        const [near, far] = [wide.near[x], wide.far[x]];
        const top = (old[above + left] * near + old[above + right] * far) >> 4;
        const bottom = (old[below + left] * near + old[below + right] * far) >> 4;
        values[at] = (((tall.near[y] * top) >> 16) + ((tall.far[y] * bottom) >> 16) + 2) >> 2;
      }
  }
  return { values, width, height, channels };
}
