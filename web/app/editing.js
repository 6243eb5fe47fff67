// @ts-check
/** What is done to the landmarks of the photograph that is shown. */
import { CurveEditing } from "./curve-editing.js";
import { element } from "./model.js";
import { say } from "./toast.js";

/** @typedef {import("./model.js").Point} Point */

export class Editing {
  /** @param {import("./state.js").PageState} state
   * @param {(index: number) => void} reveal makes sure that a landmark can be seen */
  constructor(state, reveal) {
    this.state = state;
    this.reveal = reveal;
    this.curves = new CurveEditing(state);
  }

  /** Places the next landmark. @param {Point} xy */
  place(xy) {
    if (this.state.drawing) return this.curves.add(xy);
    const index = this.state.next;
    if (index === null) return this.select(null);
    this.move(index, xy);
    this.select(this.state.next ?? index);
    this.curves.goOn();
  }

  /** Places a landmark. @param {number} index @param {Point} xy */
  move(index, xy) {
    this.state.change((now) => {
      now.xy[index] = xy;
      now.sure[index] = true;
      now.missing[index] = false;
    });
  }

  /** Selects a landmark, wherever it is. @param {number | null} index */
  select(index) {
    if (index !== null && (index < 0 || index >= this.state.count)) return;
    this.state.drawing = false;
    this.pick(index);
    if (index !== null) this.reveal(index);
  }

  /** Selects a landmark that one sees, or swaps it with the one that is selected.
   * @param {number | null} index */
  pick(index) {
    const { state } = this;
    if (state.drawing && index !== null) return this.curves.touch(index);
    state.curve = state.point = null;
    const other = state.selected;
    if (state.swapping && index !== null && other !== null && index !== other) {
      state.swapping = false;
      state.change((now) => {
        for (const values of [now.xy, now.missing])
          [values[index], values[other]] = [values[other], values[index]];
        now.sure[index] = now.sure[other] = true;
      });
    }
    state.selected = index;
    state.onchange();
  }

  /** Selects the next landmark, or the one before. @param {number} way 1 or -1 */
  cycle(way) {
    const { selected, count } = this.state;
    const from = selected ?? (way > 0 ? -1 : 0);
    this.select((from + way + count) % count);
  }

  /** Moves the selected landmark. @param {Point} way pixels of the photograph */
  nudge(way) {
    if (this.state.curve !== null) return this.curves.nudge(way);
    const { selected: index, history, shown } = this.state;
    const point = index === null ? null : history?.now.xy[index];
    if (index === null || !point || !shown?.size) return;
    const [width, height] = shown.size;
    this.move(index, [
      Math.min(Math.max(point[0] + way[0], 0), width),
      Math.min(Math.max(point[1] + way[1], 0), height),
    ]);
  }

  /** Says that the selected landmark is missing on the specimen, or is not. */
  miss() {
    const { state } = this;
    if (state.curve !== null) return this.curves.miss();
    const index = state.selected ?? state.next;
    if (index === null) return say("Select a landmark first: 1-9, Tab, or a click.");
    state.change((now) => {
      now.missing[index] = !now.missing[index];
      if (now.missing[index]) now.xy[index] = null;
      now.sure[index] = true;
    });
    if (state.next !== null) this.select(state.next);
    else if (state.history?.now.missing[index]) this.curves.goOn();
  }

  /** Begins to swap the selected landmark with another, or does not. */
  swap() {
    const { state } = this;
    if (state.selected === null) return say("Select one of the two landmarks first.");
    state.swapping = !state.swapping;
    state.onchange();
  }

  undo() {
    if (this.state.history?.undo()) this.#stepped();
  }

  redo() {
    if (this.state.history?.redo()) this.#stepped();
  }

  #stepped() {
    const { state } = this;
    state.point = null;
    if (state.next !== null) [state.curve, state.drawing] = [null, false];
    state.onchange();
  }

  escape() {
    const { state } = this;
    if (state.curve !== null) return this.curves.escape();
    if (state.swapping) state.swapping = false;
    else if (state.selected !== null) state.selected = null;
    else element("accept").focus();
    state.onchange();
  }

  toggleLinks() {
    this.state.linked = !this.state.linked;
    this.state.onchange();
  }
}
