// What the modules of the page give, for tests in Python: questions in, answers out, as JSON.
import { readFileSync } from "node:fs";

const browser = (name) => import(new URL(`../../web/browser/${name}.js`, import.meta.url));
const [{ Placement }, { readJpeg, asPicture }, { decodePng }, { decodeTiff }, { Window }] = await Promise.all(
  ["placement", "picture", "png", "tiff", "window"].map(browser),
);
const [{ qualityFlag, fixed }, { readCard }, tables, levels, { similarity }] = await Promise.all(
  ["quality", "card", "tables", "levels", "procrustes"].map(browser),
);
const { Faster } = await browser("faster");
const [{ restOf }, { bytesWithout }] = await Promise.all(["jpeg", "jpeg-rest"].map(browser));
const { nearest, through } = await import(new URL("../../web/app/curve.js", import.meta.url));

const packed = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
const bytesOf = (path) => new Uint8Array(readFileSync(path));

/** @param {string} path @param {number} channels @param {[number, number]} wanted */
async function picture(path, channels, wanted) {
  const bytes = bytesOf(path);
  if (path.endsWith(".png")) return asPicture(await decodePng(bytes), channels);
  if (path.endsWith(".tif")) {
    const { default: utif } = await import(process.env.UTIF);
    return asPicture(decodeTiff(bytes, utif), channels);
  }
  return readJpeg(bytes, channels, wanted, null);
}

/** Reads the second half of a JPEG, as a partner does in a worker of its own. */
const readRest = async (without, channels, reduction) =>
  restOf(bytesWithout(without, null), channels, reduction, null);

/** What is read of a JPEG, or why it is refused. */
async function outcome(bytes, channels, wanted, partner) {
  try {
    const { pixels } = await readJpeg(bytes, channels, wanted, partner);
    return `${pixels.width} ${pixels.height} ${packed(pixels.values)}`;
  } catch (error) {
    return error.message;
  }
}

/** A stand-in for a model in one of the runtimes: it gives a point after a while, and may break at a run. */
function session({ x, error, takes, breaks }, log, name) {
  let runs = 0;
  const run = async () => {
    log.push(name);
    runs += 1;
    if (runs >= breaks) throw new Error("the device is lost");
    await new Promise((resolve) => setTimeout(resolve, takes));
    return { xy: [[1, 1]], score: [1], errors: [error], semilandmarks: [[x, 2]], across: [1] };
  };
  return { run, close: async () => void log.push(`${name} is closed`) };
}

const answers = {
  async faster({ wasm, webgpu, then }) {
    const [log, told] = [[], []];
    const open = async () => {
      if (webgpu?.refuses) throw new Error("cannot be loaded\nat all");
      return webgpu && session(webgpu, log, "webgpu");
    };
    const runner = new Faster(session(wasm, log, "wasm"), open, (words) => told.push(words));
    await runner.try((task) => task()); // before anything has been run: nothing
    await runner.run(new Uint8Array(1));
    const tried = runner.try((task) => task());
    if (then === "close") await runner.close();
    await tried;
    await runner.try((task) => task()); // it is tried once
    log.length = then === "close" ? log.length : 0;
    if (then === "run") for (const _ of [1, 2]) await runner.run(new Uint8Array(1));
    return { log, told };
  },
  async input({ path, channels, size, fit, detail }) {
    const found = await picture(path, channels, size.map((side) => side * detail));
    const view = Placement.fit(found.frame, size, fit);
    const { pixels, frame } = found;
    return {
      size: found.size,
      frame: [frame.left, frame.top, frame.right, frame.bottom],
      decoded: [pixels.width, pixels.height],
      values: packed(view.render(pixels).values),
      back: view.toImage([size[0] / 3, size[1] / 7]),
      pixels: view.imagePixels,
    };
  },
  async halves({ path, channels, size }) {
    let units = 0;
    const partner = async (...asked) => {
      const rest = await readRest(...asked);
      units = rest?.count ?? 0;
      return rest;
    };
    const found = [null, partner].map((each) => outcome(bytesOf(path), channels, size, each));
    const [alone, both] = await Promise.all(found);
    return { units, alike: alone === both };
  },
  async window({ path, channels, size, matrix }) {
    const found = await picture(path, channels, [size[0] * 3, size[1] * 3]);
    return packed(new Window(matrix, size).render(found).values);
  },
  eight: ({ kind, values }) => {
    const kinds = { uint16: Uint16Array, int16: Int16Array, float32: Float32Array, uint32: Uint32Array };
    const bytes = Buffer.from(values, "base64");
    return packed(levels.to8Bit(new kinds[kind](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))));
  },
  flag: ({ card, xy, errors, pixels }) => qualityFlag(card, xy, errors, pixels),
  fixed: ({ values, decimals }) => values.map((value) => fixed(value, decimals)),
  card: ({ path }) => readCard(bytesOf(path)),
  files: ({ part, specimens }) => Object.fromEntries(tables.files(part, specimens)),
  similarity: ({ source, target }) => similarity(source, target),
  through: ({ points }) => through(points),
  nearest: ({ line, place }) => nearest(line, place),
  sorted: ({ names }) => names.sort(tables.byCharacters),
};

const asked = JSON.parse(readFileSync(0, "utf8"));
const given = [];
for (const [name, question] of asked)
  try {
    given.push({ answer: await answers[name](question) });
  } catch (error) {
    given.push({ problem: error.message, kind: error.constructor.name });
  }
process.stdout.write(JSON.stringify(given));
