// @ts-check
/** The scheme of the part beside the photograph, and the list of its landmarks. */
import { drawn as laidOut } from "./frames.js";
import { drawn, made, skeleton } from "./model.js";

/** @typedef {import("./model.js").Point} Point */

/** Draws where landmarks lie on the mean shape.
 * @param {HTMLElement} host @param {Point[] | null} shape
 * @param {number | null} selected @param {number | null} next
 * @param {boolean[]} there @param {(index: number) => void} onpick */
export function drawScheme(host, shape, selected, next, there, onpick) {
  host.classList.toggle("empty", !shape);
  if (!shape) return host.replaceChildren();
  const xs = shape.map(([x]) => x);
  const ys = shape.map(([, y]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const extent = Math.max(Math.max(...xs) - left, Math.max(...ys) - top) || 1;
  const middle = [(Math.max(...xs) + left) / 2, (Math.max(...ys) + top) / 2];
  /** @param {Point} point @returns {Point} */
  const placed = ([x, y]) => [80 + ((x - middle[0]) / extent) * 112, 80 + ((y - middle[1]) / extent) * 112];
  const svg = drawn("svg", { viewBox: "0 0 160 160" });
  const places = shape.map(placed);
  const spots = besides(places);
  for (const [i, j] of skeleton(shape)) {
    const [from, to] = [places[i], places[j]];
    svg.append(drawn("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }));
  }
  places.forEach(([x, y], index) => {
    const kind = index === next ? "next" : index === selected ? "selected" : "";
    const group = drawn("g", { class: `${kind} ${there[index] ? "there" : ""}` });
    group.append(drawn("circle", { cx: x, cy: y, r: kind ? 5.5 : 3.5 }));
    if (kind || shape.length <= 16) {
      const label = drawn("text", { x: spots[index][0], y: spots[index][1] + 3.5 });
      label.textContent = String(index + 1);
      group.append(label);
    }
    group.addEventListener("click", () => onpick(index));
    svg.append(group);
  });
  host.replaceChildren(svg);
}

/** Where the numbers of points stand: clear of points and other numbers, and outwards where they can.
 * @param {Point[]} places @returns {Point[]} */
function besides(places) {
  /** @type {Point[]} */
  const spots = [];
  for (const [x, y] of places) {
    const out = Math.hypot(x - 80, y - 80) || 1;
    let [best, spot] = [-Infinity, /** @type {Point} */ ([x, y])];
    for (let turn = 0; turn < 16; turn += 1) {
      const [u, v] = [Math.cos((turn * Math.PI) / 8), Math.sin((turn * Math.PI) / 8)];
      /** @type {Point} */
      const there = [x + 11 * u, y + 11 * v];
      const far = [...places, ...spots].map(([a, b]) => Math.hypot(there[0] - a, there[1] - b));
      const clear = Math.min(...far) + (u * (x - 80) + v * (y - 80)) / out;
      if (clear > best) [best, spot] = [clear, there];
    }
    spots.push(spot);
  }
  return spots;
}

/** @typedef {object} Line
 * @property {string} name @property {string} kind @property {string} note @property {boolean} missing */

/** @param {HTMLElement} host @param {Line[]} lines
 * @param {number | null} selected @param {number | null} next @param {(index: number) => void} onpick */
export function drawList(host, lines, selected, next, onpick) {
  if (host.childElementCount !== lines.length)
    host.replaceChildren(
      ...lines.map((_, index) => {
        const item = made("li");
        const button = made("button");
        button.type = "button";
        button.tabIndex = -1;
        button.append(made("b"), made("span"), made("small"));
        button.addEventListener("click", () => onpick(index));
        item.append(button);
        return item;
      }),
    );
  lines.forEach(({ name, kind, note, missing }, index) => {
    const button = /** @type {HTMLElement} */ (host.children[index].firstElementChild);
    const [number, text, small] = button.children;
    number.textContent = String(index + 1);
    text.textContent = name === String(index + 1) ? "" : name;
    button.title = text.textContent ?? "";
    small.textContent = note;
    button.className = [
      kind,
      missing ? "missing" : "",
      index === selected ? "selected" : "",
      index === next ? "next" : "",
    ].join(" ");
  });
  void reveal(host);
}

/** Scrolls a list to what is selected, once the page has been laid out and drawn. @param {HTMLElement} host */
async function reveal(host) {
  await laidOut();
  for (const each of host.querySelectorAll(".next, .selected")) each.scrollIntoView({ block: "nearest" });
}
