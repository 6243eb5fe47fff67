// @ts-check
/** What the page says for a moment. */
import { element } from "./model.js";

const TOLD = 4200; // milliseconds
let silence = 0;

/** @param {string} text */
export function say(text) {
  const toast = element("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => (toast.hidden = true), TOLD);
}
