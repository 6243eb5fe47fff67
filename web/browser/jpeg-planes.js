// @ts-check
/** The pixels of a JPEG from the planes of its components: as large as the picture, in grey or RGB. */
import { within } from "./jpeg-blocks.js";

/**
 * @typedef {object} Plane
 * @property {Uint8Array} values  its pixels, row by row
 * @property {number} stride  from one row to the next
 * @property {number} wide  how many of its pixels lie along one of the picture
 * @property {number} tall
 *
 * @typedef {object} Pixels
 * @property {Uint8Array} values  row by row, 1 or 3 to a pixel
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 */

/** @param {Plane[]} planes one of brightness, or three @param {number} width @param {number} height
 * @param {boolean} isRgb  they are red, green and blue
 * @param {boolean} isSmooth  planes of half the size are enlarged by a filter
 * @returns {Pixels} */
export function pixelsOf(planes, width, height, isRgb, isSmooth) {
  const cut = planes.map((each) => cutOf(each, width, height, isSmooth));
  if (cut.length === 1) return { values: cut[0], width, height, channels: 1 };
  const values = new Uint8Array(width * height * 3);
  const [first, second, third] = cut;
  for (let index = 0, at = 0; index < first.length; index += 1, at += 3) {
    if (isRgb) {
      values[at] = first[index];
      values[at + 1] = second[index];
      values[at + 2] = third[index];
      continue;
    }
    const [y, b, r] = [first[index], second[index] - 128, third[index] - 128];
    values[at] = within(y + ((91881 * r + 32768) >> 16));
    values[at + 1] = within(y + ((-22554 * b - 46802 * r + 32768) >> 16));
    values[at + 2] = within(y + ((116130 * b + 32768) >> 16));
  }
  return { values, width, height, channels: 3 };
}

/** A plane at the size of the picture.
 * @param {Plane} plane @param {number} width @param {number} height @param {boolean} isSmooth */
function cutOf({ values: plane, stride, wide, tall }, width, height, isSmooth) {
  const values = new Uint8Array(width * height);
  const own = Math.ceil(width * wide);
  if (wide === 0.5 && (tall === 0.5 || tall === 1) && own > 2 && isSmooth) {
    smoothed(plane, stride, [own, Math.ceil(height * tall)], tall === 0.5, values, [width, height]);
    return values;
  }
  for (let y = 0; y < height; y += 1) {
    const row = Math.floor(y * tall) * stride;
    if (wide === 1) values.set(plane.subarray(row, row + width), y * width);
    else
      for (let x = 0; x < width; x += 1) values[y * width + x] = plane[row + Math.floor(x * wide)];
  }
  return values;
}

/** A plane at twice its width, and height, by a triangle filter.
 * @param {Uint8Array} plane @param {number} stride @param {[number, number]} own its size
 * @param {boolean} taller @param {Uint8Array} values @param {[number, number]} size */
function smoothed(plane, stride, [own, lines], taller, values, [width, height]) {
  const line = new Int32Array(own);
  const [all, low, high, shift] = taller ? [4, 8, 7, 4] : [1, 1, 2, 2];
  for (let y = 0; y < height; y += 1) {
    const row = taller ? y >> 1 : y;
    const beside = Math.min(Math.max(y % 2 ? row + 1 : row - 1, 0), lines - 1);
    for (let x = 0; x < own; x += 1) {
      const here = plane[row * stride + x];
      line[x] = taller ? 3 * here + plane[beside * stride + x] : here;
    }
    const to = y * width;
    for (let x = 0; x < width; x += 1) {
      const at = x >> 1;
      const other = x % 2 ? at + 1 : at - 1;
      const ends = other < 0 || other >= own;
      const rounding = x % 2 ? high : low;
      values[to + x] = ends
        ? taller
          ? (line[at] * all + rounding) >> shift
          : line[at]
        : (3 * line[at] + line[other] + rounding) >> shift;
    }
  }
}
