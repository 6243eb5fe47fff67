// @ts-check
/** A photograph of any kind, from the bytes of its file. */
import { FileError, UnknownKind } from "./errors.js";
import { isJpeg } from "./jpeg-start.js";
import { overWhite } from "./levels.js";
import { asPicture, checkSize, readJpeg } from "./picture.js";
import { decodePng, isPng } from "./png.js";
import { decodeTiff, isTiff } from "./tiff.js";

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {[number, number]} Pair */

/** Reads a photograph upright.
 * @param {Uint8Array} bytes @param {number} channels 1 for grey, 3 for RGB
 * @param {Pair} atLeast  width and height of the box that it has to fill in one direction
 * @param {() => Promise<import("./tiff.js").Utif>} utif  fetches what unpacks TIFFs
 * @param {import("./jpeg-rest.js").ReadRest | null} readRest  reads some of a JPEG at the same time
 * @returns {Promise<Picture>} */
export async function readPhotograph(bytes, channels, atLeast, utif, readRest) {
  if (!bytes.length) throw new FileError("is empty (0 bytes)");
  if (isJpeg(bytes))
    try {
      return await readJpeg(bytes, channels, atLeast, readRest);
    } catch (error) {
      if (!(error instanceof UnknownKind)) throw error;
      return asPicture(await byBrowser(bytes), channels);
    }
  if (isPng(bytes)) return asPicture(await decodePng(bytes), channels);
  if (isTiff(bytes)) return asPicture(decodeTiff(bytes, await utif()), channels);
  return asPicture(await byBrowser(bytes), channels);
}

/** What the browser makes of a picture: WebP, GIF, BMP, and rare JPEGs.
 * @param {Uint8Array} bytes @returns {Promise<Pixels>} */
async function byBrowser(bytes) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([/** @type {BlobPart} */ (bytes)]), {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw new FileError("is not an image that can be read");
  }
  const { width, height } = bitmap;
  try {
    checkSize([width, height]);
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new FileError("cannot be decoded: there is not enough memory");
    context.drawImage(bitmap, 0, 0);
    return overWhiteIn(context.getImageData(0, 0, width, height));
  } finally {
    bitmap.close();
  }
}

/** @param {ImageData} image @returns {Pixels} */
function overWhiteIn({ data, width, height }) {
  const [values, alpha] = [new Uint8Array(width * height * 3), new Uint8Array(width * height)];
  for (let index = 0; index < alpha.length; index += 1) {
    for (let channel = 0; channel < 3; channel += 1)
      values[3 * index + channel] = data[4 * index + channel];
    alpha[index] = data[4 * index + 3];
  }
  return { values: overWhite(values, 3, alpha), width, height, channels: 3 };
}

/** A picture that every browser shows, of one that it may not.
 * @param {Uint8Array} bytes @param {() => Promise<import("./tiff.js").Utif>} utif
 * @returns {Promise<Blob>} */
export async function asShown(bytes, utif) {
  const { pixels } = await readPhotograph(bytes, 3, [Infinity, Infinity], utif, null);
  const { width, height, values } = pixels;
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let index = 0; index < width * height; index += 1)
    for (let channel = 0; channel < 3; channel += 1)
      data[4 * index + channel] = values[3 * index + channel];
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}
