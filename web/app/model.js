// @ts-check
/** What the modules of the page hand each other.
 *
 * @typedef {[number, number]} Point  pixels of the upright photograph, y down
 * @typedef {"open" | "draft" | "accepted" | "excluded"} State
 *
 * @typedef {object} Listed  a photograph in the list
 * @property {State} state
 * @property {string} status  "ok", "flagged", "failed", or "" where nothing was proposed
 * @property {number | null} error  mean expected error in pixels
 * @property {number} revision
 * @property {string} origin  what proposed its landmarks
 *
 * @typedef {object} Shown  a photograph as the server gives it
 * @property {number} number
 * @property {string} name
 * @property {Point | null} size  width and height
 * @property {string} problem  why it cannot be shown
 * @property {string} status
 * @property {string} reason
 * @property {State} state
 * @property {string} origin
 * @property {number} revision
 * @property {(Point | null)[] | null} xy
 * @property {(Point | null)[] | null} proposed
 * @property {(number | null)[] | null} expected
 * @property {(Point[] | null)[] | null} [curves]  the points of each between its landmarks; null
 *   where nobody has drawn any, or said that they are missing
 *
 * @typedef {object} Curve
 * @property {string} name
 * @property {number | null} start  the index of the landmark where it begins
 * @property {number | null} end
 *
 * @typedef {object} Progress
 * @property {number} total
 * @property {number} accepted
 * @property {number} excluded
 * @property {number} draft
 * @property {number} left
 * @property {number[]} corrections
 * @property {number} untouched
 * @property {number} looked_at
 * @property {number | null} expected_left
 * @property {{off: number, expected: number, landmarks: number} | null} calibration
 *
 * @typedef {object} Training
 * @property {"none" | "running" | "done" | "failed" | "stopped" | "cut off"} stage
 * @property {number} photographs
 * @property {number} epoch
 * @property {number} epochs
 * @property {string} left  in words
 * @property {string} model  its file, once it is trained
 * @property {string[]} said
 * @property {string} problem
 * @property {boolean} resumable  whether it did not come to its end, and can be gone on with
 *
 * @typedef {"start" | "resume" | "stop"} TrainingAct
 *
 * @typedef {object} Session
 * @property {"review" | "annotate"} mode
 * @property {string} part
 * @property {{name: string, address: string}[]} parts  pages of all parts, where there are several
 * @property {string[]} landmarks
 * @property {[number, number][]} mirror_pairs
 * @property {Curve[]} [curves]
 * @property {string} file
 * @property {boolean} can_train
 * @property {Record<string, string>} told
 * @property {number} version
 * @property {string[]} names
 * @property {[State, string, number | null, number, string][]} photographs
 *
 * @typedef {object} Suspect
 * @property {number | null} number
 * @property {string} reason
 * @property {string} measured
 *
 * @typedef {object} News
 * @property {number} version
 * @property {[number, [State, string, number | null, number, string]][]} changed
 * @property {Progress} progress
 * @property {Training} training
 * @property {[number, number] | null} predicting
 * @property {number} rounds  how often a model has placed landmarks on all that were left
 * @property {string} problem
 * @property {Suspect[]} suspects
 * @property {Point[] | null} mean_shape
 */

/** @param {[State, string, number | null, number, string]} row @returns {Listed} */
export function listed([state, status, error, revision, origin]) {
  return { state, status, error, revision, origin };
}

/** What a photograph's state is called. @type {Record<State, string>} */
export const STATE_WORDS = { open: "", draft: "begun", accepted: "accepted", excluded: "left out" };

/** @param {number} photographs */
export const counted = (photographs) =>
  photographs === 1 ? "1 photograph is" : `${photographs} photographs are`;

/** The element of an id. @param {string} id @returns {HTMLElement} */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/** @param {string} id @returns {HTMLInputElement} */
export const input = (id) => /** @type {HTMLInputElement} */ (element(id));

/** @param {string} id @returns {HTMLDialogElement} */
export const dialog = (id) => /** @type {HTMLDialogElement} */ (element(id));

/** A new element with a text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {string} [text] @param {string} [kind] @returns {HTMLElementTagNameMap[K]} */
export function made(tag, text = "", kind = "") {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

/** A line to type in a terminal, with a button that copies it. @param {string} line */
export function lineToCopy(line) {
  const row = made("div", "", "line");
  const [code, copy] = [made("code", line), made("button", "Copy")];
  copy.type = "button";
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      copy.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code); // for Ctrl-C
    }
  });
  row.append(code, copy);
  return row;
}

const SVG = "http://www.w3.org/2000/svg";

/** A new element of SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag @param {Record<string, string | number>} [attributes]
 * @returns {SVGElementTagNameMap[K]} */
export function drawn(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** A colour from sure to unsure; errors in shares of the photograph's diagonal.
 * @param {number | null} share @returns {string} a class name */
export function sureness(share) {
  if (share === null || Number.isNaN(share)) return "unknown";
  if (share < 0.004) return "sure";
  if (share < 0.009) return "fair";
  return share < 0.018 ? "unsure" : "wild";
}

/** The shortest lines that join all points: a tidy skeleton without a scheme of links.
 * @param {(Point | null)[]} points @returns {[number, number][]} */
export function skeleton(points) {
  const there = points.flatMap((point, index) => (point ? [index] : []));
  /** @type {[number, number][]} */
  const links = [];
  if (there.length < 2) return links;
  const inside = [there[0]];
  const outside = new Set(there.slice(1));
  while (outside.size) {
    let best = Infinity;
    let link = /** @type {[number, number]} */ ([0, 0]);
    for (const i of inside)
      for (const j of outside) {
        const [a, b] = [/** @type {Point} */ (points[i]), /** @type {Point} */ (points[j])];
        const far = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (far < best) [best, link] = [far, [i, j]];
      }
    links.push(link);
    inside.push(link[1]);
    outside.delete(link[1]);
  }
  return links;
}
