// @ts-check
/** What the server is asked for. Addresses are below that of the page, which holds the token. */
import { contact, Refused } from "./contact.js";

/** @typedef {import("./model.js").Session} Session */
/** @typedef {import("./model.js").Shown} Shown */
/** @typedef {import("./model.js").News} News */
/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Point} Point */

const MOST_ALIVE = 60_000; // bytes; browsers refuse more than 64 kB

/** @param {object} body @returns {RequestInit} */
function holding(body) {
  const text = JSON.stringify(body);
  const keepalive = text.length < MOST_ALIVE; // what a tab saves while it is closed
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: text, keepalive };
}

/** @returns {Promise<Session>} */
export const session = () => contact.ask("api/session");

/** @param {number} number @returns {Promise<Shown>} */
export const photograph = (number) => contact.ask(`api/photographs/${number}`);

/** @param {number} since @returns {Promise<News>} */
export const news = (since) => contact.ask(`api/news?since=${since}`);

/** @returns {Promise<{next: number[]}>} */
export const next = () => contact.ask("api/next");

/** @param {number} number
 * @param {{revision: number, state: State, xy: (Point | null)[] | null, seconds: number,
 *   curves: (Point[] | null)[]}} record
 * @returns {Promise<{revision: number}>} */
export const save = (number, record) =>
  contact.ask(`api/photographs/${number}`, holding(record));

/** @param {import("./model.js").TrainingAct} act @returns {Promise<import("./model.js").Training>} */
export const train = (act) => contact.askOnce("api/train", holding({ act }));

export async function end() {
  await contact.askOnce("api/end", holding({ end: true }));
  contact.end();
}

/** Why the server cannot give a picture; empty where it can. @param {number} number */
async function problemOf(number) {
  try {
    await contact.ask(pictureOf(number));
    return "";
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

/** @param {number} number */
export const pictureOf = (number) => `photograph/${number}`;

/** @param {number} number */
export const thumbnailOf = (number) => `thumbnail/${number}`;

/** Pictures that were fetched ahead, decoded and ready to show; only a few are kept. */
export class Pictures {
  constructor(most = 5) {
    this.most = most;
    /** @type {Map<number, {image: HTMLImageElement, problem: Promise<string>}>} */
    this.held = new Map();
  }

  /** Begins to fetch a picture. @param {number} number */
  fetch(number) {
    const known = this.held.get(number);
    if (known) {
      this.held.delete(number);
      this.held.set(number, known);
      return known;
    }
    const image = new Image();
    image.decoding = "async";
    image.alt = "";
    image.draggable = false;
    const entry = { image, problem: loaded(image, number) };
    this.held.set(number, entry);
    for (const other of this.held.keys()) {
      if (this.held.size <= this.most) break;
      this.held.delete(other);
    }
    return entry;
  }
}

/** Why a picture cannot be shown, once it is loaded; empty where it can.
 * @param {HTMLImageElement} image @param {number} number @returns {Promise<string>} */
async function loaded(image, number) {
  for (const isLast of [false, true]) {
    image.src = pictureOf(number);
    try {
      await image.decode();
      return "";
    } catch {
      const problem = isLast ? "" : await problemOf(number);
      if (problem) return problem; // or else the server was away, and is there again
    }
  }
  return "the browser cannot show this photograph";
}
