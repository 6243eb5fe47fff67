// @ts-check
/** A model is trained on what is accepted, and places landmarks on what is left. */
import { counted, dialog, element } from "./model.js";
import { refusal } from "./refused.js";
import { say } from "./toast.js";

/** @typedef {import("./model.js").News} News */
/** @typedef {import("./model.js").TrainingAct} TrainingAct */

const FEWEST = 4; // accepted photographs that a training needs

export class TrainingPanel {
  /** @type {News | null} */
  #news = null;

  /** @param {import("./model.js").Session} session
   * @param {(act: TrainingAct) => Promise<void>} train */
  constructor(session, train) {
    this.session = session;
    /** @param {TrainingAct} act */
    const ask = async (act) => {
      const problem = await refusal(train(act));
      if (problem) element("training-about").textContent = problem;
    };
    element("train").addEventListener("click", () => {
      this.#draw();
      dialog("training").showModal();
    });
    element("training-close").addEventListener("click", () => dialog("training").close());
    element("training-start").addEventListener("click", () => ask("start"));
    element("training-resume").addEventListener("click", () => ask("resume"));
    element("training-stop").addEventListener("click", () => ask("stop"));
  }

  /** @param {News} news */
  tell(news) {
    if (!this.#news && news.training.stage === "cut off")
      say("The last training was cut off: Train goes on with it.");
    this.#news = news;
    this.#draw();
  }

  #draw() {
    const training = this.#news?.training;
    const predicting = this.#news?.predicting ?? null;
    const accepted = this.#news?.progress.accepted ?? 0;
    const rest = this.#news?.progress.left ?? 0;
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
    const [start, resume] = [element("training-start"), element("training-resume")];
    const busy = running || predicting !== null;
    const resumable = training?.resumable ?? false;
    start.textContent = resumable ? "Start anew" : again ? "Train again" : "Start";
    start.classList.toggle("strong", !resumable);
    start.hidden = !can || few || busy;
    resume.hidden = !can || !resumable || busy;
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
    } else if (training?.stage === "failed") {
      told_of.textContent = `The training failed: ${training.problem}`;
    } else if (training?.resumable) {
      const { photographs, epoch, epochs, stage } = training;
      const how = stage === "stopped" ? "stopped" : "cut off";
      const anew = few ? "" : `, or a new one can start on the ${accepted} that are accepted now`;
      told_of.textContent =
        `The last training, on ${photographs} photographs, was ${how} after ${Math.floor(epoch)} of ` +
        `${epochs} epochs. It can go on from there${anew}.`;
    } else if (few) {
      told_of.textContent = `A model needs ${FEWEST} accepted photographs at least to learn from, and some ten to be of use. ${counted(accepted)} accepted so far.`;
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
