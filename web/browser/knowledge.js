// @ts-check
/** What a model knows and what it does not, from its card, in the words of a biologist. */
import { made } from "../app/model.js";
import { drawScheme } from "../app/scheme.js";

/** @typedef {import("./card.js").Card} Card */

const WIDTH_AND_HEIGHT = [256, 192]; // errors are told in pixels of photographs of this size

/** @param {number} count @param {string} one */
const counted = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** In one sentence. @param {Card} card */
export function inShort({ part, version, whole }) {
  const where = whole
    ? "The specimen may lie in any way on the photograph."
    : "The photographs should show the part as those do that it was trained on.";
  return `Places ${counted(part.landmark_names.length, "landmark")} on the ${part.name}. ${where} Version ${version}.`;
}

/** Writes all of it. @param {HTMLElement} host @param {Card} card */
export function tell(host, card) {
  const text = made("div");
  for (const [title, lines] of chapters(card)) {
    text.append(made("h3", title));
    if (lines.length === 1) text.append(made("p", lines[0]));
    else {
      const list = made("ul");
      list.append(...lines.map((line) => made("li", line)));
      text.append(list);
    }
  }
  const names = card.part.landmark_names;
  if (names.some((name, index) => name !== String(index + 1))) {
    const list = made("ol", "", "names soft small");
    list.append(...names.map((name) => made("li", name)));
    text.append(made("h3", "Landmarks"), list);
  }
  const figure = made("figure");
  host.replaceChildren(text);
  if (!card.shapes) return;
  drawScheme(figure, card.shapes.mean, null, null, [], () => {});
  host.append(figure);
}

/** @param {Card} card @returns {[string, string[]][]} */
function chapters(card) {
  return [
    ["How accurate", accuracy(card)],
    ["What it knows", known(card)],
    ["What it flags, for you to look at", flagged(card)],
    ["What it cannot know", unknown(card)],
    ["Trained on", [card.provenance]],
    ["Licence", [card.licence]],
  ];
}

/** @param {Card} card */
function accuracy({ metrics }) {
  if (!metrics.length) return ["Nobody has measured it. Compare it with landmarks of your own first."];
  const diagonal = Math.hypot(...WIDTH_AND_HEIGHT);
  return metrics.map(({ data, photographs, mean_px_256x192: error }) => {
    const share = ((100 * error) / diagonal).toPrecision(2);
    return `${share} % of the photograph’s diagonal from known landmarks on average (${counted(photographs, "photograph")}: ${data}).`;
  });
}

/** @param {Card} card */
function known({ shapes, limits, whole, photographs }) {
  const lines = [];
  if (photographs) lines.push(`It was trained on ${counted(photographs.number, "photograph")}.`);
  if (shapes) lines.push(`It knows the shapes of ${counted(shapes.specimens, "specimen")}.`);
  if (whole) lines.push("It finds one specimen on each photograph, whichever way it lies, and turns it upright.");
  else if (shapes) {
    const [left, right] = limits.rotation.map((turn) => Math.abs(Math.round(turn)));
    const [small, large] = limits.size.map((size) => Math.round(100 * size));
    lines.push(
      `Specimens were turned by up to ${left} degrees anticlockwise and ${right} clockwise, and their landmarks had a centroid size of ${small} to ${large} % of the picture’s diagonal.`,
    );
  }
  return lines.length ? lines : ["Its card does not say."];
}

/** @param {Card} card */
function flagged({ shapes, limits, input_width: width, input_height: height, whole }) {
  const share = (/** @type {number} */ error) => ((100 * error) / Math.hypot(width, height)).toPrecision(2);
  const lines = [
    `Photographs on which it expects to be off by more than ${share(limits.mean_error)} % of the picture’s diagonal on average, or ${share(limits.landmark_error)} % at one landmark.`,
  ];
  if (!shapes) return [...lines, "It does not know how shapes vary, so odd shapes and poses are not noticed."];
  lines.push("Shapes unlike those of its training, and specimens turned or sized as none was there.");
  if (whole) lines.push("Photographs with another specimen, and specimens that reach beyond the edge.");
  return [...lines, "A flag asks for a look and is no verdict: most flagged landmarks are right."];
}

/** @param {Card} card */
function unknown({ part }) {
  return [
    `Whether a photograph shows the ${part.name} at all: it places landmarks on anything, and flags most, not all, of what is something else.`,
    "Which landmarks are hidden or broken off: it places them where they would be.",
    "Groups that look different from its training photographs: check some against landmarks of your own before you rely on it.",
  ];
}
