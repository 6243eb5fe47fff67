// @ts-check
/** The photograph with its landmarks and curves, the magnifier, and how bright the picture is. */
import { through } from "./curve.js";
import { Lens } from "./lens.js";
import { element, input, skeleton } from "./model.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./history.js").Placed} Placed */

export class Stage {
  /** @type {Point | null} where a pointer is that presses nothing */
  #hover = null;

  /** @param {import("./state.js").PageState} state
   * @param {{pick: (index: number) => void, move: (index: number, xy: Point) => void,
   *   place: (xy: Point) => void, curves?: () => import("./curve-editing.js").CurveEditing}} acts */
  constructor(state, acts) {
    this.state = state;
    this.viewer = new Viewer(element("view"), {
      onselect: acts.pick,
      onmove: (index, xy, ends) => (ends ? acts.move(index, xy) : this.#drag(index, xy)),
      onplace: acts.place,
      ongrip: ({ curve, point, fresh, at }) => {
        if (fresh) acts.curves?.().insert(curve, point, this.viewer.toPhotograph(at));
        else acts.curves?.().pick(curve, point);
      },
      onbend: ({ curve, point }, xy, ends) =>
        ends ? acts.curves?.().move(curve, point, xy) : this.#bend(curve, point, xy),
      oncurve: (curve) => acts.curves?.().choose(curve),
      ondouble: () => acts.curves?.().double(),
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
    this.viewer.placing = this.state.next !== null || this.state.drawing;
    this.viewer.mark(
      now.xy.map((xy, index) => ({
        xy: shown.problem ? null : xy,
        kind: kinds[index],
        expected: errors[index],
        sure: now.sure[index],
        goal: this.#isGoal(now, index),
        name: `${index + 1} ${landmarks[index] === String(index + 1) ? "" : landmarks[index]}`,
      })),
      this.state.linked ? skeleton(shape ?? now.xy) : [],
      this.#curveMarks(now),
    );
  }

  /** Whether the curve that is being drawn begins or ends at a landmark.
   * @param {Placed} now @param {number} index */
  #isGoal(now, index) {
    const { curve, curves, drawing } = this.state;
    if (!drawing || curve === null) return false;
    return index === (now.curves[curve] ? curves[curve].end : curves[curve].start);
  }

  /** @param {Placed} now @returns {import("./curve-layer.js").CurveMark[]} */
  #curveMarks(now) {
    const { shown, curves, curve, point, drawing, curved, next } = this.state;
    if (!curved || shown?.problem) return [];
    return curves.map(({ name, start, end }, index) => {
      const chosen = index === curve;
      const grows = chosen && drawing;
      const points = now.curves[index] ?? [];
      const from = start === null ? null : now.xy[start];
      const to = end === null || grows ? null : now.xy[end];
      const knots = points.length ? [...(from ? [from] : []), ...points, ...(to ? [to] : [])] : [];
      const line = through(knots);
      return {
        ...{ name, line: line.points, at: line.at, points, first: from ? 1 : 0 },
        ...{ chosen, selected: chosen ? point : null, grows },
        grips: chosen || (next === null && !drawing),
      };
    });
  }

  /** A point of a curve is being dragged. @param {number} curve @param {number} point @param {Point} xy */
  #bend(curve, point, xy) {
    const now = this.state.history?.now;
    if (!now?.curves[curve]?.[point]) return;
    now.curves[curve][point] = xy;
    this.viewer.curveLayer.curves = this.#curveMarks(now);
    this.viewer.draw();
  }

  /** A landmark that is being dragged is changed once it is let go. @param {number} index @param {Point} xy */
  #drag(index, xy) {
    this.viewer.marks[index] = { ...this.viewer.marks[index], xy, sure: true };
    const now = this.state.history?.now;
    if (now) {
      now.xy[index] = xy;
      this.viewer.curveLayer.curves = this.#curveMarks(now);
    }
    this.viewer.draw();
  }

  /** The magnifier follows the pointer while landmarks are placed, or nothing is selected. */
  #lookClosely() {
    const { selected: index, curve, point } = this.state;
    const onCurve = this.viewer.curveLayer.curves[curve ?? -1]?.points[point ?? -1] ?? null;
    const selected = index === null ? onCurve : (this.viewer.marks[index]?.xy ?? null);
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
