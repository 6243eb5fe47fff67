// @ts-check
/** Runs a model in WebGPU where that gives the landmarks that WebAssembly gives, and takes less time.
 *
 * WebAssembly begins, and what it made of its first input is held against what WebGPU makes of it. If
 * anything is amiss, then or later, WebAssembly goes on as if nothing had been.
 */

/** @typedef {import("./place.js").Output} Output */
/** @typedef {import("./place.js").Run} Run */
/** @typedef {{run: Run, close: () => Promise<void>}} Session */
/** @typedef {<T>(task: () => Promise<T>) => Promise<T>} Alone  does it while no photograph is under way */

const MOST_APART = 0.05; // px of the input, at any landmark or semilandmark

export class Faster {
  /** @type {Session | null} */
  #webgpu = null;
  /** @type {{pixels: Uint8Array, output: Output} | null} */
  #first = null;
  #isTried = false;
  #isClosed = false;

  /**
   * @param {Session} wasm
   * @param {() => Promise<Session | null>} open  the same model in WebGPU; null where there is none
   * @param {(words: string) => void} tell  which of both runs, and why
   */
  constructor(wasm, open, tell) {
    this.wasm = wasm;
    this.open = open;
    this.tell = tell;
    tell("Runs in WebAssembly.");
  }

  /** @type {Run} */
  run = async (pixels) => {
    const webgpu = this.#webgpu;
    if (webgpu)
      try {
        const output = await webgpu.run(pixels);
        if (allFinite(output)) return output;
      } catch (error) {
        this.#webgpu = null; // a graphics card can be taken away
        this.tell(failed(error));
        await closed(webgpu);
      }
    const output = await this.wasm.run(pixels);
    if (!this.#isTried) this.#first ??= { pixels, output };
    return output;
  };

  /** Changes to WebGPU, if it is as good; once something has been run. @param {Alone} alone */
  async try(alone) {
    if (this.#isTried || !this.#first) return;
    this.#isTried = true;
    const { pixels, output } = this.#first;
    this.#first = null;
    /** @type {Session | null} */
    let webgpu = null;
    let against = "";
    try {
      webgpu = await this.open();
      against = webgpu
        ? await this.#against(webgpu, pixels, output, alone)
        : "Runs in WebAssembly: this browser offers no WebGPU here.";
    } catch (error) {
      against = failed(error);
    }
    if (this.#isClosed || against) await closed(webgpu);
    else this.#webgpu = webgpu;
    if (!this.#isClosed)
      this.tell(against || "Runs in WebGPU, which gave the same landmarks as WebAssembly in less time.");
  }

  /** What speaks against WebGPU; nothing is "".
   * @param {Session} webgpu @param {Uint8Array} pixels @param {Output} output @param {Alone} alone */
  async #against(webgpu, pixels, output, alone) {
    // Not timed, for the first run makes the programs of the graphics card.
    if (!agree(output, await webgpu.run(pixels)))
      return "Runs in WebAssembly: WebGPU gave other landmarks on the first photograph.";
    return alone(async () => {
      if (this.#isClosed) return "";
      const [other, own] = [await timeOf(webgpu, pixels), await timeOf(this.wasm, pixels)];
      if (other < own) return "";
      return "Runs in WebAssembly: WebGPU gave the same landmarks, but took longer.";
    });
  }

  async close() {
    this.#isClosed = true;
    await closed(this.#webgpu);
    await this.wasm.close();
  }
}

/** @param {Output} output */
const allFinite = ({ xy, score, errors, semilandmarks, across }) =>
  [...xy.flat(), ...semilandmarks.flat(), ...score, ...errors, ...across].every(Number.isFinite);

/** @param {Output} one @param {Output} other */
function agree(one, other) {
  const [points, others] = [one, other].map(({ xy, semilandmarks }) => [...xy, ...semilandmarks]);
  const apart = points.map(([x, y], index) => Math.hypot(x - others[index][0], y - others[index][1]));
  return allFinite(one) && allFinite(other) && apart.every((distance) => distance <= MOST_APART);
}

/** @param {Session} session @param {Uint8Array} pixels */
async function timeOf(session, pixels) {
  const began = performance.now();
  await session.run(pixels);
  return performance.now() - began;
}

/** @param {unknown} error */
function failed(error) {
  const told = error instanceof Error ? error.message : String(error);
  return `Runs in WebAssembly: WebGPU failed (${told.split("\n")[0].slice(0, 300)}).`;
}

/** Closes a session that may be broken. @param {Session | null} session */
async function closed(session) {
  try {
    await session?.close();
  } catch {
    // It is not used any more.
  }
}
