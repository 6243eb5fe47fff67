// @ts-check
/** What is new at the server: what was saved elsewhere, what is proposed, how far a training is. */
import * as api from "./api.js";
import { slept } from "./contact.js";
import { listed } from "./model.js";
import { sayRefused } from "./refused.js";

/** @typedef {import("./model.js").News} News */

const EVERY = 2000; // milliseconds
const [SOON, SOON_EVERY] = [6000, 300];

export class Listener {
  /** @type {(news: News) => void} */
  onnews = () => {};
  #version;
  /** @type {number | null} */
  #rounds = null; // of predictions, as far as they were told of

  /** @param {import("./state.js").PageState} state
   * @param {import("./navigation.js").Navigation} navigation */
  constructor(state, navigation) {
    this.state = state;
    this.navigation = navigation;
    this.#version = state.session.version;
  }

  /** Listens for good. */
  async listen() {
    for (;;) {
      await this.hear();
      await slept(EVERY);
    }
  }

  /** Listens often while landmarks may be proposed in a moment on the photograph that is shown. */
  async awaitProposal() {
    const { state } = this;
    const { number } = state;
    for (let time = 0; time < SOON; time += SOON_EVERY) {
      const waits = state.number === number && !state.shown?.proposed && !state.shown?.reason;
      if (state.session.mode !== "annotate" || !state.shape || !waits) return;
      await slept(SOON_EVERY);
      await this.hear();
    }
  }

  /** Asks the server what is new. */
  async hear() {
    /** @type {News} */
    let news;
    try {
      news = await api.news(this.#version);
    } catch (error) {
      return sayRefused(error);
    }
    this.#version = news.version;
    const grown = this.#rounds !== null && news.rounds > this.#rounds;
    this.#rounds = news.rounds;
    for (const [number, row] of news.changed) this.#take(number, row);
    if (news.changed.length) this.state.onlist();
    this.state.learn(news.mean_shape);
    this.onnews(news);
    if (grown) await this.navigation.goToWorst();
  }

  /** @param {number} number @param {News["changed"][number][1]} row */
  #take(number, row) {
    const { state } = this;
    const before = state.photographs[number];
    const now = (state.photographs[number] = listed(row));
    this.navigation.forget(number);
    const { shown } = state;
    const fresh = shown?.number === number && shown.state === "open" && !state.history?.changed;
    const other = before.origin !== now.origin || before.error !== now.error || !shown?.proposed;
    if (fresh && other) void this.#again(number);
    else if (state.number !== number && before.revision !== now.revision) state.forget(number);
  }

  /** Shows the photograph anew, with what the server has of it. @param {number} number */
  async #again(number) {
    const shown = await api.photograph(number);
    if (this.state.number === number && !this.state.history?.changed) this.state.replace(shown);
  }
}
