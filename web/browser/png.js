// @ts-check
/** PNGs of every depth; browsers give 8 bit alone, in the colours of the screen. */
import { FileError } from "./errors.js";
import { orientationIn } from "./jpeg-start.js";
import { overWhite, to8Bit } from "./levels.js";
import { turnUpright } from "./orientation.js";
import { checkSize } from "./picture.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */

const START = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const SAMPLES = /** @type {Record<number, number>} */ ({ 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 });
const OF_PICTURE = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);
// First column and row, and steps from one to the next, of the passes of an interlaced picture.
const PASSES = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** @param {Uint8Array} bytes @param {number} start @param {number} end */
function checksum(bytes, start, end) {
  let value = 0xffffffff;
  for (let at = start; at < end; at += 1) value = CHECKSUMS[(value ^ bytes[at]) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** @param {Uint8Array} bytes */
export const isPng = (bytes) => START.every((byte, index) => bytes[index] === byte);

/**
 * @typedef {object} Header
 * @property {number} width
 * @property {number} height
 * @property {number} depth
 * @property {number} kind
 * @property {boolean} interlaced
 */

/** The upright picture, grey or RGB, over white. @param {Uint8Array} bytes @returns {Promise<Pixels>} */
export async function decodePng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** @type {Header | null} */
  let header = null;
  /** @type {Uint8Array} */
  let palette = new Uint8Array();
  /** @type {Uint8Array} */
  let clear = new Uint8Array();
  let [orientation, ends] = [1, false];
  const packed = [];
  for (let at = 8; at + 12 <= bytes.length && !ends; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (OF_PICTURE.has(name) && checksum(bytes, at + 4, end) !== view.getUint32(end))
      throw new FileError(`is damaged: its ${name} chunk has a wrong checksum`);
    const content = bytes.subarray(at + 8, end);
    if (name === "IHDR") header = headerOf(view, at + 8);
    else if (name === "PLTE") palette = content;
    else if (name === "tRNS") clear = content;
    else if (name === "IDAT") packed.push(content);
    else if (name === "eXIf") orientation = orientationIn(content) ?? 1;
    ends = name === "IEND";
    at = end + 4;
  }
  if (!header) throw new FileError("is not an image that can be read");
  if (!ends) throw new FileError("is truncated: the end of the picture is missing");
  checkSize([header.width, header.height]);
  const samples = unfiltered(await inflated(packed), header);
  return turnUpright(flattened(samples, header, palette, clear), orientation);
}

/** @param {DataView} view @param {number} at @returns {Header} */
function headerOf(view, at) {
  const [width, height] = [view.getUint32(at), view.getUint32(at + 4)];
  const [depth, kind] = [view.getUint8(at + 8), view.getUint8(at + 9)];
  if (!SAMPLES[kind] || ![1, 2, 4, 8, 16].includes(depth) || !width || !height)
    throw new FileError("has a damaged header");
  return { width, height, depth, kind, interlaced: view.getUint8(at + 12) === 1 };
}

/** @param {Uint8Array[]} packed @returns {Promise<Uint8Array>} */
async function inflated(packed) {
  const stream = new Blob(/** @type {BlobPart[]} */ (packed)).stream();
  try {
    const unpacked = stream.pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  } catch {
    throw new FileError("is damaged: its pixels cannot be unpacked");
  }
}

/** The samples of all pixels, one after the other. @param {Uint8Array} data @param {Header} header
 * @returns {Uint8Array | Uint16Array} */
function unfiltered(data, { width, height, depth, kind, interlaced }) {
  const count = SAMPLES[kind];
  const samples = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * count);
  let at = 0;
  for (const [x0, y0, dx, dy] of interlaced ? PASSES : [[0, 0, 1, 1]]) {
    const [wide, tall] = [Math.ceil((width - x0) / dx), Math.ceil((height - y0) / dy)];
    if (wide <= 0 || tall <= 0) continue;
    const length = Math.ceil((wide * count * depth) / 8);
    const back = Math.max(1, (count * depth) >> 3);
    /** @type {Uint8Array} */
    let above = new Uint8Array(length);
    for (let y = 0; y < tall; y += 1) {
      if (at + 1 + length > data.length)
        throw new FileError("is damaged: pixels are missing");
      const line = data.subarray(at + 1, at + 1 + length);
      unfilter(line, above, data[at], back);
      above = line;
      at += 1 + length;
      const row = (y0 + y * dy) * width;
      for (let x = 0; x < wide; x += 1)
        for (let index = 0; index < count; index += 1)
          samples[(row + x0 + x * dx) * count + index] = sampleOf(line, x * count + index, depth);
    }
  }
  return samples;
}

/** @param {Uint8Array} line @param {number} index @param {number} depth */
function sampleOf(line, index, depth) {
  if (depth === 8) return line[index];
  if (depth === 16) return (line[2 * index] << 8) | line[2 * index + 1];
  const bit = index * depth;
  return (line[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

/** @param {Uint8Array} line @param {Uint8Array} above @param {number} filter @param {number} back */
function unfilter(line, above, filter, back) {
  if (filter > 4) throw new FileError("is damaged: a line has an unknown filter");
  for (let index = 0; filter && index < line.length; index += 1) {
    const left = index < back ? 0 : line[index - back];
    const up = above[index];
    let guess = filter === 1 ? left : filter === 2 ? up : (left + up) >> 1;
    if (filter === 4) {
      const corner = index < back ? 0 : above[index - back];
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
      guess = a <= b && a <= c ? left : b <= c ? up : corner;
    }
    line[index] += guess;
  }
}

/** @param {Uint8Array | Uint16Array} samples @param {Header} header @param {Uint8Array} palette
 * @param {Uint8Array} clear @returns {Pixels} */
function flattened(samples, { width, height, depth, kind }, palette, clear) {
  const pixels = width * height;
  const own = kind === 3 ? 4 : SAMPLES[kind];
  const channels = own < 3 ? 1 : 3;
  const opaque = own === channels;
  const Kind = depth === 16 ? Uint16Array : Uint8Array;
  const [values, alpha] = [new Kind(pixels * channels), opaque ? null : new Kind(pixels)];
  const most = 255 / ((1 << depth) - 1);
  for (let index = 0; index < pixels; index += 1) {
    if (kind === 3) {
      const entry = samples[index];
      for (let channel = 0; channel < 3; channel += 1)
        values[3 * index + channel] = palette[3 * entry + channel] ?? 0;
      if (alpha) alpha[index] = clear[entry] ?? 255;
      continue;
    }
    for (let channel = 0; channel < channels; channel += 1) {
      const sample = samples[own * index + channel];
      values[channels * index + channel] = depth < 8 ? sample * most : sample;
    }
    if (alpha) alpha[index] = samples[own * index + channels];
  }
  const eight = to8Bit(values);
  return { values: alpha ? overWhite(eight, channels, alpha) : eight, width, height, channels };
}
