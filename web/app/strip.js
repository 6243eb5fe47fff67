// @ts-check
/** The strip of small pictures: only those that can be seen are there, however many there are. */
import { made, STATE_WORDS } from "./model.js";

/** @typedef {import("./model.js").Listed} Listed */

const STEP = 92; // pixels from one to the next
const BESIDE = 4; // beyond the edges

export class Strip {
  /** @param {HTMLElement} host @param {string[]} names @param {(number: number) => void} onpick
   * @param {(number: number, image: HTMLImageElement) => void} fill  fetches a small picture */
  constructor(host, names, onpick, fill) {
    this.host = host;
    this.names = names;
    this.onpick = onpick;
    this.fill = fill;
    /** @type {number[]} */
    this.order = [];
    /** @type {Listed[]} */
    this.photographs = [];
    this.current = -1;
    /** @type {Map<number, HTMLButtonElement>} */
    this.shown = new Map();
    this.track = host.appendChild(made("div", "", "track"));
    host.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(host);
  }

  /** @param {number[]} order @param {Listed[]} photographs */
  set(order, photographs) {
    this.order = order;
    this.photographs = photographs;
    this.track.style.width = `${order.length * STEP}px`;
    for (const button of this.shown.values()) button.remove();
    this.shown.clear();
    this.draw();
  }

  /** @param {number} number */
  go(number) {
    this.current = number;
    const place = this.order.indexOf(number) * STEP;
    const { scrollLeft, clientWidth } = this.host;
    if (place < scrollLeft + STEP || place > scrollLeft + clientWidth - 2 * STEP)
      this.host.scrollLeft = place - clientWidth / 2 + STEP / 2;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.host.scrollLeft / STEP) - BESIDE);
    const last = Math.ceil((this.host.scrollLeft + this.host.clientWidth) / STEP) + BESIDE;
    const wanted = new Set(this.order.slice(first, last));
    for (const [number, button] of this.shown)
      if (!wanted.has(number)) {
        button.remove();
        this.shown.delete(number);
      }
    this.order.slice(first, last).forEach((number, index) => {
      const button = this.shown.get(number) ?? this.#made(number);
      button.style.transform = `translateX(${(first + index) * STEP}px)`;
      const { state, status } = this.photographs[number];
      button.className = `photo ${state} ${status} ${number === this.current ? "current" : ""}`;
      button.setAttribute("aria-selected", String(number === this.current));
      const words = [STATE_WORDS[state], state === "open" && status !== "ok" ? status : ""];
      button.title = [this.names[number], ...words.filter(Boolean)].join(" · ");
    });
  }

  /** @param {number} number */
  #made(number) {
    const button = made("button");
    button.type = "button";
    button.tabIndex = -1;
    button.setAttribute("role", "option");
    const image = made("img");
    image.alt = "";
    image.loading = "lazy";
    image.draggable = false;
    image.addEventListener("error", () => image.remove());
    this.fill(number, image);
    button.append(image, made("i"));
    button.addEventListener("click", () => this.onpick(number));
    this.shown.set(number, button);
    this.track.append(button);
    return button;
  }
}
