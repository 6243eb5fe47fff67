// @ts-check
/** A photograph with landmarks over it: zoom, pan, turn, drag, place. It knows no server.
 *
 * The photograph is an image that a matrix places on the stage; landmarks are SVG in the pixels of
 * the stage, so that they stay as large as they are at every zoom. All coordinates that come in and
 * go out are pixels of the upright photograph, y down.
 */
import { CurveLayer } from "./curve-layer.js";
import { drawn } from "./model.js";

/** @typedef {import("./model.js").Point} Point */

/**
 * @typedef {object} Mark  how a landmark is drawn
 * @property {Point | null} xy
 * @property {string} kind  class of its colour
 * @property {number | null} expected  radius of its circle, in pixels of the photograph
 * @property {boolean} sure  placed by hand
 * @property {string} name
 * @property {boolean} [goal]  a click beside it means it, whatever is being placed
 *
 * @typedef {object} Listeners
 * @property {(index: number) => void} onselect
 * @property {(index: number, xy: Point, ends: boolean) => void} onmove
 * @property {(xy: Point) => void} onplace
 * @property {(grip: import("./curve-layer.js").Grip) => void} [ongrip]  a point of a curve is taken hold of
 * @property {(grip: import("./curve-layer.js").Grip, xy: Point, ends: boolean) => void} [onbend]
 * @property {(curve: number) => void} [oncurve]  a curve was clicked
 * @property {() => void} [ondouble]
 * @property {() => void} [onview]
 * @property {(xy: Point | null) => void} [onhover]  where a pointer is that presses nothing
 */

const CLICK = 5; // pixels that a pointer may tremble in a click
const DOUBLE = 400; // milliseconds between two clicks that are one
const REACH = { mouse: 13, pen: 18, touch: 28 };
const ON = 0.5; // of the reach, within which a click means the landmark that is there
const CLOSEST = 60;
const WIDE = 70; // radius above which only the circle of the selected landmark is drawn

export class Viewer {
  /** @param {HTMLElement} host @param {Listeners} listeners */
  constructor(host, listeners) {
    this.host = host;
    this.listeners = listeners;
    /** @type {Point} */
    this.size = [1, 1];
    /** @type {HTMLImageElement | null} */
    this.image = null;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {[number, number][]} */
    this.links = [];
    /** @type {number | null} */
    this.selected = null;
    this.placing = false;
    this.scale = 1;
    /** @type {Point} the place of the photograph's corner on the stage */
    this.at = [0, 0];
    this.turns = 0;
    this.mirrored = false;
    this.fitted = true;
    this.filter = "";
    this.svg = drawn("svg", { class: "marks" });
    this.curveLayer = new CurveLayer();
    this.layers = {
      links: this.svg.appendChild(drawn("g", { class: "links" })),
      curves: this.svg.appendChild(this.curveLayer.group),
      circles: this.svg.appendChild(drawn("g", { class: "circles" })),
      points: this.svg.appendChild(drawn("g", { class: "points" })),
    };
    this.plane = document.createElement("div");
    this.plane.className = "plane";
    host.append(this.plane, this.svg);
    /** @type {Map<number, Point>} */
    this.pointers = new Map();
    /** @type {{take: () => void, move: (xy: Point, ends: boolean) => void, from: Point, grab: Point,
     *   near: boolean, moved: boolean} | null}
     * `near`: a click places the next landmark beside the one that would be dragged */
    this.drag = null;
    /** @type {{from: Point, at: Point, moved: boolean} | null} */
    this.pan = null;
    /** @type {{time: number, place: Point}} the last click; what it drew over is no dblclick's target */
    this.clicked = { time: 0, place: [0, 0] };
    host.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    host.addEventListener("pointerdown", (event) => this.#down(event));
    host.addEventListener("pointermove", (event) => this.#move(event));
    host.addEventListener("pointerup", (event) => this.#up(event));
    host.addEventListener("pointercancel", (event) => this.#up(event, true));
    host.addEventListener("pointerleave", () => listeners.onhover?.(null));
    this.extent = this.#measured();
    new ResizeObserver(() => this.#resized()).observe(host);
  }

  /** Takes another photograph, which is drawn with its landmarks. Zoom and place are kept from the one before.
   * @param {HTMLImageElement | null} image @param {Point} size its width and height */
  show(image, size) {
    const middle = this.toPhotograph([this.extent[0] / 2, this.extent[1] / 2]);
    const share = [middle[0] / this.size[0], middle[1] / this.size[1]];
    const closer = this.scale / this.#fitting();
    this.size = size;
    this.image = image;
    this.plane.replaceChildren(...(image ? [image] : []));
    if (this.fitted) return this.#fit();
    this.scale = this.#fitting() * closer;
    this.#put([share[0] * size[0], share[1] * size[1]]);
  }

  /** @param {Mark[]} marks @param {[number, number][]} links
   * @param {import("./curve-layer.js").CurveMark[]} [curves] */
  mark(marks, links, curves = []) {
    this.marks = marks;
    this.links = links;
    this.curveLayer.curves = curves;
    this.draw();
  }

  /** Shows the whole photograph. */
  fit() {
    this.#fit();
    this.draw();
  }

  #fit() {
    this.scale = this.#fitting();
    this.fitted = true;
    this.#put([this.size[0] / 2, this.size[1] / 2]);
  }

  /** Zooms about a place of the stage.
   * @param {number} factor @param {Point} [about] */
  zoom(factor, about = [this.extent[0] / 2, this.extent[1] / 2]) {
    const fixed = this.toPhotograph(about);
    const least = this.#fitting() * 0.5;
    this.scale = Math.min(Math.max(this.scale * factor, least), Math.max(CLOSEST, least));
    this.fitted = false;
    const now = this.toStage(fixed);
    this.at = [this.at[0] + about[0] - now[0], this.at[1] + about[1] - now[1]];
    this.draw();
  }

  /** Turns the picture by a quarter, clockwise, about the middle of the stage. */
  turn() {
    this.#changed(() => (this.turns = (this.turns + (this.mirrored ? 3 : 1)) % 4));
  }

  /** Mirrors the picture left to right as it is seen. */
  mirror() {
    this.#changed(() => {
      this.mirrored = !this.mirrored;
      if (this.turns % 2) this.turns = (this.turns + 2) % 4;
    });
  }

  /** The picture as it is stored, upright. */
  straighten() {
    this.#changed(() => ([this.turns, this.mirrored] = [0, false]));
  }

  /** Makes sure that a landmark can be seen. @param {number} index */
  reveal(index) {
    const xy = this.marks[index]?.xy;
    if (!xy) return;
    const [x, y] = this.toStage(xy);
    const edge = 40;
    if (x < edge || y < edge || x > this.extent[0] - edge || y > this.extent[1] - edge)
      this.#centre(xy);
  }

  /** The matrix without its offset: (a, b, c, d) as CSS orders it.
   * @returns {[number, number, number, number]} */
  matrix() {
    const [cos, sin] = [[1, 0], [0, 1], [-1, 0], [0, -1]][this.turns];
    const flip = this.mirrored ? -1 : 1;
    const s = this.scale;
    return [flip * cos * s, flip * sin * s, -sin * s, cos * s];
  }

  /** @param {Point} xy @returns {Point} */
  toStage([x, y]) {
    const [a, b, c, d] = this.matrix();
    return [a * x + c * y + this.at[0], b * x + d * y + this.at[1]];
  }

  /** @param {Point} place @returns {Point} */
  toPhotograph([u, v]) {
    const [a, b, c, d] = this.matrix();
    const [x, y] = [u - this.at[0], v - this.at[1]];
    const whole = a * d - b * c;
    return [(d * x - c * y) / whole, (a * y - b * x) / whole];
  }

  /** A way on the stage as a way on the photograph, in pixels of the stage at scale 1.
   * @param {Point} way @returns {Point} */
  along([u, v]) {
    const [a, b, c, d] = this.matrix().map((each) => each / this.scale);
    const whole = a * d - b * c;
    return [Math.round((d * u - c * v) / whole), Math.round((a * v - b * u) / whole)];
  }

  draw() {
    const [a, b, c, d] = this.matrix();
    const [width, height] = this.size;
    const plane = this.plane.style;
    plane.width = `${width}px`;
    plane.height = `${height}px`;
    plane.transform = `matrix(${a},${b},${c},${d},${this.at[0]},${this.at[1]})`;
    plane.filter = this.filter;
    this.plane.classList.toggle("near", this.scale > 3);
    this.host.classList.toggle("placing", this.placing);
    this.#drawMarks();
    this.listeners.onview?.();
  }

  #drawMarks() {
    const places = this.marks.map((mark) => (mark.xy ? this.toStage(mark.xy) : null));
    this.layers.links.replaceChildren(
      ...this.links.flatMap(([i, j]) => {
        const [from, to] = [places[i], places[j]];
        if (!from || !to) return [];
        return [drawn("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] })];
      }),
    );
    /** @type {SVGElement[]} */
    const circles = [];
    /** @type {SVGElement[]} */
    const points = [];
    this.marks.forEach((mark, index) => {
      const place = places[index];
      if (!place) return;
      const chosen = index === this.selected;
      const classes = `${mark.kind}${mark.sure ? " placed" : ""}${chosen ? " selected" : ""}`;
      const [x, y] = place;
      const radius = (mark.expected ?? 0) * this.scale;
      if (radius > 9 && !mark.sure && (radius < WIDE || chosen))
        circles.push(drawn("circle", { cx: x, cy: y, r: radius, class: classes }));
      const group = drawn("g", { class: `mark ${classes}`, "data-index": index });
      group.setAttribute("transform", `translate(${x} ${y})`);
      const title = drawn("title");
      title.textContent = mark.name;
      group.append(title);
      if (chosen) group.append(drawn("path", { d: "M-22 0h13M9 0h13M0-22v13M0 9v13", class: "hair" }));
      group.append(drawn("circle", { r: chosen ? 8 : 6.5, class: "halo" }));
      group.append(drawn("circle", { r: chosen ? 8 : 6.5, class: "ring" }));
      group.append(drawn("circle", { r: 1.6, class: "dot" }));
      const label = drawn("text", { x: 10, y: -8 });
      label.textContent = String(index + 1);
      group.append(label);
      points.push(group);
    });
    this.curveLayer.draw((xy) => this.toStage(xy));
    this.layers.circles.replaceChildren(...circles);
    this.layers.points.replaceChildren(...points);
  }

  /** @param {() => void} change */
  #changed(change) {
    const middle = this.toPhotograph([this.extent[0] / 2, this.extent[1] / 2]);
    const { fitted } = this;
    change();
    if (fitted) this.fit();
    else this.#centre(middle);
  }

  /** @param {Point} xy */
  #centre(xy) {
    this.#put(xy);
    this.draw();
  }

  /** Puts a place of the photograph into the middle of the stage. @param {Point} xy */
  #put(xy) {
    const now = this.toStage(xy);
    this.at = [
      this.at[0] + this.extent[0] / 2 - now[0],
      this.at[1] + this.extent[1] / 2 - now[1],
    ];
  }

  #fitting() {
    const [width, height] = this.turns % 2 ? [this.size[1], this.size[0]] : this.size;
    return Math.min((this.extent[0] - 32) / width, (this.extent[1] - 32) / height);
  }

  /** @returns {Point} */
  #measured() {
    return [Math.max(this.host.clientWidth, 64), Math.max(this.host.clientHeight, 64)];
  }

  #resized() {
    const middle = this.toPhotograph([this.extent[0] / 2, this.extent[1] / 2]);
    this.extent = this.#measured();
    if (this.fitted) this.fit();
    else this.#centre(middle);
  }

  /** @param {MouseEvent} event @returns {Point} */
  #place(event) {
    const box = this.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {Point} place @param {number} reach */
  #nearest(place, reach) {
    let [best, found] = [reach, -1];
    this.marks.forEach((mark, index) => {
      if (!mark.xy) return;
      const [x, y] = this.toStage(mark.xy);
      const far = Math.hypot(place[0] - x, place[1] - y) - (index === this.selected ? 3 : 0);
      if (far < best) [best, found] = [far, index];
    });
    return found;
  }

  /** What of a curve is nearer than a landmark.
   * @param {Point} place @param {string} pointer @param {Point | null} landmark */
  #grip(place, pointer, landmark) {
    const at = landmark && this.toStage(landmark);
    const within = at ? Math.hypot(at[0] - place[0], at[1] - place[1]) : Infinity;
    return this.curveLayer.grip(place, (xy) => this.toStage(xy), pointer, within);
  }

  /** Takes hold of a point of a curve. @param {import("./curve-layer.js").Grip} grip @param {Point} place */
  #hold(grip, place) {
    this.drag = {
      take: () => {},
      move: (to, ends) => this.listeners.onbend?.(grip, to, ends),
      from: place,
      grab: [grip.at[0] - place[0], grip.at[1] - place[1]],
      ...{ near: false, moved: false },
    };
    this.listeners.ongrip?.(grip);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 24 : event.deltaMode === 2 ? 400 : 1;
    this.zoom(Math.exp(-event.deltaY * lines * 0.0016), this.#place(event));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button > 1) return;
    const place = this.#place(event);
    this.pointers.set(event.pointerId, place);
    this.host.setPointerCapture(event.pointerId);
    if (this.pointers.size > 1) {
      this.drag = null;
      this.pan = null;
      return;
    }
    const reach = REACH[/** @type {"mouse"} */ (event.pointerType)] ?? REACH.mouse;
    const index = event.button === 0 ? this.#nearest(place, reach) : -1;
    const xy = index >= 0 ? this.marks[index].xy : null;
    const grip = event.button === 0 ? this.#grip(place, event.pointerType, xy) : null;
    if (grip) this.#hold(grip, place);
    else if (xy) {
      const at = this.toStage(xy);
      /** @type {Point} */
      const grab = [at[0] - place[0], at[1] - place[1]];
      const { goal } = this.marks[index];
      const near = this.placing && !goal && Math.hypot(...grab) > ON * reach;
      this.drag = {
        take: () => this.listeners.onselect(index),
        move: (to, ends) => this.listeners.onmove(index, to, ends),
        ...{ from: place, grab, near, moved: false },
      };
      if (!near) this.drag.take();
    } else this.pan = { from: place, at: [...this.at], moved: event.button === 1 };
    event.preventDefault();
    this.host.closest("section")?.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.pointers.get(event.pointerId);
    const place = this.#place(event);
    if (!before) return this.listeners.onhover?.(this.toPhotograph(place));
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size === 2) return this.#pinch(event.pointerId, before);
    if (this.drag) {
      const { take, move, from, grab, near } = this.drag;
      const far = Math.hypot(place[0] - from[0], place[1] - from[1]);
      if (near && !this.drag.moved && far > CLICK) take();
      this.drag.moved ||= far > (near ? CLICK : 0);
      if (!this.drag.moved) return;
      move(this.#inside([place[0] + grab[0], place[1] + grab[1]]), false);
    } else if (this.pan) {
      const way = [place[0] - this.pan.from[0], place[1] - this.pan.from[1]];
      this.pan.moved ||= Math.hypot(way[0], way[1]) > CLICK;
      if (!this.pan.moved) return;
      this.at = [this.pan.at[0] + way[0], this.pan.at[1] + way[1]];
      this.fitted = false;
      this.draw();
    }
  }

  /** @param {number} moved @param {Point} before */
  #pinch(moved, before) {
    const [now, other] = [...this.pointers.entries()]
      .sort(([id]) => (id === moved ? -1 : 1))
      .map(([, place]) => place);
    const distance = Math.hypot(now[0] - other[0], now[1] - other[1]);
    const earlier = Math.hypot(before[0] - other[0], before[1] - other[1]);
    this.at = [this.at[0] + (now[0] - before[0]) / 2, this.at[1] + (now[1] - before[1]) / 2];
    if (earlier > 0)
      this.zoom(distance / earlier, [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
  }

  /** @param {PointerEvent} event @param {boolean} [cancelled] */
  #up(event, cancelled = false) {
    if (!this.pointers.delete(event.pointerId)) return;
    const place = this.#place(event);
    const { drag, pan } = this;
    this.drag = this.pan = null;
    if (drag?.moved)
      drag.move(this.#inside([place[0] + drag.grab[0], place[1] + drag.grab[1]]), true);
    else if ((pan ? !pan.moved : drag?.near) && !cancelled && event.button === 0) {
      const xy = this.toPhotograph(place);
      const [width, height] = this.size;
      const curve = this.placing ? null : this.curveLayer.under(place, (each) => this.toStage(each));
      if (curve !== null) this.listeners.oncurve?.(curve);
      else if (xy[0] >= 0 && xy[1] >= 0 && xy[0] <= width && xy[1] <= height)
        this.listeners.onplace(xy);
    }
    if (!cancelled && event.button === 0 && !(drag ?? pan)?.moved) this.#click(place);
  }

  /** Tells of the second of two clicks. @param {Point} place */
  #click(place) {
    const before = this.clicked;
    this.clicked = { time: Date.now(), place };
    const far = Math.hypot(place[0] - before.place[0], place[1] - before.place[1]);
    if (far <= CLICK && this.clicked.time - before.time < DOUBLE) this.listeners.ondouble?.();
  }

  /** @param {Point} place @returns {Point} */
  #inside(place) {
    const [x, y] = this.toPhotograph(place);
    return [Math.min(Math.max(x, 0), this.size[0]), Math.min(Math.max(y, 0), this.size[1])];
  }
}
