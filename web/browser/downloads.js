// @ts-check
/** What is taken away: the files of `predict`, and what was corrected. */
import { dialog, element, made } from "../app/model.js";
import { byCharacters, files, landmarksTps } from "./tables.js";

/** @type {Record<string, string>} */
const TOLD = {
  "landmarks.tps": "one record per photograph, for tpsDig, geomorph, MorphoJ",
  "landmarks.csv": "one row per photograph, coordinates only",
  "predictions.csv": "one row per landmark, with score and expected error in pixels",
  "specimens.csv": "one row per photograph: ok, flagged or failed, and why",
  "measurements.csv": "lengths in pixels, with the error to expect",
  "corrected.tps": "the photographs that you accepted, with your corrections",
};

/** The files that there are by now.
 * @param {import("./card.js").Card["part"]} part @param {import("./sheet.js").Sheet} sheet */
export function filesOf(part, sheet) {
  const found = files(part, sheet.specimens);
  const accepted = sheet.accepted.sort((one, other) => byCharacters(one.name, other.name));
  if (accepted.length) found.set("corrected.tps", landmarksTps(part, accepted));
  return found;
}

/** Shows what can be downloaded. @param {Map<string, string>} found @param {string} about */
export function offer(found, about) {
  element("results-about").textContent = about;
  element("results-files").replaceChildren(
    ...[...found].map(([name, text]) => {
      const item = made("li");
      const button = made("button", name, "link");
      button.type = "button";
      button.addEventListener("click", () => save(name, text));
      item.append(button, made("small", TOLD[name] ?? ""));
      return item;
    }),
  );
  element("results-all").onclick = () => {
    for (const [name, text] of found) save(name, text);
  };
  dialog("results").showModal();
}

/** @param {string} name @param {string} text */
function save(name, text) {
  const link = made("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
