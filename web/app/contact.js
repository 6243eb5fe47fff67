// @ts-check
/** Requests to the server, and whether it answers: it may be killed, suspended, or started anew. */

/** @typedef {"there" | "silent" | "gone" | "elsewhere"} Presence
 * it answers, takes its time, is not there, or was started anew and has another address */

const AGAIN = [300, 1000, 2000]; // milliseconds before it is asked again; the last one for good
const SILENT = 6000; // without any answer

/** What the server refuses. */
export class Refused extends Error {
  /** @param {number} status @param {string} reason */
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The server does not answer. */
export class Unanswered extends Error {}

class Contact {
  /** @type {Presence} */
  presence = "there";
  /** @type {(presence: Presence) => void} */
  onchange = () => {};
  #answered = 0; // when it did last
  #ended = false;

  /** Nothing is asked any more, and nobody wonders that there are no answers. */
  end() {
    this.#ended = true;
  }

  /** The content of an answer, null for a picture, however long it takes until the server is there.
   * @param {string} path @param {RequestInit} [request] @returns {Promise<any>} */
  async ask(path, request) {
    for (let time = 0; ; time += 1)
      try {
        return await this.askOnce(path, request, time > 0);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        await slept(AGAIN[Math.min(time, AGAIN.length - 1)]);
      }
  }

  /** The content of an answer. One failure alone may be a network that changes: it is not told.
   * @param {string} path @param {RequestInit} [request] @param {boolean} [told]
   * @returns {Promise<any>} */
  async askOnce(path, request, told = true) {
    if (this.#ended) return new Promise(() => {});
    const begun = Date.now();
    const patience = setTimeout(() => this.#answered < begun && this.#tell("silent"), SILENT);
    try {
      const answer = await fetch(path, request);
      const kind = answer.headers.get("content-type") ?? "";
      const isOurs = kind.startsWith("application/json") || kind.startsWith("image/");
      const content = kind.startsWith("application/json") ? await answer.json() : null;
      // A server that was started anew knows another token; another program is not ours at all.
      if (answer.status === 403 || !isOurs) {
        this.#tell("elsewhere");
        throw new Unanswered("the server was started anew");
      }
      this.#answered = Date.now();
      this.#tell("there");
      if (!answer.ok) throw new Refused(answer.status, content.error);
      return content;
    } catch (error) {
      if (error instanceof Refused || error instanceof Unanswered) throw error;
      if (told) this.#tell("gone");
      throw new Unanswered("the server does not answer");
    } finally {
      clearTimeout(patience);
    }
  }

  /** @param {Presence} presence */
  #tell(presence) {
    if (presence === this.presence || this.#ended) return;
    this.presence = presence;
    this.onchange(presence);
  }
}

export const contact = new Contact();

/** @param {number} time in milliseconds */
export function slept(time) {
  return new Promise((done) => setTimeout(done, time));
}
