// @ts-check
/** What the server is asked for. Addresses are below that of the page, which holds the token. */

/** @typedef {import("./model.js").Session} Session */
/** @typedef {import("./model.js").Shown} Shown */
/** @typedef {import("./model.js").News} News */
/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Point} Point */

/** What the server refuses. */
export class Refused extends Error {
  /** @param {number} status @param {string} reason */
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
async function asked(path, body) {
  const request = body
    ? {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        keepalive: true, // what a tab saves while it is closed
      }
    : {};
  const answer = await fetch(path, request);
  const content = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, content.error ?? "the server refused");
  return content;
}

/** @returns {Promise<Session>} */
export const session = () => asked("api/session");

/** @param {number} number @returns {Promise<Shown>} */
export const photograph = (number) => asked(`api/photographs/${number}`);

/** @param {number} since @returns {Promise<News>} */
export const news = (since) => asked(`api/news?since=${since}`);

/** @returns {Promise<{next: number[]}>} */
export const next = () => asked("api/next");

/** @param {number} number
 * @param {{revision: number, state: State, xy: (Point | null)[] | null, seconds: number}} record
 * @returns {Promise<{revision: number}>} */
export const save = (number, record) => asked(`api/photographs/${number}`, record);

/** @param {boolean} stop @returns {Promise<import("./model.js").Training>} */
export const train = (stop) => asked("api/train", { stop });

export const end = () => asked("api/end", { end: true });

/** @param {number} number */
export const pictureOf = (number) => `photograph/${number}`;

/** @param {number} number */
export const thumbnailOf = (number) => `thumbnail/${number}`;

/** Pictures that were fetched ahead, decoded and ready to show; only a few are kept. */
export class Pictures {
  constructor(most = 5) {
    this.most = most;
    /** @type {Map<number, {image: HTMLImageElement, ready: Promise<void>}>} */
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
    image.src = pictureOf(number);
    const ready = image.decode();
    ready.catch(() => {});
    const entry = { image, ready };
    this.held.set(number, entry);
    for (const other of this.held.keys()) {
      if (this.held.size <= this.most) break;
      this.held.delete(other);
    }
    return entry;
  }
}
