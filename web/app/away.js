// @ts-check
/** What the page says while the server is away. */
import { element, lineToCopy, made } from "./model.js";

/** @typedef {import("./contact.js").Presence} Presence */

const WHAT = {
  silent: "The server does not answer.",
  gone: "The server is not there.",
  elsewhere: "The server was started anew and has another address.",
};

export class Away {
  /** @type {Presence} */
  #presence = "there";
  /** The line to type, and the folder to type it in, once they are known. */
  line = "";
  folder = "";
  /** The name of the photograph whose changes are not saved. @type {() => string} */
  unsaved = () => "";

  /** @param {Presence} presence */
  tell(presence) {
    this.#presence = presence;
    this.draw();
  }

  draw() {
    const host = element("away");
    const presence = this.#presence;
    host.hidden = presence === "there";
    if (presence === "there") return host.replaceChildren();
    const where = this.folder && ` in ${this.folder}`;
    const line = this.line ? [lineToCopy(this.line)] : [];
    const again = this.line ? `type this in a terminal${where}:` : "type the same command again.";
    const way = {
      silent: [made("p", `This page goes on as soon as it does. If it was ended, ${again}`), ...line],
      gone: [
        made("p", `To go on, ${again}`),
        ...line,
        made("p", "and use the page that opens. This page tries again by itself, too."),
      ],
      elsewhere: [made("p", "Go on in the page that it opened: the terminal shows its address.")],
    };
    const parts = [made("p", `${WHAT[presence]} What was accepted is on the disk.`, "loud")];
    const name = this.unsaved();
    if (name) {
      const fate = presence === "elsewhere" ? " and has to be done again there" : "";
      parts.push(made("p", `What you changed on ${name} is not saved: it is in this tab alone${fate}.`));
    }
    host.replaceChildren(...parts, ...way[presence]);
  }
}
