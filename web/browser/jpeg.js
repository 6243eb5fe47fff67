// @ts-check
/** JPEGs decoded at a scale of 1, 1/2, 1/4 or 1/8, to the digits of libjpeg.
 *
 * Browsers decode all pixels, through colour profiles, and tell nobody of damage. This makes the
 * picture that a model was trained on: at a reduced scale each pixel is the mean of those it covers,
 * computed from the coefficients of its block, and of a colour photograph for a grey model only the
 * brightness is computed at all.
 */
import { FileError, UnknownKind } from "./errors.js";
import { DRAW, factorsOf } from "./jpeg-blocks.js";
import { Bits, passBlock, readBlock, readHuffman, ZIGZAG } from "./jpeg-codes.js";
import { pixelsOf } from "./jpeg-planes.js";
import { Pass } from "./jpeg-progressive.js";
import { SecondHalf } from "./jpeg-rest.js";
import { isFrame, segmentAt } from "./jpeg-start.js";

/** @typedef {import("./jpeg-codes.js").HuffmanTable} HuffmanTable */
/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {import("./jpeg-rest.js").ReadRest} ReadRest */
/** @typedef {import("./jpeg-rest.js").Rest} Rest */

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
 * @typedef {object} Slot  a block of each unit
 * @property {Component} component
 * @property {number} wide  blocks of the component side by side in a unit
 * @property {number} tall
 * @property {number} x  which of them it is
 * @property {number} y
 */

const AHEAD = 8; // bytes behind a scan that libjpeg may have read as well, and does not complain of

const MOST_OF_REST = 0.625; // of all units, for a second half that has more to say of each holds fewer
const MOST_KEPT = 1 << 25; // coefficients of it
const IN_STEP = 1000; // units without a wrong code are no chance
const ATTEMPTS = 1000;

class Decoder {
  /** @param {Uint8Array} bytes @param {number} channels @param {number} reduction */
  constructor(bytes, channels, reduction) {
    this.bytes = bytes;
    this.at = 2; // the first byte that has not been read
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
    /** @type {[number, number]} how many units lie side by side, and one below the other */
    this.units = [0, 0];
    this.work = new Int32Array(64);
    this.block = new Int16Array(64);
    this.blank = new Float64Array(this.block.buffer); // the same, to be made zeros four at a time
  }

  /** @param {ReadRest | null} readRest @returns {Promise<Pixels>} */
  async decode(readRest) {
    for (let start = this.#nextScan(); start !== null; start = this.#nextScan())
      await this.#readScan(start, readRest);
    if (!this.components.length) throw new FileError("is damaged: it has no picture");
    if (this.progressive || this.components[0].kept) this.#drawKept();
    return this.#pixels();
  }

  /** Reads what stands before a scan; returns where that begins, null at the end.
   * @returns {number | null} */
  #nextScan() {
    const { bytes } = this;
    for (;;) {
      const segment = segmentAt(bytes, this.at);
      if (!segment || segment.end > bytes.length)
        throw new FileError("is damaged: Premature end of JPEG file");
      const { marker, start, end } = segment;
      this.at = end;
      if (marker === 0xd9) return null;
      else if (marker === 0xdb) this.#readQuantisation(start, end);
      else if (marker === 0xc4) readHuffman(bytes, start, end, this.tables);
      else if (marker === 0xdd) this.interval = (bytes[start] << 8) | bytes[start + 1];
      else if (marker === 0xe0) this.jfif ||= bytes[start] === 0x4a && bytes[start + 1] === 0x46;
      else if (marker === 0xee && bytes[start] === 0x41 && end - start >= 12)
        this.adobe = bytes[start + 11];
      else if (isFrame(marker)) this.#readFrame(marker, start);
      else if (marker === 0xda) return start;
    }
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

  /** The components of a scan, with their tables. @param {number} start */
  #members(start) {
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
    return members;
  }

  /** Where the blocks of a scan's units lie. @param {Component[]} members @returns {Slot[]} */
  #slots(members) {
    if (members.length === 1) return [{ component: members[0], wide: 1, tall: 1, x: 0, y: 0 }];
    return members.flatMap((component) => {
      const { h: wide, v: tall } = component;
      return Array.from({ length: wide * tall }, (_, number) => {
        return { component, wide, tall, x: number % wide, y: Math.floor(number / wide) };
      });
    });
  }

  /** How many units lie side by side, and one below the other. @param {Component[]} members
   * @returns {[number, number]} */
  #extent(members) {
    return members.length === 1 ? [members[0].own, members[0].ownLines] : this.units;
  }

  /** Reads the data of a scan. @param {number} start @param {ReadRest | null} readRest */
  async #readScan(start, readRest) {
    const { bytes, at: end } = this;
    const members = this.#members(start);
    const [first, last, bits] = bytes.subarray(start + 1 + 2 * bytes[start], end);
    const whole = !this.progressive && members.length === this.components.length;
    if (!whole)
      for (const each of this.components) each.kept ??= new Int16Array(each.blocks * each.lines * 64);
    const slots = this.#slots(members);
    const [across, down] = this.#extent(members);
    let reader = new Bits(bytes, end);
    const pass = this.progressive ? new Pass(reader, members[0], first, last, bits >> 4, bits & 15) : null;
    let left = this.interval || Infinity;
    let restarts = 0;
    const begin = () => {
      for (const each of this.components) each.before = 0;
      if (pass) pass.skip = 0;
    };
    begin();
    let second =
      readRest && whole && !this.interval
        ? SecondHalf.begin(bytes, end, (without) => readRest(without, this.channels, 8 / this.side))
        : null;
    for (let unit = 0; unit < across * down; unit += 1) {
      if (second && reader.passed >= second.begins) {
        const found = await second.from(reader.passed);
        if (found) {
          const count = Math.min(found.rest.count - found.from, across * down - unit);
          this.#drawRest(found.rest, found.from, count, slots, unit, across);
          reader = second.readerAt(found.rest, found.from + count);
          second = null;
          unit += count - 1;
          continue;
        }
      }
      if (left === 0) {
        reader.restart(restarts & 7);
        restarts += 1;
        left = this.interval;
        begin();
      }
      left -= 1;
      const [column, line] = [unit % across, Math.floor(unit / across)];
      for (const { component, wide, tall, x, y } of slots)
        this.#readBlock(pass, reader, component, column * wide + x, line * tall + y);
      if (reader.position > reader.limit) {
        reader.fill();
        second?.learn(reader.filled);
      }
    }
    this.at = reader.markerBehind(AHEAD).end - 2;
  }

  /** Reads units from anywhere in the data of the only scan on.
   * @param {Int16Array | null} spare  room for their coefficients, if it is large enough
   * @returns {Rest | null} */
  readRest(spare) {
    const start = this.#nextScan();
    if (start === null) return null;
    const members = this.#members(start);
    const slots = this.#slots(members);
    const [across, down] = this.#extent(members);
    const size = 64 * slots.filter(({ component }) => component.plane).length;
    const most = Math.min(Math.ceil(MOST_OF_REST * across * down), Math.floor(MOST_KEPT / size));
    const room = size * (most + 1); // one that is not read to its end
    const kept = spare && spare.length >= room ? spare : new Int16Array(room);
    const blank = new Float64Array(kept.buffer); // the same, to be made zeros four at a time
    const starts = new Float64Array(most + 1);
    const reader = new Bits(this.bytes, this.at);
    const { filled } = reader;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      let count = 0;
      try {
        for (let at = 0; count < most; count += 1) {
          starts[count] = reader.passed;
          for (const { component } of slots) {
            if (!component.plane) {
              passBlock(reader, component);
              continue;
            }
            for (let index = at >> 2; index < (at >> 2) + 16; index += 1) blank[index] = 0;
            readBlock(reader, component, kept, at);
            at += 64;
          }
          if (reader.position > reader.limit) reader.fill();
        }
        starts[count] = reader.passed;
        return { count, starts, filled, kept };
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        if (count >= IN_STEP) return { count, starts, filled, kept };
        reader.position += 1;
      }
    }
    return null;
  }

  /** Draws blocks that were read with other DC coefficients before them.
   * @param {Rest} rest @param {number} from  its first unit that is wanted @param {number} count
   * @param {Slot[]} slots @param {number} unit  which one that is @param {number} across units in a line */
  #drawRest({ kept }, from, count, slots, unit, across) {
    const drawn = slots.filter(({ component }) => component.plane);
    const size = 64 * drawn.length;
    /** @type {Map<Component, number>} */
    const apart = new Map();
    drawn.forEach(({ component }, index) => {
      const before = from ? kept[size * (from - 1) + 64 * index] : 0;
      apart.set(component, component.before - before); // the last of its blocks is the one before
    });
    const added = drawn.map(({ component }) => apart.get(component) ?? 0);
    for (let number = 0, at = size * from; number < count; number += 1) {
      const [column, line] = [(unit + number) % across, Math.floor((unit + number) / across)];
      for (let index = 0; index < drawn.length; index += 1, at += 64) {
        const { component, wide, tall, x, y } = drawn[index];
        kept[at] += added[index];
        component.before = kept[at];
        this.#draw(component, kept, at, column * wide + x, line * tall + y);
      }
    }
  }

  /** Reads a block, and draws it where that is all of it.
   * @param {Pass | null} pass  null for a picture that comes in one scan
   * @param {Bits} bits @param {Component} component @param {number} x @param {number} y */
  #readBlock(pass, bits, component, x, y) {
    const { kept, plane } = component;
    const at = 64 * (y * component.blocks + x);
    if (kept && pass) return pass.read(component, kept, at);
    if (!kept && !plane) return passBlock(bits, component);
    if (kept) return readBlock(bits, component, kept, at);
    const { block, blank } = this;
    readBlock(bits, component, block, 0);
    this.#draw(component, block, 0, x, y);
    for (let index = 0; index < 16; index += 1) blank[index] = 0;
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
    const [h, v] = /** @type {number[]} */ (this.most);
    const drawn = this.components.flatMap(({ plane, ...each }) => {
      if (!plane) return [];
      const wide = (each.h * each.side) / (h * this.side);
      const tall = (each.v * each.side) / (v * this.side);
      return [{ values: plane, stride: each.blocks * each.side, wide, tall }];
    });
    return pixelsOf(drawn, width, height, this.isRgb, this.side > 1);
  }
}

/** The stored pixels of a JPEG, in grey or RGB; grey where it is grey itself.
 * @param {Uint8Array} bytes @param {number} channels 1 or 3
 * @param {number} reduction 1, 2, 4 or 8
 * @param {ReadRest | null} readRest  reads some of it at the same time
 * @returns {Promise<Pixels>} */
export function decodeJpeg(bytes, channels, reduction, readRest) {
  return new Decoder(bytes, channels, reduction).decode(readRest);
}

/** Reads what a partner is asked for.
 * @param {Uint8Array} bytes of a JPEG without the first half of its data
 * @param {number} channels @param {number} reduction
 * @param {Int16Array | null} spare  room for coefficients, if it is large enough
 * @returns {Rest | null} */
export function restOf(bytes, channels, reduction, spare) {
  return new Decoder(bytes, channels, reduction).readRest(spare);
}
