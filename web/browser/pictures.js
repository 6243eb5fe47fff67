// @ts-check
/** Photographs as the page shows them: whole for the stage, small for the strip. A few are kept. */

import { drawn } from "../app/frames.js";

/** @typedef {import("./sheet.js").Sheet} Sheet */

const WHOLE = 3;
const SMALL = 240;
const SIDE = 168; // pixels of a small picture

export class Pictures {
  /** @type {Map<number, Promise<HTMLImageElement | null>>} */
  #whole = new Map();
  /** @type {Map<number, string>} */
  #small = new Map();
  /** @type {Map<number, HTMLImageElement>} */
  #wanted = new Map();
  #busy = false;

  /** @param {Sheet} sheet @param {import("./helper.js").Helper} helper */
  constructor(sheet, helper) {
    this.sheet = sheet;
    this.helper = helper;
  }

  /** The photograph, ready to show; null where it cannot be shown. @param {number} number */
  whole(number) {
    const known = this.#whole.get(number);
    this.#whole.delete(number);
    const picture = known ?? this.#read(number);
    this.#whole.set(number, picture);
    for (const [other, old] of this.#whole) {
      if (this.#whole.size <= WHOLE) break;
      this.#whole.delete(other);
      void old.then((image) => image && URL.revokeObjectURL(image.src));
    }
    return picture;
  }

  /** @param {number} number @returns {Promise<HTMLImageElement | null>} */
  async #read(number) {
    const { file } = this.sheet.photographs[number];
    return (await imageOf(file)) ?? this.#converted(file);
  }

  /** @param {File} file */
  async #converted(file) {
    const { shown } = await this.helper.ask({ shown: file });
    return shown ? imageOf(shown) : null;
  }

  /** Fills a small picture in the strip, once it can be done. @param {number} number
   * @param {HTMLImageElement} image */
  small(number, image) {
    const known = this.#small.get(number);
    if (known) {
      image.src = known;
      return;
    }
    this.#wanted.set(number, image);
    void this.#fill();
  }

  async #fill() {
    if (this.#busy) return;
    this.#busy = true;
    await drawn(); // a small picture takes as long to decode as the one on the stage
    for (let next = this.#next(); next; next = this.#next()) {
      const [number, image] = next;
      this.#wanted.delete(number);
      const address = await this.#smaller(number);
      if (!address) image.remove();
      else image.src = address;
    }
    this.#busy = false;
  }

  /** The latest that is still to be seen. @returns {[number, HTMLImageElement] | null} */
  #next() {
    for (const [number, image] of this.#wanted) {
      if (image.isConnected && this.sheet.photographs[number]?.found) return [number, image];
      if (!image.isConnected) this.#wanted.delete(number);
    }
    return null;
  }

  /** @param {number} number @returns {Promise<string>} */
  async #smaller(number) {
    const { file, found } = this.sheet.photographs[number];
    if (!found?.size) return "";
    const share = SIDE / Math.max(...found.size);
    const wide = found.size[0] >= found.size[1];
    try {
      const bitmap = await createImageBitmap(file, {
        ...(share < 1 ? { [wide ? "resizeWidth" : "resizeHeight"]: SIDE } : {}),
        resizeQuality: "medium",
      });
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      bitmap.close();
      /** @type {Blob | null} */
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
      if (!blob) return "";
      const address = URL.createObjectURL(blob);
      this.#small.set(number, address);
      this.#forget();
      return address;
    } catch {
      return "";
    }
  }

  #forget() {
    for (const [number, address] of this.#small) {
      if (this.#small.size <= SMALL) return;
      this.#small.delete(number);
      URL.revokeObjectURL(address);
    }
  }

  /** Small pictures of photographs that have been seen meanwhile. */
  again() {
    void this.#fill();
  }
}

/** @param {Blob} file @returns {Promise<HTMLImageElement | null>} */
async function imageOf(file) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  // Not by decode(), which makes all pixels: the browser may decode what it draws at a smaller scale.
  const loads = new Promise((resolve) => {
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
  });
  image.src = URL.createObjectURL(file);
  if (await loads) return image;
  URL.revokeObjectURL(image.src);
  return null;
}
