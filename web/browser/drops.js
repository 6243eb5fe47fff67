// @ts-check
/** What is dropped or chosen: photographs, folders of them, models. */

/**
 * @typedef {object} Given
 * @property {{name: string, file: File}[]} photographs
 * @property {File[]} models
 * @property {number} others  files that are neither
 */

const PHOTOGRAPH = /\.(jpe?g|jpe|jfif|png|tiff?|webp|bmp|gif)$/i;

/** What is in a drop. Must be called at once: its items are gone after the event.
 * @param {DataTransfer} transfer @returns {Promise<Given>} */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry?.isDirectory))
    return sorted(files.map((file) => ({ name: file.name, file })));
  const found = [];
  for (const entry of entries) if (entry) found.push(...(await filesIn(entry)));
  return sorted(found);
}

/** What was chosen. @param {FileList | null} files */
export const chosen = (files) =>
  sorted([...(files ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file })));

/** @param {FileSystemEntry} entry @returns {Promise<{name: string, file: File}[]>} */
async function filesIn(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    const file = await new Promise((resolve, reject) => one.file(resolve, reject));
    return [{ name: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} some of them, until there are no more */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const each of some) found.push(...(await filesIn(each)));
  }
}

/** @param {{name: string, file: File}[]} files @returns {Given} */
function sorted(files) {
  /** @type {Given} */
  const given = { photographs: [], models: [], others: 0 };
  for (const each of files) {
    const base = each.name.slice(each.name.lastIndexOf("/") + 1);
    if (base.startsWith(".")) continue;
    if (/\.onnx$/i.test(base)) given.models.push(each.file);
    else if (PHOTOGRAPH.test(base)) given.photographs.push(each);
    else given.others += 1;
  }
  // Of one folder names are below it, as those of `beetle-lm predict FOLDER` are.
  const folders = new Set(given.photographs.map(({ name }) => name.slice(0, name.indexOf("/") + 1)));
  const [folder] = folders;
  if (folders.size === 1 && folder)
    for (const each of given.photographs) each.name = each.name.slice(folder.length);
  return given;
}
