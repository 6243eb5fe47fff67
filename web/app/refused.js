// @ts-check
/** What the page says of what the server refuses: for a moment, or in a dialog. */
import { Refused, Unanswered } from "./contact.js";
import { say } from "./toast.js";

const AWAY = "The server does not answer. Close this to see how to go on.";

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
