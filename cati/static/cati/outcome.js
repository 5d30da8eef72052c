// The code of an outcome, typed: on the case card and on the outcome screen.
// Without this script both forms still work; the server says what is missing.

// The case card redraws its form when a call opens: it is looked up each time.
const form = () => document.querySelector("[data-outcome]");
const picks = [...document.querySelectorAll("[data-code]")];
const opened = performance.now();
let chosen = false; // a key or the mouse chose the code on this screen

const box = () => document.getElementById("code");
const picked = () => picks.find((pick) => pick.dataset.code === box().value);
const input = (name) => form().elements.namedItem(name);

/** « demain 18h », « dans 2h » : day and hour in one; the server reads them. */
const isMoment = (text) => /^\s*dans \d|\S\s+(?:à\s+)?\d{1,2}\s*(?:[h:.]\s*\d{0,2}|\d{2})?\s*$/i.test(text) && !/^\s*\+\s*\d+\s*$/.test(text);

/** What must still be given before the outcome can be recorded, as [word, field]. */
function missing() {
  const pick = picked();
  if (!pick) return box().value.length === 2 ? [[form().dataset.wordUnknown, box()]] : [[form().dataset.wordCode, box()]];
  const needs = [];
  const books = pick.dataset.needs === "appointment" || ("book" in pick.dataset && (input("day").value || input("hour").value));
  if (books && !input("day").value.trim()) needs.push([form().dataset.wordDay, input("day")]);
  if (books && !input("hour").value.trim() && !isMoment(input("day").value)) needs.push([form().dataset.wordHour, input("hour")]);
  if (pick.dataset.needs === "note" && !input("note").value.trim()) needs.push([form().dataset.wordNote, input("note")]);
  return needs;
}

function paint() {
  if (!picks.length) return;
  const pick = picked();
  const label = pick?.querySelector("span").textContent ?? "";
  for (const each of picks) each.setAttribute("aria-pressed", String(each === pick));
  document.getElementById("echo").textContent = label;
  form().querySelector("[data-title]").textContent = pick ? `${pick.dataset.code} · ${label}` : "";
  form().querySelector("[data-appointment]").hidden = !(pick && (pick.dataset.needs === "appointment" || "book" in pick.dataset));
  const lacks = missing().map(([word]) => word);
  form().querySelector("[data-record]").setAttribute("aria-disabled", String(lacks.length > 0));
  document.getElementById("missing").textContent = lacks.length ? `${form().dataset.wordMissing} ${lacks.join(", ")}` : "";
}

function type(code) {
  chosen = true;
  box().value = code;
  paint();
  const next = picks.length && picked() && missing()[0];
  if (next) next[1].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.target.matches("textarea") && event.key === "Enter" && !event.shiftKey && form().contains(event.target)) {
    event.preventDefault();
    if (!event.repeat) form().requestSubmit();
  }
  if (writesText(event.target) || event.altKey || box().disabled) return;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit && !event.shiftKey) {
    event.preventDefault();
    if (!event.repeat) type(box().value.length < 2 ? box().value + digit[1] : digit[1]);
  }
});

document.addEventListener("input", (event) => {
  if (event.target === box()) chosen = true;
  paint();
});
document.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-code]");
  if (pick) type(pick.dataset.code);
});

// Before the shell sends the form: what is missing gets the focus instead, and the Enter key that
// ended the last question must not record the outcome that stands ready here.
document.addEventListener("submit", (event) => {
  if (event.target !== form()) return;
  const lacks = picks.length ? missing() : [];
  const tooSoon = form().dataset.given && !chosen && performance.now() - opened < 600;
  if (!lacks.length && !tooSoon) return;
  event.preventDefault();
  lacks[0]?.[1].focus();
}, true);

paint();
