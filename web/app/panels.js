// @ts-check
/** What stands beside the photograph: counts, training, what looks wrong, the end. */
import { Refused, Unanswered } from "./contact.js";
import { dialog, drawn, element, lineToCopy, made } from "./model.js";

/** @typedef {import("./model.js").News} News */
/** @typedef {import("./model.js").Progress} Progress */

const FEWEST = 4; // accepted photographs that a training needs
const AWAY = "The server does not answer. Close this to see how to go on.";

/** @param {number} photographs */
const counted = (photographs) =>
  photographs === 1 ? "1 photograph is" : `${photographs} photographs are`;

export class Panels {
  /** @param {import("./model.js").Session} session
   * @param {{go: (number: number) => void, say: (text: string) => void,
   *   train: (stop: boolean) => Promise<void>, end: () => Promise<void>}} acts */
  constructor(session, acts) {
    this.session = session;
    this.acts = acts;
    /** @type {News | null} */
    this.news = null;
    /** @type {Progress | null} */
    this.progress = null;
    this.suspected = "";
    element("train").addEventListener("click", () => {
      this.#tellTraining();
      dialog("training").showModal();
    });
    element("training-close").addEventListener("click", () => dialog("training").close());
    element("training-start").addEventListener("click", () => this.#train(false));
    element("training-stop").addEventListener("click", () => this.#train(true));
    element("finish").addEventListener("click", () => this.finish());
    element("end-close").addEventListener("click", () => dialog("end").close());
    element("end-now").addEventListener("click", async () => {
      const problem = await refusal(acts.end());
      if (problem) return void (element("end-about").textContent = problem);
      element("end-about").textContent = "Everything is saved. The server has ended; this tab can be closed.";
      element("end-now").hidden = element("end-close").hidden = true;
    });
    const root = document.documentElement;
    root.dataset.theme = localStorage.getItem("theme") ?? "";
    element("theme").addEventListener("click", () => {
      const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    });
  }

  /** @param {News} news */
  tell(news) {
    this.news = news;
    if (news.problem) this.acts.say(news.problem);
    this.count(news.progress);
    this.#tellTraining();
    this.#tellSuspects();
  }

  /** @param {Progress} progress */
  count(progress) {
    this.progress = progress;
    const { total, accepted, excluded, left, expected_left: corrections } = progress;
    const share = total ? (accepted + excluded) / total : 0;
    element("meter").style.width = `${100 * share}%`;
    const foretold =
      corrections !== null && left
        ? ` · about ${corrections} ${this.session.mode === "review" ? "corrections" : "clicks"} left`
        : "";
    element("counts").textContent = `${accepted + excluded} of ${total} done${foretold}`;
    this.#facts(progress);
  }

  /** Says how to go on. */
  finish() {
    const left = this.progress?.left ?? 0;
    const accepted = this.progress?.accepted ?? 0;
    element("end-about").textContent =
      `${counted(accepted)} accepted${left ? `, ${left} left` : ""}. ` +
      `Their landmarks are in ${this.session.file}.`;
    const { told, mode } = this.session;
    const steps = [
      ["To go on another time:", told.again],
      ["To add them to those that the model was trained on, TRAINING.tps:", told.merge],
      [mode === "review" ? "And to train on all of these:" : "To train in the terminal:", told.train],
    ].filter(([, line]) => line);
    element("lines").replaceChildren(
      ...steps.flatMap(([what, line]) => [made("p", what), lineToCopy(line)]),
    );
    if (!dialog("end").open) dialog("end").showModal();
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

  #tellSuspects() {
    const suspects = this.news?.suspects ?? [];
    element("odd").hidden = suspects.length === 0;
    const key = JSON.stringify(suspects);
    if (key === this.suspected) return;
    this.suspected = key;
    element("suspects").replaceChildren(
      ...suspects.map(({ number, reason, measured }) => {
        const item = made("li");
        if (number === null) item.textContent = reason;
        else {
          const button = made("button", this.session.names[number], "link");
          button.type = "button";
          button.addEventListener("click", () => this.acts.go(number));
          item.append(button, made("span", `: ${reason}`));
        }
        if (measured) item.title = measured;
        return item;
      }),
    );
  }

  /** @param {boolean} stop */
  async #train(stop) {
    const problem = await refusal(this.acts.train(stop));
    if (problem) element("training-about").textContent = problem;
  }

  #tellTraining() {
    const training = this.news?.training;
    const predicting = this.news?.predicting ?? null;
    const accepted = this.progress?.accepted ?? 0;
    const rest = this.progress?.left ?? 0;
    const button = element("train");
    const { can_train: can, told } = this.session;
    const running = training?.stage === "running";
    button.classList.toggle("running", running || predicting !== null);
    const share = training?.epochs ? training.epoch / training.epochs : 0;
    button.textContent = running
      ? `Training ${Math.round(100 * share)} %`
      : predicting
        ? `Placing ${predicting[0]} of ${predicting[1]}`
        : "Train";
    const few = accepted < FEWEST;
    const again = training && training.stage !== "none";
    element("training-start").textContent = again ? "Train again" : "Start";
    element("training-start").hidden = !can || few || running || predicting !== null;
    element("training-stop").hidden = !running;
    const [meter, said] = [element("training-meter"), element("training-said")];
    meter.hidden = !running && predicting === null;
    const bar = /** @type {HTMLElement} */ (meter.firstElementChild);
    bar.style.width = `${100 * (predicting ? predicting[0] / Math.max(1, predicting[1]) : share)}%`;
    element("training-details").hidden = !training?.said.length;
    said.textContent = training?.said.join("\n") ?? "";
    const told_of = element("training-about");
    const left = element("training-left");
    left.textContent = "";
    if (running) {
      told_of.textContent = `Training on ${training.photographs} photographs. You can go on annotating.`;
      if (training.epochs && share === 1) left.textContent = "The model is written and checked.";
      else left.textContent = training.left ? `${training.left} left` : "How long it takes is known in a moment.";
    } else if (predicting) {
      told_of.textContent = "The model places landmarks on the photographs that are left.";
      left.textContent = `${predicting[0]} of ${predicting[1]}`;
    } else if (!can) {
      told_of.textContent = `Training needs PyTorch, which is not installed: ${told.install}. Or train elsewhere: ${told.train}`;
    } else if (few) {
      told_of.textContent = `A model needs ${FEWEST} accepted photographs at least to learn from, and some ten to be of use. ${counted(accepted)} accepted so far.`;
    } else if (training?.stage === "failed") {
      told_of.textContent = `The training failed: ${training.problem}`;
    } else if (training?.stage === "done") {
      told_of.textContent =
        `The model is trained on ${training.photographs} photographs: ${training.model}. ` +
        (rest ? `Its landmarks are on those that are left. ${accepted} are accepted now.` : "");
    } else {
      told_of.textContent =
        `A model learns from the ${accepted} photographs that are accepted, in some minutes, while you go on. ` +
        (rest
          ? "Then it places landmarks on those that are left, and they come back worst first. What is accepted stays as it is."
          : "None is left here for it: it is for other photographs, with beetle-lm predict.");
    }
  }
}

/** Why something was not done, as a sentence; empty where it was. @param {Promise<void>} act */
async function refusal(act) {
  try {
    await act;
    return "";
  } catch (error) {
    if (error instanceof Refused) return error.message;
    if (error instanceof Unanswered) return AWAY;
    throw error;
  }
}
