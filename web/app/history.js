// @ts-check
/** Undo and redo of the landmarks and curves of one photograph. */

/** @typedef {import("./model.js").Point} Point */
/** @typedef {object} Placed
 * @property {(Point | null)[]} xy @property {boolean[]} missing @property {boolean[]} sure
 * @property {(Point[] | null)[]} curves  the points of each between its landmarks
 * @property {boolean[]} lacking  curves that the specimen does not have */

const MOST = 300;

export class History {
  revision = -1;
  origin = "";
  saved = 0; // the step that the server has

  /** @param {Placed} first */
  constructor(first) {
    /** @type {Placed[]} */
    this.steps = [copied(first)];
    this.at = 0;
  }

  /** @returns {Placed} */
  get now() {
    return copied(this.steps[this.at]);
  }

  /** Whether anything was changed and not taken back. */
  get changed() {
    return this.at > 0;
  }

  /** @param {Placed} placed */
  add(placed) {
    this.steps.splice(this.at + 1, Infinity, copied(placed));
    if (this.steps.length > MOST) this.steps.splice(1, 1);
    this.at = this.steps.length - 1;
  }

  undo() {
    if (this.at === 0) return false;
    this.at -= 1;
    return true;
  }

  redo() {
    if (this.at === this.steps.length - 1) return false;
    this.at += 1;
    return true;
  }
}

/** @param {Placed} placed @returns {Placed} */
function copied({ xy, missing, sure, curves, lacking }) {
  return {
    xy: xy.map((point) => (point ? [point[0], point[1]] : null)),
    missing: [...missing],
    sure: [...sure],
    curves: curves.map((points) => points && points.map(([x, y]) => [x, y])),
    lacking: [...lacking],
  };
}
