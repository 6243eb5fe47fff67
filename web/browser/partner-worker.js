// @ts-check
/** The worker that reads second halves. */
import { FileError } from "./errors.js";
import { restOf } from "./jpeg.js";

/** @param {import("./partner.js").Question} question */
function answered({ bytes, channels, reduction, spare }) {
  try {
    return restOf(bytes, channels, reduction, spare);
  } catch (error) {
    if (error instanceof FileError || error instanceof RangeError) return null; // who asks will find it too
    throw error;
  }
}

self.addEventListener("message", (/** @type {MessageEvent<import("./partner.js").Question>} */ { data }) => {
  const { number, bytes } = data;
  const rest = answered(data);
  const buffers = rest ? [rest.kept.buffer, rest.starts.buffer, bytes.buffer] : [bytes.buffer];
  self.postMessage({ number, bytes, rest }, { transfer: buffers });
});
