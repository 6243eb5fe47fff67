// @ts-check
/** The landmark files and tables of `predict`, to the letter. */
import { curvePoints } from "./curves.js";
import { fixed } from "./quality.js";

/** @typedef {[number, number]} Point */
/** @typedef {import("./card.js").Card["part"]} Part */

/**
 * @typedef {object} Specimen
 * @property {string} name  of the photograph, with its folders
 * @property {"ok" | "flagged" | "failed"} status
 * @property {string} reason
 * @property {Point | null} size
 * @property {(Point | null)[] | null} xy  null for a landmark that is missing
 * @property {number[]} score
 * @property {number[]} errors
 * @property {Point[]} semilandmarks
 * @property {number[]} across  their expected errors
 */

const [COORDINATE, SCORE, ERROR] = [5, 4, 3]; // decimals
const SPECIMENS = [
  ...["image", "status", "reason", "width", "height", "mean_score", "min_score"],
  ...["mean_expected_error_px", "missing", "units_per_px", "scale_note"],
];
const TIDY = ["image", "landmark", "name", "x", "y", "score", "expected_error_px"];
const OF_CURVES = ["image", "curve", "semilandmark", "x", "y", "expected_error_px"];
const OF_LENGTHS = ["px", "px_expected_error", "units", "units_expected_error"];
// A place where a spreadsheet may begin a cell, and what makes it a formula.
const TO_GUARD = /(?:^|(?<=[,;\t\r\n"]))(?='*[ ]*[=+\-@＝＋－＠])/g;

/** Text that no spreadsheet takes for a formula. @param {string} text */
export const guarded = (text) => text.replace(TO_GUARD, "'");

/** @param {(string | number)[]} cells */
function line(cells) {
  const quoted = cells.map((cell) => {
    const text = String(cell);
    return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${quoted.join(",")}\n`;
}

/** @param {string} image */
const baseName = (image) => image.slice(image.replaceAll("\\", "/").lastIndexOf("/") + 1);

/** @param {string} text */
const oneLine = (text) => text.replaceAll("\r", " ").replaceAll("\n", " ").trim();

/** Names in the order of their characters, as Python sorts them.
 * @param {string} one @param {string} other */
export function byCharacters(one, other) {
  const [first, second] = [[...one], [...other]];
  for (let index = 0; index < Math.min(first.length, second.length); index += 1) {
    const gap = Number(first[index].codePointAt(0)) - Number(second[index].codePointAt(0));
    if (gap) return gap;
  }
  return first.length - second.length;
}

/** An identifier for each name: without its ending where that is unique.
 * @param {string[]} names @returns {Map<string, string>} */
function uniqueIds(names) {
  /** @type {Map<string, number>} */
  const times = new Map();
  for (const name of names) times.set(stem(name), (times.get(stem(name)) ?? 0) + 1);
  const ids = new Map(names.map((name) => [name, times.get(stem(name)) === 1 ? stem(name) : name]));
  const unique = new Set(ids.values()).size === ids.size;
  return unique ? ids : new Map(names.map((name) => [name, name]));
}

/** @param {string} name */
function stem(name) {
  const base = baseName(name);
  const dot = base.lastIndexOf(".");
  if (dot <= 0 || dot === base.length - 1) return name;
  return /^\.*$/.test(base.slice(0, dot)) ? name : name.slice(0, name.length - base.length + dot);
}

/** @param {Part} part @param {Specimen[]} specimens  in their order */
export function landmarksTps(part, specimens) {
  const names = specimens.map(({ name }) => name);
  const ids = uniqueIds(names);
  /** @type {Map<string, number>} */
  const times = new Map();
  for (const name of names) times.set(baseName(name), (times.get(baseName(name)) ?? 0) + 1);
  const shared = (/** @type {string} */ name) => Number(times.get(baseName(name))) > 1;
  /** @type {Map<string, number>} */
  const given = new Map();
  return specimens.map((each) => {
    if (!each.xy || !each.size) return "";
    const [width, height] = each.size;
    const row = (/** @type {Point | null} */ point) => {
      if (!point) return "-1.00000 -1.00000";
      const [x, y] = [Math.min(Math.max(point[0], 0), width), Math.min(Math.max(point[1], 0), height)];
      return `${fixed(x, COORDINATE)} ${fixed(height - y, COORDINATE)}`;
    };
    const rows = each.xy.map(row);
    const curves = curvePoints(part, each.xy, each.semilandmarks);
    if (curves.length) rows.push(`CURVES=${curves.length}`);
    for (const points of curves) rows.push(`POINTS=${points.length}`, ...points.map(row));
    const image = oneLine(shared(each.name) ? each.name : baseName(each.name));
    const base = oneLine(baseName(each.name));
    const wanted = oneLine(ids.get(each.name) ?? "") || base.slice(0, base.lastIndexOf(".")) || base || "specimen";
    const lines = [`LM=${each.xy.length}`, ...rows, `IMAGE=${image}`, `ID=${unique(wanted, given)}`];
    const names = (part.curves ?? []).map(({ name }) => name.replaceAll(";", ","));
    if (curves.length) lines.push(`COMMENT=${oneLine(`curves: ${names.join("; ")}`)}`);
    if (each.status === "flagged") lines.push(`COMMENT=${oneLine(`flagged: ${each.reason}`)}`);
    return `${lines.join("\n")}\n`;
  }).join("");
}

/** @param {string} wanted @param {Map<string, number>} given */
function unique(wanted, given) {
  let found = wanted;
  while (given.has(found)) {
    given.set(wanted, Number(given.get(wanted)) + 1);
    found = `${wanted}_${given.get(wanted)}`;
  }
  given.set(found, 1);
  return found;
}

/** @param {Part} part @param {Specimen[]} specimens */
export function landmarksCsv(part, specimens) {
  const columns = part.landmark_names.flatMap((_, index) => [`x${index + 1}`, `y${index + 1}_down`]);
  const rows = specimens.filter(({ xy }) => xy).map(({ name, xy }) =>
    line([guarded(name), ...(xy ?? []).flatMap((point) => coordinates(point))]),
  );
  return line(["image", ...columns]) + rows.join("");
}

/** @param {Point | null} point */
const coordinates = (point) =>
  point ? [fixed(point[0], COORDINATE), fixed(point[1], COORDINATE)] : ["", ""];

/** @param {Part} part @param {Specimen[]} specimens */
export function predictionsCsv(part, specimens) {
  const rows = specimens.flatMap(({ name, xy, score, errors }) =>
    (xy ?? []).map((point, index) =>
      line([
        ...[guarded(name), index + 1, guarded(part.landmark_names[index]), ...coordinates(point)],
        ...[fixed(score[index], SCORE), fixed(errors[index], ERROR)],
      ]),
    ),
  );
  return line(TIDY) + rows.join("");
}

/** @param {Part} part @param {Specimen[]} specimens */
export function specimensCsv(part, specimens) {
  const rows = specimens.map(({ name, status, reason, size, xy, score, errors }) => {
    const sure = xy
      ? [fixed(mean(score), SCORE), fixed(Math.min(...score), SCORE), fixed(mean(errors), ERROR)]
      : ["", "", ""];
    const missing = xy ? xy.filter((point) => !point).length : "";
    return line([guarded(name), status, guarded(reason), ...(size ?? ["", ""]), ...sure, missing, "", ""]);
  });
  return line(SPECIMENS) + rows.join("");
}

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * @typedef {object} Length
 * @property {string} name
 * @property {number} px
 * @property {number} error  expected
 */

/** The lengths that a part names; those between landmarks that are there.
 * @param {Part} part @param {(Point | null)[]} xy @param {number[]} errors
 * @returns {(Length | null)[]} */
export function lengthsOf(part, xy, errors) {
  return (part.measurements ?? []).map(({ name, from, to }) => {
    const [start, end] = [xy[from - 1], xy[to - 1]];
    if (!start || !end) return null;
    return {
      name,
      px: Math.hypot(end[0] - start[0], end[1] - start[1]),
      error: (2 / Math.PI) * Math.hypot(errors[from - 1], errors[to - 1]),
    };
  });
}

/** @param {Part} part @param {Specimen[]} specimens */
export function measurementsCsv(part, specimens) {
  const columns = (part.measurements ?? []).flatMap(({ name }) =>
    OF_LENGTHS.map((kind) => guarded(`${name}_${kind}`)),
  );
  const rows = specimens.filter(({ xy }) => xy).map(({ name, status, xy, errors }) =>
    line([
      ...[guarded(name), status, ""],
      ...lengthsOf(part, xy ?? [], errors).flatMap((length) =>
        length ? [fixed(length.px, ERROR), fixed(length.error, ERROR), "", ""] : ["", "", "", ""],
      ),
    ]),
  );
  return line(["image", "status", "units_per_px", ...columns]) + rows.join("");
}

/** @param {Part} part @param {Specimen[]} specimens */
export function curvesCsv(part, specimens) {
  const places = (part.curves ?? []).flatMap(({ name, semilandmarks }) =>
    Array.from({ length: semilandmarks }, (_, index) => [guarded(name), index + 1]),
  );
  const rows = specimens.filter(({ xy }) => xy).flatMap(({ name, semilandmarks, across }) =>
    places.map((place, index) =>
      line([guarded(name), ...place, ...coordinates(semilandmarks[index]), fixed(across[index], ERROR)]),
    ),
  );
  return line(OF_CURVES) + rows.join("");
}

/** The files of all specimens, by their names.
 * @param {Part} part @param {Specimen[]} specimens @returns {Map<string, string>} */
export function files(part, specimens) {
  const sorted = [...specimens].sort((one, other) => byCharacters(one.name, other.name));
  const found = new Map([
    ["landmarks.tps", landmarksTps(part, sorted)],
    ["landmarks.csv", landmarksCsv(part, sorted)],
    ["predictions.csv", predictionsCsv(part, sorted)],
    ["specimens.csv", specimensCsv(part, sorted)],
  ]);
  if (part.curves?.length) found.set("curves.csv", curvesCsv(part, sorted));
  if (part.measurements?.length) found.set("measurements.csv", measurementsCsv(part, sorted));
  return found;
}
