// @ts-check
/** A photograph turned and scaled into a model's input. */
import { resized } from "./resize.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {import("./placement.js").View} View */
/** @typedef {[number, number]} Point */
/** @typedef {[number, number, number, number, number, number]} Matrix  of an affine map, two rows */

const SHARPER = 0.35; // levels: a picture is halved when it has 1.57 times the pixels wanted, per side

/** @param {Matrix} matrix @param {Point} xy @returns {Point} */
const mapped = ([a, b, c, d, e, f], [x, y]) => [a * x + b * y + c, d * x + e * y + f];

/** @param {Matrix} matrix @returns {Matrix} */
function inverse([a, b, c, d, e, f]) {
  const whole = a * e - b * d;
  const [p, q, r, s] = [e / whole, -b / whole, -d / whole, a / whole];
  return [p, q, -p * c - q * f, r, s, -r * c - s * f];
}

/** @param {Matrix} matrix */
const area = ([a, b, , d, e]) => Math.abs(a * e - b * d);

/** @implements {View} */
export class Window {
  /** @param {Matrix} matrix from the photograph to the input @param {Point} inputSize */
  constructor(matrix, inputSize) {
    this.matrix = matrix;
    this.back = inverse(matrix);
    this.inputSize = inputSize;
  }

  get imagePixels() {
    return 1 / Math.sqrt(area(this.matrix));
  }

  /** @param {Point} xy */
  toInput(xy) {
    return mapped(this.matrix, xy);
  }

  /** @param {Point} xy */
  toImage(xy) {
    return mapped(this.back, xy);
  }

  /** The model's input; the photograph's edge is repeated where the window reaches beyond it.
   * @param {import("./picture.js").Picture} picture @returns {Pixels} */
  render({ pixels, frame }) {
    const [a, b, c, d, e, f] = this.matrix;
    const [wide, tall] = [
      (frame.right - frame.left) / pixels.width,
      (frame.bottom - frame.top) / pixels.height,
    ];
    /** @type {Matrix} */
    const matrix = [
      a * wide,
      b * tall,
      a * frame.left + b * frame.top + c,
      d * wide,
      e * tall,
      d * frame.left + e * frame.top + f,
    ];
    return warped(pixels, matrix, this.inputSize);
  }
}

/** @param {Pixels} pixels @param {Matrix} matrix from its continuous coordinates to those wanted
 * @param {Point} size @returns {Pixels} */
function warped(pixels, matrix, size) {
  const level = Math.max(0, Math.floor(Math.log2(1 / Math.sqrt(area(matrix))) + SHARPER));
  let smaller = pixels;
  for (let step = 0; step < level && Math.min(smaller.width, smaller.height) > 1; step += 1)
    smaller = resized(smaller, smaller.width >> 1, smaller.height >> 1);
  const [wide, tall] = [pixels.width / smaller.width, pixels.height / smaller.height];
  const [a, b, c, d, e, f] = matrix;
  return sampled(smaller, inverse([a * wide, b * tall, c, d * wide, e * tall, f]), size);
}

/** @param {Pixels} pixels @param {Matrix} back from what is wanted to the picture
 * @param {Point} size @returns {Pixels} */
function sampled({ values, width, height, channels }, back, [wide, tall]) {
  const [a, b, c, d, e, f] = back;
  const found = new Uint8Array(wide * tall * channels);
  const [right, bottom] = [width - 1, height - 1];
  for (let y = 0; y < tall; y += 1)
    for (let x = 0; x < wide; x += 1) {
      const [u, v] = [a * (x + 0.5) + b * (y + 0.5) + c - 0.5, d * (x + 0.5) + e * (y + 0.5) + f - 0.5];
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const [p, q] = [u - left, v - top];
      const x0 = Math.min(Math.max(left, 0), right);
      const x1 = Math.min(Math.max(left + 1, 0), right);
      const y0 = Math.min(Math.max(top, 0), bottom) * width;
      const y1 = Math.min(Math.max(top + 1, 0), bottom) * width;
      for (let channel = 0; channel < channels; channel += 1) {
        const above =
          values[(y0 + x0) * channels + channel] * (1 - p) + values[(y0 + x1) * channels + channel] * p;
        const below =
          values[(y1 + x0) * channels + channel] * (1 - p) + values[(y1 + x1) * channels + channel] * p;
        found[(y * wide + x) * channels + channel] = Math.round(above * (1 - q) + below * q);
      }
    }
  return { values: found, width: wide, height: tall, channels };
}
