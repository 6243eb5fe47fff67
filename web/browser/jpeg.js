// @ts-check
/** JPEGs decoded at a scale of 1, 1/2, 1/4 or 1/8, to the digits of libjpeg.
 *
 * Browsers decode all pixels, through colour profiles, and tell nobody of damage. This makes the
 * picture that a model was trained on: at a reduced scale each pixel is the mean of those it covers,
 * computed from the coefficients of its block, and of a colour photograph for a grey model only the
 * brightness is computed at all.
 */
import { FileError, UnknownKind } from "./errors.js";
import { DRAW, factorsOf, within } from "./jpeg-blocks.js";
import { Bits, needed, passBlock, readBlock, readDc, readHuffman, ZIGZAG } from "./jpeg-codes.js";
import { isFrame, segmentAt } from "./jpeg-start.js";

/** @typedef {import("./jpeg-codes.js").HuffmanTable} HuffmanTable */

/**
 * @typedef {object} Component
 * @property {number} id
 * @property {number} h  how many of its blocks lie side by side in a unit
 * @property {number} v
 * @property {number} table  of quantisation
 * @property {Int32Array | null} factors  of its coefficients, by that table
 * @property {number} blocks  in a line, those of half units too
 * @property {number} lines
 * @property {number} own  blocks in a line that hold pixels
 * @property {number} ownLines
 * @property {Int16Array | null} kept  all coefficients, where they come in several scans
 * @property {Uint8Array | null} plane  its pixels
 * @property {number} side  pixels along a side of a block
 * @property {number} before  the last DC coefficient
 * @property {HuffmanTable | null} dc
 * @property {HuffmanTable | null} ac
 *
 * @typedef {object} Pixels
 * @property {Uint8Array} values  row by row, 1 or 3 to a pixel
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 */

const AHEAD = 8; // bytes behind a scan that libjpeg may have read as well, and does not complain of

class Decoder {
  /** @param {Uint8Array} bytes @param {number} channels @param {number} reduction */
  constructor(bytes, channels, reduction) {
    this.bytes = bytes;
    this.channels = channels;
    this.side = 8 / reduction;
    /** @type {(HuffmanTable | null)[]} four of DC, then four of AC */
    this.tables = Array(8).fill(null);
    /** @type {(Uint16Array | null)[]} */
    this.quantisation = Array(4).fill(null);
    /** @type {Component[]} */
    this.components = [];
    this.progressive = false;
    this.interval = 0;
    this.width = this.height = 0;
    /** @type {number | null} */
    this.adobe = null;
    this.jfif = false;
    this.work = new Int32Array(64);
    this.block = new Int16Array(64);
    this.blank = new Float64Array(this.block.buffer); // the same, to be made zeros four at a time
    this.skip = 0; // blocks without further coefficients in this band
  }

  /** @returns {Pixels} */
  decode() {
    const { bytes } = this;
    let at = 2;
    for (;;) {
      const segment = segmentAt(bytes, at);
      if (!segment || segment.end > bytes.length)
        throw new FileError("is damaged: Premature end of JPEG file");
      const { marker, start, end } = segment;
      at = end;
      if (marker === 0xd9) break;
      else if (marker === 0xdb) this.#readQuantisation(start, end);
      else if (marker === 0xc4) readHuffman(bytes, start, end, this.tables);
      else if (marker === 0xdd) this.interval = (bytes[start] << 8) | bytes[start + 1];
      else if (marker === 0xe0) this.jfif ||= bytes[start] === 0x4a && bytes[start + 1] === 0x46;
      else if (marker === 0xee && bytes[start] === 0x41 && end - start >= 12)
        this.adobe = bytes[start + 11];
      else if (isFrame(marker)) this.#readFrame(marker, start);
      else if (marker === 0xda) at = this.#readScan(start, end);
    }
    if (!this.components.length) throw new FileError("is damaged: it has no picture");
    if (this.progressive || this.components[0].kept) this.#drawKept();
    return this.#pixels();
  }

  /** @param {number} start @param {number} end */
  #readQuantisation(start, end) {
    let at = start;
    while (at < end) {
      const [wide, place] = [this.bytes[at] >> 4, this.bytes[at] & 15];
      if (place > 3) throw new FileError("is damaged: a table has no place");
      at += 1;
      const table = new Uint16Array(64);
      for (let index = 0; index < 64; index += 1) {
        table[ZIGZAG[index]] = wide ? (this.bytes[at] << 8) | this.bytes[at + 1] : this.bytes[at];
        at += wide ? 2 : 1;
      }
      this.quantisation[place] = table;
    }
  }

  /** @param {number} marker @param {number} start */
  #readFrame(marker, start) {
    const { bytes } = this;
    if (marker > 0xc2 || bytes[start] !== 8) throw new UnknownKind("is a JPEG of a rare kind");
    if (this.components.length) throw new FileError("is damaged: it has two pictures in one");
    this.progressive = marker === 0xc2;
    this.height = (bytes[start + 1] << 8) | bytes[start + 2];
    this.width = (bytes[start + 3] << 8) | bytes[start + 4];
    const count = bytes[start + 5];
    if (count !== 1 && count !== 3) throw new UnknownKind("is a JPEG of a rare kind");
    for (let index = 0; index < count; index += 1) {
      const at = start + 6 + 3 * index;
      const [h, v] = [bytes[at + 1] >> 4, bytes[at + 1] & 15];
      if (!h || !v || h > 4 || v > 4) throw new FileError("is damaged: impossible sampling");
      this.components.push({
        id: bytes[at],
        h,
        v,
        table: bytes[at + 2] & 3,
        factors: null,
        blocks: 0,
        lines: 0,
        own: 0,
        ownLines: 0,
        kept: null,
        plane: null,
        side: 0,
        before: 0,
        dc: null,
        ac: null,
      });
    }
    const h = Math.max(...this.components.map((each) => each.h));
    const v = Math.max(...this.components.map((each) => each.v));
    this.most = [h, v];
    this.units = [Math.ceil(this.width / (8 * h)), Math.ceil(this.height / (8 * v))];
    for (const each of this.components) {
      each.own = Math.ceil((this.width * each.h) / (8 * h));
      each.ownLines = Math.ceil((this.height * each.v) / (8 * v));
      each.blocks = this.units[0] * each.h;
      each.lines = this.units[1] * each.v;
      each.side = this.side; // colours of half the size are rather decoded at twice the scale
      while (
        each.side < 8 &&
        (h * this.side) % (each.h * each.side * 2) === 0 &&
        (v * this.side) % (each.v * each.side * 2) === 0
      )
        each.side *= 2;
      if (this.#isDrawn(each))
        each.plane = new Uint8Array(each.blocks * each.lines * each.side * each.side);
    }
  }

  /** Whether the pixels of a component are wanted. @param {Component} component */
  #isDrawn(component) {
    return this.channels === 3 || this.isRgb || component === this.components[0];
  }

  /** Whether the three components are red, green and blue. */
  get isRgb() {
    if (this.components.length !== 3 || this.jfif) return false;
    if (this.adobe !== null) return this.adobe === 0;
    return this.components.map((each) => String.fromCharCode(each.id)).join("") === "RGB";
  }

  /** Reads the data of a scan; returns where they end. @param {number} start @param {number} end */
  #readScan(start, end) {
    const { bytes } = this;
    const members = [];
    for (let index = 0; index < bytes[start]; index += 1) {
      const [id, tables] = [bytes[start + 1 + 2 * index], bytes[start + 2 + 2 * index]];
      const component = this.components.find((each) => each.id === id);
      if (!component) throw new FileError("is damaged: a scan is of no component");
      if (component.plane) component.factors ??= this.#factors(component);
      component.dc = this.tables[tables >> 4] ?? null;
      component.ac = this.tables[4 + (tables & 15)] ?? null;
      members.push(component);
    }
    const [first, last, bits] = bytes.subarray(start + 1 + 2 * bytes[start], end);
    const whole = !this.progressive && members.length === this.components.length;
    if (!whole)
      for (const each of this.components) each.kept ??= new Int16Array(each.blocks * each.lines * 64);
    const reader = new Bits(bytes, end);
    const read = this.#reader(reader, members[0], first, last, bits >> 4, bits & 15);
    let left = this.interval || Infinity;
    let restarts = 0;
    const begin = () => {
      for (const each of this.components) each.before = 0;
      this.skip = 0;
    };
    begin();
    const alone = members.length === 1;
    const [across, down] = alone
      ? [members[0].own, members[0].ownLines]
      : /** @type {number[]} */ (this.units);
    for (let y = 0; y < down; y += 1)
      for (let x = 0; x < across; x += 1) {
        if (left === 0) {
          reader.restart(restarts & 7);
          restarts += 1;
          left = this.interval;
          begin();
        }
        left -= 1;
        if (alone) this.#readBlock(read, reader, members[0], x, y);
        else
          for (const each of members)
            for (let v = 0; v < each.v; v += 1)
              for (let h = 0; h < each.h; h += 1)
                this.#readBlock(read, reader, each, x * each.h + h, y * each.v + v);
        if (reader.position > reader.limit) reader.fill();
      }
    return reader.markerBehind(AHEAD).end - 2;
  }

  /** Reads a block, and draws it where that is all of it.
   * @param {((component: Component, block: Int16Array, at: number) => void) | null} read
   *   null for a picture that comes in one scan
   * @param {Bits} bits @param {Component} component @param {number} x @param {number} y */
  #readBlock(read, bits, component, x, y) {
    const { kept, plane } = component;
    const at = 64 * (y * component.blocks + x);
    if (kept && read) return read(component, kept, at);
    if (!kept && !plane) return passBlock(bits, component);
    const { block, blank } = this;
    readBlock(bits, component, block);
    if (kept) kept.set(block, at);
    else this.#draw(component, block, 0, x, y);
    for (let index = 0; index < 16; index += 1) blank[index] = 0;
  }

  /** What reads a block of a scan.
   * @param {Bits} bits @param {Component} only @param {number} first @param {number} last
   * @param {number} high @param {number} low
   * @returns {((component: Component, block: Int16Array, at: number) => void) | null} null for one
   *   that has all coefficients */
  #reader(bits, only, first, last, high, low) {
    if (!this.progressive) return null;
    if (first === 0) {
      if (high) return (_, block, at) => void (block[at] |= bits.take(1) << low);
      return (component, block, at) => {
        readDc(bits, component);
        block[at] = component.before << low;
      };
    }
    const table = needed(only.ac);
    return high
      ? (_, block, at) => this.#refine(bits, table, block, at, first, last, low)
      : (_, block, at) => this.#readBand(bits, table, block, at, first, last, low);
  }

  /** @param {Bits} bits @param {HuffmanTable} table @param {Int16Array} block @param {number} at
   * @param {number} first @param {number} last @param {number} low */
  #readBand(bits, table, block, at, first, last, low) {
    if (this.skip) {
      this.skip -= 1;
      return;
    }
    for (let index = first; index <= last; index += 1) {
      const code = bits.code(table);
      const [run, length] = [code >> 4, code & 15];
      if (length) {
        index += run;
        block[at + ZIGZAG[index]] = bits.signed(length) << low;
      } else if (run === 15) index += 15;
      else {
        this.skip = (1 << run) - 1 + (run ? bits.take(run) : 0);
        return;
      }
    }
  }

  /** @param {Bits} bits @param {HuffmanTable} table @param {Int16Array} block @param {number} at
   * @param {number} first @param {number} last @param {number} low */
  #refine(bits, table, block, at, first, last, low) {
    const one = 1 << low;
    let index = first;
    /** @param {number} place */
    const correct = (place) => {
      if (bits.take(1) && (Math.abs(block[place]) & one) === 0)
        block[place] += block[place] > 0 ? one : -one;
    };
    if (!this.skip)
      for (; index <= last; index += 1) {
        const code = bits.code(table);
        let run = code >> 4;
        let value = 0;
        if (code & 15) value = bits.take(1) ? one : -one;
        else if (run < 15) {
          this.skip = (1 << run) + (run ? bits.take(run) : 0);
          break;
        }
        for (; index <= last; index += 1) {
          const place = at + ZIGZAG[index];
          if (block[place]) correct(place);
          else if (run === 0) break;
          else run -= 1;
        }
        if (value && index <= last) block[at + ZIGZAG[index]] = value;
      }
    if (this.skip) {
      for (; index <= last; index += 1) {
        const place = at + ZIGZAG[index];
        if (block[place]) correct(place);
      }
      this.skip -= 1;
    }
  }

  #drawKept() {
    for (const each of this.components) {
      if (!each.plane || !each.kept) continue;
      for (let y = 0; y < each.ownLines; y += 1)
        for (let x = 0; x < each.own; x += 1)
          this.#draw(each, each.kept, 64 * (y * each.blocks + x), x, y);
    }
  }

  /** Makes the pixels of a block. @param {Component} component
   * @param {Int16Array} block @param {number} from @param {number} x @param {number} y */
  #draw({ plane, factors, blocks, side }, block, from, x, y) {
    if (!plane || !factors) return;
    const stride = blocks * side;
    DRAW[side](block, from, factors, this.work, plane, (y * stride + x) * side, stride);
  }

  /** @param {Component} component */
  #factors({ table, side }) {
    const quantisation = this.quantisation[table];
    if (!quantisation) throw new FileError("is damaged: a table is missing");
    return factorsOf(quantisation, side);
  }

  /** @returns {Pixels} */
  #pixels() {
    const width = Math.ceil((this.width * this.side) / 8);
    const height = Math.ceil((this.height * this.side) / 8);
    const planes = this.components.filter((each) => each.plane);
    const cut = planes.map((each) => this.#cut(each, width, height));
    const { isRgb } = this;
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

  /** The plane of a component at the size of the picture.
   * @param {Component} component @param {number} width @param {number} height */
  #cut(component, width, height) {
    const [h, v] = /** @type {number[]} */ (this.most);
    const stride = component.blocks * component.side;
    const plane = /** @type {Uint8Array} */ (component.plane);
    const values = new Uint8Array(width * height);
    const [wide, tall] = [
      (component.h * component.side) / (h * this.side),
      (component.v * component.side) / (v * this.side),
    ];
    const own = Math.ceil(width * wide);
    if (wide === 0.5 && (tall === 0.5 || tall === 1) && own > 2 && this.side > 1) {
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

/** The stored pixels of a JPEG, in grey or RGB; grey where it is grey itself.
 * @param {Uint8Array} bytes @param {number} channels 1 or 3
 * @param {number} reduction 1, 2, 4 or 8
 * @returns {Pixels} */
export function decodeJpeg(bytes, channels, reduction) {
  return new Decoder(bytes, channels, reduction).decode();
}
