// @ts-check
/** The codes in the data of a JPEG's scan, and the coefficients that they stand for.
 *
 * Most of the time that a photograph takes goes by in `readBlock`: it looks up two coefficients at once.
 */
import { FileError } from "./errors.js";

/**
 * @typedef {object} HuffmanTable
 * @property {Int16Array} short  by the next bits: length and symbol of a code that is no longer
 * @property {Int32Array} most  by length: the last code
 * @property {Int32Array} offset  by length: from a code to the place of its symbol
 * @property {Uint8Array} values  symbols
 * @property {Pairs | null} pairs  made where they are needed
 * @property {Uint16Array | null} passed  by the next bits: how many coefficients and bits one goes on
 *
 * @typedef {object} Pairs  of coefficients, by the next bits that hold both of them whole
 * @property {Int32Array} first  its value, the bits of it alone, the zeros before it, the bits of both; 0
 *   where not even one is whole
 * @property {Int32Array} second  its value, and how far on from the first it is and the next one from it;
 *   the first once more where only that is whole, and a jump to the end where the block ends
 *
 * @typedef {object} Filled
 * @property {number} bits of data, from the beginning
 * @property {number} at  where they end in the file
 *
 * @typedef {object} Coded  a component, of which blocks are read
 * @property {number} before  the last DC coefficient
 * @property {HuffmanTable | null} dc
 * @property {HuffmanTable | null} ac
 */

const SHORT = 11; // bits that are looked up at once
const WINDOW = 1 << 16; // bytes that are ready to be read
const MARGIN = 1 << 14; // more than all blocks of a unit take
const END = 64; // coefficients to go on, to be beyond all

// The place in a block of each coefficient in the order of the file.
export const ZIGZAG = zigzag();

function zigzag() {
  const order = new Uint8Array(64 + 16).fill(63); // a damaged run ends there
  let [x, y] = [0, 0];
  for (let index = 0; index < 64; index += 1) {
    order[index] = 8 * y + x;
    const up = (x + y) % 2 === 0;
    if (up) {
      if (x === 7) y += 1;
      else if (y === 0) x += 1;
      else [x, y] = [x + 1, y - 1];
    } else if (y === 7) x += 1;
    else if (x === 0) y += 1;
    else [x, y] = [x - 1, y + 1];
  }
  return order;
}

/** @param {Uint8Array} bytes @param {number} start @param {number} end
 * @param {(HuffmanTable | null)[]} tables */
export function readHuffman(bytes, start, end, tables) {
  let at = start;
  while (at + 17 <= end) {
    const place = bytes[at] & 15;
    const index = (bytes[at] >> 4) * 4 + place;
    if (place > 3 || bytes[at] >> 4 > 1) throw new FileError("is damaged: a table has no place");
    const counts = bytes.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total > 256 || at + 17 + total > end)
      throw new FileError("is damaged: Bogus Huffman table definition");
    tables[index] = huffman(counts, bytes.slice(at + 17, at + 17 + total));
    at += 17 + total;
  }
}

/** @param {Uint8Array} counts @param {Uint8Array} values @returns {HuffmanTable} */
function huffman(counts, values) {
  const short = new Int16Array(1 << SHORT);
  const most = new Int32Array(18).fill(-1);
  const offset = new Int32Array(18);
  let [code, index] = [0, 0];
  for (let length = 1; length <= 16; length += 1) {
    offset[length] = index - code;
    for (let more = counts[length - 1]; more > 0; more -= 1) {
      if (length <= SHORT) {
        const first = code << (SHORT - length);
        short.fill((length << 8) | values[index], first, first + (1 << (SHORT - length)));
      }
      code += 1;
      index += 1;
    }
    if (code > 1 << length) throw new FileError("is damaged: Bogus Huffman table definition");
    most[length] = counts[length - 1] ? code - 1 : -1;
    code <<= 1;
  }
  most[17] = 0x7fffffff;
  return { short, most, offset, values, pairs: null, passed: null };
}

/** @param {Int16Array} short @returns {Pairs} */
function pairsOf(short) {
  const [first, second] = [new Int32Array(1 << SHORT), new Int32Array(1 << SHORT)];
  for (let bits = 0; bits < short.length; bits += 1) {
    const [length, run, size] = [short[bits] >> 8, (short[bits] >> 4) & 15, short[bits] & 15];
    const taken = length + size;
    if (!short[bits] || taken > SHORT) continue;
    if (!size) {
      const isRun = run === 15; // all others end the block
      first[bits] = (length << 12) | (isRun ? 15 << 8 : 0) | length;
      second[bits] = (isRun ? 1 : END) << 8;
      continue;
    }
    const value = numberIn(bits, taken, size);
    const rest = (bits << taken) & ((1 << SHORT) - 1);
    const other = short[rest];
    const [more, zeros, wide] = [other >> 8, (other >> 4) & 15, other & 15];
    let all = taken + more + wide;
    const fits = other !== 0 && all <= SHORT;
    if (fits && wide) second[bits] = (numberIn(rest, more + wide, wide) << 16) | (1 << 8) | (zeros + 1);
    else if (fits && !zeros) second[bits] = (value << 16) | (END << 8);
    else {
      second[bits] = (value << 16) | (1 << 8);
      all = taken;
    }
    first[bits] = (value << 16) | (taken << 12) | (run << 8) | all;
  }
  return { first, second };
}

/** The number in bits that are looked up. @param {number} bits @param {number} end behind it
 * @param {number} size */
const numberIn = (bits, end, size) => signed((bits >> (SHORT - end)) & ((1 << size) - 1), size);

/** @param {Int16Array} short */
function passedOf(short) {
  return Uint16Array.from(short, (entry) => {
    const [length, run, size] = [entry >> 8, (entry >> 4) & 15, entry & 15];
    if (!entry) return 0;
    const far = size || run === 15 ? run + 1 : END;
    return (far << 8) | (length + size);
  });
}

/** A number of so many bits, of either sign. @param {number} number @param {number} size */
const signed = (number, size) => (number < 1 << (size - 1) ? number - (1 << size) + 1 : number);

/** Reads codes out of the data of a scan: what lies ahead is there without the bytes that only tell data
 * from markers, so that any 25 bits can be taken at once. */
export class Bits {
  #bytes;
  #file; // the same
  #data = new Uint8Array(WINDOW + MARGIN);
  #ends = false; // whether the data end in the window
  view = new DataView(this.#data.buffer);
  position = 0; // of the next bit
  limit = 0; // the position up to which a unit can be read
  #before = 0; // bits of data before the window
  /** @type {Filled[]} what the window has reached */
  filled = [];
  #end = 0; // the position behind the last bit
  #at = 0; // the first byte of the file that is not in the window

  /** @param {Uint8Array} bytes @param {number} at */
  constructor(bytes, at) {
    this.#bytes = bytes;
    this.#file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#begin(at);
  }

  /** How many bits of data have been read, from the beginning. */
  get passed() {
    return this.#before + this.position;
  }

  /** @param {number} at */
  #begin(at) {
    this.#at = at;
    this.filled = [{ bits: 0, at }];
    this.#ends = false;
    this.position = this.#end = 0;
    this.fill();
  }

  /** Gets more ready, or refuses data that ended before what was read of them; once the limit has been
   * passed. */
  fill() {
    if (this.#ends) throw new FileError("is damaged: premature end of data segment");
    const [bytes, data, { view }] = [this.#bytes, this.#data, this];
    data.copyWithin(0, this.position >> 3, this.#end >> 3);
    let to = (this.#end >> 3) - (this.position >> 3);
    let at = this.#at;
    while (to < WINDOW) {
      if (at + 4 <= bytes.length) {
        const four = this.#file.getUint32(at);
        if (((~four - 0x01010101) & four & 0x80808080) === 0) {
          view.setUint32(to, four); // no byte of these is 0xff
          at += 4;
          to += 4;
          continue;
        }
      }
      const byte = bytes[at];
      if (byte === 0xff) {
        if (bytes[at + 1] !== 0) break;
        at += 1;
      } else if (at >= bytes.length) break;
      at += 1;
      data[to] = byte;
      to += 1;
    }
    data.fill(0, to, to + MARGIN); // of a unit that is not there whole
    this.#at = at;
    this.#ends = to < WINDOW;
    this.#before += this.position & ~7;
    this.position &= 7;
    this.#end = 8 * to;
    this.filled.push({ bits: this.#before + this.#end, at });
    this.limit = this.#ends ? this.#end : this.#end - 8 * MARGIN;
  }

  /** @param {number} length 1 to 16 */
  take(length) {
    const ahead = this.view.getUint32(this.position >> 3) << (this.position & 7);
    this.position += length;
    return ahead >>> (32 - length);
  }

  /** A number that is written in so many bits, of either sign. @param {number} length */
  signed(length) {
    return signed(this.take(length), length);
  }

  /** @param {HuffmanTable} table */
  code(table) {
    const next = this.view.getUint32(this.position >> 3) << (this.position & 7);
    const found = table.short[next >>> (32 - SHORT)];
    if (found) {
      this.position += found >> 8;
      return found & 255;
    }
    const ahead = next >>> 16;
    let length = SHORT + 1;
    while (length < 17 && ahead >> (16 - length) > table.most[length]) length += 1;
    if (length > 16) throw new FileError("is damaged: bad Huffman code");
    this.position += length;
    return table.values[table.offset[length] + (ahead >> (16 - length))];
  }

  /** The bytes of the file that are in the window and were not needed. */
  get #unused() {
    const count = Math.max(0, (this.#end - this.position) >> 3);
    const last = this.#end >> 3;
    const told = this.#data.subarray(last - count, last).filter((byte) => byte === 0xff);
    return count + told.length;
  }

  /** The next marker; bytes before it that are no data mean damage, unless there are few of them.
   * @param {number} few */
  markerBehind(few) {
    const bytes = this.#bytes;
    const begin = this.#at - this.#unused;
    let at = this.#at;
    while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] && bytes[at + 1] !== 0xff)) at += 1;
    if (at >= bytes.length) throw new FileError("is damaged: Premature end of JPEG file");
    const idle = bytes.subarray(begin, at).every((byte) => byte === 0 || byte === 0xff);
    if (at - begin > few && !idle)
      throw new FileError(
        `is damaged: ${at - begin} extraneous bytes before marker 0x${bytes[at + 1].toString(16)}`,
      );
    return { marker: bytes[at + 1], end: at + 2 };
  }

  /** Goes on behind the marker of an interval. @param {number} number */
  restart(number) {
    const { marker, end } = this.markerBehind(2);
    if (marker !== 0xd0 + number)
      throw new FileError(`is damaged: found marker 0x${marker.toString(16)} instead of RST${number}`);
    this.#begin(end);
  }
}

/** @param {HuffmanTable | null} table @returns {HuffmanTable} */
export function needed(table) {
  if (!table) throw new FileError("is damaged: a table is missing");
  return table;
}

/** @param {Bits} bits @param {Coded} component */
export function readDc(bits, component) {
  const length = bits.code(needed(component.dc));
  if (length > 15) throw new FileError("is damaged: bad Huffman code");
  component.before += length ? bits.signed(length) : 0;
}

/** Reads a block of a picture that comes in one scan, in the order of rows, into one of zeros.
 * @param {Bits} bits @param {Coded} component @param {Int16Array} block
 * @param {number} at  where it begins in `block` */
export function readBlock(bits, component, block, at) {
  readDc(bits, component);
  block[at] = component.before;
  const table = needed(component.ac);
  const { first, second } = (table.pairs ??= pairsOf(table.short));
  const { view } = bits;
  let { position } = bits;
  for (let index = 1; index < 64; ) {
    const next = (view.getUint32(position >> 3) << (position & 7)) >>> (32 - SHORT);
    const found = first[next];
    if (found !== 0) {
      index += (found >> 8) & 15;
      block[at + ZIGZAG[index]] = found >> 16;
      if (index >= 63) {
        position += (found >> 12) & 15;
        break;
      }
      position += found & 255;
      const other = second[next];
      index += other & 255;
      block[at + ZIGZAG[index]] = other >> 16;
      index += (other >> 8) & 255;
      continue;
    }
    bits.position = position;
    const code = bits.code(table);
    const [run, size] = [code >> 4, code & 15];
    index += run;
    if (size !== 0) block[at + ZIGZAG[index]] = bits.signed(size);
    else if (run !== 15) index += END;
    index += 1;
    position = bits.position;
  }
  bits.position = position;
}

/** Goes over a block whose coefficients nobody wants. @param {Bits} bits @param {Coded} component */
export function passBlock(bits, component) {
  readDc(bits, component);
  const table = needed(component.ac);
  const passed = (table.passed ??= passedOf(table.short));
  const { view } = bits;
  let { position } = bits;
  for (let index = 1; index < 64; ) {
    const found = passed[(view.getUint32(position >> 3) << (position & 7)) >>> (32 - SHORT)];
    if (found !== 0) {
      position += found & 255;
      index += found >> 8;
      continue;
    }
    bits.position = position;
    const code = bits.code(table);
    const [run, size] = [code >> 4, code & 15];
    position = bits.position + size;
    index += size || run === 15 ? run + 1 : END;
  }
  bits.position = position;
}
