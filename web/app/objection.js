// @ts-check
/** What speaks against accepting a photograph. */

/** Why the photograph that is shown is not accepted, in words; "" where nothing speaks against it. Landmarks
 * without a place are told of once: whoever accepts again takes them for missing.
 * @param {import("./state.js").PageState} state @param {"saves" | "keeps"} does  what becomes of these */
export function objection(state, does) {
  const { shown, history } = state;
  if (!shown || !history) return "";
  if (shown.problem) return "This photograph cannot be shown: X leaves it out.";
  const now = history.now;
  if (now.xy.every((point) => !point)) return "No landmark is placed yet.";
  const open = now.xy.flatMap((point, index) => (point || now.missing[index] ? [] : [index + 1]));
  if (!open.length || state.asked) return "";
  state.asked = true;
  const which = open.length > 1 ? `Landmarks ${open.join(", ")} are` : `Landmark ${open[0]} is`;
  return `${which} not placed. Enter again ${does} ${open.length > 1 ? "them" : "it"} as missing.`;
}
