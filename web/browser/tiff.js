// @ts-check
/** TIFFs, unpacked by UTIF; what their samples mean is said here. */
import { FileError } from "./errors.js";
import { overWhite, to8Bit } from "./levels.js";
import { turnUpright } from "./orientation.js";
import { checkSize } from "./picture.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {Record<string, any> & {width: number, height: number, data: Uint8Array, isLE: boolean}} Page */
/** @typedef {{decode: (bytes: ArrayBuffer) => Page[],
 *   decodeImage: (bytes: ArrayBuffer, page: Page, pages: Page[]) => void}} Utif */

const [SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, MEANING, ORIENTATION, SAMPLES] = [
  ...["t254", "t256", "t257", "t258"],
  ...["t259", "t262", "t274", "t277"],
];
const [PLANAR, PALETTE, EXTRA, FORMAT] = ["t284", "t320", "t338", "t339"];
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXED, YCBCR] = [0, 1, 2, 3, 6];

/** @param {Uint8Array} bytes */
export const isTiff = (bytes) =>
  (bytes[0] === 0x49 && bytes[1] === 0x49 && bytes[2] === 42 && bytes[3] === 0) ||
  (bytes[0] === 0x4d && bytes[1] === 0x4d && bytes[2] === 0 && bytes[3] === 42);

/** The first picture of a TIFF that is no thumbnail, upright, grey or RGB, over white.
 * @param {Uint8Array} bytes @param {Utif} utif @returns {Pixels} */
export function decodeTiff(bytes, utif) {
  const buffer = /** @type {ArrayBuffer} */ (
    bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer
  );
  let page;
  try {
    const pages = utif.decode(buffer);
    page = pages.find((each) => each[WIDTH] && !((each[SUBFILE]?.[0] ?? 0) & 1));
    if (!page) throw new FileError("is not an image that can be read");
    checkSize([page[WIDTH][0], page[HEIGHT][0]]);
    utif.decodeImage(buffer, page, pages);
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError("is damaged, or a TIFF of a kind that is not read here");
  }
  const orientation = page[ORIENTATION]?.[0] ?? 1;
  return turnUpright(flattened(page), orientation >= 1 && orientation <= 8 ? orientation : 1);
}

/** @param {Page} page @returns {Pixels} */
function flattened(page) {
  const { width, height } = page;
  const isJpeg = page[COMPRESSION]?.[0] === 6 || page[COMPRESSION]?.[0] === 7;
  const samples = page[SAMPLES]?.[0] ?? 1;
  const meaning = page[MEANING]?.[0] ?? BLACK_IS_ZERO;
  const known = meaning <= INDEXED || (meaning === YCBCR && isJpeg);
  if (!known || (page[PLANAR]?.[0] === 2 && samples > 1))
    throw new FileError("is a TIFF of a kind that is not read here; save it as PNG or JPEG");
  const all = samplesOf(page, samples);
  if (all.length < width * height * samples) throw new FileError("is truncated: pixels are missing");
  if (meaning === INDEXED) return fromPalette(all, page);
  const channels = meaning === RGB || meaning === YCBCR ? 3 : 1;
  if (samples < channels) throw new FileError("is a TIFF of a kind that is not read here");
  const [values, alpha] = split(all, samples, channels, page[EXTRA]?.[0] ?? 0, width * height);
  const eight = to8Bit(values);
  if (meaning === WHITE_IS_ZERO)
    for (let index = 0; index < eight.length; index += 1) eight[index] = 255 - eight[index];
  const isAlpha = alpha instanceof Uint8Array || alpha instanceof Uint16Array;
  const flat = isAlpha ? overWhite(eight, channels, alpha, page[EXTRA][0] === 1) : eight;
  return { values: flat, width, height, channels };
}

/** @typedef {Uint8Array | Uint16Array | Uint32Array | Int16Array | Float32Array} Values */

/** @param {Page} page @param {number} samples @returns {Values} */
function samplesOf({ data, isLE, width, height, ...tags }, samples) {
  const bits = tags[BITS]?.[0] ?? 1;
  const format = tags[FORMAT]?.[0] ?? 1;
  const count = width * height * samples;
  if (bits === 8) return data.slice(0, count);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (bits === 16 && format <= 2) {
    // UTIF has brought 16 bit into the order of little-endian files.
    const found = new (format === 2 ? Int16Array : Uint16Array)(Math.min(count, data.length >> 1));
    for (let at = 0; at < found.length; at += 1)
      found[at] = format === 2 ? view.getInt16(2 * at, true) : view.getUint16(2 * at, true);
    return found;
  }
  if (bits === 32) {
    const found = new (format === 3 ? Float32Array : Uint32Array)(Math.min(count, data.length >> 2));
    for (let at = 0; at < found.length; at += 1)
      found[at] = format === 3 ? view.getFloat32(4 * at, isLE) : view.getUint32(4 * at, isLE);
    return found;
  }
  if (bits < 8 && samples === 1) {
    const stride = Math.ceil((width * bits) / 8);
    const most = tags[MEANING]?.[0] === INDEXED ? 1 : 255 / ((1 << bits) - 1);
    return Uint8Array.from({ length: count }, (_, index) => {
      const bit = (index % width) * bits;
      const byte = data[Math.floor(index / width) * stride + (bit >> 3)];
      return ((byte >> (8 - bits - (bit & 7))) & ((1 << bits) - 1)) * most;
    });
  }
  throw new FileError(`is a TIFF of ${bits} bit, which are not read here; save it as PNG or JPEG`);
}

/** @param {Values} all @param {number} samples @param {number} channels @param {number} extra
 * @param {number} pixels @returns {[Values, Values | null]} */
function split(all, samples, channels, extra, pixels) {
  if (samples === channels) return [all, null];
  const Kind = /** @type {new (length: number) => Values} */ (all.constructor);
  const values = new Kind(pixels * channels);
  const alpha = extra === 1 || extra === 2 ? new Kind(pixels) : null;
  for (let index = 0; index < pixels; index += 1) {
    for (let channel = 0; channel < channels; channel += 1)
      values[channels * index + channel] = all[samples * index + channel];
    if (alpha) alpha[index] = all[samples * index + channels];
  }
  return [values, alpha];
}

/** @param {Values} indices @param {Page} page @returns {Pixels} */
function fromPalette(indices, { width, height, ...tags }) {
  const palette = tags[PALETTE] ?? [];
  const size = palette.length / 3;
  const values = new Uint8Array(width * height * 3);
  for (let index = 0; index < width * height; index += 1)
    for (let channel = 0; channel < 3; channel += 1)
      values[3 * index + channel] = (palette[channel * size + indices[index]] ?? 0) >> 8;
  return { values, width, height, channels: 3 };
}
