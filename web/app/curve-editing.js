// @ts-check
/** What is done to the curves of the photograph that is shown.
 *
 * A curve has the points between its landmarks; these themselves are its ends and are nobody's here.
 */
import { say } from "./toast.js";

/** @typedef {import("./model.js").Point} Point */

export class CurveEditing {
  /** @param {import("./state.js").PageState} state */
  constructor(state) {
    this.state = state;
  }

  /** Chooses a curve, and draws it where it is not there yet. @param {number | null} index */
  choose(index) {
    const { state } = this;
    const now = state.history?.now;
    if (!now || state.shown?.problem) return;
    if (index !== null && this.#waits(index)) return;
    state.selected = state.point = null;
    state.curve = index;
    state.swapping = false;
    state.curved ||= index !== null;
    state.drawing = index !== null && !now.curves[index] && !now.lacking[index];
    state.onchange();
  }

  /** Chooses the next curve, or the one before; first those that are not there.
   * @param {number} way 1 or -1 */
  cycle(way) {
    const { curve, curves, openCurves } = this.state;
    if (!curves.length) return say("This part has no curves.");
    if (curve === null && openCurves.length) return this.choose(openCurves[0]);
    const from = curve ?? (way > 0 ? -1 : 0);
    this.choose((from + way + curves.length) % curves.length);
  }

  /** Begins to draw what is not there, once all landmarks are placed. */
  goOn() {
    const [first] = this.state.openCurves;
    if (this.state.next === null && first !== undefined) this.choose(first);
  }

  /** Puts a further point on the curve that is being drawn. @param {Point} xy */
  add(xy) {
    const { curve, history } = this.state;
    if (curve === null || !history) return;
    this.insert(curve, history.now.curves[curve]?.length ?? 0, xy);
  }

  /** Puts a point on a curve before another one.
   * @param {number} curve @param {number} before @param {Point} xy */
  insert(curve, before, xy) {
    this.state.curve = curve;
    this.state.point = before;
    this.state.change((now) => {
      now.lacking[curve] = false;
      (now.curves[curve] ??= []).splice(before, 0, xy);
    });
  }

  /** Chooses a point of a curve. @param {number} curve @param {number | null} point */
  pick(curve, point) {
    const { state } = this;
    if (state.drawing && state.curve !== curve) return;
    state.selected = null;
    [state.curve, state.point] = [curve, point];
    state.onchange();
  }

  /** @param {number} curve @param {number} point @param {Point} xy */
  move(curve, point, xy) {
    this.state.change((now) => {
      const points = now.curves[curve];
      if (points?.[point]) points[point] = xy;
    });
  }

  /** Moves the point that is chosen. @param {Point} way pixels of the photograph */
  nudge(way) {
    const { curve, point, history, shown } = this.state;
    if (curve === null || point === null || !shown?.size) return;
    const xy = history?.now.curves[curve]?.[point];
    if (!xy) return;
    const [width, height] = shown.size;
    this.move(curve, point, [
      Math.min(Math.max(xy[0] + way[0], 0), width),
      Math.min(Math.max(xy[1] + way[1], 0), height),
    ]);
  }

  /** Takes the point away that is chosen; without one the whole curve, to be drawn anew. */
  remove() {
    const { state } = this;
    const { curve, point } = state;
    if (curve === null) return;
    state.point = null;
    state.change((now) => {
      const left = now.curves[curve]?.filter((_, index) => point !== null && index !== point);
      now.curves[curve] = left?.length ? left : null;
    });
    if (!state.history?.now.curves[curve]) this.choose(curve);
  }

  /** Ends the curve that is being drawn, at its last landmark, and goes on to the next one. */
  finish() {
    const { state } = this;
    const { curve, curves } = state;
    if (!state.drawing || curve === null) return;
    const count = state.history?.now.curves[curve]?.length ?? 0;
    const { start, end } = curves[curve];
    const least = start === end ? 2 : 1;
    if (count > 0 && count < least) return say("A curve needs one more point.");
    this.#leave();
    if (count > 0) this.goOn();
  }

  /** Two clicks in one place end a curve that has begun. */
  double() {
    const { curve, history } = this.state;
    if (curve !== null && history?.now.curves[curve]?.length) this.finish();
  }

  /** A landmark was clicked while a curve is drawn: at its end the curve ends. @param {number} index */
  touch(index) {
    const { curve, curves, history } = this.state;
    if (curve === null || curves[curve].end !== index) return;
    if (history?.now.curves[curve]?.length) this.finish();
  }

  /** Says that the curve that is chosen is missing on the specimen, or is not. */
  miss() {
    const { state } = this;
    const { curve } = state;
    if (curve === null) return;
    state.change((now) => {
      now.lacking[curve] = !now.lacking[curve];
      if (now.lacking[curve]) now.curves[curve] = null;
    });
    this.#leave();
    if (state.history?.now.lacking[curve]) this.goOn();
    else this.choose(curve);
  }

  /** Takes back the last point that was drawn, or lets the curve go. */
  escape() {
    const { state } = this;
    const { curve, history } = state;
    const points = curve === null ? null : history?.now.curves[curve];
    if (!state.drawing || !points || curve === null) return this.#leave();
    state.point = null;
    state.change((now) => {
      now.curves[curve] = points.length > 1 ? points.slice(0, -1) : null;
    });
  }

  /** Shows curves, or does not. */
  toggle() {
    this.state.curved = !this.state.curved;
    if (!this.state.curved) return this.#leave();
    this.state.onchange();
  }

  /** Whether landmarks of a curve are still to be placed, which is told then. @param {number} index */
  #waits(index) {
    const { history, curves } = this.state;
    const { name, start, end } = curves[index];
    const now = history?.now;
    const open = [...new Set([start, end])].filter(
      (at) => at !== null && !now?.xy[at] && !now?.missing[at],
    );
    if (!open.length) return false;
    const which = open.map((at) => (at ?? 0) + 1).join(" and ");
    say(`Place landmark ${which} first: the curve ${name} ends there.`);
    return true;
  }

  #leave() {
    const { state } = this;
    [state.curve, state.point, state.drawing] = [null, null, false];
    state.onchange();
  }
}
