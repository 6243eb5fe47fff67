// @ts-check
/** The page: photographs one after the other, their landmarks, and what is saved of them. */
import * as api from "./api.js";
import { Away } from "./away.js";
import { contact, Refused, slept, Unanswered } from "./contact.js";
import { History } from "./history.js";
import { listen, tellKeys } from "./keys.js";
import { Lens } from "./lens.js";
import { element, input, listed, made, skeleton, sureness } from "./model.js";
import { byName, isLeft, suggestedFirst, worstFirst } from "./order.js";
import { Panels } from "./panels.js";
import { drawList, drawScheme } from "./scheme.js";
import { Strip } from "./strip.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").Shown} Shown */
/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").News} News */

const NEWS_EVERY = 2000; // milliseconds
const [SOON, SOON_EVERY] = [6000, 300];
const TOLD = 4200;
const WORDS = { open: "", draft: "begun", accepted: "accepted", excluded: "left out" };

class Page {
  /** @param {import("./model.js").Session} session @param {Away} away */
  constructor(session, away) {
    this.session = session;
    this.away = away;
    away.line = session.told.again ?? "";
    away.folder = session.told.folder ?? "";
    away.unsaved = () => (this.busy || this.unsaved ? (this.shown?.name ?? "") : "");
    this.photographs = session.photographs.map(listed);
    this.version = session.version;
    this.count = session.landmarks.length;
    /** @type {Shown | null} */
    this.shown = null;
    /** @type {Map<number, History>} */
    this.histories = new Map();
    /** @type {Map<number, Promise<Shown>>} */
    this.ahead = new Map();
    /** @type {number | null} */
    this.selected = null;
    /** @type {number[]} */
    this.order = [];
    /** @type {Point[] | null} */
    this.shape = null;
    /** @type {Point | null} where a pointer is that presses nothing */
    this.hover = null;
    this.swapping = false;
    this.linked = true;
    this.asked = false; // whether to save landmarks as missing
    this.busy = false;
    /** @type {number | null} */
    this.rounds = null; // of predictions, as far as they were told of
    this.wanted = -1;
    this.saved = 0; // the step of the history that is saved
    this.since = Date.now();
    this.pictures = new api.Pictures();
    this.viewer = new Viewer(element("view"), {
      onselect: (index) => this.#picked(index),
      onmove: (index, xy, ends) => this.#moved(index, xy, ends),
      onplace: (xy) => this.place(xy),
      onview: () => this.#lookClosely(),
      onhover: (xy) => {
        this.hover = xy;
        this.#lookClosely();
      },
    });
    this.lens = new Lens(element("lens"), this.viewer);
    this.strip = new Strip(element("strip"), session.names, (number) => this.go(number));
    this.panels = new Panels(session, {
      go: (number) => this.go(number),
      say: (text) => this.say(text),
      train: async (stop) => {
        await this.#keepNow();
        await api.train(stop);
        void this.hear();
      },
      end: async () => {
        await this.#keepNow();
        await api.end();
      },
    });
    const choice = /** @type {HTMLSelectElement} */ (element("order"));
    choice.value = session.mode === "review" ? "worst" : "next";
    choice.addEventListener("change", () => {
      this.arrange();
      element("stage").focus();
    });
    element("part").textContent = session.part;
    this.#linkParts();
    document.title = `${session.part} · beetle-lm`;
    for (const [id, act] of /** @type {[string, () => void][]} */ ([
      ["accept", () => this.accept()],
      ["before", () => this.step(-1)],
      ["after", () => this.step(1)],
      ["closer", () => this.viewer.zoom(1.5)],
      ["farther", () => this.viewer.zoom(1 / 1.5)],
      ["fit", () => this.viewer.fit()],
      ["turn", () => this.viewer.turn()],
      ["mirror", () => this.viewer.mirror()],
      ["plainly", () => this.#plainly()],
      ["help", () => tellKeys()],
    ]))
      element(id).addEventListener("click", act);
    for (const id of ["brightness", "contrast"])
      input(id).addEventListener("input", () => this.#light());
    listen(this);
    contact.onchange = (presence) => this.#attend(presence);
    window.addEventListener("beforeunload", (event) => {
      if (contact.presence !== "there" && (this.busy || this.unsaved)) event.preventDefault();
      void this.keep();
    });
    document.addEventListener("visibilitychange", () => void (document.hidden && this.keep()));
  }

  /** Links the pages of all parts, where there are several. */
  #linkParts() {
    const { part, parts } = this.session;
    element("part").hidden = parts.length > 0;
    for (const host of [element("parts"), element("others")]) {
      host.hidden = parts.length === 0;
      for (const { name, address } of parts) {
        if (name === part && host.id === "others") continue;
        const link = made("a", name);
        link.href = address;
        if (name === part) link.setAttribute("aria-current", "page");
        link.addEventListener("click", async (event) => {
          event.preventDefault();
          if (await this.keep()) location.assign(address);
        });
        host.append(link);
      }
    }
  }

  /** The number of the photograph that is shown. */
  get number() {
    return this.shown?.number ?? -1;
  }

  /** @returns {History | null} */
  get history() {
    return this.histories.get(this.number) ?? null;
  }

  /** The landmark that a click places: the selected one where it has no place, or the first such.
   * @returns {number | null} */
  get next() {
    const now = this.history?.now;
    if (!now || this.shown?.problem) return null;
    const open = (/** @type {number} */ index) => !now.xy[index] && !now.missing[index];
    if (this.selected !== null && open(this.selected)) return this.selected;
    const first = now.xy.findIndex((_, index) => open(index));
    return first < 0 ? null : first;
  }

  async begin() {
    await this.arrange();
    const first = this.order.find((number) => this.#isLeft(number)) ?? this.order[0];
    await this.go(first);
  }

  /** Listens to what is new, for good. */
  async listen() {
    for (;;) {
      await this.hear();
      await slept(NEWS_EVERY);
    }
  }

  /** Puts the photographs into the order that was chosen. */
  async arrange() {
    const order = /** @type {HTMLSelectElement} */ (element("order")).value;
    if (order === "worst") this.order = worstFirst(this.photographs);
    else if (order === "name") this.order = byName(this.photographs);
    else this.order = suggestedFirst(this.photographs, (await api.next()).next, this.number);
    this.strip.set(this.order, this.photographs);
    if (this.number >= 0) this.strip.go(this.number);
  }

  /** Shows a photograph, after what was changed on the one before is saved. @param {number} number */
  async go(number) {
    if (number === undefined || number < 0) return;
    if (this.number >= 0 && this.number !== number && !(await this.keep())) return;
    this.wanted = number;
    const picture = this.pictures.fetch(number);
    const shown = await (this.ahead.get(number) ?? api.photograph(number));
    this.ahead.delete(number);
    const problem = await picture.problem;
    if (this.wanted !== number) return;
    shown.problem ||= problem;
    this.#take(shown);
    const size = shown.size ?? [4, 3];
    this.viewer.show(problem ? null : picture.image, size);
    const history = this.history;
    if (history) {
      const least = this.#leastSure();
      this.#picked(this.session.mode === "review" && shown.state === "open" ? least : null);
    }
    this.since = Date.now();
    this.asked = false;
    this.redraw();
    if (this.selected === null && this.next === null) element("list").scrollTop = 0;
    this.strip.go(number);
    this.#prepare();
    void this.#awaitProposal(number);
  }

  /** @param {number} way 1 for the next photograph in the order, -1 for the one before */
  step(way) {
    const at = this.order.indexOf(this.number) + way;
    if (at >= 0 && at < this.order.length) void this.go(this.order[at]);
  }

  /** Saves the photograph as accepted and shows the next one that is left. */
  async accept() {
    const now = this.history?.now;
    if (!now || !this.shown) return;
    if (this.shown.problem) return this.say("This photograph cannot be shown: X leaves it out.");
    if (now.xy.every((point) => !point)) return this.say("No landmark is placed yet.");
    const open = now.xy.flatMap((point, index) => (point || now.missing[index] ? [] : [index + 1]));
    if (open.length && !this.asked) {
      this.asked = true;
      const which = open.length > 1 ? `Landmarks ${open.join(", ")} are` : `Landmark ${open[0]} is`;
      return this.say(`${which} not placed. Enter again saves ${open.length > 1 ? "them" : "it"} as missing.`);
    }
    if (!(await this.#save("accepted"))) return;
    this.ahead.clear(); // what is proposed on the next may follow from this one
    await this.#goOn();
  }

  /** Leaves the photograph out of the data set, or takes it back. */
  async exclude() {
    if (!this.shown) return;
    const back = this.shown.state === "excluded";
    if (!(await this.#save(back ? "draft" : "excluded"))) return;
    if (back) this.redraw();
    else await this.#goOn();
  }

  /** Saves what was changed and not accepted. @returns {Promise<boolean>} whether it is saved */
  async keep() {
    const history = this.history;
    if (!history || !this.shown || !this.unsaved) return true;
    return this.#save(this.shown.state === "open" ? "draft" : this.shown.state);
  }

  /** @param {Point} xy */
  place(xy) {
    const index = this.next;
    if (index === null) return this.select(null);
    this.#change((now) => {
      now.xy[index] = xy;
      now.sure[index] = true;
      now.missing[index] = false;
    });
    this.select(this.next ?? index);
  }

  /** @param {number | null} index */
  select(index) {
    if (index !== null && (index < 0 || index >= this.count)) return;
    this.#picked(index);
    if (index !== null) this.viewer.reveal(index);
  }

  /** @param {number} way */
  cycle(way) {
    const from = this.selected ?? (way > 0 ? -1 : 0);
    this.select((from + way + this.count) % this.count);
  }

  /** Moves the selected landmark as one sees it. @param {Point} way pixels of the photograph */
  nudge(way) {
    const index = this.selected;
    const point = index === null ? null : this.history?.now.xy[index];
    if (index === null || !point || !this.shown?.size) return;
    const [x, y] = this.viewer.along(way);
    const [width, height] = this.shown.size;
    this.#change((now) => {
      now.xy[index] = [
        Math.min(Math.max(point[0] + x, 0), width),
        Math.min(Math.max(point[1] + y, 0), height),
      ];
      now.sure[index] = true;
      now.missing[index] = false;
    });
  }

  /** Says that the selected landmark is missing on the specimen, or is not. */
  miss() {
    const index = this.selected ?? this.next;
    if (index === null) return this.say("Select a landmark first: 1-9, Tab, or a click.");
    this.#change((now) => {
      now.missing[index] = !now.missing[index];
      if (now.missing[index]) now.xy[index] = null;
      now.sure[index] = true;
    });
    if (this.next !== null) this.select(this.next);
  }

  /** Begins to swap the selected landmark with another. */
  swap() {
    if (this.selected === null) return this.say("Select one of the two landmarks first.");
    this.swapping = !this.swapping;
    this.hint();
  }

  undo() {
    if (this.history?.undo()) this.redraw();
  }

  redo() {
    if (this.history?.redo()) this.redraw();
  }

  escape() {
    if (this.swapping) this.swapping = false;
    else if (this.selected !== null) this.#picked(null);
    else element("accept").focus();
    this.hint();
  }

  toggleLinks() {
    this.linked = !this.linked;
    this.redraw();
  }

  /** @param {string} text */
  say(text) {
    said(text);
  }

  /** Draws all that belongs to the photograph. */
  redraw() {
    const { shown, history } = this;
    if (!shown || !history) return;
    const now = history.now;
    const diagonal = shown.size ? Math.hypot(...shown.size) : NaN;
    const { landmarks } = this.session;
    const errors = now.xy.map((_, index) => shown.expected?.[index] ?? null);
    const kinds = errors.map((error) => sureness(error === null ? null : error / diagonal));
    this.viewer.selected = this.selected;
    this.viewer.placing = this.next !== null;
    this.viewer.mark(
      now.xy.map((xy, index) => ({
        xy: shown.problem ? null : xy,
        kind: kinds[index],
        expected: errors[index],
        sure: now.sure[index],
        name: `${index + 1} ${landmarks[index] === String(index + 1) ? "" : landmarks[index]}`,
      })),
      this.linked ? skeleton(this.shape ?? now.xy) : [],
    );
    const there = now.xy.map((xy) => xy !== null);
    const pick = (/** @type {number} */ index) => this.select(index);
    drawScheme(element("scheme"), this.shape, this.selected, this.next, there, pick);
    drawList(
      element("list"),
      now.xy.map((xy, index) => ({
        name: landmarks[index],
        kind: now.sure[index] ? "placed" : xy ? kinds[index] : "none",
        missing: now.missing[index],
        note: now.missing[index]
          ? "missing"
          : !xy
            ? ""
            : now.sure[index]
              ? "placed"
              : errors[index] === null
                ? "proposed"
                : `± ${(errors[index] ?? 0).toFixed((errors[index] ?? 0) < 100 ? 1 : 0)} px`,
      })),
      this.selected,
      this.next,
      pick,
    );
    element("name").textContent = shown.name;
    element("name").title = shown.name;
    const state = element("state");
    state.textContent = WORDS[shown.state] || (shown.status === "ok" ? "" : shown.status);
    state.className = `chip ${shown.state === "open" ? shown.status : shown.state}`;
    const reason = element("reason");
    reason.textContent = shown.problem || shown.reason;
    reason.hidden = !reason.textContent || shown.state === "accepted";
    this.hint();
    this.away.draw();
    this.#lookClosely();
  }

  /** Says what can be done now. */
  hint() {
    const { shown, next } = this;
    const hint = element("hint");
    const name = next === null ? "" : this.session.landmarks[next];
    const named = name && name !== String(next === null ? 0 : next + 1) ? ` · ${name}` : "";
    hint.textContent = shown?.problem
      ? "This photograph cannot be shown. X leaves it out."
      : this.swapping
        ? `Swap landmark ${(this.selected ?? 0) + 1} with: press its number or click it. Esc keeps both.`
        : shown?.state === "excluded"
          ? "Left out of the data set. X takes it back."
          : next !== null
            ? `Click landmark ${next + 1}${named}. M if it is missing.`
            : shown?.state === "accepted"
              ? "Accepted. Page Down for the next photograph."
              : "Drag what is off. Enter accepts and goes on.";
    hint.classList.toggle("loud", next !== null || this.swapping);
  }

  /** Asks the server what is new. */
  async hear() {
    /** @type {News} */
    let news;
    try {
      news = await api.news(this.version);
    } catch (error) {
      return this.#refused(error);
    }
    this.version = news.version;
    const grown = this.rounds !== null && news.rounds > this.rounds;
    this.rounds = news.rounds;
    for (const [number, row] of news.changed) {
      const before = this.photographs[number];
      this.photographs[number] = listed(row);
      this.ahead.delete(number);
      const shown = this.shown;
      const fresh = shown?.number === number && shown.state === "open" && !this.history?.changed;
      const other = before.origin !== row[4] || before.error !== row[2] || !shown?.proposed;
      if (fresh && other) void this.#again(number);
      else if (this.number !== number && before.revision !== row[3]) this.histories.delete(number);
    }
    if (news.changed.length) this.strip.draw();
    const first = this.shape === null;
    this.shape = news.mean_shape;
    if (first && this.shape) this.redraw();
    this.panels.tell(news);
    if (grown) {
      /** @type {HTMLSelectElement} */ (element("order")).value = "worst";
      await this.arrange();
      const left = this.order.find((number) => this.#isLeft(number));
      if (left === undefined) return this.say("The model is trained.");
      if (!this.history?.changed) await this.go(left);
      this.say("The model has placed landmarks on what was left: worst first.");
    }
  }

  /** Whether the photograph has changes that are not saved. */
  get unsaved() {
    return Boolean(this.history?.changed && this.history.at !== this.saved);
  }

  /** @param {(now: import("./history.js").Placed) => void} change */
  #change(change) {
    const history = this.history;
    if (!history || this.shown?.problem) return;
    const now = history.now;
    change(now);
    history.add(now);
    this.asked = false;
    this.redraw();
  }

  /** @param {number | null} index */
  #picked(index) {
    if (this.swapping && index !== null && this.selected !== null && index !== this.selected) {
      const other = this.selected;
      this.swapping = false;
      this.#change((now) => {
        for (const values of [now.xy, now.missing])
          [values[index], values[other]] = [values[other], values[index]];
        now.sure[index] = now.sure[other] = true;
      });
    }
    this.selected = index;
    this.redraw();
  }

  /** @param {number} index @param {Point} xy @param {boolean} ends */
  #moved(index, xy, ends) {
    const history = this.history;
    if (!history) return;
    if (ends)
      return this.#change((now) => {
        now.xy[index] = xy;
        now.sure[index] = true;
      });
    this.viewer.marks[index] = { ...this.viewer.marks[index], xy, sure: true };
    this.viewer.draw();
  }

  /** @param {Shown} shown */
  #take(shown) {
    this.shown = shown;
    this.swapping = false;
    const known = this.histories.get(shown.number);
    if (!known || known.revision !== shown.revision || known.origin !== shown.origin) {
      const saved = shown.state !== "open" && shown.xy !== null;
      const xy = (saved ? shown.xy : shown.proposed) ?? Array(this.count).fill(null);
      const settled = shown.state === "accepted" || (shown.proposed && shown.status !== "failed");
      const history = new History({
        xy,
        missing: xy.map((point) => point === null && Boolean(settled)),
        sure: xy.map((point, index) => saved && !same(point, shown.proposed?.[index] ?? null)),
      });
      this.histories.set(shown.number, Object.assign(history, tagged(shown)));
    }
    this.saved = this.history?.at ?? 0;
    this.selected = null;
  }

  /** Shows the photograph anew, with what the server has of it. @param {number} number */
  async #again(number) {
    const shown = await api.photograph(number);
    if (this.number !== number || this.history?.changed) return;
    this.histories.delete(number);
    this.#take(shown);
    this.redraw();
  }

  /** @param {State} state @returns {Promise<boolean>} */
  async #save(state) {
    const { shown, history } = this;
    if (!shown || !history) return false;
    if (this.busy) {
      if (contact.presence !== "there") this.say(`${shown.name} is not saved yet.`);
      return false;
    }
    this.busy = true;
    const { at } = history;
    try {
      const placed = history.now.xy;
      const xy = placed.some((point) => point) ? placed : null;
      const seconds = Math.min((Date.now() - this.since) / 1000, 3600);
      const record = { revision: shown.revision, state, xy, seconds };
      const revision = await this.#sent(shown.number, record);
      if (revision === null) return false;
      shown.revision = revision;
      shown.state = state;
      this.since = Date.now();
      this.saved = at;
      Object.assign(history, tagged(shown));
      const row = this.photographs[shown.number];
      this.photographs[shown.number] = { ...row, state, revision };
      this.strip.draw();
      void this.hear();
      return true;
    } catch (error) {
      this.#refused(error);
      return false;
    } finally {
      this.busy = false;
      this.away.draw();
    }
  }

  /** Sends a record, and shows what was saved in another tab where there is such.
   * @param {number} number @param {Parameters<typeof api.save>[1]} record
   * @returns {Promise<number | null>} its revision once it is saved */
  async #sent(number, record) {
    try {
      return (await api.save(number, record)).revision;
    } catch (error) {
      if (!(error instanceof Refused && error.status === 409)) throw error;
    }
    const there = await api.photograph(number);
    const { state, xy } = record;
    const alike = there.state === state && there.xy?.every((point, i) => same(point, xy?.[i] ?? null));
    if (alike) return there.revision; // it was saved, and the answer was lost with the server
    this.histories.delete(number);
    this.#take(there);
    this.redraw();
    this.say("This photograph was changed in another tab: here is what was saved there.");
    return null;
  }

  /** Saves what was changed, but does not wait for a server that is away. */
  async #keepNow() {
    if (contact.presence !== "there") throw new Unanswered();
    await this.keep();
  }

  /** Says what the server refuses. @param {unknown} error */
  #refused(error) {
    if (!(error instanceof Refused)) throw error;
    this.say(error.message);
  }

  /** @param {import("./contact.js").Presence} presence */
  #attend(presence) {
    this.away.tell(presence);
    if (presence !== "there") return;
    this.strip.set(this.order, this.photographs); // small pictures may not have come
    this.say("The server answers again.");
  }

  /** Shows the next photograph that is left, in the order that was chosen. */
  async #goOn() {
    const order = /** @type {HTMLSelectElement} */ (element("order")).value;
    if (order === "next") await this.arrange();
    const at = this.order.indexOf(this.number);
    const round = [...this.order.slice(at + 1), ...this.order.slice(0, at)];
    const left = round.find((number) => this.#isLeft(number));
    if (left === undefined) {
      this.redraw();
      await this.hear(); // what is counted
      return this.panels.finish();
    }
    await this.go(left);
  }

  /** Listens often while landmarks may be proposed in a moment. @param {number} number */
  async #awaitProposal(number) {
    for (let time = 0; time < SOON; time += SOON_EVERY) {
      const waits = this.number === number && !this.shown?.proposed && !this.shown?.reason;
      if (this.session.mode !== "annotate" || !this.shape || !waits) return;
      await slept(SOON_EVERY);
      await this.hear();
    }
  }

  /** Fetches what will probably be shown next. */
  #prepare() {
    const at = this.order.indexOf(this.number);
    const round = [...this.order.slice(at + 1), ...this.order.slice(0, at)];
    const soon = round.filter((number) => this.#isLeft(number)).slice(0, 2);
    for (const number of new Set([...soon, ...this.order.slice(at + 1, at + 2)])) {
      this.pictures.fetch(number);
      if (!this.ahead.has(number)) {
        const asked = api.photograph(number);
        asked.catch(() => this.ahead.delete(number));
        this.ahead.set(number, asked);
      }
    }
    for (const number of this.ahead.keys()) if (this.ahead.size > 8) this.ahead.delete(number);
  }

  /** @param {number} number */
  #isLeft(number) {
    return isLeft(this.photographs[number]);
  }

  /** @returns {number | null} */
  #leastSure() {
    const errors = this.shown?.expected;
    if (!errors) return null;
    /** @type {number | null} */
    let worst = null;
    errors.forEach((error, index) => {
      if (error !== null && (worst === null || error > (errors[worst] ?? 0))) worst = index;
    });
    return worst;
  }

  /** The magnifier follows the pointer while landmarks are placed, or nothing is selected. */
  #lookClosely() {
    const selected = this.selected === null ? null : (this.viewer.marks[this.selected]?.xy ?? null);
    const [first, other] = this.viewer.placing ? [this.hover, selected] : [selected, this.hover];
    this.lens?.look(first ?? other);
  }

  #light() {
    const [brightness, contrast] = [input("brightness").value, input("contrast").value];
    const plain = brightness === "1" && contrast === "1";
    this.viewer.filter = plain ? "" : `brightness(${brightness}) contrast(${contrast})`;
    this.viewer.draw();
  }

  #plainly() {
    input("brightness").value = input("contrast").value = "1";
    this.viewer.straighten();
    this.#light();
  }
}

/** @param {Point | null} one @param {Point | null} other */
function same(one, other) {
  if (!one || !other) return one === other;
  return Math.hypot(one[0] - other[0], one[1] - other[1]) < 1e-3;
}

/** What a history belongs to. @param {Shown} shown */
function tagged({ revision, origin }) {
  return { revision, origin };
}

let silence = 0;

/** Says something for a moment. @param {string} text */
function said(text) {
  const toast = element("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => (toast.hidden = true), TOLD);
}

async function begin() {
  const away = new Away();
  contact.onchange = (presence) => away.tell(presence);
  const page = new Page(await api.session(), away);
  await page.begin();
  await page.hear();
  document.body.classList.add("ready");
  element("stage").focus();
  await page.listen();
}

window.addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Refused)) return;
  event.preventDefault();
  said(event.reason.message);
});
void begin();
