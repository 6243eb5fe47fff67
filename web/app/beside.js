// @ts-check
/** What is written about the photograph that is shown: its name, its landmarks and curves, what can
 * be done now. */
import { element, STATE_WORDS } from "./model.js";
import { drawList, drawScheme } from "./scheme.js";

/** @typedef {import("./state.js").PageState} PageState */

/** @param {PageState} state @param {(index: number) => void} onpick a landmark
 * @param {(index: number) => void} [oncurve] a curve */
export function drawBeside(state, onpick, oncurve) {
  const { shown, history, selected, next } = state;
  if (!shown || !history) return;
  const there = history.now.xy.map((xy) => xy !== null);
  drawScheme(element("scheme"), state.shape, selected, next, there, onpick);
  drawList(element("list"), lines(state, history.now), selected, next, onpick);
  if (oncurve && state.curves.length) {
    element("curves").hidden = false;
    drawList(element("curves"), curveLines(state, history.now), state.curve, null, oncurve);
  }
  element("name").textContent = shown.name;
  element("name").title = shown.name;
  const chip = element("state");
  chip.textContent = STATE_WORDS[shown.state] || (shown.status === "ok" ? "" : shown.status);
  chip.className = `chip ${shown.state === "open" ? shown.status : shown.state}`;
  const reason = element("reason");
  reason.textContent = shown.problem || shown.reason;
  reason.hidden = !reason.textContent || shown.state === "accepted";
  element("hint").textContent = hint(state);
  element("hint").classList.toggle("loud", next !== null || state.swapping || state.drawing);
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

/** @param {PageState} state @param {import("./history.js").Placed} now @returns {import("./scheme.js").Line[]} */
function curveLines({ curves, curve, drawing }, now) {
  return curves.map(({ name }, index) => ({
    name,
    kind: now.curves[index] ? "curved" : "none",
    missing: now.lacking[index],
    note: now.lacking[index]
      ? "missing"
      : drawing && index === curve
        ? "drawing"
        : now.curves[index]
          ? ""
          : "not drawn",
  }));
}

/** What can be done with the curve that is chosen. @param {PageState} state @param {number} index */
function curveHint({ curves, drawing, point, history }, index) {
  const { name, start, end } = curves[index];
  const said = `Curve ${name}`;
  if (history?.now.lacking[index]) return `${said} is missing on this specimen. M takes that back.`;
  if (!drawing)
    return point === null
      ? `${said}: drag points, click on its line for one more. Delete draws it anew.`
      : `${said}: drag the point. Delete takes it away.`;
  if (start === null || end === null) return `${said}: click points along it. Enter ends it.`;
  const way =
    start === end ? `all round from landmark ${start + 1}` : `from landmark ${start + 1} to ${end + 1}`;
  return `${said}: click points along it, ${way}. Enter ends it, Esc takes back, M if missing.`;
}

/** What can be done now. @param {PageState} state */
function hint(state) {
  const { shown, next, session, selected, swapping, curve, curves, openCurves } = state;
  if (shown?.problem) return "This photograph cannot be shown. X leaves it out.";
  if (swapping)
    return `Swap landmark ${(selected ?? 0) + 1} with: press its number or click it. Esc keeps both.`;
  if (shown?.state === "excluded") return "Left out of the data set. X takes it back.";
  if (curve !== null) return curveHint(state, curve);
  if (next !== null) {
    const name = session.landmarks[next];
    const named = name && name !== String(next + 1) ? ` · ${name}` : "";
    return `Click landmark ${next + 1}${named}. M if it is missing.`;
  }
  if (openCurves.length)
    return `Drag what is off. C draws the curve ${curves[openCurves[0]].name}.`;
  return shown?.state === "accepted"
    ? "Accepted. Page Down for the next photograph."
    : "Drag what is off. Enter accepts and goes on.";
}
