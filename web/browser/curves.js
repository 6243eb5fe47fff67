// @ts-check
/** The curves of a part: which points lie on which. */

/** @typedef {import("./card.js").Card["part"]} Part */

/** How many semilandmarks all curves have together. @param {Part} part */
export const semilandmarksOf = (part) =>
  (part.curves ?? []).reduce((sum, { semilandmarks }) => sum + semilandmarks, 0);

/** The points of each curve, from the landmark where it begins to that where it ends.
 * @template T
 * @param {Part} part @param {T[]} xy  landmarks @param {T[]} semilandmarks  of all curves
 * @returns {T[][]} */
export function curvePoints(part, xy, semilandmarks) {
  let first = 0;
  return (part.curves ?? []).map(({ from, to, semilandmarks: count }) => {
    const own = semilandmarks.slice(first, first + count);
    first += count;
    return [xy[from - 1], ...own, xy[to - 1]];
  });
}
