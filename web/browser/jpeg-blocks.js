// @ts-check
/** The pixels of a JPEG's blocks, at a scale of 1, 1/2, 1/4 or 1/8, in the fixed point of libjpeg.
 *
 * All is computed in 32 bits, as `Math.imul` does: those of real photographs are enough.
 */

/**
 * @typedef {(block: Int16Array, from: number, factors: Int32Array, work: Int32Array, plane: Uint8Array,
 *   to: number, stride: number) => void} Draw  the block whose coefficients begin at `from`, with what
 *   `factorsOf` makes of its table, on a plane; `work` has room for 64 numbers
 */

const BITS = 13; // of fixed point
const BETWEEN = 2; // more bits of fixed point between columns and rows
const { imul } = Math;

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

/** @param {number} value around 0 */
const clamped = (value) => within(value + 128);

/** @param {number} value */
export const within = (value) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** What the coefficients of a component are multiplied with, so that its blocks can be drawn.
 * @param {Uint16Array} quantisation @param {number} side  pixels along a side of a block */
export const factorsOf = (quantisation, side) =>
  Int32Array.from(quantisation, (factor, place) => (side === 2 ? imul(factor, SHARES[2][place >> 3]) : factor));

/** Draws a block at a scale of 1/2: its columns first, then its rows; the means of pairs know nothing
 * of wave 4.
 * @type {Draw} */
function drawHalf(block, from, factors, work, plane, to, stride) {
  const shares = SHARES[4];
  const first = BITS - BETWEEN + 1;
  const half = 1 << (first - 1);
  for (let column = 0; column < 8; column += column === 3 ? 2 : 1) {
    const at = from + column;
    const v0 = imul(block[at], factors[column]);
    const v1 = imul(block[at + 8], factors[column + 8]);
    const v2 = imul(block[at + 16], factors[column + 16]);
    const v3 = imul(block[at + 24], factors[column + 24]);
    const v5 = imul(block[at + 40], factors[column + 40]);
    const v6 = imul(block[at + 48], factors[column + 48]);
    const v7 = imul(block[at + 56], factors[column + 56]);
    for (let row = 0; row < 4; row += 1) {
      const s = row * 8;
      const sum =
        imul(v0, shares[s]) + imul(v1, shares[s + 1]) + imul(v2, shares[s + 2]) + imul(v3, shares[s + 3]) +
        imul(v5, shares[s + 5]) + imul(v6, shares[s + 6]) + imul(v7, shares[s + 7]);
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
        imul(work[w], shares[s]) + imul(work[w + 1], shares[s + 1]) + imul(work[w + 2], shares[s + 2]) +
        imul(work[w + 3], shares[s + 3]) + imul(work[w + 5], shares[s + 5]) +
        imul(work[w + 6], shares[s + 6]) + imul(work[w + 7], shares[s + 7]);
      plane[to + row * stride + pixel] = clamped((sum + halfway) >> second);
    }
  }
}

/** Draws a block at its full size by the transform of Loeffler, Ligtenberg and Moschytz.
 * @type {Draw} */
function drawWhole(block, from, factors, work, plane, to, stride) {
  for (let at = 0; at < 64; at += 1) work[at] = imul(block[from + at], factors[at]);
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
  const both = imul(v2 + v6, EVEN);
  const low = both + imul(v6, EVEN_6);
  const high = both + imul(v2, EVEN_2);
  const sum = ((work[at] + work[at + 4 * step]) << BITS) + half;
  const difference = ((work[at] - work[at + 4 * step]) << BITS) + half;
  const all = imul(v7 + v3 + v5 + v1, ODD);
  const s71 = imul(v7 + v1, SUM_71);
  const s53 = imul(v5 + v3, SUM_53);
  const s73 = imul(v7 + v3, SUM_73) + all;
  const s51 = imul(v5 + v1, SUM_51) + all;
  const o0 = imul(v1, ODD_1) + s71 + s51;
  const o1 = imul(v3, ODD_3) + s53 + s73;
  const o2 = imul(v5, ODD_5) + s53 + s51;
  const o3 = imul(v7, ODD_7) + s71 + s73;
  work[at] = (sum + high + o0) >> shift;
  work[at + 7 * step] = (sum + high - o0) >> shift;
  work[at + step] = (difference + low + o1) >> shift;
  work[at + 6 * step] = (difference + low - o1) >> shift;
  work[at + 2 * step] = (difference - low + o2) >> shift;
  work[at + 5 * step] = (difference - low - o2) >> shift;
  work[at + 3 * step] = (sum - high + o3) >> shift;
  work[at + 4 * step] = (sum - high - o3) >> shift;
}

const [K0, K1, , K3, , K5, , K7] = SHARES[2];

/** Draws a block at a scale of 1/4: the means of four know nothing of waves 2, 4 and 6, and the
 * lower half of the others is the upper half with other signs.
 * @type {Draw} */
function drawQuarter(block, from, factors, work, plane, to, stride) {
  const first = BITS - BETWEEN + 2;
  const half = 1 << (first - 1);
  for (let column = 0; column < 8; column += column === 0 ? 1 : 2) {
    const at = from + column;
    const even = imul(block[at], factors[column]) + half;
    const odd =
      imul(block[at + 8], factors[column + 8]) + imul(block[at + 24], factors[column + 24]) +
      imul(block[at + 40], factors[column + 40]) + imul(block[at + 56], factors[column + 56]);
    work[column] = (even + odd) >> first;
    work[column + 8] = (even - odd) >> first;
  }
  const second = BITS + BETWEEN + 5;
  const halfway = 1 << (second - 1);
  for (let row = 0; row < 2; row += 1) {
    const w = row * 8;
    const even = imul(work[w], K0) + halfway;
    const odd = imul(work[w + 1], K1) + imul(work[w + 3], K3) + imul(work[w + 5], K5) + imul(work[w + 7], K7);
    const place = to + row * stride;
    plane[place] = clamped((even + odd) >> second);
    plane[place + 1] = clamped((even - odd) >> second);
  }
}

/** Draws a block as one pixel. @type {Draw} */
function drawMean(block, from, factors, _, plane, to) {
  plane[to] = clamped((imul(block[from], factors[0]) + 4) >> 3);
}

/** What draws a block, by the pixels along its side. @type {Record<number, Draw>} */
export const DRAW = { 1: drawMean, 2: drawQuarter, 4: drawHalf, 8: drawWhole };
