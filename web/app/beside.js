// @ts-check
/** What is written about the photograph that is shown: its name, its landmarks, what can be done now. */
import { element, STATE_WORDS } from "./model.js";
import { drawList, drawScheme } from "./scheme.js";

/** @typedef {import("./state.js").PageState} PageState */

/** @param {PageState} state @param {(index: number) => void} onpick */
export function drawBeside(state, onpick) {
  const { shown, history, selected, next } = state;
  if (!shown || !history) return;
  const there = history.now.xy.map((xy) => xy !== null);
  drawScheme(element("scheme"), state.shape, selected, next, there, onpick);
  drawList(element("list"), lines(state, history.now), selected, next, onpick);
  element("name").textContent = shown.name;
  element("name").title = shown.name;
  const chip = element("state");
  chip.textContent = STATE_WORDS[shown.state] || (shown.status === "ok" ? "" : shown.status);
  chip.className = `chip ${shown.state === "open" ? shown.status : shown.state}`;
  const reason = element("reason");
  reason.textContent = shown.problem || shown.reason;
  reason.hidden = !reason.textContent || shown.state === "accepted";
  element("hint").textContent = hint(state);
  element("hint").classList.toggle("loud", next !== null || state.swapping);
}

/** @param {PageState} state @param {import("./history.js").Placed} now @returns {import("./scheme.js").Line[]} */
function lines({ session, errors, kinds }, now) {
  /** @param {number} index */
  const note = (index) => {
    const error = errors[index];
    if (now.missing[index]) return "missing";
    if (!now.xy[index]) return "";
    if (now.sure[index]) return "placed";
    return error === null ? "proposed" : `± ${error.toFixed(error < 100 ? 1 : 0)} px`;
  };
  return now.xy.map((xy, index) => ({
    name: session.landmarks[index],
    kind: now.sure[index] ? "placed" : xy ? kinds[index] : "none",
    missing: now.missing[index],
    note: note(index),
  }));
}

/** What can be done now. @param {PageState} state */
function hint({ shown, next, session, selected, swapping }) {
  if (shown?.problem) return "This photograph cannot be shown. X leaves it out.";
  if (swapping)
    return `Swap landmark ${(selected ?? 0) + 1} with: press its number or click it. Esc keeps both.`;
  if (shown?.state === "excluded") return "Left out of the data set. X takes it back.";
  if (next !== null) {
    const name = session.landmarks[next];
    const named = name && name !== String(next + 1) ? ` · ${name}` : "";
    return `Click landmark ${next + 1}${named}. M if it is missing.`;
  }
  return shown?.state === "accepted"
    ? "Accepted. Page Down for the next photograph."
    : "Drag what is off. Enter accepts and goes on.";
}
