// @ts-check
/** The scheme of the part beside the photograph, and the list of its landmarks. */
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
  for (const [i, j] of skeleton(shape)) {
    const [from, to] = [places[i], places[j]];
    svg.append(drawn("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }));
  }
  places.forEach(([x, y], index) => {
    const kind = index === next ? "next" : index === selected ? "selected" : "";
    const group = drawn("g", { class: `${kind} ${there[index] ? "there" : ""}` });
    group.append(drawn("circle", { cx: x, cy: y, r: kind ? 5.5 : 3.5 }));
    if (kind || shape.length <= 16) {
      const [u, v] = clear(places, index);
      const label = drawn("text", { x: x + u * 11, y: y + v * 11 + 3.5 });
      label.textContent = String(index + 1);
      group.append(label);
    }
    group.addEventListener("click", () => onpick(index));
    svg.append(group);
  });
  host.replaceChildren(svg);
}

/** The way from a point to where fewest others are, of length 1.
 * @param {Point[]} places @param {number} index @returns {Point} */
function clear(places, index) {
  let [u, v] = [0, 0];
  places.forEach((place, other) => {
    const [x, y] = [places[index][0] - place[0], places[index][1] - place[1]];
    const far = Math.hypot(x, y);
    if (other === index || far === 0) return;
    u += x / far ** 3;
    v += y / far ** 3;
  });
  const length = Math.hypot(u, v);
  return length > 0 ? [u / length, v / length] : [0, -1];
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
    small.textContent = note;
    button.className = [
      kind,
      missing ? "missing" : "",
      index === selected ? "selected" : "",
      index === next ? "next" : "",
    ].join(" ");
    if (index === selected || index === next) button.scrollIntoView({ block: "nearest" });
  });
}
