// @ts-check
/** Photographs go to the worker one after the other, and what it finds goes into the sheet. */

/** @typedef {import("./sheet.js").Photograph} Photograph */
/** @typedef {import("./worker.js").Answer} Answer */

const LATEST = 12; // photographs that tell how long the others will take

export class Placing {
  /** What was found on a photograph is there. @type {(number: number) => void} */
  onplaced = () => {};
  /** All have been seen. */
  onend = () => {};
  #busy = false;
  #round = 0;
  /** @type {number[]} milliseconds */
  #took = [];

  /** @param {import("./sheet.js").Sheet} sheet @param {import("./helper.js").Helper} helper */
  constructor(sheet, helper) {
    this.sheet = sheet;
    this.helper = helper;
  }

  /** How many are still to be seen. */
  get left() {
    return this.sheet.photographs.filter(({ found }) => !found).length;
  }

  /** Seconds that the rest will take; null where nobody knows. */
  get secondsLeft() {
    if (!this.#took.length) return null;
    const each = this.#took.reduce((sum, time) => sum + time, 0) / this.#took.length;
    return (each * this.left) / 1000;
  }

  /** Forgets what is under way: another model has been opened. */
  restart() {
    this.#round += 1;
    this.#busy = false;
    this.#took = [];
  }

  /** Sees all that are left. */
  async go() {
    if (this.#busy) return;
    this.#busy = true;
    const round = this.#round;
    let any = false;
    for (let number = 0; number < this.sheet.photographs.length; number += 1) {
      const photograph = this.sheet.photographs[number];
      if (photograph.found) continue;
      const began = performance.now();
      const answer = await this.helper.ask({ photograph: photograph.file });
      if (round !== this.#round) return;
      photograph.found = specimenOf(photograph, answer);
      this.#took.push(performance.now() - began);
      if (this.#took.length > LATEST) this.#took.shift();
      any = true;
      this.onplaced(number);
    }
    this.#busy = false;
    if (any) this.onend();
  }
}

/** @param {Photograph} photograph @param {Answer} answer
 * @returns {import("./tables.js").Specimen} */
function specimenOf({ name }, { placed, problem, size }) {
  if (placed) {
    const { flag, size, ...found } = placed;
    return { name, status: flag ? "flagged" : "ok", reason: flag, size, ...found };
  }
  const reason = `${name.slice(name.lastIndexOf("/") + 1)} ${problem}`;
  const none = { xy: null, score: [], errors: [], semilandmarks: [], across: [] };
  return { name, status: "failed", reason, size: size ?? null, ...none };
}
