// What every page shares: single-key shortcuts, dialogs, the theme, forms that are sent once.
// A button or link says its key in `data-key` ("A", "Alt+S"); a click is what the key does.

function writesText(element) {
  if (element instanceof HTMLTextAreaElement) return true;
  return element instanceof HTMLInputElement && /^(text|search|tel|password)$/.test(element.type) && !element.matches(".codebox");
}

function keyName(event) {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return (event.altKey ? "Alt+" : "") + key;
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const name = keyName(event);
  const typing = writesText(event.target);
  const layer = document.querySelector("dialog[open]");
  if ((name === "?" && !typing) || name === "Alt+K") {
    event.preventDefault();
    if (!layer) openDialog("keys");
    return;
  }
  if (typing && !event.altKey) return;
  const scope = layer ?? document;
  const target = [...scope.querySelectorAll("[data-key]")].find(
    (element) => element.dataset.key.split(" ").includes(name) && (layer || !element.closest("dialog")),
  );
  if (!target || target.disabled || target.getAttribute("aria-disabled") === "true") return;
  event.preventDefault();
  target.click();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) openDialog(opener.dataset.open);
  if (event.target.closest("dialog [data-close]")) event.target.closest("dialog").close();
  if (event.target.closest("[data-theme-switch]")) switchTheme();
  if (event.target.closest("[data-print]")) print();
});

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog) return;
  const item = dialog.querySelector("[name=item]");
  const named = dialog.querySelector("[data-note-item]");
  if (item) item.value = named.textContent = document.getElementById("question")?.dataset.item ?? "";
  dialog.showModal();
  // The focus is on the button at the end; reading begins at the top.
  dialog.scrollTop = 0;
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // The choice then holds for this page only.
  }
}

// A second press on the same form must not send it twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

// Times that run: « 18:06 » since a number of seconds that the server gave.
const loaded = performance.now();
function runClocks() {
  for (const clock of document.querySelectorAll("[data-seconds]")) {
    const seconds = Math.floor(Number(clock.dataset.seconds) + (performance.now() - loaded) / 1000);
    clock.textContent = clock.dataset.minutes !== undefined
      ? String(Math.floor(seconds / 60))
      : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
setInterval(runClocks, 1000);
runClocks();

// ------------------------------------------------------------------ pieces for the call screens

// Whether `tel:` is handed to this machine: without a softphone, the browser would ask for an
// application and keep the keyboard. Each workstation says so once; by hand until it does.
function dialsItself() {
  try {
    return localStorage.getItem("dials") === "1";
  } catch {
    return false;
  }
}

function showDialling() {
  for (const choice of document.querySelectorAll("[data-dial-switch]")) {
    choice.setAttribute("aria-pressed", String(dialsItself()));
    choice.textContent = dialsItself() ? choice.dataset.byMachine : choice.dataset.byHand;
  }
}
showDialling();

document.addEventListener("click", (event) => {
  if (event.target.closest("a[href^='tel:']") && !dialsItself()) event.preventDefault();
  if (!event.target.closest("[data-dial-switch]")) return;
  try {
    localStorage.setItem("dials", dialsItself() ? "0" : "1");
  } catch {
    // Without storage this machine is dialled by hand.
  }
  showDialling();
});

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

/** Put each top-level element of `html` in the place of the one with its id. */
function swap(html) {
  const parsed = document.createElement("template");
  parsed.innerHTML = html;
  for (const piece of [...parsed.content.children]) {
    document.getElementById(piece.id)?.replaceWith(piece);
    piece.querySelector("[autofocus]")?.focus();
  }
  showDialling();
}

/** How the script asks: without a body it reads, with one it posts JSON; never a redirect. */
function request(body) {
  const signal = AbortSignal.timeout(10000);
  if (!body) return { redirect: "manual", signal, headers: { Accept: "application/json" } };
  return {
    method: "POST",
    redirect: "manual",
    signal,
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  };
}

/** Wait, or less if the network says that it is back. */
const pause = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
    addEventListener("online", resolve, { once: true });
  });

/** randomUUID exists only on secure origins; a telephone room may well be on plain http. */
function newUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

// The lease of a case lives as long as its page says so; the server says who took it over.
const lease = document.querySelector("[data-heartbeat]");
if (lease) {
  setInterval(async () => {
    try {
      const beat = { epoch: Number(lease.dataset.epoch) };
      const response = await fetch(lease.dataset.heartbeat, request(beat));
      // An answer on its way goes first: it is kept, and its own reply says who has the case.
      if (response.status === 409 && !lease.hasAttribute("aria-busy")) location.reload();
    } catch {
      // Cut off: the next beat, or the answer on its way, will tell.
    }
  }, 15000);
}

// A form sent in the background: what was typed stays until the server has it.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-quiet]");
  if (!form) return;
  event.preventDefault();
  const error = form.querySelector("[role=alert]");
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const reply = await response.json();
    if (response.status === 409 && reply.stale) return location.reload();
    error.textContent = response.ok ? "" : Object.values(reply.errors).join(" ");
    if (!response.ok) return;
    form.reset();
    // Sent and kept: what is typed next is another note.
    if (form.elements.uuid) form.elements.uuid.value = newUuid();
    form.closest("dialog")?.close();
    swap(reply.html);
    // The attempt is open: the number goes to the telephone of this machine, if it has one.
    if (reply.tel) document.querySelector(`[href="${reply.tel}"]`)?.click();
  } catch {
    error.textContent = form.dataset.cut;
  }
}, true);

// In a note, Enter keeps it; Shift with Enter breaks the line.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("dialog textarea")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});
