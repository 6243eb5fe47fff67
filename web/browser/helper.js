// @ts-check
/** The page's side of the worker: questions and their answers. */

/** @typedef {import("./worker.js").Asked} Asked */
/** @typedef {import("./worker.js").Answer} Answer */
/** @typedef {import("./worker.js").Told} Told */

export class Helper {
  /** Another runtime runs the model. @type {(words: string) => void} */
  onruntime = () => {};
  /** @type {Map<number, (answer: Answer) => void>} */
  #waiting = new Map();
  #asked = 0;
  /** @type {Worker | null} started when it is first asked: it is to be one of the service worker's */
  #worker = null;

  #started() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", (/** @type {MessageEvent<Answer | Told>} */ { data }) => {
      if ("runtime" in data) this.onruntime(data.runtime);
      else this.#answer(data.number, data);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const number of this.#waiting.keys())
        this.#answer(number, { number, problem: `cannot be read: ${event.message || "the worker has ended"}`, size: null });
    });
    return worker;
  }

  /** @param {number} number @param {Answer} answer */
  #answer(number, answer) {
    this.#waiting.get(number)?.(answer);
    this.#waiting.delete(number);
  }

  /** @param {Omit<Asked, "number">} asked @returns {Promise<Answer>} */
  ask(asked) {
    this.#asked += 1;
    const number = this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      this.#worker ??= this.#started();
      this.#worker.postMessage({ ...asked, number });
    });
  }
}
