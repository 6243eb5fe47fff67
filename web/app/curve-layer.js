// @ts-check
/** Curves over the photograph: how they are drawn, and what of them a pointer is at. */
import { nearest } from "./curve.js";
import { drawn } from "./model.js";

/** @typedef {import("./model.js").Point} Point */

/** @typedef {object} CurveMark  how a curve is drawn
 * @property {string} name
 * @property {Point[]} line  in pixels of the photograph
 * @property {number[]} at  for each of its points, the index in the line
 * @property {Point[]} points  those that can be moved
 * @property {number} first  index in `at` of the first of these
 * @property {boolean} chosen
 * @property {number | null} selected  the point that is chosen
 * @property {boolean} grips  whether a pointer may take hold of its points
 * @property {boolean} grows  whether it is being drawn */

/** What a pointer may take hold of: a point, or a place on the line where a new one comes.
 * @typedef {{curve: number, point: number, fresh: boolean, at: Point}} Grip */

const REACH = { mouse: 8, pen: 12, touch: 22 };
const NEW = 0.8; // of the reach, within which a press on a line makes a point

export class CurveLayer {
  /** @type {CurveMark[]} */
  curves = [];

  constructor() {
    this.group = drawn("g", { class: "curves" });
  }

  /** @param {(xy: Point) => Point} toStage */
  draw(toStage) {
    this.group.replaceChildren(
      ...this.curves.map(({ name, line, points, chosen, selected, grows }, curve) => {
        const classes = `curve${chosen ? " chosen" : ""}${grows ? " grows" : ""}`;
        const group = drawn("g", { class: classes, "data-curve": curve });
        const title = drawn("title");
        title.textContent = name;
        const places = line.map((xy) => toStage(xy).map((value) => value.toFixed(2)).join(","));
        for (const kind of ["under", "over"])
          group.append(drawn("polyline", { points: places.join(" "), class: kind }));
        group.append(title);
        points.forEach((xy, point) => {
          const [cx, cy] = toStage(xy);
          const kind = `handle${chosen && point === selected ? " selected" : ""}`;
          group.append(drawn("circle", { cx, cy, r: chosen ? 4 : 2.5, class: kind }));
        });
        return group;
      }),
    );
  }

  /** What a pointer takes hold of.
   * @param {Point} place on the stage @param {(xy: Point) => Point} toStage @param {string} pointer
   * @param {number} within only what is nearer than this @returns {Grip | null} */
  grip(place, toStage, pointer, within) {
    const reach = REACH[/** @type {"mouse"} */ (pointer)] ?? REACH.mouse;
    let best = Math.min(reach, within);
    /** @type {Grip | null} */
    let found = null;
    this.curves.forEach(({ points, grips }, curve) => {
      if (!grips) return;
      points.forEach((xy, point) => {
        const at = toStage(xy);
        const far = Math.hypot(at[0] - place[0], at[1] - place[1]);
        if (far <= best) [best, found] = [far, { curve, point, fresh: false, at }];
      });
    });
    if (found || within < Infinity) return found;
    const curve = this.curves.findIndex(({ chosen, grips, grows }) => chosen && grips && !grows);
    if (curve < 0) return null;
    const { line, at, first, points } = this.curves[curve];
    const near = nearest(line.map(toStage), place);
    if (near.far > NEW * reach) return null;
    const knot = at.filter((index) => index <= near.before).length - 1;
    const point = Math.min(Math.max(knot + 1 - first, 0), points.length);
    return { curve, point, fresh: true, at: near.at };
  }

  /** The curve whose line a click is on. @param {Point} place @param {(xy: Point) => Point} toStage */
  under(place, toStage) {
    let [best, found] = [REACH.mouse, /** @type {number | null} */ (null)];
    this.curves.forEach(({ line }, curve) => {
      const { far } = nearest(line.map(toStage), place);
      if (far < best) [best, found] = [far, curve];
    });
    return found;
  }
}
