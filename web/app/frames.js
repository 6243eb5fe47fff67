// @ts-check
/** What is not needed at once waits until what is has been drawn. */

/** Waits until the page as it is now is being drawn. @returns {Promise<void>} */
export const drawn = () =>
  new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))));
