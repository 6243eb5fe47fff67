// @ts-check
/** What the page says for a moment, and what a dialog says in its place. */
import { Refused, Unanswered } from "./contact.js";
import { element } from "./model.js";

const TOLD = 4200; // milliseconds
const AWAY = "The server does not answer. Close this to see how to go on.";
let silence = 0;

/** @param {string} text */
export function say(text) {
  const toast = element("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => (toast.hidden = true), TOLD);
}

/** Says what the server refuses. @param {unknown} error */
export function sayRefused(error) {
  if (!(error instanceof Refused)) throw error;
  say(error.message);
}

/** Why something was not done, as a sentence; empty where it was.
 * @param {Promise<void>} act @returns {Promise<string>} */
export async function refusal(act) {
  try {
    await act;
    return "";
  } catch (error) {
    if (error instanceof Refused) return error.message;
    if (error instanceof Unanswered) return AWAY;
    throw error;
  }
}
