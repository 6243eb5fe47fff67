// @ts-check
/** What a JPEG says before its pixels, and whether its end is there. */
import { FileError } from "./errors.js";

const EXIF = "Exif\0\0";
const XMP = "http://ns.adobe.com/xap/1.0/\0";
const ORIENTATION = 0x0112;
const PADDING = 4096;
const MOST_SCANS = 100; // encoders make 10 or so; each is another pass over the whole picture

/**
 * @typedef {object} Segment
 * @property {number} marker  its second byte
 * @property {number} start  of its content
 * @property {number} end
 */

/** Whether this is the beginning of a JPEG. @param {Uint8Array} bytes */
export const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8;

/** @param {Uint8Array} bytes @param {number} at */
const number = (bytes, at) => (bytes[at] << 8) | bytes[at + 1];

/** The segment that begins at or after a place; null where there is none.
 * @param {Uint8Array} bytes @param {number} from @returns {Segment | null} */
export function segmentAt(bytes, from) {
  let at = from;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return null;
    while (bytes[at] === 0xff) at += 1;
    if (at >= bytes.length) return null;
    const marker = bytes[at];
    at += 1;
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    if (marker === 0xd9) return { marker, start: at, end: at };
    const length = number(bytes, at);
    if (at + 2 > bytes.length || length < 2) return null;
    return { marker, start: at + 2, end: at + length };
  }
}

/** Whether a marker is that of a picture's size. @param {number} marker */
export const isFrame = (marker) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** Width and height of the stored picture, and its EXIF orientation.
 * @param {Uint8Array} bytes
 * @returns {{size: [number, number], orientation: number}} */
export function readStart(bytes) {
  /** @type {[number, number] | null} */
  let size = null;
  /** @type {number | null} */
  let orientation = null;
  let xmp = "";
  let at = 2;
  for (let segment = segmentAt(bytes, at); segment; segment = segmentAt(bytes, at)) {
    const { marker, start, end } = segment;
    if (marker === 0xda || marker === 0xd9) break;
    if (end > bytes.length) break;
    if (isFrame(marker)) size = [number(bytes, start + 3), number(bytes, start + 1)];
    if (marker === 0xe1) {
      if (begins(bytes, start, EXIF))
        orientation ??= orientationIn(bytes.subarray(start + EXIF.length, end));
      else if (begins(bytes, start, XMP))
        xmp += new TextDecoder("latin1").decode(bytes.subarray(start + XMP.length, end));
    }
    at = end;
  }
  if (!size) throw new FileError("is not an image that can be read");
  if (!size[0] || !size[1]) throw new FileError("has no pixels");
  const written = /tiff:Orientation(?:="|>)([1-8])/.exec(xmp);
  return { size, orientation: orientation ?? (written ? Number(written[1]) : 1) };
}

/** @param {Uint8Array} bytes @param {number} at @param {string} text */
function begins(bytes, at, text) {
  for (let index = 0; index < text.length; index += 1)
    if (bytes[at + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** The orientation in EXIF data; null where they name none.
 * @param {Uint8Array} exif @returns {number | null} */
export function orientationIn(exif) {
  if (exif.length < 8) return null;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const little = view.getUint16(0) === 0x4949;
  const first = view.getUint32(4, little);
  if (first + 2 > exif.length) return null;
  const entries = view.getUint16(first, little);
  for (let index = 0; index < entries; index += 1) {
    const at = first + 2 + 12 * index;
    if (at + 12 > exif.length) return null;
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    const isLong = view.getUint16(at + 2, little) === 4;
    const value = isLong ? view.getUint32(at + 8, little) : view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return null;
}

/** Refuses a JPEG whose end is missing, or that would take hours. @param {Uint8Array} bytes */
export function checkWhole(bytes) {
  let end = bytes.length;
  while (end > bytes.length - PADDING && bytes[end - 1] === 0) end -= 1;
  let ends = bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
  let scans = 0;
  let components = 0; // of a picture that need not come in several scans
  let at = 2;
  for (let segment = segmentAt(bytes, at); segment; segment = segmentAt(bytes, at)) {
    if (segment.marker === 0xd9) {
      ends = true;
      break;
    }
    if (isFrame(segment.marker) && segment.marker < 0xc2) components = bytes[segment.start + 5];
    if (segment.marker === 0xda) {
      scans += 1;
      if (ends && bytes[segment.start] === components) break; // all of it is in one
    }
    at = segment.end;
  }
  if (!ends) throw new FileError("is truncated: the end of the picture is missing");
  if (scans > MOST_SCANS)
    throw new FileError(`is a JPEG of ${scans} scans, which take too long to decode`);
}
