// @ts-check
/** The end: where the landmarks are, and how to go on. */
import { counted, dialog, element, lineToCopy, made } from "./model.js";
import { refusal } from "./refused.js";

export class FinishPanel {
  #accepted = 0;
  #left = 0;

  /** @param {import("./model.js").Session} session
   * @param {() => Promise<void>} end saves what is left and ends the server */
  constructor(session, end) {
    this.session = session;
    element("finish").addEventListener("click", () => this.show());
    element("end-close").addEventListener("click", () => dialog("end").close());
    element("end-now").addEventListener("click", async () => {
      const problem = await refusal(end());
      if (problem) return void (element("end-about").textContent = problem);
      element("end-about").textContent = "Everything is saved. The server has ended; this tab can be closed.";
      element("end-now").hidden = element("end-close").hidden = true;
    });
  }

  /** @param {import("./model.js").News} news */
  tell({ progress }) {
    this.#accepted = progress.accepted;
    this.#left = progress.left;
  }

  show() {
    element("end-about").textContent =
      `${counted(this.#accepted)} accepted${this.#left ? `, ${this.#left} left` : ""}. ` +
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
}
