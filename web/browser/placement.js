// @ts-check
/** The geometry between a photograph and the input of a model that sees all of it. */
import { rounded } from "./levels.js";
import { resized } from "./resize.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {[number, number]} Point */

/**
 * @typedef {object} Frame  a rectangle of the photograph, in its pixels
 * @property {number} left
 * @property {number} top
 * @property {number} right
 * @property {number} bottom
 *
 * @typedef {object} View  where a photograph lies in a model's input
 * @property {number} imagePixels  the length in image pixels that one pixel of the input covers
 * @property {(xy: Point) => Point} toInput
 * @property {(xy: Point) => Point} toImage
 */

/** @implements {View} */
export class Placement {
  /** @param {Frame} frame @param {Point} inputSize @param {Point} contentSize */
  constructor(frame, inputSize, contentSize) {
    this.frame = frame;
    this.inputSize = inputSize;
    this.contentSize = contentSize;
    /** @type {Point} */
    this.scale = [
      contentSize[0] / (frame.right - frame.left),
      contentSize[1] / (frame.bottom - frame.top),
    ];
    /** @type {Point} */
    this.corner = [
      Math.floor((inputSize[0] - contentSize[0]) / 2),
      Math.floor((inputSize[1] - contentSize[1]) / 2),
    ];
  }

  /** Fits a rectangle of the photograph into the input, centred.
   * @param {Frame} frame @param {Point} inputSize @param {"letterbox" | "stretch"} fit */
  static fit(frame, inputSize, fit) {
    if (fit === "stretch") return new Placement(frame, inputSize, inputSize);
    const [width, height] = [frame.right - frame.left, frame.bottom - frame.top];
    const scale = Math.min(inputSize[0] / width, inputSize[1] / height);
    return new Placement(frame, inputSize, [
      Math.max(1, rounded(width * scale)),
      Math.max(1, rounded(height * scale)),
    ]);
  }

  get imagePixels() {
    return 1 / Math.sqrt(this.scale[0] * this.scale[1]);
  }

  /** @param {Point} xy @returns {Point} */
  toInput([x, y]) {
    return [
      (x - this.frame.left) * this.scale[0] + this.corner[0],
      (y - this.frame.top) * this.scale[1] + this.corner[1],
    ];
  }

  /** @param {Point} xy @returns {Point} */
  toImage([x, y]) {
    return [
      (x - this.corner[0]) / this.scale[0] + this.frame.left,
      (y - this.corner[1]) / this.scale[1] + this.frame.top,
    ];
  }

  /** The model's input: the photograph shrunk by area averaging, its edge repeated on the borders.
   * @param {Pixels} pixels what the frame shows @returns {Pixels} */
  render(pixels) {
    const content = resized(pixels, this.contentSize[0], this.contentSize[1]);
    const [width, height] = this.inputSize;
    if (content.width === width && content.height === height) return content;
    const { channels } = content;
    const [left, top] = this.corner;
    const [length, line, begin] = [content.width, width, left].map((count) => count * channels);
    const values = new Uint8Array(line * height);
    for (let y = 0; y < height; y += 1) {
      const v = Math.min(Math.max(y - top, 0), content.height - 1);
      const row = values.subarray(y * line, (y + 1) * line);
      row.set(content.values.subarray(v * length, (v + 1) * length), begin);
      for (let at = begin - 1; at >= 0; at -= 1) row[at] = row[at + channels];
      for (let at = begin + length; at < line; at += 1) row[at] = row[at - channels];
    }
    return { values, width, height, channels };
  }
}
