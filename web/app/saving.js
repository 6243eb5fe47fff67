// @ts-check
/** What was changed on a photograph goes to the server. */
import * as api from "./api.js";
import { contact, Refused, Unanswered } from "./contact.js";
import { same } from "./state.js";
import { sayRefused } from "./refused.js";
import { say } from "./toast.js";

/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").State} State */

export class Saving {
  /** Something was saved. */
  onsaved = () => {};
  /** Nothing is being saved any more, whether it was or not. */
  onend = () => {};
  #busy = false;

  /** @param {import("./state.js").PageState} state */
  constructor(state) {
    this.state = state;
  }

  /** Whether there is something that the server does not have. */
  get isDue() {
    return this.#busy || this.state.unsaved;
  }

  /** Saves what was changed and not accepted. @returns {Promise<boolean>} whether it is saved */
  async keep() {
    const { history, shown, unsaved } = this.state;
    if (!history || !shown || !unsaved) return true;
    return this.save(shown.state === "open" ? "draft" : shown.state);
  }

  /** Saves what was changed, but does not wait for a server that is away. */
  async keepNow() {
    if (contact.presence !== "there") throw new Unanswered();
    await this.keep();
  }

  /** Saves the photograph. @param {State} state @returns {Promise<boolean>} whether it is saved */
  async save(state) {
    const { shown, history } = this.state;
    if (!shown || !history) return false;
    if (this.#busy) {
      if (contact.presence !== "there") say(`${shown.name} is not saved yet.`);
      return false;
    }
    this.#busy = true;
    const { at } = history;
    try {
      const { xy: placed, curves } = history.now;
      const xy = placed.some((point) => point) ? placed : null;
      const seconds = Math.min((Date.now() - this.state.since) / 1000, 3600);
      const record = { revision: shown.revision, state, xy, seconds, curves };
      const revision = await this.#sent(shown.number, record);
      if (revision === null) return false;
      this.state.settle(shown, history, at, state, revision);
      this.onsaved();
      return true;
    } catch (error) {
      sayRefused(error);
      return false;
    } finally {
      this.#busy = false;
      this.onend();
    }
  }

  /** Sends a record, and shows what was saved in another tab where there is such.
   * @param {number} number @param {Parameters<typeof api.save>[1]} record
   * @returns {Promise<number | null>} its revision once it is saved */
  async #sent(number, record) {
    try {
      return (await api.save(number, record)).revision;
    } catch (error) {
      if (!(error instanceof Refused && error.status === 409)) throw error;
    }
    const there = await api.photograph(number);
    const { state, xy, curves } = record;
    const placed = there.xy?.every((point, i) => same(point, xy?.[i] ?? null));
    if (there.state === state && placed && alike(there.curves ?? [], curves)) return there.revision; // it was saved, and the answer was lost with the server
    this.state.replace(there);
    say("This photograph was changed in another tab: here is what was saved there.");
    return null;
  }
}

/** Whether curves run through the same points.
 * @param {(Point[] | null)[]} some @param {(Point[] | null)[]} others */
function alike(some, others) {
  return some.every((points, curve) => {
    const other = others[curve];
    if (!points || !other) return points === other;
    return points.length === other.length && points.every((point, i) => same(point, other[i]));
  });
}
