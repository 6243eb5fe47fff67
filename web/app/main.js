// @ts-check
/** The page: what happens acts on its state, and what is drawn follows from that. */
import * as api from "./api.js";
import { Away } from "./away.js";
import { drawBeside } from "./beside.js";
import { contact, Refused } from "./contact.js";
import { Editing } from "./editing.js";
import { FinishPanel } from "./finish.js";
import { listen, tellKeys } from "./keys.js";
import { element } from "./model.js";
import { Navigation } from "./navigation.js";
import { Listener } from "./news.js";
import { linkParts } from "./parts.js";
import { ProgressPanel } from "./progress.js";
import { Saving } from "./saving.js";
import { Stage } from "./stage.js";
import { PageState } from "./state.js";
import { Strip } from "./strip.js";
import { chooseTheme } from "./theme.js";
import { say } from "./toast.js";
import { TrainingPanel } from "./training.js";

/** Puts the page together. @param {import("./model.js").Session} session @param {Away} away */
function assembled(session, away) {
  const state = new PageState(session);
  const saving = new Saving(state);
  const navigation = new Navigation(state, saving);
  const listener = new Listener(state, navigation);

  /** @type {Stage} */
  const stage = new Stage(state, {
    pick: (index) => editing.pick(index),
    move: (index, xy) => editing.move(index, xy),
    place: (xy) => editing.place(xy),
    curves: () => editing.curves,
  });
  const editing = new Editing(state, (index) => stage.viewer.reveal(index));
  const go = (/** @type {number} */ number) => navigation.go(number);
  const strip = new Strip(element("strip"), session.names, go, (number, image) => {
    image.src = api.thumbnailOf(number);
  });
  const progress = new ProgressPanel(session, (number) => navigation.go(number));
  const training = new TrainingPanel(session, async (act) => {
    await saving.keepNow();
    await api.train(act);
    void listener.hear();
  });
  const finish = new FinishPanel(session, async () => {
    await saving.keepNow();
    await api.end();
  });

  state.onchange = () => {
    stage.draw();
    drawBeside(
      state,
      (index) => editing.select(index),
      (index) => editing.curves.choose(index),
    );
    away.draw();
  };
  state.onshown = () => {
    stage.show();
    state.onchange();
    if (state.selected === null && state.next === null) element("list").scrollTop = 0;
    strip.go(state.number);
    void listener.awaitProposal();
  };
  state.onlist = () => strip.draw();
  state.onorder = () => {
    strip.set(state.order, state.photographs);
    if (state.number >= 0) strip.go(state.number);
  };
  saving.onsaved = () => void listener.hear();
  saving.onend = () => away.draw();
  navigation.onend = async () => {
    await listener.hear(); // what is counted
    finish.show();
  };
  listener.onnews = (news) => {
    if (news.problem) say(news.problem);
    for (const panel of [progress, finish, training]) panel.tell(news);
  };

  away.line = session.told.again ?? "";
  away.folder = session.told.folder ?? "";
  away.unsaved = () => (saving.isDue ? (state.shown?.name ?? "") : "");
  contact.onchange = (presence) => {
    away.tell(presence);
    if (presence !== "there") return;
    strip.renew(); // small pictures may not have come
    say("The server answers again.");
  };

  linkParts(session, () => saving.keep());
  document.title = `${session.part} · beetle-lm`;
  listen(navigation, editing, stage.viewer);
  element("accept").addEventListener("click", () =>
    state.drawing ? editing.curves.finish() : navigation.accept(),
  );
  element("before").addEventListener("click", () => navigation.step(-1));
  element("after").addEventListener("click", () => navigation.step(1));
  element("help").addEventListener("click", () => tellKeys());
  window.addEventListener("beforeunload", (event) => {
    if (contact.presence !== "there" && saving.isDue) event.preventDefault();
    void saving.keep();
  });
  document.addEventListener("visibilitychange", () => void (document.hidden && saving.keep()));
  return { navigation, listener };
}

async function begin() {
  chooseTheme();
  const away = new Away();
  contact.onchange = (presence) => away.tell(presence);
  const { navigation, listener } = assembled(await api.session(), away);
  await navigation.begin();
  await listener.hear();
  document.body.classList.add("ready");
  element("stage").focus();
  await listener.listen();
}

window.addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Refused)) return;
  event.preventDefault();
  say(event.reason.message);
});
void begin();
