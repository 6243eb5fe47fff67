// @ts-check
/** The second half of a scan's data, which a partner reads while the first is being read.
 *
 * Nothing in the data tells where a unit begins. But whoever begins anywhere is in step before long: one of
 * the units that are read begins where one does, and from there on all of them do. Who reads the first half
 * goes on into the second until that is so, and takes the rest as it was read. Only DC coefficients, which are
 * sums of differences, are still apart by what they were at that place.
 */
import { Bits } from "./jpeg-codes.js";

/** @typedef {import("./jpeg-codes.js").Filled} Filled */

/**
 * @typedef {object} Rest
 * @property {number} count  units that were read
 * @property {Float64Array} starts  where each of them begins and the last one ends, in bits of the data
 * @property {Filled[]} filled  how far the data had been got ready
 * @property {Int16Array} kept  the coefficients of their blocks, of those components alone that are wanted
 *
 * @typedef {(without: Without, channels: number, reduction: number) => Promise<Rest | null>} ReadRest
 *   reads the second half; null where it cannot
 *
 * @typedef {object} Without  what a JPEG is without the first half of its data
 * @property {Uint8Array} bytes  all of it
 * @property {number} start of the data
 * @property {number} middle
 */

const LEAST = 1 << 18; // bytes of data that are worth it
const FIRST = 0.44; // of the data: who reads these draws the others too

export class SecondHalf {
  begins = Infinity; // in bits of data, once whoever reads the first half has come near
  #without;
  #coming;
  #next = 0; // the first unit of the rest that may be the one that is asked for

  /** Lets the second half be read; null where there is too little.
   * @param {Uint8Array} bytes @param {number} start of the data
   * @param {(without: Without) => Promise<Rest | null>} read */
  static begin(bytes, start, read) {
    if (bytes.length - start < LEAST) return null;
    let middle = Math.round(start + FIRST * (bytes.length - start));
    while (bytes[middle - 1] === 0xff) middle += 1; // not between a byte and what tells it from a marker
    const without = { bytes, start, middle };
    return new SecondHalf(without, read(without));
  }

  /** @param {Without} without @param {Promise<Rest | null>} coming */
  constructor(without, coming) {
    this.#without = without;
    this.#coming = coming;
  }

  /** Learns how far the first half has been got ready. @param {Filled[]} filled */
  learn(filled) {
    const { bytes, middle } = this.#without;
    const [before, now] = filled.slice(-2);
    if (before.at <= middle && middle < now.at)
      this.begins = before.bits + 8 * dataBetween(bytes, before.at, middle);
  }

  /** What was read from a unit on; null where no unit begins there.
   * @param {number} passed bits of data
   * @returns {Promise<{rest: Rest, from: number} | null>} */
  async from(passed) {
    const rest = await this.#coming;
    if (!rest) return null;
    const here = passed - this.begins;
    while (this.#next < rest.count && rest.starts[this.#next] < here) this.#next += 1;
    const found = this.#next < rest.count && rest.starts[this.#next] === here;
    return found ? { rest, from: this.#next } : null;
  }

  /** Reads on behind units of the rest. @param {Rest} rest @param {number} unit */
  readerAt({ starts, filled }, unit) {
    const { bytes, start, middle } = this.#without;
    const known = filled.filter(({ bits }) => bits <= starts[unit]);
    const { bits, at } = known[known.length - 1];
    const more = starts[unit] - bits;
    const reader = new Bits(bytes, placeOf(bytes, at - start + middle, Math.floor(more / 8)));
    reader.position = more % 8;
    return reader;
  }
}

/** The bytes of a JPEG without the first half of its data.
 * @param {Without} without @param {Uint8Array | null} into  has room for them, if it is large enough */
export function bytesWithout({ bytes, start, middle }, into) {
  const length = start + bytes.length - middle;
  const room = into && into.buffer.byteLength >= length ? into.buffer : new ArrayBuffer(length);
  const left = new Uint8Array(room, 0, length);
  left.set(bytes.subarray(0, start));
  left.set(bytes.subarray(middle), start);
  return left;
}

/** How many bytes of data there are, without those that only tell others from markers.
 * @param {Uint8Array} bytes @param {number} start @param {number} end */
function dataBetween(bytes, start, end) {
  let count = end - start;
  for (let at = bytes.indexOf(0xff, start); at >= 0 && at < end; at = bytes.indexOf(0xff, at + 2)) count -= 1;
  return count;
}

/** Where a byte of the data is in the file.
 * @param {Uint8Array} bytes @param {number} start of the data @param {number} number of the byte, from there */
function placeOf(bytes, start, number) {
  let place = start + number;
  for (let at = bytes.indexOf(0xff, start); at >= 0 && at < place; at = bytes.indexOf(0xff, at + 2)) place += 1;
  return place;
}
