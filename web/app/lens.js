// @ts-check
/** A magnifier at one landmark, at the full resolution of the photograph. */
import { drawn } from "./frames.js";

/** @typedef {import("./model.js").Point} Point */

const CLOSE = 3; // pixels of the page for one of the photograph, and no less

export class Lens {
  /** @param {HTMLElement} host @param {import("./viewer.js").Viewer} viewer */
  constructor(host, viewer) {
    this.host = host;
    this.viewer = viewer;
    this.image = document.createElement("img");
    this.image.alt = "";
    this.image.draggable = false;
    const cross = document.createElement("i");
    host.append(this.image, cross);
    /** @type {Point | null} what lies in the middle */
    this.xy = null;
    this.middle = 0;
    this.address = ""; // of the photograph
    new ResizeObserver(() => {
      this.middle = host.clientWidth / 2;
      this.look(this.xy);
    }).observe(host);
  }

  /** Shows what lies around a place. @param {Point | null} xy */
  look(xy) {
    this.xy = xy;
    const { image, size, scale, filter } = this.viewer;
    this.host.classList.toggle("empty", !xy || !image);
    if (!xy || !image) return;
    if (this.address !== image.src) void this.#take(image.src);
    const closer = Math.max(CLOSE, 2 * scale) / scale;
    const [a, b, c, d] = this.viewer.matrix().map((each) => each * closer);
    const { middle } = this;
    const style = this.image.style;
    style.width = `${size[0]}px`;
    style.height = `${size[1]}px`;
    style.filter = filter;
    const left = middle - a * xy[0] - c * xy[1];
    const top = middle - b * xy[0] - d * xy[1];
    style.transform = `matrix(${a},${b},${c},${d},${left},${top})`;
  }

  /** Takes another photograph, after the stage, which is drawn sooner from fewer pixels.
   * @param {string} address */
  async #take(address) {
    this.address = address;
    this.image.removeAttribute("src");
    await drawn();
    if (this.address === address) this.image.src = address;
  }
}
