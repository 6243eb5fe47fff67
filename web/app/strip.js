// @ts-check
/** The strip of small pictures: only those that can be seen are there, however many there are. */
import { drawn } from "./frames.js";
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
    this.left = this.width = 0; // of what can be seen, known here so that nobody has to lay the page out
    const look = () => {
      this.#measure();
      this.draw();
    };
    host.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(host);
  }

  /** @param {number[]} order @param {Listed[]} photographs */
  set(order, photographs) {
    this.order = order;
    this.photographs = photographs;
    this.track.style.width = `${order.length * STEP}px`;
    this.draw();
  }

  /** Fetches the small pictures anew. */
  renew() {
    for (const button of this.shown.values()) button.remove();
    this.shown.clear();
    this.draw();
  }

  #measure() {
    this.left = this.host.scrollLeft;
    this.width = this.host.clientWidth;
  }

  /** Marks a photograph, and makes sure that it can be seen, once the page has been drawn: how far the strip
   * is to go is known once all is laid out, which is done then at any rate.
   * @param {number} number */
  go(number) {
    this.current = number;
    this.draw();
    void drawn().then(() => number === this.current && this.#reveal());
  }

  #reveal() {
    const place = this.order.indexOf(this.current) * STEP;
    if (place < this.left + STEP || place > this.left + this.width - 2 * STEP) {
      this.#measure();
      this.host.scrollLeft = place - this.width / 2 + STEP / 2;
      this.#measure();
      this.draw();
    }
  }

  draw() {
    const first = Math.max(0, Math.floor(this.left / STEP) - BESIDE);
    const last = Math.ceil((this.left + this.width) / STEP) + BESIDE;
    const wanted = new Set(this.order.slice(first, last));
    for (const [number, button] of this.shown)
      if (!wanted.has(number)) {
        button.remove();
        this.shown.delete(number);
      }
    let next = this.track.firstElementChild;
    this.order.slice(first, last).forEach((number, index) => {
      const button = this.shown.get(number) ?? this.#made(number);
      if (button === next) next = next.nextElementSibling;
      else this.track.insertBefore(button, next);
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
    return button;
  }
}
