// @ts-check
/** JPEGs decoded at a scale of 1, 1/2, 1/4 or 1/8, to the digits of libjpeg.
 *
 * Browsers decode all pixels, through colour profiles, and tell nobody of damage. This makes the
 * picture that a model was trained on: at a reduced scale each pixel is the mean of those it covers,
 * computed from the coefficients of its block, and of a colour photograph for a grey model only the
 * brightness is computed at all.
 */
import { FileError, UnknownKind } from "./errors.js";
import { isFrame, segmentAt } from "./jpeg-start.js";

/**
 * @typedef {object} Component
 * @property {number} id
 * @property {number} h  how many of its blocks lie side by side in a unit
 * @property {number} v
 * @property {number} table  of quantisation
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
 * @typedef {object} HuffmanTable
 * @property {Int16Array} short  by the next bits: length and symbol of a code that is no longer
 * @property {Int32Array} whole  by the same: value, run and length of a code with its number
 * @property {Int16Array} passed  by the same: run and length of a code with its number
 * @property {Int32Array} most  by length: the last code
 * @property {Int32Array} offset  by length: from a code to the place of its symbol
 * @property {Uint8Array} values  symbols
 *
 * @typedef {object} Pixels
 * @property {Uint8Array} values  row by row, 1 or 3 to a pixel
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 */

const SHORT = 10; // bits that are looked up at once
const BITS = 13; // of fixed point
const AHEAD = 8; // bytes behind a scan that libjpeg may have read as well, and does not complain of
const BETWEEN = 2; // more bits of fixed point between columns and rows

// The place in a block of each coefficient in the order of the file.
const ZIGZAG = zigzag();

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

/** For reduced sizes of a block the share of each coefficient in each pixel: the means of the pixels
 * that one covers, times their number and the root of 8, in fixed point.
 * @type {Record<number, Int32Array>} */
const SHARES = {};
for (const side of [2, 4]) {
  const shares = new Int32Array(side * 8);
  const covered = 8 / side;
  for (let pixel = 0; pixel < side; pixel += 1)
    for (let wave = 0; wave < 8; wave += 1) {
      let sum = 0;
      for (let x = pixel * covered; x < (pixel + 1) * covered; x += 1)
        sum += Math.cos(((2 * x + 1) * wave * Math.PI) / 16);
      shares[pixel * 8 + wave] = Math.round(sum * (wave ? Math.SQRT2 : 1) * (1 << BITS));
    }
  SHARES[side] = shares;
}

/** @param {Uint8Array} bytes @param {number} start @param {number} end
 * @param {(HuffmanTable | null)[]} tables */
function readHuffman(bytes, start, end, tables) {
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
  return { short, ...withNumbers(short), most, offset, values };
}

/** For codes of coefficients, what follows from the number behind them as well.
 * @param {Int16Array} short */
function withNumbers(short) {
  const [whole, passed] = [new Int32Array(1 << SHORT), new Int16Array(1 << SHORT)];
  short.forEach((entry, bits) => {
    const [length, run, size] = [entry >> 8, (entry >> 4) & 15, entry & 15];
    if (!length || !size) return;
    passed[bits] = (run << 8) | (length + size);
    if (length + size > SHORT) return;
    const number = (bits >> (SHORT - length - size)) & ((1 << size) - 1);
    whole[bits] = (signed(number, size) << 16) | (run << 8) | (length + size);
  });
  return { whole, passed };
}

/** A number of so many bits, of either sign. @param {number} number @param {number} size */
const signed = (number, size) => (number < 1 << (size - 1) ? number - (1 << size) + 1 : number);

/** Reads codes out of the data of a scan. */
class Bits {
  /** @param {Uint8Array} bytes @param {number} at */
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
    this.buffer = 0; // the lowest `count` bits are those to come
    this.count = 0;
    this.made = 0; // bits at the end that are not in the file
  }

  fill() {
    const { bytes } = this;
    let { at, buffer, count } = this;
    while (count <= 24) {
      let byte = at < bytes.length ? bytes[at] : 0xff;
      if (byte === 0xff) {
        if (bytes[at + 1] === 0) at += 2;
        else {
          byte = 0;
          this.made += 8;
        }
      } else at += 1;
      buffer = (buffer << 8) | byte;
      count += 8;
    }
    this.at = at;
    this.buffer = buffer;
    this.count = count;
  }

  /** @param {number} length 1 to 16 */
  take(length) {
    if (this.count < length) this.fill();
    this.count -= length;
    return (this.buffer >>> this.count) & ((1 << length) - 1);
  }

  /** A number that is written in so many bits, of either sign. @param {number} length */
  signed(length) {
    return signed(this.take(length), length);
  }

  /** @param {HuffmanTable} table */
  code(table) {
    if (this.count < 16) this.fill();
    const found = table.short[(this.buffer >>> (this.count - SHORT)) & ((1 << SHORT) - 1)];
    if (found) {
      this.count -= found >> 8;
      return found & 255;
    }
    const ahead = (this.buffer >>> (this.count - 16)) & 0xffff;
    let length = SHORT + 1;
    while (length < 17 && ahead >> (16 - length) > table.most[length]) length += 1;
    if (length > 16) throw new FileError("is damaged: bad Huffman code");
    this.count -= length;
    return table.values[table.offset[length] + (ahead >> (16 - length))];
  }

  /** Refuses data that ended before what was read of them. */
  check() {
    if (this.made > this.count) throw new FileError("is damaged: premature end of data segment");
  }

  /** Bytes that were taken out of the data and not needed. */
  get unused() {
    return Math.max(0, (this.count - this.made) >> 3);
  }

  /** Goes on behind the marker of an interval. @param {number} number */
  restart(number) {
    this.check();
    const segment = markerAt(this.bytes, this.at, this.unused, 2);
    if (segment.marker !== 0xd0 + number)
      throw new FileError(`is damaged: found marker 0x${segment.marker.toString(16)} instead of RST${number}`);
    this.at = segment.end;
    this.buffer = this.count = this.made = 0;
  }
}

/** The next marker; bytes before it that are no data mean damage, unless there are few of them.
 * @param {Uint8Array} bytes @param {number} from @param {number} unused  bytes before `from`
 * @param {number} few */
function markerAt(bytes, from, unused, few) {
  let at = from;
  while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] && bytes[at + 1] !== 0xff)) at += 1;
  if (at >= bytes.length) throw new FileError("is damaged: Premature end of JPEG file");
  const idle = bytes.subarray(from - unused, at).every((byte) => byte === 0 || byte === 0xff);
  const more = at - from + unused;
  if (more > few && !idle)
    throw new FileError(`is damaged: ${more} extraneous bytes before marker 0x${bytes[at + 1].toString(16)}`);
  return { marker: bytes[at + 1], end: at + 2 };
}

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
        if (reader.made) reader.check();
      }
    const next = markerAt(bytes, reader.at, reader.unused, AHEAD);
    return next.end - 2;
  }

  /** Reads a block, and draws it where that is all of it.
   * @param {((component: Component, block: Int16Array, at: number) => void) | null} read
   *   null for a picture that comes in one scan
   * @param {Bits} bits @param {Component} component @param {number} x @param {number} y */
  #readBlock(read, bits, component, x, y) {
    const { kept, plane } = component;
    if (kept) {
      const at = 64 * (y * component.blocks + x);
      if (read) read(component, kept, at);
      else readBlock(bits, component, kept, at);
      return;
    }
    if (!plane) return passBlock(bits, component);
    const { block } = this;
    const last = readBlock(bits, component, block, 0);
    this.#draw(component, block, 0, x, y);
    for (let index = 0; index <= last; index += 1) block[ZIGZAG[index]] = 0;
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
        const length = bits.code(needed(component.dc));
        if (length > 15) throw new FileError("is damaged: bad Huffman code");
        component.before += length ? bits.signed(length) : 0;
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
  #draw(component, block, from, x, y) {
    const { plane, side } = component;
    if (!plane) return;
    const quantisation = this.quantisation[component.table];
    if (!quantisation) throw new FileError("is damaged: a table is missing");
    const stride = component.blocks * side;
    const to = y * side * stride + x * side;
    if (side === 1) {
      plane[to] = clamped((block[from] * quantisation[0] + 4) >> 3);
      return;
    }
    const draw = side === 8 ? drawWhole : side === 4 ? drawHalf : drawQuarter;
    draw(block, from, quantisation, this.work, plane, to, stride);
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

/** @param {number} value around 0 */
const clamped = (value) => within(value + 128);

/** @param {number} value */
const within = (value) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Draws a block at a scale of 1/2: its columns first, then its rows; the means of pairs know nothing
 * of wave 4.
 * @param {Int16Array} block @param {number} from @param {Uint16Array} quantisation
 * @param {Int32Array} work @param {Uint8Array} plane @param {number} to @param {number} stride */
function drawHalf(block, from, quantisation, work, plane, to, stride) {
  const shares = SHARES[4];
  const first = BITS - BETWEEN + 1;
  const half = 1 << (first - 1);
  for (let column = 0; column < 8; column += column === 3 ? 2 : 1) {
    const at = from + column;
    const v0 = block[at] * quantisation[column];
    const v1 = block[at + 8] * quantisation[column + 8];
    const v2 = block[at + 16] * quantisation[column + 16];
    const v3 = block[at + 24] * quantisation[column + 24];
    const v5 = block[at + 40] * quantisation[column + 40];
    const v6 = block[at + 48] * quantisation[column + 48];
    const v7 = block[at + 56] * quantisation[column + 56];
    for (let row = 0; row < 4; row += 1) {
      const s = row * 8;
      const sum =
        v0 * shares[s] + v1 * shares[s + 1] + v2 * shares[s + 2] + v3 * shares[s + 3] +
        v5 * shares[s + 5] + v6 * shares[s + 6] + v7 * shares[s + 7];
      work[s + column] = (sum + half) >> first;
    }
  }
  const second = BITS + BETWEEN + 4;
  const halfway = 1 << (second - 1);
  for (let row = 0; row < 4; row += 1) {
    const w = row * 8;
    for (let pixel = 0; pixel < 4; pixel += 1) {
      const s = pixel * 8;
      const sum =
        work[w] * shares[s] + work[w + 1] * shares[s + 1] + work[w + 2] * shares[s + 2] +
        work[w + 3] * shares[s + 3] + work[w + 5] * shares[s + 5] + work[w + 6] * shares[s + 6] +
        work[w + 7] * shares[s + 7];
      plane[to + row * stride + pixel] = clamped((sum + halfway) >> second);
    }
  }
}

/** Draws a block at its full size by the transform of Loeffler, Ligtenberg and Moschytz.
 * @param {Int16Array} block @param {number} from @param {Uint16Array} quantisation
 * @param {Int32Array} work @param {Uint8Array} plane @param {number} to @param {number} stride */
function drawWhole(block, from, quantisation, work, plane, to, stride) {
  for (let at = 0; at < 64; at += 1) work[at] = block[from + at] * quantisation[at];
  for (let column = 0; column < 8; column += 1) transform(work, column, 8, BITS - BETWEEN);
  for (let row = 0; row < 8; row += 1) {
    transform(work, row * 8, 1, BITS + BETWEEN + 3);
    for (let pixel = 0; pixel < 8; pixel += 1)
      plane[to + row * stride + pixel] = clamped(work[row * 8 + pixel]);
  }
}

const [C1, C2, C3, C5, C6, C7] = [1, 2, 3, 5, 6, 7].map((k) => Math.SQRT2 * Math.cos((k * Math.PI) / 16));
const [EVEN, EVEN_2, EVEN_6, ODD, ODD_7, ODD_5, ODD_3, ODD_1, SUM_71, SUM_53, SUM_73, SUM_51] = [
  ...[C6, C2 - C6, -C2 - C6, C3, -C1 + C3 + C5 - C7, C1 + C3 - C5 + C7],
  ...[C1 + C3 + C5 - C7, C1 + C3 - C5 - C7, C7 - C3, -C1 - C3, -C3 - C5, C5 - C3],
].map((share) => Math.round(share * (1 << BITS)));

/** Eight coefficients become eight values, in place.
 * @param {Int32Array} work @param {number} at @param {number} step from one to the next
 * @param {number} shift */
function transform(work, at, step, shift) {
  const v1 = work[at + step];
  const v2 = work[at + 2 * step];
  const v3 = work[at + 3 * step];
  const v5 = work[at + 5 * step];
  const v6 = work[at + 6 * step];
  const v7 = work[at + 7 * step];
  const half = 1 << (shift - 1);
  const both = (v2 + v6) * EVEN;
  const [low, high] = [both + v6 * EVEN_6, both + v2 * EVEN_2];
  const sum = ((work[at] + work[at + 4 * step]) << BITS) + half;
  const difference = ((work[at] - work[at + 4 * step]) << BITS) + half;
  const all = (v7 + v3 + v5 + v1) * ODD;
  const [s71, s53] = [(v7 + v1) * SUM_71, (v5 + v3) * SUM_53];
  const [s73, s51] = [(v7 + v3) * SUM_73 + all, (v5 + v1) * SUM_51 + all];
  const o0 = v1 * ODD_1 + s71 + s51;
  const o1 = v3 * ODD_3 + s53 + s73;
  const o2 = v5 * ODD_5 + s53 + s51;
  const o3 = v7 * ODD_7 + s71 + s73;
  work[at] = (sum + high + o0) >> shift;
  work[at + 7 * step] = (sum + high - o0) >> shift;
  work[at + step] = (difference + low + o1) >> shift;
  work[at + 6 * step] = (difference + low - o1) >> shift;
  work[at + 2 * step] = (difference - low + o2) >> shift;
  work[at + 5 * step] = (difference - low - o2) >> shift;
  work[at + 3 * step] = (sum - high + o3) >> shift;
  work[at + 4 * step] = (sum - high - o3) >> shift;
}

/** Draws a block at a scale of 1/4: the means of four know nothing of waves 2, 4 and 6, and the
 * lower half of the others is the upper half with other signs.
 * @param {Int16Array} block @param {number} from @param {Uint16Array} quantisation
 * @param {Int32Array} work @param {Uint8Array} plane @param {number} to @param {number} stride */
function drawQuarter(block, from, quantisation, work, plane, to, stride) {
  const [k0, k1, k3, k5, k7] = [SHARES[2][0], SHARES[2][1], SHARES[2][3], SHARES[2][5], SHARES[2][7]];
  const first = BITS - BETWEEN + 2;
  const half = 1 << (first - 1);
  for (let column = 0; column < 8; column += column === 0 ? 1 : 2) {
    const at = from + column;
    const even = block[at] * quantisation[column] * k0 + half;
    const odd =
      block[at + 8] * quantisation[column + 8] * k1 + block[at + 24] * quantisation[column + 24] * k3 +
      block[at + 40] * quantisation[column + 40] * k5 + block[at + 56] * quantisation[column + 56] * k7;
    work[column] = (even + odd) >> first;
    work[column + 8] = (even - odd) >> first;
  }
  const second = BITS + BETWEEN + 5;
  const halfway = 1 << (second - 1);
  for (let row = 0; row < 2; row += 1) {
    const w = row * 8;
    const even = work[w] * k0 + halfway;
    const odd = work[w + 1] * k1 + work[w + 3] * k3 + work[w + 5] * k5 + work[w + 7] * k7;
    const place = to + row * stride;
    plane[place] = clamped((even + odd) >> second);
    plane[place + 1] = clamped((even - odd) >> second);
  }
}

/** @param {HuffmanTable | null} table @returns {HuffmanTable} */
function needed(table) {
  if (!table) throw new FileError("is damaged: a table is missing");
  return table;
}

/** Reads a block of a picture that comes in one scan; returns where its last coefficient is.
 *
 * What `Bits` does is done here on variables of its own: nearly all of the time goes by in this loop.
 * @param {Bits} bits @param {Component} component @param {Int16Array} block @param {number} at */
function readBlock(bits, component, block, at) {
  const length = bits.code(needed(component.dc));
  if (length > 15) throw new FileError("is damaged: bad Huffman code");
  component.before += length ? bits.signed(length) : 0;
  block[at] = component.before;
  const table = needed(component.ac);
  const { short, whole } = table;
  const { bytes } = bits;
  let { buffer, count } = bits;
  let index = 1;
  for (; index < 64; index += 1) {
    if (count < 16) {
      const [first, second] = [bytes[bits.at], bytes[bits.at + 1]];
      if (first < 255 && second < 255) {
        buffer = (buffer << 16) | (first << 8) | second;
        bits.at += 2;
        count += 16;
      } else {
        bits.buffer = buffer;
        bits.count = count;
        bits.fill();
        buffer = bits.buffer;
        count = bits.count;
      }
    }
    const ahead = (buffer >>> (count - SHORT)) & ((1 << SHORT) - 1);
    const found = whole[ahead];
    if (found !== 0) {
      count -= found & 255;
      index += (found >> 8) & 15;
      block[at + ZIGZAG[index]] = found >> 16;
      continue;
    }
    let code = short[ahead];
    if (code !== 0) {
      count -= code >> 8;
      code &= 255;
    } else {
      bits.buffer = buffer;
      bits.count = count;
      code = bits.code(table);
      buffer = bits.buffer;
      count = bits.count;
    }
    const size = code & 15;
    if (size !== 0) {
      index += code >> 4;
      if (count < size) {
        bits.buffer = buffer;
        bits.count = count;
        bits.fill();
        buffer = bits.buffer;
        count = bits.count;
      }
      count -= size;
      block[at + ZIGZAG[index]] = signed((buffer >>> count) & ((1 << size) - 1), size);
    } else if (code === 0xf0) index += 15;
    else break;
  }
  bits.buffer = buffer;
  bits.count = count;
  return index;
}

/** Goes over a block whose coefficients nobody wants.
 * @param {Bits} bits @param {Component} component */
function passBlock(bits, component) {
  const length = bits.code(needed(component.dc));
  if (length > 15) throw new FileError("is damaged: bad Huffman code");
  if (length) bits.take(length);
  const table = needed(component.ac);
  for (let index = 1; index < 64; index += 1) {
    if (bits.count <= 24) bits.fill();
    const passed = table.passed[(bits.buffer >>> (bits.count - SHORT)) & ((1 << SHORT) - 1)];
    if (passed !== 0) {
      bits.count -= passed & 255;
      index += passed >> 8;
      continue;
    }
    const code = bits.code(table);
    const size = code & 15;
    if (size) {
      bits.take(size);
      index += code >> 4;
    } else if (code === 0xf0) index += 15;
    else break;
  }
}

/** The stored pixels of a JPEG, in grey or RGB; grey where it is grey itself.
 * @param {Uint8Array} bytes @param {number} channels 1 or 3
 * @param {number} reduction 1, 2, 4 or 8
 * @returns {Pixels} */
export function decodeJpeg(bytes, channels, reduction) {
  return new Decoder(bytes, channels, reduction).decode();
}
