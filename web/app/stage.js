// @ts-check
/** The photograph with its landmarks, the magnifier, and how bright the picture is. */
import { Lens } from "./lens.js";
import { element, input, skeleton } from "./model.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./model.js").Point} Point */

export class Stage {
  /** @type {Point | null} where a pointer is that presses nothing */
  #hover = null;

  /** @param {import("./state.js").PageState} state
   * @param {{pick: (index: number) => void, move: (index: number, xy: Point) => void,
   *   place: (xy: Point) => void}} acts */
  constructor(state, acts) {
    this.state = state;
    this.viewer = new Viewer(element("view"), {
      onselect: acts.pick,
      onmove: (index, xy, ends) => (ends ? acts.move(index, xy) : this.#drag(index, xy)),
      onplace: acts.place,
      onview: () => this.#lookClosely(),
      onhover: (xy) => {
        this.#hover = xy;
        this.#lookClosely();
      },
    });
    this.lens = new Lens(element("lens"), this.viewer);
    for (const [id, act] of /** @type {[string, () => void][]} */ ([
      ["closer", () => this.viewer.zoom(1.5)],
      ["farther", () => this.viewer.zoom(1 / 1.5)],
      ["fit", () => this.viewer.fit()],
      ["turn", () => this.viewer.turn()],
      ["mirror", () => this.viewer.mirror()],
      ["plainly", () => this.#plainly()],
    ]))
      element(id).addEventListener("click", act);
    for (const id of ["brightness", "contrast"])
      input(id).addEventListener("input", () => this.#light());
  }

  /** Takes another photograph, whose landmarks are drawn next. */
  show() {
    this.viewer.show(this.state.picture, this.state.shown?.size ?? [4, 3]);
  }

  draw() {
    const { shown, history, kinds, errors, shape } = this.state;
    if (!shown || !history) return;
    const { landmarks } = this.state.session;
    const now = history.now;
    this.viewer.selected = this.state.selected;
    this.viewer.placing = this.state.next !== null;
    this.viewer.mark(
      now.xy.map((xy, index) => ({
        xy: shown.problem ? null : xy,
        kind: kinds[index],
        expected: errors[index],
        sure: now.sure[index],
        name: `${index + 1} ${landmarks[index] === String(index + 1) ? "" : landmarks[index]}`,
      })),
      this.state.linked ? skeleton(shape ?? now.xy) : [],
    );
  }

  /** A landmark that is being dragged is changed once it is let go. @param {number} index @param {Point} xy */
  #drag(index, xy) {
    this.viewer.marks[index] = { ...this.viewer.marks[index], xy, sure: true };
    this.viewer.draw();
  }

  /** The magnifier follows the pointer while landmarks are placed, or nothing is selected. */
  #lookClosely() {
    const { selected: index } = this.state;
    const selected = index === null ? null : (this.viewer.marks[index]?.xy ?? null);
    const both = [this.#hover, selected];
    const [first, other] = this.viewer.placing ? both : both.reverse();
    this.lens.look(first ?? other);
  }

  #light() {
    const [brightness, contrast] = [input("brightness").value, input("contrast").value];
    const plain = brightness === "1" && contrast === "1";
    this.viewer.filter = plain ? "" : `brightness(${brightness}) contrast(${contrast})`;
    this.viewer.draw();
  }

  #plainly() {
    input("brightness").value = input("contrast").value = "1";
    this.viewer.straighten();
    this.#light();
  }
}
