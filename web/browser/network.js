// @ts-check
/** A model that is ready to run; the only module that knows the runtime. */
import { FileError } from "./errors.js";
import { readCard } from "./card.js";
import { semilandmarksOf } from "./curves.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./place.js").Output} Output */

const MOST_THREADS = 4;
const OUTPUTS = ["landmarks", "score", "expected_error"];
const OF_CURVES = ["semilandmarks", "semilandmark_error"];

/**
 * @typedef {object} Tensor
 * @property {ArrayLike<number>} data
 * @property {number[]} dims
 * @property {() => void} dispose
 *
 * @typedef {object} Session
 * @property {(feeds: Record<string, Tensor>) => Promise<Record<string, Tensor>>} run
 * @property {{name: string, shape?: (number | string)[]}[]} inputMetadata
 * @property {() => Promise<void>} release
 *
 * @typedef {object} Runtime
 * @property {{wasm: {numThreads: number, wasmPaths: {mjs: string}, wasmBinary: ArrayBuffer},
 *   logLevel: string}} env
 * @property {{create: (bytes: Uint8Array, options: object) => Promise<Session>}} InferenceSession
 * @property {new (type: string, data: Uint8Array, dims: number[]) => Tensor} Tensor
 */

/** @typedef {"wasm" | "webgpu"} Provider */

/** The runtime is built twice: with WebGPU it is twice as large. The build that is called `jsep` alone knows
 * numbers of 64 bit beside it, which models compute with.
 * @type {Record<Provider, {module: string, binary: string}>} */
const BUILDS = {
  wasm: { module: "ort.wasm.min.js", binary: "ort-wasm-simd-threaded" },
  webgpu: { module: "ort.min.js", binary: "ort-wasm-simd-threaded.jsep" },
};

/** @type {Partial<Record<Provider, Promise<Runtime>>>} */
const loading = {};

/** The runtime, which is fetched when the first model is opened in it.
 * @param {string} folder its address @param {Provider} provider */
const runtime = (folder, provider) => (loading[provider] ??= load(folder, provider));

/** @param {string} folder @param {Provider} provider @returns {Promise<Runtime>} */
async function load(folder, provider) {
  const { module, binary } = BUILDS[provider];
  const [found, answer] = await Promise.all([
    import(`${folder}${module}`),
    fetch(`${folder}${binary}.wasm.gz`),
  ]);
  if (!answer.ok) throw new Error("the runtime cannot be fetched");
  const { wasm } = found.env;
  wasm.wasmBinary = await unpacked(await answer.arrayBuffer());
  wasm.wasmPaths = { mjs: `${folder}${binary}.js` };
  // Half of the cores, as `predict`: reading the next photograph and showing this one want the others.
  // Of two cores both: while a single photograph is in the model, nothing else is to be done.
  const cores = navigator.hardwareConcurrency || 1;
  const wanted = Math.max(Math.floor(cores / 2), Math.min(cores, 2));
  const isShared = self.crossOriginIsolated && provider === "wasm";
  wasm.numThreads = isShared ? Math.min(wanted, MOST_THREADS) : 1;
  found.env.logLevel = "fatal";
  return found;
}

/** @param {number[]} values @returns {[number, number][]} */
const pairs = (values) =>
  Array.from({ length: values.length / 2 }, (_, index) => [values[2 * index], values[2 * index + 1]]);

/** What was packed when the page was written, for not every host packs what it sends; some unpack it.
 * @param {ArrayBuffer} packed */
async function unpacked(packed) {
  const [first, second] = new Uint8Array(packed, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return packed;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

export class Network {
  /** @param {Runtime} ort @param {Session} session @param {Card} card @param {number} batch */
  constructor(ort, session, card, batch) {
    this.ort = ort;
    this.session = session;
    this.card = card;
    this.batch = batch;
  }

  /** Opens a model in WebGPU; null where there is none, and then nothing is fetched for it.
   * @param {Uint8Array} bytes @param {string} folder */
  static async openInWebGpu(bytes, folder) {
    const adapter = await /** @type {any} */ (navigator).gpu?.requestAdapter();
    return adapter ? Network.open(bytes, folder, "webgpu") : null;
  }

  /** Opens a model. @param {Uint8Array} bytes of its file @param {string} folder of the runtime
   * @param {Provider} provider */
  static async open(bytes, folder, provider = "wasm") {
    const card = readCard(bytes);
    const ort = await runtime(folder, provider);
    let session;
    try {
      session = await ort.InferenceSession.create(bytes, {
        executionProviders: [...new Set([provider, "wasm"])], // what the one cannot, the other does
        logSeverityLevel: 4, // what goes wrong is told by exceptions
      });
    } catch (error) {
      const told = error instanceof Error ? error.message.split("\n")[0] : String(error);
      throw new FileError(`cannot be loaded as a model: ${told.slice(0, 300)}`);
    }
    const input = session.inputMetadata.find(({ name }) => name === "image");
    if (!input) throw new FileError("is damaged: it has no input ‘image’");
    const first = input.shape?.[0];
    return new Network(ort, session, card, typeof first === "number" && first > 0 ? first : 1);
  }

  /** Places landmarks in one input. @param {Uint8Array} pixels plane by plane
   * @returns {Promise<Output>} */
  run = async (pixels) => {
    const { channels, input_height: height, input_width: width } = this.card;
    let batch = pixels;
    if (this.batch > 1) {
      batch = new Uint8Array(this.batch * pixels.length); // filled up with black
      batch.set(pixels);
    }
    const image = new this.ort.Tensor("uint8", batch, [this.batch, channels, height, width]);
    const found = await this.session.run({ image });
    image.dispose();
    const count = this.card.part.landmark_names.length;
    const along = semilandmarksOf(this.card.part);
    const values = (/** @type {string} */ name, /** @type {number} */ wanted) => {
      const tensor = found[name];
      if (!tensor || tensor.data.length !== this.batch * wanted)
        throw new FileError(`gave no ${name} of ${wanted} numbers, as its card promises`);
      const first = Array.from({ length: wanted }, (_, at) => tensor.data[at]);
      tensor.dispose();
      return first;
    };
    const [xy, score, errors] = OUTPUTS.map((name, index) => values(name, index ? count : 2 * count));
    const [semilandmarks, across] = along
      ? OF_CURVES.map((name, index) => values(name, index ? along : 2 * along))
      : [[], []];
    return { xy: pairs(xy), score, errors, semilandmarks: pairs(semilandmarks), across };
  };

  async close() {
    await this.session.release();
  }
}
