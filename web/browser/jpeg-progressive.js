// @ts-check
/** Coefficients that come bit by bit, in several scans over the whole picture. */
import { needed, readDc, ZIGZAG } from "./jpeg-codes.js";

/** @typedef {import("./jpeg-codes.js").Bits} Bits */
/** @typedef {import("./jpeg-codes.js").Coded} Coded */

export class Pass {
  skip = 0; // blocks without further coefficients in this band
  #bits;
  #table;
  #first;
  #last;
  #high;
  #low;

  /** @param {Bits} bits @param {Coded} only  the one component of a scan of other than DC coefficients
   * @param {number} first  coefficient @param {number} last
   * @param {number} high  the bit above those of this scan, 0 for the first scan of these coefficients
   * @param {number} low  its lowest bit */
  constructor(bits, only, first, last, high, low) {
    this.#bits = bits;
    this.#table = first === 0 ? null : needed(only.ac);
    this.#first = first;
    this.#last = last;
    this.#high = high;
    this.#low = low;
  }

  /** Adds what this scan has of a block.
   * @param {Coded} component @param {Int16Array} block @param {number} at  where it begins in `block` */
  read(component, block, at) {
    if (!this.#table) this.#readDc(component, block, at);
    else if (this.#high) this.#refine(this.#table, block, at);
    else this.#readBand(this.#table, block, at);
  }

  /** @param {Coded} component @param {Int16Array} block @param {number} at */
  #readDc(component, block, at) {
    if (this.#high) {
      block[at] |= this.#bits.take(1) << this.#low;
      return;
    }
    readDc(this.#bits, component);
    block[at] = component.before << this.#low;
  }

  /** @param {import("./jpeg-codes.js").HuffmanTable} table @param {Int16Array} block @param {number} at */
  #readBand(table, block, at) {
    if (this.skip) {
      this.skip -= 1;
      return;
    }
    const bits = this.#bits;
    for (let index = this.#first; index <= this.#last; index += 1) {
      const code = bits.code(table);
      const [run, length] = [code >> 4, code & 15];
      if (length) {
        index += run;
        block[at + ZIGZAG[index]] = bits.signed(length) << this.#low;
      } else if (run === 15) index += 15;
      else {
        this.skip = (1 << run) - 1 + (run ? bits.take(run) : 0);
        return;
      }
    }
  }

  /** @param {import("./jpeg-codes.js").HuffmanTable} table @param {Int16Array} block @param {number} at */
  #refine(table, block, at) {
    const bits = this.#bits;
    const last = this.#last;
    const one = 1 << this.#low;
    let index = this.#first;
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
}
