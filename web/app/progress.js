// @ts-check
/** How far the photographs are, and what looks wrong in those that are done. */
import { drawn, element, made } from "./model.js";

/** @typedef {import("./model.js").Progress} Progress */

export class ProgressPanel {
  #suspected = "";

  /** @param {import("./model.js").Session} session @param {(number: number) => void} go */
  constructor(session, go) {
    this.session = session;
    this.go = go;
  }

  /** @param {import("./model.js").News} news */
  tell({ progress, suspects }) {
    this.#count(progress);
    this.#facts(progress);
    this.#tellSuspects(suspects);
  }

  /** @param {Progress} progress */
  #count(progress) {
    const { total, accepted, excluded, left, expected_left: corrections } = progress;
    const share = total ? (accepted + excluded) / total : 0;
    element("meter").style.width = `${100 * share}%`;
    const foretold =
      corrections !== null && left
        ? ` · about ${corrections} ${this.session.mode === "review" ? "corrections" : "clicks"} left`
        : "";
    element("counts").textContent = `${accepted + excluded} of ${total} done${foretold}`;
  }

  /** @param {Progress} progress */
  #facts(progress) {
    const facts = [];
    const { untouched, looked_at: seen, calibration, excluded, draft } = progress;
    if (seen) facts.push(`${untouched} of ${seen} proposals were accepted as they were.`);
    if (calibration)
      facts.push(
        `Accepted landmarks were ${calibration.off.toFixed(1)} px from the proposed ones on` +
          ` average; ${calibration.expected.toFixed(1)} px had been expected.`,
      );
    if (draft) facts.push(`${draft} begun and not accepted.`);
    if (excluded) facts.push(`${excluded} left out.`);
    if (!facts.length) facts.push("Nothing is accepted yet.");
    element("facts").replaceChildren(...facts.map((fact) => made("li", fact)));
    this.#curve(progress.corrections);
  }

  /** Corrections per photograph over time. @param {number[]} means */
  #curve(means) {
    const host = element("curve");
    if (means.length < 3) return host.replaceChildren();
    const most = Math.max(1, ...means);
    const svg = drawn("svg", { viewBox: "0 0 240 64", preserveAspectRatio: "none" });
    const points = means.map(
      (mean, index) => `${(240 * index) / (means.length - 1)},${60 - (54 * mean) / most}`,
    );
    svg.append(drawn("polyline", { points: points.join(" ") }));
    const last = means[means.length - 1].toFixed(1);
    host.replaceChildren(made("p", `Corrections per photograph, lately ${last}`, "small"), svg);
  }

  /** @param {import("./model.js").Suspect[]} suspects */
  #tellSuspects(suspects) {
    element("odd").hidden = suspects.length === 0;
    const key = JSON.stringify(suspects);
    if (key === this.#suspected) return;
    this.#suspected = key;
    element("suspects").replaceChildren(
      ...suspects.map(({ number, reason, measured }) => {
        const item = made("li");
        if (number === null) item.textContent = reason;
        else {
          const button = made("button", this.session.names[number], "link");
          button.type = "button";
          button.addEventListener("click", () => this.go(number));
          item.append(button, made("span", `: ${reason}`));
        }
        if (measured) item.title = measured;
        return item;
      }),
    );
  }
}
