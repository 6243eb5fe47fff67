// @ts-check
/** What the page knows: the photographs, their order, and the one that is shown with its landmarks.
 * Whoever changes it does so here, and what is drawn follows from what it tells. */
import { History } from "./history.js";
import { listed, sureness } from "./model.js";
import { isLeft } from "./order.js";

/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").Shown} Shown */
/** @typedef {import("./model.js").State} State */
/** @typedef {import("./history.js").Placed} Placed */

export class PageState {
  /** Another photograph is shown. */
  onshown = () => {};
  /** What is to be seen of the photograph that is shown has changed. */
  onchange = () => {};
  /** The states of photographs have changed. */
  onlist = () => {};
  /** The order has changed. */
  onorder = () => {};

  /** @type {Shown | null} */
  shown = null;
  /** @type {HTMLImageElement | null} */
  picture = null;
  since = Date.now(); // it is worked on
  /** @type {number | null} */
  selected = null;
  swapping = false;
  linked = true;
  /** @type {number | null} the curve that is chosen */
  curve = null;
  /** @type {number | null} the point of it that is chosen */
  point = null;
  drawing = false; // whether clicks put points on it
  curved = true; // whether curves are shown
  asked = false; // whether to save landmarks as missing
  askedCurves = false;
  /** @type {number[]} */
  order = [];
  /** @type {Point[] | null} */
  shape = null;
  /** @type {Map<number, History>} */
  #histories = new Map();

  /** @param {import("./model.js").Session} session */
  constructor(session) {
    this.session = session;
    this.photographs = session.photographs.map(listed);
  }

  /** How many landmarks the part has. */
  get count() {
    return this.session.landmarks.length;
  }

  /** The curves of the part. */
  get curves() {
    return this.session.curves ?? [];
  }

  /** Begins with other photographs, or another part. @param {import("./model.js").Session} session */
  begin(session) {
    this.extend(session);
    this.#histories.clear();
    this.shown = this.picture = this.selected = this.shape = null;
  }

  /** Takes that there are further photographs. @param {import("./model.js").Session} session */
  extend(session) {
    this.session = session;
    this.photographs = session.photographs.map(listed);
  }

  /** The number of the photograph that is shown. */
  get number() {
    return this.shown?.number ?? -1;
  }

  /** @returns {History | null} */
  get history() {
    return this.#histories.get(this.number) ?? null;
  }

  /** The landmark that a click places: the selected one where it has no place, or the first such.
   * @returns {number | null} */
  get next() {
    const now = this.history?.now;
    if (!now || this.shown?.problem) return null;
    const open = (/** @type {number} */ index) => !now.xy[index] && !now.missing[index];
    if (this.selected !== null && open(this.selected)) return this.selected;
    const first = now.xy.findIndex((_, index) => open(index));
    return first < 0 ? null : first;
  }

  /** Curves between landmarks that are not drawn yet. @returns {number[]} */
  get openCurves() {
    const now = this.history?.now;
    if (!now || this.shown?.problem) return [];
    return this.curves.flatMap(({ start }, index) =>
      start === null || now.curves[index] || now.lacking[index] ? [] : [index],
    );
  }

  /** Whether the photograph has changes that are not saved. */
  get unsaved() {
    const history = this.history;
    return Boolean(history?.changed && history.at !== history.saved);
  }

  /** Expected errors of the landmarks, in pixels of the photograph. @returns {(number | null)[]} */
  get errors() {
    const { shown, count } = this;
    return Array.from({ length: count }, (_, index) => shown?.expected?.[index] ?? null);
  }

  /** How sure the landmarks are, as names of classes. */
  get kinds() {
    const diagonal = this.shown?.size ? Math.hypot(...this.shown.size) : NaN;
    return this.errors.map((error) => sureness(error === null ? null : error / diagonal));
  }

  /** Whether a photograph is still to be done. @param {number} number */
  isLeft(number) {
    return isLeft(this.photographs[number]);
  }

  /** The photographs that come after the one that is shown, from the first again in the end. */
  get round() {
    const at = this.order.indexOf(this.number);
    return [...this.order.slice(at + 1), ...this.order.slice(0, at)];
  }

  /** Shows a photograph. @param {Shown} shown @param {HTMLImageElement | null} picture */
  show(shown, picture) {
    this.picture = picture;
    this.#take(shown);
    if (this.session.mode === "review" && shown.state === "open") this.selected = this.#leastSure();
    this.since = Date.now();
    this.asked = this.askedCurves = false;
    this.onshown();
  }

  /** Shows what the server has of the photograph that is shown. @param {Shown} shown */
  replace(shown) {
    this.forget(shown.number);
    this.#take(shown);
    this.onchange();
  }

  /** Lets the landmarks of a photograph go. @param {number} number */
  forget(number) {
    this.#histories.delete(number);
  }

  /** Takes that something was saved.
   * @param {Shown} shown @param {History} history @param {number} at its step that was saved
   * @param {State} state @param {number} revision */
  settle(shown, history, at, state, revision) {
    shown.revision = revision;
    shown.state = state;
    this.since = Date.now();
    history.saved = at;
    Object.assign(history, tagged(shown));
    const row = this.photographs[shown.number];
    this.photographs[shown.number] = { ...row, state, revision };
    this.onlist();
  }

  /** Changes landmarks of the photograph that is shown. @param {(now: Placed) => void} change */
  change(change) {
    const history = this.history;
    if (!history || this.shown?.problem) return;
    const now = history.now;
    change(now);
    history.add(now);
    this.asked = this.askedCurves = false;
    this.onchange();
  }

  /** @param {number[]} order numbers of all photographs */
  arrange(order) {
    this.order = order;
    this.onorder();
  }

  /** @param {Point[] | null} shape where landmarks lie on most specimens */
  learn(shape) {
    const first = this.shape === null;
    this.shape = shape;
    if (first && shape) this.onchange();
  }

  /** @param {Shown} shown */
  #take(shown) {
    this.shown = shown;
    this.swapping = false;
    this.selected = this.curve = this.point = null;
    this.drawing = false;
    const known = this.#histories.get(shown.number);
    if (known && known.revision === shown.revision && known.origin === shown.origin) return;
    const saved = shown.state !== "open" && shown.xy !== null;
    const xy = (saved ? shown.xy : shown.proposed) ?? Array(this.count).fill(null);
    const settled = shown.state === "accepted" || (shown.proposed && shown.status !== "failed");
    const told = shown.state === "accepted" || (settled && this.session.mode === "review");
    const history = new History({
      xy,
      missing: xy.map((point) => point === null && Boolean(settled)),
      sure: xy.map((point, index) => saved && !same(point, shown.proposed?.[index] ?? null)),
      curves: this.curves.map((_, index) => shown.curves?.[index] ?? null),
      lacking: this.curves.map((_, index) => Boolean(told && shown.curves && !shown.curves[index])),
    });
    this.#histories.set(shown.number, Object.assign(history, tagged(shown)));
  }

  /** @returns {number | null} */
  #leastSure() {
    /** @type {number | null} */
    let worst = null;
    const { errors } = this;
    errors.forEach((error, index) => {
      if (error !== null && (worst === null || error > (errors[worst] ?? 0))) worst = index;
    });
    return worst;
  }
}

/** Whether two places are the same. @param {Point | null} one @param {Point | null} other */
export function same(one, other) {
  if (!one || !other) return one === other;
  return Math.hypot(one[0] - other[0], one[1] - other[1]) < 1e-3;
}

/** What a history belongs to. @param {Shown} shown */
function tagged({ revision, origin }) {
  return { revision, origin };
}
