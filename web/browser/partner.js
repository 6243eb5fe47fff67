// @ts-check
/** A second worker, which reads the second half of a JPEG while the first reads the other. */
import { bytesWithout } from "./jpeg-rest.js";

/** @typedef {import("./jpeg-rest.js").Rest} Rest */

/**
 * @typedef {object} Question  whose buffers come back with the answer, to be used for the next one
 * @property {number} number
 * @property {Uint8Array} bytes of a JPEG without the first half of its data
 * @property {number} channels
 * @property {number} reduction
 * @property {Int16Array | null} spare  room for coefficients
 *
 * @typedef {{number: number, bytes: Uint8Array, rest: Rest | null}} Answer
 */

const MOST_SPARE = 1 << 26; // bytes that are kept for the next photograph

export class Partner {
  /** @type {Worker | null} */
  #worker;
  #asked = 0;
  /** @type {(rest: Rest | null) => void} */
  #answer = () => {};
  /** @type {Uint8Array | null} */
  #bytes = null;
  /** @type {Int16Array | null} */
  #spare = null;

  constructor() {
    const worker = new Worker(new URL("./partner-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", (/** @type {MessageEvent<Answer>} */ { data }) => {
      const { number, bytes, rest } = data;
      this.#bytes = bytes;
      this.#spare = rest && rest.kept.byteLength <= MOST_SPARE ? rest.kept : null;
      if (number === this.#asked) this.#answer(rest);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // one worker reads it all
      this.#worker = null;
      this.#answer(null);
    });
    this.#worker = worker;
  }

  /** Reads a second half. What is given is valid until the next one is asked for.
   * @type {import("./jpeg-rest.js").ReadRest} */
  read = (without, channels, reduction) => {
    const worker = this.#worker;
    if (!worker) return Promise.resolve(null);
    this.#answer(null); // of one that nobody waits for any more
    this.#asked += 1;
    const [bytes, spare] = [bytesWithout(without, this.#bytes), this.#spare];
    this.#bytes = this.#spare = null;
    /** @type {Question} */
    const question = { number: this.#asked, bytes, channels, reduction, spare };
    worker.postMessage(question, spare ? [bytes.buffer, spare.buffer] : [bytes.buffer]);
    return new Promise((resolve) => (this.#answer = resolve));
  };
}
