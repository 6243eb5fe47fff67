// @ts-check
/** The card that a model file carries, and whether the file stands alone; no runtime is needed. */
import { FileError } from "./errors.js";

const CARD = "beetle_lm_card";
const FORMAT = 2;
const LONGEST_CARD = 1 << 22;
const MOST_FIELDS = 1_000_000;
const DEEPEST = 32;
const DAMAGED = "is not an ONNX file, or is damaged";

const [VARINT, EIGHT, LENGTH, FOUR] = [0, 1, 2, 5];

// The messages of onnx.proto and, by the numbers of their fields, those inside them that can hold
// operators or weights.
/** @type {Record<string, Record<number, string>>} */
const INSIDE = {
  ModelProto: { 7: "GraphProto", 20: "TrainingInfoProto" },
  TrainingInfoProto: { 1: "GraphProto", 2: "GraphProto" },
  GraphProto: { 1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto" },
  NodeProto: { 5: "AttributeProto" },
  AttributeProto: {
    ...{ 5: "TensorProto", 10: "TensorProto", 6: "GraphProto", 11: "GraphProto" },
    ...{ 22: "SparseTensorProto", 23: "SparseTensorProto" },
  },
  SparseTensorProto: { 1: "TensorProto", 2: "TensorProto" },
  TensorProto: {},
};
const [GRAPH, METADATA, FUNCTIONS, DOMAIN, EXTERNAL, LOCATION] = [7, 14, 25, 7, 13, 14];

/** @typedef {import("./card.js").Card} Card */

class Fields {
  left = MOST_FIELDS;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }

  /** The fields of the message between two places.
   * @param {number} begin @param {number} end
   * @returns {Generator<{number: number, kind: number, value: number, start: number, end: number}>} */
  *between(begin, end) {
    let at = begin;
    while (at < end) {
      this.left -= 1;
      let [tag, next] = this.#varint(at);
      const [number, kind] = [Math.floor(tag / 8), tag % 8];
      let [value, length] = [0, 0];
      if (kind === VARINT) [value, next] = this.#varint(next);
      else if (kind === LENGTH) [length, next] = this.#varint(next);
      else if (kind === EIGHT || kind === FOUR) length = kind === EIGHT ? 8 : 4;
      else throw new FileError(DAMAGED);
      if (tag > 0xffffffff || number === 0 || next + length > end || this.left < 0)
        throw new FileError(DAMAGED);
      yield { number, kind, value, start: next, end: next + length };
      at = next + length;
    }
  }

  /** @param {number} from @returns {[number, number]} a whole number, and where it ends */
  #varint(from) {
    let value = 0;
    for (let index = 0; index < 10; index += 1) {
      const byte = this.bytes[from + index];
      if (byte === undefined) throw new FileError(DAMAGED);
      value += (byte & 127) * 2 ** (7 * index);
      if (byte < 128) {
        if ((index && !byte) || (index === 9 && byte > 1)) throw new FileError(DAMAGED);
        return [value, from + index + 1];
      }
    }
    throw new FileError(DAMAGED);
  }
}

/** Refuses a model that keeps weights in other files, or that needs operators of its own.
 * @param {Fields} fields @param {string} kind @param {number} begin @param {number} end
 * @param {number} left */
function refuseForeign(fields, kind, begin, end, left) {
  if (!left) throw new FileError(DAMAGED);
  for (const field of fields.between(begin, end)) {
    const inner = INSIDE[kind][field.number];
    if (inner && field.kind === LENGTH)
      refuseForeign(fields, inner, field.start, field.end, left - Number(kind === "AttributeProto"));
    else if (kind === "NodeProto" && field.number === DOMAIN && field.kind === LENGTH) {
      const domain = text(fields.bytes, field.start, Math.min(field.end, field.start + 60));
      if (domain !== "" && domain !== "ai.onnx")
        throw new FileError(`uses operators of “${domain}”, not of the ONNX standard`);
    } else if (
      kind === "TensorProto" &&
      (field.number === EXTERNAL || (field.number === LOCATION && field.kind === VARINT && field.value))
    )
      throw new FileError("keeps weights in a second file");
    else if (kind === "ModelProto" && field.number === FUNCTIONS)
      throw new FileError("brings operators of its own");
  }
}

/** @param {Uint8Array} bytes @param {number} start @param {number} end */
const text = (bytes, start, end) => new TextDecoder().decode(bytes.subarray(start, end));

/** The text of the card in a model file that stands alone.
 * @param {Uint8Array} bytes @returns {string} JSON */
export function cardText(bytes) {
  const fields = new Fields(bytes);
  refuseForeign(fields, "ModelProto", 0, bytes.length, DEEPEST);
  /** @type {string | null} */
  let found = null;
  let hasGraph = false;
  for (const field of fields.between(0, bytes.length)) {
    if (field.kind !== LENGTH) continue;
    hasGraph ||= field.number === GRAPH;
    if (field.number !== METADATA || field.end - field.start > LONGEST_CARD) continue;
    const entry = ["", "", ""];
    for (const inner of fields.between(field.start, field.end))
      if (inner.kind === LENGTH && (inner.number === 1 || inner.number === 2))
        entry[inner.number] = text(bytes, inner.start, inner.end);
    if (entry[1] !== CARD) continue;
    if (found !== null) throw new FileError(DAMAGED); // which of the two counts nobody knows
    found = entry[2];
  }
  if (!hasGraph) throw new FileError(DAMAGED);
  if (found === null)
    throw new FileError("is not a beetle-lm model: it carries no card; `beetle-lm export` makes models that do");
  return found;
}

export { FORMAT };
