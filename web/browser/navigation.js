// @ts-check
/** From one photograph to the next, in the order that was chosen; what is changed is kept. */
import { element } from "../app/model.js";
import { objection } from "../app/objection.js";
import { byName, worstFirst } from "../app/order.js";
import { say } from "../app/toast.js";

/** @typedef {import("../app/model.js").State} State */

export class Navigation {
  /** Nothing is left. */
  onend = () => {};
  #choice = /** @type {HTMLSelectElement} */ (element("order"));
  #wanted = -1;

  /** @param {import("../app/state.js").PageState} state @param {import("./sheet.js").Sheet} sheet
   * @param {import("./pictures.js").Pictures} pictures */
  constructor(state, sheet, pictures) {
    this.state = state;
    this.sheet = sheet;
    this.pictures = pictures;
    this.#choice.addEventListener("change", () => {
      this.arrange();
      element("stage").focus();
    });
  }

  /** Puts the photographs into the order that was chosen. */
  arrange() {
    const { state } = this;
    const worst = this.#choice.value === "worst";
    state.arrange(worst ? worstFirst(state.photographs) : byName(state.photographs));
  }

  /** Shows a photograph. @param {number} number */
  async go(number) {
    if (!this.sheet.photographs[number]) return;
    if (!this.sheet.photographs[number].found) return say("This photograph has not been seen yet.");
    this.keep();
    this.#wanted = number;
    const picture = await this.pictures.whole(number);
    if (this.#wanted !== number || !this.sheet.photographs[number]?.found) return;
    const shown = this.sheet.shown(number);
    if (!picture) shown.problem ||= "the browser cannot show this photograph";
    this.state.show(shown, picture);
  }

  /** Shows the worst of those that are left. */
  async begin() {
    this.arrange();
    const { order } = this.state;
    await this.go(order.find((number) => this.state.isLeft(number)) ?? order[0]);
  }

  /** @param {number} way 1 for the next photograph in the order, -1 for the one before */
  step(way) {
    const { order, number } = this.state;
    const at = order.indexOf(number) + way;
    if (at >= 0 && at < order.length) void this.go(order[at]);
  }

  /** Takes the photograph as accepted and shows the next one that is left. */
  accept() {
    const { shown, history } = this.state;
    if (!history || !shown) return;
    const said = objection(this.state, "keeps");
    if (said) return say(said);
    this.#save("accepted");
    this.#goOn();
  }

  /** Leaves the photograph out of what was corrected, or takes it back. */
  exclude() {
    const { shown } = this.state;
    if (!shown) return;
    const back = shown.state === "excluded";
    this.#save(back ? "draft" : "excluded");
    if (back) this.state.onchange();
    else this.#goOn();
  }

  /** Keeps what was changed and not accepted. */
  keep() {
    const { shown, unsaved } = this.state;
    if (shown && unsaved) this.#save(shown.state === "open" ? "draft" : shown.state);
  }

  /** @param {State} state */
  #save(state) {
    const { shown, history } = this.state;
    if (!shown || !history) return;
    const photograph = this.sheet.photographs[shown.number];
    const placed = history.now.xy;
    photograph.corrected = placed.some((point) => point) ? placed : null;
    photograph.state = state;
    photograph.revision += 1;
    this.state.settle(shown, history, history.at, state, photograph.revision);
  }

  #goOn() {
    const left = this.state.round.find(
      (number) => this.state.isLeft(number) && this.sheet.photographs[number].found,
    );
    if (left !== undefined) return void this.go(left);
    this.state.onchange();
    this.onend();
  }
}
