// @ts-check
/** Keeps all that the page has fetched, so that it works without a network, and says that the page
 * is isolated, which lets the model use several threads.
 *
 * What was written with this version stays as it is: another version has another cache.
 */

/** @type {{version: string, files: string[]}} put before this text when the site is written */
const { version, files } = /** @type {any} */ (self).SITE;
const NAME = `beetle-lm ${new URL("./", location.href).pathname}`;
const CACHE = `${NAME} ${version}`;
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** @param {Response} answer */
function isolated(answer) {
  if (!answer.ok) return answer;
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
}

/** @param {Request} request @returns {Promise<Response>} */
async function answered(request) {
  const cache = await caches.open(CACHE);
  const address = new URL(request.url);
  address.hash = address.search = "";
  const known = await cache.match(address);
  if (known) return isolated(known);
  const answer = await fetch(request);
  if (answer.ok) await cache.put(address, answer.clone());
  return isolated(answer);
}

self.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(["./", ...files])));
});

self.addEventListener("activate", (/** @type {any} */ event) => {
  const old = async () => {
    for (const each of await caches.keys())
      if (each.startsWith(`${NAME} `) && each !== CACHE) await caches.delete(each);
    await /** @type {any} */ (self).clients.claim();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(answered(request));
});
