// @ts-check
/** The page that needs no server: photographs are dropped, and landmarks taken away. */
import { drawBeside } from "../app/beside.js";
import { Editing } from "../app/editing.js";
import { listen, tellKeys } from "../app/keys.js";
import { dialog, element, input, listed, made } from "../app/model.js";
import { Stage } from "../app/stage.js";
import { PageState } from "../app/state.js";
import { Strip } from "../app/strip.js";
import { chooseTheme } from "../app/theme.js";
import { say } from "../app/toast.js";
import { filesOf, offer } from "./downloads.js";
import { chosen, dropped } from "./drops.js";
import { Helper } from "./helper.js";
import { inShort, tell } from "./knowledge.js";
import { Models } from "./models.js";
import { Navigation } from "./navigation.js";
import { Pictures } from "./pictures.js";
import { Placing } from "./placing.js";
import { Sheet } from "./sheet.js";
import { lengthsOf } from "./tables.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./drops.js").Given} Given */

const PATIENCE = 3000; // milliseconds

class Page {
  sheet = new Sheet();
  helper = new Helper();
  models = new Models(/** @type {HTMLSelectElement} */ (element("models")));
  /** @type {Card | null} of the model that is open */
  card = null;
  #opened = ""; // which model that is
  #awaited = -1; // the first photograph of what was dropped last: it is shown once it can be
  #several = false; // photographs were dropped at once: in the end the worst is shown

  constructor() {
    const { sheet, helper } = this;
    this.state = new PageState(this.#session());
    this.pictures = new Pictures(sheet, helper);
    this.placing = new Placing(sheet, helper);
    this.navigation = new Navigation(this.state, sheet, this.pictures);
    /** @type {Stage} */
    const stage = new Stage(this.state, {
      pick: (index) => editing.pick(index),
      move: (index, xy) => editing.move(index, xy),
      place: (xy) => editing.place(xy),
    });
    const editing = new Editing(this.state, (index) => stage.viewer.reveal(index));
    const go = (/** @type {number} */ number) => this.navigation.go(number);
    this.strip = new Strip(element("strip"), [], go, (number, image) =>
      this.pictures.small(number, image),
    );
    this.state.onchange = () => {
      stage.draw();
      drawBeside(this.state, (index) => editing.select(index));
      this.#drawLengths();
    };
    this.state.onshown = () => {
      stage.show();
      this.state.onchange();
      this.strip.go(this.state.number);
    };
    this.state.onlist = () => {
      this.strip.draw();
      this.#drawCounts();
    };
    this.state.onorder = () => {
      this.strip.set(this.state.order, this.state.photographs);
      if (this.state.number >= 0) this.strip.go(this.state.number);
    };
    this.placing.onplaced = (number) => this.#placed(number);
    this.placing.onend = () => this.#ended();
    this.navigation.onend = () => this.#offer();
    helper.onruntime = (words) => (element("runtime").textContent = words);
    this.models.onchoice = () => void this.#open();
    listen(this.navigation, editing, stage.viewer);
  }

  async begin() {
    await this.models.begin();
    await this.#open();
  }

  /** @param {Given} given */
  async take({ photographs, models, others }) {
    if (models.length) {
      this.models.bring(models[models.length - 1]);
      await this.#open();
    }
    if (others) say(`${others} file${others === 1 ? " is" : "s are"} no photograph that can be read, and left out.`);
    if (!photographs.length) return;
    const fresh = this.sheet.add(photographs);
    if (this.card) void this.placing.go(); // the worker begins while they are listed
    const known = photographs.length - fresh;
    if (known) say(`${known} of these names ${known === 1 ? "is" : "are"} here already.`);
    this.state.extend(this.#session());
    this.#list();
    document.body.classList.remove("empty");
    if (!fresh) return;
    this.#awaited = this.sheet.photographs.length - fresh;
    this.#several ||= fresh > 1;
    void this.pictures.whole(this.#awaited); // is got ready meanwhile
  }

  /** Opens the model that is chosen, and begins anew with it. */
  async #open() {
    const { models, sheet } = this;
    const before = this.#opened;
    this.navigation.keep();
    if (sheet.isTouched && !confirm("Another model begins anew: your corrections are given up."))
      return void (models.choice.value = before);
    const model = models.chosen;
    element("knows").textContent = `Opening ${model.name} …`;
    const answer = await this.#answerOf(model);
    if (!answer.card) {
      say(`${model.name} ${answer.problem}`);
      models.refuse(before);
      if (this.card) element("knows").textContent = inShort(this.card);
      else element("knows").textContent = `${model.name} ${answer.problem}`;
      return;
    }
    this.card = answer.card;
    this.#opened = models.choice.value;
    this.placing.restart();
    sheet.reset();
    element("what").textContent = `Landmarks of the ${this.card.part.name}`;
    element("knows").textContent = inShort(this.card);
    element("about-title").textContent = model.name;
    tell(element("card"), this.card);
    tell(element("about-card"), this.card);
    document.title = `${this.card.part.name} · beetle-lm`;
    this.state.begin(this.#session());
    this.state.learn(this.card.shapes?.mean ?? null);
    this.#list();
    document.body.classList.add("ready");
    void this.placing.go();
  }

  /** @param {import("./models.js").Model} model */
  async #answerOf(model) {
    try {
      return await this.helper.ask({ model: { bytes: await model.bytes() } });
    } catch (error) {
      return { card: undefined, problem: error instanceof Error ? error.message : String(error) };
    }
  }

  /** @returns {import("../app/model.js").Session} */
  #session() {
    const part = this.card?.part;
    return {
      ...{ mode: "review", part: part?.name ?? "", parts: [], file: "", can_train: false, told: {} },
      landmarks: part?.landmark_names ?? [],
      mirror_pairs: part?.mirror_pairs ?? [],
      version: 0,
      names: this.sheet.photographs.map(({ name }) => name),
      photographs: this.sheet.photographs.map((_, number) => this.sheet.listed(number)),
    };
  }

  /** Lists the photographs anew. */
  #list() {
    this.strip.names = this.state.session.names;
    this.navigation.arrange();
    this.#drawCounts();
  }

  /** @param {number} number */
  #placed(number) {
    this.state.photographs[number] = listed(this.sheet.listed(number));
    this.strip.draw();
    this.pictures.again();
    this.#drawCounts();
    if (this.state.number < 0 || number === this.#awaited) void this.navigation.go(number);
  }

  #ended() {
    const { state, navigation } = this;
    this.#drawCounts();
    const isIdle = state.shown?.state === "open" && !state.history?.changed;
    if (isIdle && this.#several) void navigation.begin();
    else navigation.arrange();
    this.#several = false;
  }

  #drawCounts() {
    const total = this.sheet.photographs.length;
    const left = this.placing.left;
    const { flagged, failed } = this.sheet.counts;
    const accepted = this.sheet.photographs.filter(({ state }) => state === "accepted").length;
    const seconds = this.placing.secondsLeft;
    const words = [left ? `${total - left} of ${total}` : `${total} placed`];
    if (flagged) words.push(`${flagged} flagged`);
    if (failed) words.push(`${failed} failed`);
    if (accepted) words.push(`${accepted} accepted`);
    if (left && seconds !== null) words.push(`${inWords(seconds)} left`);
    element("counts").textContent = words.join(" · ");
    element("meter").style.width = `${total ? (100 * (total - left)) / total : 0}%`;
  }

  #drawLengths() {
    const { history, errors } = this.state;
    const part = this.card?.part;
    element("lengths").hidden = !part?.measurements?.length;
    if (!part?.measurements || !history) return;
    const lengths = lengthsOf(part, history.now.xy, errors.map((error) => error ?? NaN));
    element("measured").replaceChildren(
      ...part.measurements.map(({ name }, index) => {
        const [row, length] = [made("tr"), lengths[index]];
        const error = length && !Number.isNaN(length.error) ? ` ± ${length.error.toFixed(1)}` : "";
        row.append(made("td", name), made("td", length ? `${length.px.toFixed(1)}${error} px` : "missing"));
        return row;
      }),
    );
  }

  #offer() {
    if (!this.card) return;
    this.navigation.keep();
    const left = this.placing.left;
    const { ok, flagged, failed } = this.sheet.counts;
    const about = [
      `${ok + flagged} photographs with landmarks, ${flagged} of them flagged; ${failed} failed.`,
      left ? ` ${left} are still to be seen.` : "",
      " Coordinates are in pixels of the photograph. What you correct is in corrected.tps once you accept it; the other files are the model’s.",
    ];
    offer(filesOf(this.card.part, this.sheet), about.join(""));
  }

  /** Lets the buttons and the whole page take files. */
  listen() {
    /** @type {[string, string][]} */
    const choices = [["choose", "files"], ["add", "files"], ["choose-folder", "folder"], ["choose-model", "model-file"]];
    for (const [button, field] of choices)
      element(button).addEventListener("click", () => input(field).click());
    for (const id of ["files", "folder", "model-file"])
      input(id).addEventListener("change", () => {
        void this.take(chosen(input(id).files));
        input(id).value = "";
      });
    window.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("over");
    });
    window.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) document.body.classList.remove("over");
    });
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("over");
      if (event.dataTransfer) void dropped(event.dataTransfer).then((given) => this.take(given));
    });
    element("download").addEventListener("click", () => this.#offer());
    element("about").addEventListener("click", () => {
      dialog("about-model").showModal();
      dialog("about-model").scrollTop = 0; // not at the button below
    });
    element("accept").addEventListener("click", () => this.navigation.accept());
    element("before").addEventListener("click", () => this.navigation.step(-1));
    element("after").addEventListener("click", () => this.navigation.step(1));
    element("help").addEventListener("click", () => tellKeys());
    window.addEventListener("beforeunload", (event) => {
      if (this.sheet.isTouched) event.preventDefault(); // nothing else keeps what was corrected
    });
  }
}

/** @param {number} seconds */
function inWords(seconds) {
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

/** Waits for what keeps the page for days without a network, but not for long. */
async function kept() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  const controlled = new Promise((resolve) =>
    serviceWorker.addEventListener("controllerchange", resolve, { once: true }),
  );
  try {
    await serviceWorker.register("service-worker.js");
  } catch {
    return; // without it the page needs a network each time
  }
  if (serviceWorker.controller) return;
  await Promise.race([controlled, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
}

chooseTheme();
const page = new Page();
page.listen();
void kept().then(() => page.begin());
