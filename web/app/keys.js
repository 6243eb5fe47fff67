// @ts-check
/** What the keys do. */
import { dialog, element, made } from "./model.js";

const TOLD = [
  ["Click", "places the next landmark"],
  ["Drag", "moves a landmark; the picture where there is none"],
  ["Wheel, + −", "closer and farther; 0 shows the whole photograph"],
  ["1 … 9", "selects a landmark (two digits: 12)"],
  ["Tab, Shift Tab", "the next landmark, the one before"],
  ["Arrows", "move the selected landmark by 1 px; with Shift by 10 px"],
  ["Enter", "accepts the photograph and goes on"],
  ["M", "the landmark is missing on this specimen"],
  ["S", "swaps the selected landmark with another"],
  ["X", "leaves the photograph out, or takes it back"],
  ["U, Shift U", "undo, redo"],
  ["R, Shift R", "turns, mirrors the picture"],
  ["L", "lines between landmarks"],
  ["C", "the next curve; draws it where it is not there"],
  ["Delete", "takes the point of a curve away, or without one the curve"],
  ["Shift C", "curves, shown or not"],
  ["Page Down, Page Up", "the next photograph, the one before"],
  ["Esc", "selects nothing; then leaves the photograph for the buttons"],
  ["?", "these keys"],
];
const DIGITS = 600; // milliseconds in which a second digit belongs to the first
/** @type {Record<string, import("./model.js").Point>} */
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Shows the keys. */
export function tellKeys() {
  const list = element("keylist");
  if (!list.childElementCount)
    for (const [key, what] of TOLD) list.append(made("dt", key), made("dd", what));
  dialog("keys").showModal();
}

/** Does what keys say.
 * @param {{accept: () => unknown, step: (way: number) => void, exclude: () => unknown}} navigation
 * @param {import("./editing.js").Editing} editing @param {import("./viewer.js").Viewer} viewer */
export function listen(navigation, editing, viewer) {
  let typed = "";
  let last = 0;

  /** @param {string} digit */
  const selected = (digit) => {
    const now = Date.now();
    typed = now - last < DIGITS ? typed + digit : digit;
    last = now;
    if (typed === "0") return viewer.fit();
    if (Number(typed) > editing.state.count) typed = digit;
    editing.select(Number(typed) - 1);
  };

  /** @type {Record<string, (shift: boolean) => void>} */
  const keys = {
    Enter: () => (editing.state.drawing ? editing.curves.finish() : navigation.accept()),
    Delete: () => editing.curves.remove(),
    Backspace: () => editing.curves.remove(),
    Escape: () => editing.escape(),
    PageDown: () => navigation.step(1),
    PageUp: () => navigation.step(-1),
    m: () => editing.miss(),
    s: () => editing.swap(),
    x: () => navigation.exclude(),
    u: (shift) => (shift ? editing.redo() : editing.undo()),
    r: (shift) => (shift ? viewer.mirror() : viewer.turn()),
    l: () => editing.toggleLinks(),
    c: (shift) => (shift ? editing.curves.toggle() : editing.curves.cycle(1)),
    "?": () => tellKeys(),
    "+": () => viewer.zoom(1.5),
    "=": () => viewer.zoom(1.5),
    "-": () => viewer.zoom(1 / 1.5),
  };

  // What is clicked leaves the keys with the photograph; who presses buttons by keys stays there.
  window.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const button = target.closest("button, summary");
    if (event.detail > 0 && button && !button.closest("dialog")) element("stage").focus();
  });

  window.addEventListener("keydown", (event) => {
    const { target, key, shiftKey: shift } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const onStage = target === document.body || target === element("stage");
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (typing && key !== "Escape") return;
    if (typing) return element("stage").focus();
    const arrow = ARROWS[key];
    if (arrow) {
      const far = shift ? 10 : 1;
      editing.nudge(viewer.along([arrow[0] * far, arrow[1] * far]));
    } else if (key === "Tab") {
      if (target !== element("stage")) return;
      editing.cycle(shift ? -1 : 1);
    } else if (/^\d$/.test(key)) selected(key);
    else {
      const act = keys[key.length === 1 ? key.toLowerCase() : key];
      if (!act || (key === "Enter" && !onStage)) return;
      act(shift);
    }
    event.preventDefault();
  });
}
