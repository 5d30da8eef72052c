// An answer on its way, and the keys typed since, kept on this machine until the server has them:
// a reload, a crash or a pulled plug loses nothing. AES-GCM under the key that the page came with.
// Only where the browser has cryptography (https, or this machine itself); elsewhere nothing is
// kept, and the page warns before it is left.

const waiting = { name: "", key: null, last: Promise.resolve() };

/** Begin to keep under `name`, with the server's `key`; false where this browser cannot. */
function openWaiting(name, key) {
  if (!globalThis.crypto?.subtle || !globalThis.localStorage) return false;
  waiting.name = `waiting ${name}`;
  const bytes = Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0));
  waiting.key = crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  return true;
}

/** Keep `value` in the place of what was kept before. Writes follow one another in their order. */
function keepWaiting(value) {
  const text = new TextEncoder().encode(JSON.stringify(value));
  inTurn(async () => {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await waiting.key, text);
    localStorage.setItem(waiting.name, JSON.stringify([[...iv], [...new Uint8Array(sealed)]]));
  });
}

function forgetWaiting() {
  inTurn(() => localStorage.removeItem(waiting.name));
}

/** What was kept, or null; what cannot be read under this key is somebody else's. */
async function takeWaiting() {
  if (!waiting.key || !localStorage.getItem(waiting.name)) return null;
  try {
    const [iv, sealed] = JSON.parse(localStorage.getItem(waiting.name)).map((bytes) => new Uint8Array(bytes));
    const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await waiting.key, sealed);
    return JSON.parse(new TextDecoder().decode(text));
  } catch {
    return null;
  }
}

function inTurn(act) {
  // A full or forbidden storage is no reason to stop the interview.
  if (waiting.key) waiting.last = waiting.last.then(act).catch(() => undefined);
}
