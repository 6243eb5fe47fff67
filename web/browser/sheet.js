// @ts-check
/** The photographs of the page, what the model found on them, and what was corrected. */
import { byCharacters } from "./tables.js";

/** @typedef {[number, number]} Point */
/** @typedef {import("../app/model.js").State} State */
/** @typedef {import("./tables.js").Specimen} Specimen */

/**
 * @typedef {object} Photograph
 * @property {string} name  with its folders, unique
 * @property {File} file
 * @property {Specimen | null} found  null until the model has seen it
 * @property {State} state
 * @property {(Point | null)[] | null} corrected
 * @property {number} revision
 */

export class Sheet {
  /** @type {Photograph[]} in the order in which they came; their places are their numbers */
  photographs = [];
  /** @type {Set<string>} */
  #names = new Set();

  /** Takes further photographs, by name; returns how many are new.
   * @param {{name: string, file: File}[]} given */
  add(given) {
    const fresh = given.filter(({ name }) => !this.#names.has(name));
    fresh.sort((one, other) => byCharacters(one.name, other.name));
    let count = 0;
    for (const { name, file } of fresh) {
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      this.photographs.push({ name, file, found: null, state: "open", corrected: null, revision: 0 });
      count += 1;
    }
    return count;
  }

  /** Lets go what was found and corrected: another model begins. */
  reset() {
    for (const photograph of this.photographs)
      Object.assign(photograph, { found: null, state: "open", corrected: null, revision: 0 });
  }

  /** Whether anything was corrected or accepted. */
  get isTouched() {
    return this.photographs.some(({ state }) => state !== "open");
  }

  /** What the model found on the photographs that it has seen. */
  get specimens() {
    return this.photographs.flatMap(({ found }) => (found ? [found] : []));
  }

  /** The photographs that were accepted, with their landmarks as they are now.
   * @returns {Specimen[]} */
  get accepted() {
    return this.photographs.flatMap(({ found, state, corrected }) =>
      found && state === "accepted" && corrected ? [{ ...found, xy: corrected }] : [],
    );
  }

  get counts() {
    const found = { ok: 0, flagged: 0, failed: 0 };
    for (const { status } of this.specimens) found[status] += 1;
    return found;
  }

  /** A photograph as the review page knows it. @param {number} number
   * @returns {import("../app/model.js").Shown} */
  shown(number) {
    const { name, found, state, corrected, revision } = this.photographs[number];
    return {
      ...{ number, name, state, revision, origin: "model" },
      size: found?.size ?? null,
      problem: !found ? "not seen yet" : found.size ? "" : found.reason,
      status: found?.status ?? "",
      reason: found?.reason ?? "",
      xy: corrected,
      proposed: found?.xy ?? null,
      expected: found?.xy ? found.errors : null,
    };
  }

  /** A photograph in the list. @param {number} number
   * @returns {[State, string, number | null, number, string]} */
  listed(number) {
    const { found, state, revision } = this.photographs[number];
    const error = found?.xy ? found.errors.reduce((sum, each) => sum + each, 0) / found.errors.length : null;
    return [state, found?.status ?? "waiting", error, revision, "model"];
  }
}
