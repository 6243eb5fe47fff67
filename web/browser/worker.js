// @ts-check
/** The worker: photographs in, landmarks out, one after the other, so that the page stays alive.
 *
 * @typedef {object} Asked
 * @property {number} number  of the question, which its answer has too
 * @property {{bytes: ArrayBuffer}} [model]  to open
 * @property {Blob} [photograph]  to place landmarks on
 * @property {Blob} [shown]  a photograph to be given in a kind that every browser shows
 *
 * @typedef {object} Answer
 * @property {number} number
 * @property {import("./card.js").Card} [card]
 * @property {import("./place.js").Placed & {size: [number, number]}} [placed]
 * @property {Blob} [shown]
 * @property {string} [problem]  why that cannot be done: goes on after the name of the file
 * @property {[number, number] | null} [size]  of the photograph, where it was read at least
 *
 * @typedef {{runtime: string}} Told  which runtime runs the model, without being asked
 */
import { FileError } from "./errors.js";
import { Faster } from "./faster.js";
import { Network } from "./network.js";
import { Partner } from "./partner.js";
import { NoLandmarks, place, sizeWanted } from "./place.js";
import { asShown, readPhotograph } from "./read.js";

const RUNTIME = new URL("../runtime/", import.meta.url).href;

/** @type {{card: import("./card.js").Card, runner: Faster} | null} */
let opened = null;

/** Where there is another core to read with. */
const partner = navigator.hardwareConcurrency > 1 ? new Partner() : null;

/** @returns {Promise<import("./tiff.js").Utif>} */
const utif = async () => (await import(`${RUNTIME}utif.js`)).default;

/** @param {Blob} file */
const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());

/** @param {Asked} asked @returns {Promise<Omit<Answer, "number">>} */
async function answered({ model, photograph, shown }) {
  if (model) {
    const bytes = new Uint8Array(model.bytes);
    const network = await Network.open(bytes, RUNTIME);
    await opened?.runner.close();
    const webgpu = () => Network.openInWebGpu(bytes, RUNTIME);
    opened = { card: network.card, runner: new Faster(network, webgpu, tell) };
    return { card: network.card };
  }
  if (shown) return { shown: await asShown(await bytesOf(shown), utif) };
  if (!photograph || !opened) throw new Error("nothing is asked");
  const { card, runner } = opened;
  const bytes = await bytesOf(photograph);
  const { channels } = card;
  const picture = await readPhotograph(bytes, channels, sizeWanted(card), utif, partner?.read ?? null);
  try {
    const placed = await place(card, runner.run, picture);
    tried = tried.then(() => runner.try(inTurn)); // meanwhile the answer is sent
    return { placed: { ...placed, size: picture.size } };
  } catch (error) {
    if (!(error instanceof NoLandmarks)) throw error;
    return { problem: error.message, size: picture.size };
  }
}

/** @param {string} runtime */
const tell = (runtime) => self.postMessage({ runtime });

/** @param {unknown} error */
function told(error) {
  if (error instanceof FileError) return error.message;
  if (error instanceof RangeError) return "cannot be decoded: there is not enough memory";
  return `cannot be read: ${error instanceof Error ? error.message : error}`;
}

/** @type {Promise<unknown>} */
let last = Promise.resolve();
/** WebGPU is tried with one model after the other. @type {Promise<void>} */
let tried = Promise.resolve();

/** Does things one after the other. @type {import("./faster.js").Alone} */
function inTurn(task) {
  const done = last.then(task);
  last = done.catch(() => {});
  return done;
}

self.addEventListener("message", (/** @type {MessageEvent<Asked>} */ event) => {
  const asked = event.data;
  void inTurn(async () => {
    /** @type {Omit<Answer, "number">} */
    let answer;
    try {
      answer = await answered(asked);
    } catch (error) {
      answer = { problem: told(error), size: null };
    }
    self.postMessage({ number: asked.number, ...answer });
  });
});
