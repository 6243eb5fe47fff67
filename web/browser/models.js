// @ts-check
/** The models that came with the page, and those that one brings. */
import { made } from "../app/model.js";
import { FileError } from "./errors.js";

/**
 * @typedef {object} Listed  a model as `models.json` lists it
 * @property {string} file
 * @property {string} name
 * @property {string} sha256
 *
 * @typedef {object} Model
 * @property {string} name  as the choice shows it
 * @property {() => Promise<ArrayBuffer>} bytes
 */

const OWN = "own";

export class Models {
  /** Another one is chosen. */
  onchoice = () => {};
  /** @type {Map<string, Model>} */
  #known = new Map();

  /** @param {HTMLSelectElement} choice */
  constructor(choice) {
    this.choice = choice;
    choice.addEventListener("change", () => this.onchoice());
  }

  /** Learns which models came with the page. */
  async begin() {
    /** @type {Listed[]} */
    const listed = await (await fetch("models.json")).json();
    for (const { file, name } of listed) {
      this.#known.set(file, { name, bytes: () => fetched(`models/${file}`) });
      this.#add(file, name);
    }
    const asked = decodeURIComponent(location.hash.slice(1));
    const found = listed.find(({ name }) => name === asked);
    if (found) this.choice.value = found.file;
  }

  /** Adds one of the user's own and chooses it. @param {File} file */
  bring(file) {
    const key = `${OWN}:${file.name}:${this.#known.size}`;
    this.#known.set(key, { name: file.name, bytes: () => file.arrayBuffer() });
    this.#add(key, file.name);
    this.choice.value = key;
  }

  /** Forgets the one that is chosen: it is none. @param {string} before what was chosen before it */
  refuse(before) {
    const key = this.choice.value;
    if (key.startsWith(`${OWN}:`)) {
      this.#known.delete(key);
      this.choice.selectedOptions[0]?.remove();
    }
    this.choice.value = before;
  }

  get chosen() {
    return /** @type {Model} */ (this.#known.get(this.choice.value));
  }

  /** @param {string} key @param {string} name */
  #add(key, name) {
    const option = made("option", name);
    option.value = key;
    this.choice.append(option);
  }
}

/** @param {string} address */
async function fetched(address) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) throw new FileError("cannot be fetched; check the network");
  return answer.arrayBuffer();
}
