// @ts-check
/** Links between the pages of all parts, where there are several. */
import { element, made } from "./model.js";

/** @param {import("./model.js").Session} session
 * @param {() => Promise<boolean>} keep saves what was changed, before another page is shown */
export function linkParts({ part, parts }, keep) {
  element("part").textContent = part;
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
        if (await keep()) location.assign(address);
      });
      host.append(link);
    }
  }
}
