// @ts-check
/** The orders that photographs can be gone through in. */

/** @typedef {import("./model.js").Listed} Listed */

const RANKS = { failed: 0, flagged: 1 };

/** Whether a photograph is still to be done. @param {Listed} photograph */
export const isLeft = ({ state }) => state === "open" || state === "draft";

/** Numbers of photographs: failed, flagged, then those with the largest expected errors.
 * @param {Listed[]} photographs @returns {number[]} */
export function worstFirst(photographs) {
  const ranks = photographs.map(({ status, error }) => [
    RANKS[/** @type {"failed"} */ (status)] ?? 2,
    -(error ?? 0),
  ]);
  return byName(photographs).sort(
    (i, j) => ranks[i][0] - ranks[j][0] || ranks[i][1] - ranks[j][1] || i - j,
  );
}

/** Numbers of photographs: those that are done and the one that is shown, the suggested ones, others.
 * @param {Listed[]} photographs @param {number[]} suggested @param {number} shown
 * @returns {number[]} */
export function suggestedFirst(photographs, suggested, shown) {
  const rank = new Map(suggested.map((number, index) => [number, index]));
  const places = photographs.map((photograph, number) =>
    !isLeft(photograph) || number === shown ? -1 : (rank.get(number) ?? photographs.length),
  );
  return byName(photographs).sort((i, j) => places[i] - places[j] || i - j);
}

/** Numbers of photographs as they are listed. @param {Listed[]} photographs @returns {number[]} */
export const byName = (photographs) => photographs.map((_, number) => number);
