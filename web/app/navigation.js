// @ts-check
/** From one photograph to the next, in the order that was chosen. */
import * as api from "./api.js";
import { element } from "./model.js";
import { objection } from "./objection.js";
import { byName, suggestedFirst, worstFirst } from "./order.js";
import { say } from "./toast.js";

/** @typedef {import("./model.js").Shown} Shown */

const AHEAD = 8; // photographs that are asked for before they are shown, at most

export class Navigation {
  /** Nothing is left. */
  onend = () => {};
  /** @type {Map<number, Promise<Shown>>} */
  #ahead = new Map();
  #wanted = -1;
  #pictures = new api.Pictures();
  #choice = /** @type {HTMLSelectElement} */ (element("order"));

  /** @param {import("./state.js").PageState} state @param {import("./saving.js").Saving} saving */
  constructor(state, saving) {
    this.state = state;
    this.saving = saving;
    this.#choice.value = state.session.mode === "review" ? "worst" : "next";
    this.#choice.addEventListener("change", () => {
      void this.#arrange();
      element("stage").focus();
    });
  }

  async begin() {
    await this.#arrange();
    const { order } = this.state;
    await this.go(order.find((number) => this.state.isLeft(number)) ?? order[0]);
  }

  /** Shows a photograph, after what was changed on the one before is saved. @param {number} number */
  async go(number) {
    if (number === undefined || number < 0) return;
    const { state } = this;
    if (state.number >= 0 && state.number !== number && !(await this.saving.keep())) return;
    this.#wanted = number;
    const picture = this.#pictures.fetch(number);
    const shown = await (this.#ahead.get(number) ?? api.photograph(number));
    this.#ahead.delete(number);
    const problem = await picture.problem;
    if (this.#wanted !== number) return;
    shown.problem ||= problem;
    state.show(shown, problem ? null : picture.image);
    this.#prepare();
  }

  /** @param {number} way 1 for the next photograph in the order, -1 for the one before */
  step(way) {
    const { order, number } = this.state;
    const at = order.indexOf(number) + way;
    if (at >= 0 && at < order.length) void this.go(order[at]);
  }

  /** Saves the photograph as accepted and shows the next one that is left. */
  async accept() {
    const { shown, history } = this.state;
    if (!history || !shown) return;
    const said = objection(this.state, "saves");
    if (said) return say(said);
    if (this.#asksForCurves()) return;
    if (!(await this.saving.save("accepted"))) return;
    this.#ahead.clear(); // what is proposed on the next may follow from this one
    await this.#goOn();
  }

  /** Whether curves are left to be drawn, which is told once. */
  #asksForCurves() {
    const { state } = this;
    const { curves, openCurves } = state;
    if (!openCurves.length || state.askedCurves) return false;
    state.askedCurves = true;
    const names = openCurves.map((index) => curves[index].name).join(", ");
    const [which, them] = openCurves.length > 1 ? [`Curves ${names} are`, "them"] : [`Curve ${names} is`, "it"];
    say(`${which} not drawn. C draws ${them}; Enter again saves ${them} as missing.`);
    return true;
  }

  /** Leaves the photograph out of the data set, or takes it back. */
  async exclude() {
    const { shown } = this.state;
    if (!shown) return;
    const back = shown.state === "excluded";
    if (!(await this.saving.save(back ? "draft" : "excluded"))) return;
    if (back) this.state.onchange();
    else await this.#goOn();
  }

  /** Shows the worst of what is left, once a model has placed landmarks there. */
  async goToWorst() {
    this.#choice.value = "worst";
    await this.#arrange();
    const left = this.state.order.find((number) => this.state.isLeft(number));
    if (left === undefined) return say("The model is trained.");
    if (!this.state.history?.changed) await this.go(left);
    say("The model has placed landmarks on what was left: worst first.");
  }

  /** Asks anew for a photograph before it is shown. @param {number} number */
  forget(number) {
    this.#ahead.delete(number);
  }

  /** Puts the photographs into the order that was chosen. */
  async #arrange() {
    const { state } = this;
    const order = this.#choice.value;
    if (order === "worst") state.arrange(worstFirst(state.photographs));
    else if (order === "name") state.arrange(byName(state.photographs));
    else state.arrange(suggestedFirst(state.photographs, (await api.next()).next, state.number));
  }

  /** Shows the next photograph that is left. */
  async #goOn() {
    if (this.#choice.value === "next") await this.#arrange();
    const left = this.state.round.find((number) => this.state.isLeft(number));
    if (left !== undefined) return this.go(left);
    this.state.onchange();
    this.onend();
  }

  /** Fetches what will probably be shown next. */
  #prepare() {
    const { order, number, round } = this.state;
    const soon = round.filter((each) => this.state.isLeft(each)).slice(0, 2);
    const at = order.indexOf(number);
    for (const each of new Set([...soon, ...order.slice(at + 1, at + 2)])) {
      this.#pictures.fetch(each);
      if (!this.#ahead.has(each)) {
        const asked = api.photograph(each);
        asked.catch(() => this.#ahead.delete(each));
        this.#ahead.set(each, asked);
      }
    }
    for (const each of this.#ahead.keys()) if (this.#ahead.size > AHEAD) this.#ahead.delete(each);
  }
}
