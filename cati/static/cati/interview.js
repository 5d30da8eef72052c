// The interview by keyboard: one question on screen, one answer sent at a time, keys kept in order.
// The document holds the state (checked boxes, field values); the server routes and draws the next
// question. Keys pressed while an answer travels wait in `ahead` and are played on the question
// that comes back, so that fast typing never lands on the wrong one; what waits outlives a reload. `swap`, `request`, `pause`,
// `newUuid` and `writesText` are the shell's; `keepWaiting` and its like are waiting.js's.

const page = document.getElementById("interview");
const code = document.getElementById("code");
const echo = document.getElementById("echo");
const notice = document.getElementById("notice");
const layer = document.getElementById("layer");
const words = page.dataset;

const DOUBLE_PRESS = 250; // ms between two Enter keys of which the second is an accident
const LETTERS = { n: "dk", r: "refused", c: "na" };
const FUNCTION_KEYS = { F2: "dk", F4: "refused", F8: "na" };
const LOOKS = { ArrowUp: -96, ArrowDown: 96 }; // px by which a long question goes up or down
const MOVES = { PageUp: "previous", PageDown: "following" };
const ALT = { v: "empty", t: "themes", r: "answers", s: "suspend", g: "language" };

let question; // the section on screen
let mode; // one, many, number, decimal, text, line, info
let shownAt = 0;
let touched = false; // a key has acted on this question
let typed = ""; // digits that are not yet a choice, or the number itself
let sought = ""; // letters that look for a label in a long list
let travelling = false; // an answer or a question is under way
let lastEnter = -Infinity;
let repair = null; // what the open dialog would save
let sending = null; // the answer under way
const ahead = [];

// ------------------------------------------------------------------ the question on screen

function show() {
  question = document.getElementById("question");
  mode = question.dataset.mode;
  shownAt = performance.now();
  touched = false;
  typed = isNumber() ? storedNumber() : "";
  sought = "";
  code.disabled = isWords();
  document.getElementById("code-label").textContent = question.dataset.label;
  document.getElementById("advance").textContent = question.dataset.advance;
  for (const name of document.querySelectorAll("[data-spoken]")) {
    name.classList.toggle("quiet", name.dataset.spoken !== question.dataset.lang);
  }
  sayNeed();
  tell("");
  paint();
  rest();
  // On a small screen it is the page that has moved.
  question.parentElement.scrollTop = document.scrollingElement.scrollTop = 0;
  question.querySelector(".lines #asked")?.scrollIntoView({ block: "nearest" });
  document.getElementById("heard").textContent = question.querySelector("h1").textContent;
}

/** The bar above names the sector as it was answered, and not as it was drawn. */
function sayNeed() {
  const { sector, count } = document.getElementById("need").dataset;
  const bar = document.querySelector(".callbar .sector");
  if (!bar || !sector) return;
  bar.firstElementChild.textContent = sector;
  bar.lastElementChild.textContent = count;
}

const isNumber = () => mode === "number" || mode === "decimal";
const isWords = () => mode === "text" || mode === "line";
const stored = () => (question.dataset.stored ? JSON.parse(question.dataset.stored) : null);
const storedNumber = () => String(stored()?.v ?? "").replace(".", ",");
const field = () => question.querySelector("#words");
const choices = () => [...question.querySelectorAll("[name=choice]")];
const chosen = () => choices().filter((choice) => choice.checked);
const special = () => question.querySelector("[name=special]:checked");
const labelOf = (input) => input.closest("label").querySelector(".tile + span").textContent;

/** Focus rests in a labelled input, so that a screen reader stays in its focus mode. */
function rest() {
  if (!document.querySelector("dialog[open]")) (isWords() ? field() : code).focus({ preventScroll: true });
}

/** The code box and its echo say what the document holds. */
function paint() {
  const marked = special();
  const codes = chosen();
  if (sought) {
    code.value = sought;
    echo.textContent = labelOf(found()[0]);
  } else if (marked) {
    code.value = Object.entries(LETTERS).find(([, name]) => name === marked.value)[0].toUpperCase();
    echo.textContent = labelOf(marked);
  } else if (mode === "many") {
    code.value = [...codes.map((choice) => choice.value), typed].join(" ").trim();
    echo.textContent = codes.length === 1 ? labelOf(codes[0]) : codes.length ? `${codes.length} ${words.wordMany}` : "";
  } else {
    code.value = isNumber() ? typed : typed || (codes[0]?.value ?? "");
    echo.textContent = codes.length ? labelOf(codes[0]) : "";
  }
}

function tell(text) {
  notice.replaceChildren(...(text ? [text].flat() : []).map((line) => Object.assign(document.createElement("p"), { textContent: line })));
}

// ------------------------------------------------------------------------- choosing

function digit(d) {
  touch();
  if (sought) {
    sought = "";
    point();
  }
  if (isNumber()) {
    clear("special");
    typed = (typed + d).slice(0, 12);
  } else if (mode === "one") pickCode(d);
  else if (mode === "many") toggleCode(d);
  paint();
}

/** Letters find labels by the beginnings of their words, accents aside; Enter takes the first. */
function seek(letter) {
  touch();
  const before = sought;
  sought += plain(letter);
  if (!found().length) {
    tell(`${words.wordNotFound} ${sought}`);
    sought = before;
    return;
  }
  typed = "";
  // What stood chosen is not what Enter would save any more.
  if (mode === "one") clear("choice");
  clear("special");
  point();
  paint();
}

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const found = () => choices().filter((choice) => plain(` ${labelOf(choice)}`).replace(/[^\p{L}\d]+/gu, " ").includes(` ${sought}`));

/** Show what the letters have found, and move nothing. */
function point() {
  const matching = sought ? found() : [];
  for (const choice of choices()) {
    const label = choice.closest("label");
    label.classList.toggle("missed", Boolean(sought) && !matching.includes(choice));
    label.classList.toggle("found", choice === matching[0]);
  }
  matching[0]?.closest("label").scrollIntoView({ block: "nearest" });
}

function touch() {
  // The first digit of a number replaces the one that was stored.
  if (!touched && isNumber()) typed = "";
  touched = true;
  tell("");
}

function pickCode(d) {
  const known = choices().map((choice) => choice.value);
  const starts = (text) => known.some((value) => value.startsWith(text));
  const next = starts(typed + d) ? typed + d : d;
  if (!starts(next)) return tell(`${words.wordNoCode} ${d}`);
  typed = next;
  clear("choice");
  mark(next);
}

/** In multiples a digit toggles at once, unless it may still become a code of two digits. */
function toggleCode(d) {
  const known = choices().map((choice) => choice.value);
  const next = typed + d;
  if (known.some((value) => value !== next && value.startsWith(next))) typed = next;
  else if (known.includes(next)) {
    typed = "";
    mark(next);
  } else if (typed) {
    settle();
    toggleCode(d);
  } else tell(`${words.wordNoCode} ${d}`);
}

/** A digit that waited for a second one counts alone, and letters mean what they have found.

    True where the choice wants a few words first. */
function settle() {
  const choice = sought ? found()[0] : mode === "many" && typed ? choices().find((input) => input.value === typed) : null;
  const letters = Boolean(sought);
  if (!choice) return false;
  typed = sought = "";
  point();
  mark(choice.value);
  return letters && choice.checked && Boolean(choice.dataset.other);
}

function mark(value) {
  const choice = choices().find((input) => input.value === value);
  if (!choice) return;
  choice.checked = mode === "many" ? !choice.checked : true;
  changed(choice);
}

/** What a change of one box does to the others, whether by key, space bar or mouse. */
function changed(input) {
  touched = true;
  if (input.name === "special") {
    clear("choice");
    typed = "";
    if (isWords()) field().value = "";
  } else {
    clear("special");
    if (input.checked && mode === "many") {
      const alone = "exclusive" in input.dataset;
      for (const other of choices()) {
        if (other !== input && (alone || "exclusive" in other.dataset)) other.checked = false;
      }
      const most = Number(question.dataset.max);
      if (most && chosen().length > most) {
        input.checked = false;
        tell(`${words.wordMax} ${most}`);
      }
    }
  }
  for (const choice of question.querySelectorAll("[data-other]")) {
    document.getElementById(choice.dataset.other).parentElement.hidden = !choice.checked;
  }
  if (input.checked && input.dataset.other) document.getElementById(input.dataset.other).focus();
  paint();
}

function clear(name) {
  for (const input of question.querySelectorAll(`[name=${name}]`)) input.checked = false;
}

function markSpecial(name) {
  const input = question.querySelector(`[name=special][value=${name}]`);
  if (!input) return;
  tell("");
  input.checked = true;
  changed(input);
}

function erase() {
  touched = true;
  if (sought) {
    sought = sought.slice(0, -1);
    point();
  } else if (special()) clear("special");
  else if (typed && mode !== "one") typed = typed.slice(0, -1);
  else {
    const last = chosen().at(-1);
    typed = "";
    if (last) {
      last.checked = false;
      changed(last);
    }
  }
  paint();
}

/** The tagged value on screen, or null where it is missing. */
function value() {
  const marked = special();
  if (marked) return { special: marked.value };
  if (mode === "info") return {};
  if (isNumber()) return /^\d+(,\d+)?$/.test(typed) ? { v: Number(typed.replace(",", ".")) } : null;
  if (isWords()) return field().value.trim() ? { v: field().value.trim() } : null;
  const codes = chosen();
  if (!codes.length) return null;
  const told = codes
    .filter((choice) => choice.dataset.other)
    .map((choice) => [choice.value, document.getElementById(choice.dataset.other).value.trim()])
    .filter(([, text]) => text);
  const numbers = codes.map((choice) => Number(choice.value));
  return { v: mode === "many" ? numbers : numbers[0], ...(told.length && { other: Object.fromEntries(told) }) };
}

/** Equal for equal answers: a multiple is a set. */
function canon(answer) {
  if (!answer) return "";
  const told = Object.entries(answer.other ?? {}).sort();
  return JSON.stringify([answer.special, Array.isArray(answer.v) ? [...answer.v].sort() : answer.v, told]);
}

// ------------------------------------------------------------------- saving and moving

async function confirm(at) {
  const twice = at - lastEnter < DOUBLE_PRESS;
  lastEnter = at;
  if (twice && !touched) return;
  if (settle()) return;
  paint();
  const answer = value();
  if (!answer) return tell(isNumber() ? words.wordNumber : words.wordEmpty);
  const before = stored();
  const same = before !== null && canon(before) === canon(answer);
  if (same && !question.dataset.confirm) return go(question.dataset.following || question.dataset.empty);
  const kind = mode === "info" ? "seen" : same ? "confirm" : answer.special ? "special" : "answer";
  const body = {
    uuid: newUuid(),
    kind,
    item: question.dataset.item,
    instance: question.dataset.instance,
    value: kind === "confirm" ? {} : answer,
    epoch: Number(words.epoch),
    client_at: new Date().toISOString(),
    ms_on_screen: Math.round(performance.now() - shownAt),
  };
  // Only a correction can take answers off the route: it asks first what it would do.
  if (before === null || same || !(await parksSomething(body))) await save(body);
}

async function parksSomething(body) {
  const { status, reply } = await travel(words.preview, body);
  if (status !== 200 || !reply.parked) return false;
  ahead.length = 0;
  repair = body;
  openLayer(reply.html);
  return true;
}

async function save(body) {
  sending = body;
  keepWaiting({ body, ahead });
  const { status, reply } = await travel(words.answer, body);
  sending = null;
  forgetWaiting();
  // Somebody else has the case: the page that comes says who, and what became of the answer.
  if (reply.stale) return location.reload();
  if (status === 200) windows.postMessage(body.item);
  if (status === 200 && reply.outcome) return location.assign(words.outcome);
  if (status === 200) {
    swap(reply.html);
    show();
    return replay();
  }
  // Keys typed for a question that did not come must not answer this one.
  ahead.length = 0;
  tell(reply.errors ?? reply.message ?? words.wordRefused);
  return rest();
}

async function go(item) {
  if (!item) return;
  const { status, reply } = await travel(words.question.replace("/_/", `/${encodeURIComponent(item)}/`));
  if (status === 409) return location.reload();
  if (status === 200) {
    swap(reply.html);
    show();
  } else tell(reply.message);
  replay();
}

/** The same question in the questionnaire's next language, with what was marked and typed. */
async function switchLanguage() {
  const offered = [...document.querySelectorAll("[data-spoken]")].map((name) => name.dataset.spoken);
  if (offered.length < 2) return;
  const next = offered[(offered.indexOf(question.dataset.lang) + 1) % offered.length];
  const url = words.language.replace("/_/", `/${encodeURIComponent(keyOf(question))}/`);
  const { status, reply } = await travel(url, { language: next });
  if (status === 409) return location.reload();
  if (status === 200) {
    const kept = marks();
    swap(reply.html);
    show();
    remark(kept);
  } else tell(reply.message);
  replay();
}

const keyOf = ({ dataset }) => (dataset.instance ? `${dataset.item}@${dataset.instance}` : dataset.item);

/** What stands on the screen and is not stored yet. */
const marks = () => ({
  touched,
  typed,
  boxes: [...question.querySelectorAll("[name=choice], [name=special]")].map((box) => box.checked),
  fields: [...question.querySelectorAll("textarea, input[type=text]")].map((text) => text.value),
});

function remark(kept) {
  ({ touched, typed } = kept);
  question.querySelectorAll("[name=choice], [name=special]").forEach((box, rank) => (box.checked = kept.boxes[rank]));
  question.querySelectorAll("textarea, input[type=text]").forEach((text, rank) => (text.value = kept.fields[rank]));
  for (const choice of question.querySelectorAll("[data-other]")) {
    document.getElementById(choice.dataset.other).parentElement.hidden = !choice.checked;
  }
  paint();
}

async function travel(url, body) {
  travelling = true;
  page.setAttribute("aria-busy", "true");
  try {
    return await insist(url, body);
  } finally {
    travelling = false;
    page.removeAttribute("aria-busy");
  }
}

/** Send until there is an answer: the same UUID each time, so that a repeat has one effect. */
async function insist(url, body) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    let why = words.wordCut;
    try {
      const response = await fetch(url, request(body));
      if (response.type === "opaqueredirect" || response.status === 403) tell(words.wordSession);
      else if (response.status < 500) {
        const reply = await response.json();
        sayState("");
        return { status: response.status, reply };
      } else why = words.wordDown;
    } catch {
      // No network, or no answer in time: the same request leaves again.
    }
    sayState(body ? `${why} ${words.wordOne}` : why);
    await pause(wait);
  }
}

function sayState(cut) {
  const state = document.getElementById("save");
  const text = cut || words.wordSaved;
  if (state.lastElementChild.textContent === text) return;
  state.classList.toggle("warn", Boolean(cut));
  state.classList.toggle("ok", !cut);
  state.lastElementChild.textContent = text;
}

// ---------------------------------------------------------------------------- layers

function openLayer(html) {
  layer.innerHTML = html;
  layer.showModal();
}

async function openList(name) {
  const { status, reply } = await travel(`${words.answers}?${name}`);
  if (status === 200) openLayer(reply.html);
  replay();
}

layer.addEventListener("close", () => {
  const kept = repair;
  repair = null;
  // Kept as it was: the question comes back with its stored answer.
  if (kept) go(kept.item);
  else rest();
});

layer.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) layer.close();
  if (event.target.closest("[data-modify]") && repair) {
    const body = repair;
    repair = null;
    layer.close();
    save(body);
  }
});

layer.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.closest("[data-modify]")) event.preventDefault();
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...layer.querySelectorAll("[data-goto]")];
  const at = buttons.indexOf(document.activeElement);
  buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)]?.focus();
  event.preventDefault();
});

// ------------------------------------------------------------------------------ keys

const ACTS = {
  confirm: () => confirm(performance.now()),
  previous: () => go(question.dataset.previous),
  following: () => stored() && go(question.dataset.following || question.dataset.empty),
  empty: () => go(question.dataset.empty),
  answers: () => openList("answers"),
  themes: () => openList("themes"),
  language: () => switchLanguage(),
  suspend: () => location.assign(words.outcome),
  sheet: () => document.body.classList.toggle("sheet"),
};

/** Play one key on the question on screen; false when the browser should have it. */
function play(key, live) {
  // Two Enter keys are a double press only where nothing stands between them.
  if (key.key !== "Enter") lastEnter = -Infinity;
  const inWords = writesText(document.activeElement);
  const letter = key.key.toLowerCase();
  if (key.alt) return letter in ALT && (ACTS[ALT[letter]](), true);
  if (key.key in MOVES) return ACTS[MOVES[key.key]](), true;
  if (key.key in LOOKS && document.activeElement === code) return look(LOOKS[key.key]), true;
  if (key.key in FUNCTION_KEYS) return markSpecial(FUNCTION_KEYS[key.key]), true;
  if (key.key === "Enter") return !(key.shift && mode === "text") && (confirm(key.at), true);
  if (inWords) return key.key === "Escape" && !isWords() ? (code.focus(), true) : !live && insert(key.key);
  const number = /^(?:Digit|Numpad)(\d)$/.exec(key.code);
  if (number && !key.shift) return digit(number[1]), true;
  if ("searched" in question.dataset && /^\p{L}$/u.test(key.key)) return seek(key.key), true;
  if (letter in LETTERS) return markSpecial(LETTERS[letter]), true;
  if (key.key === "Backspace") return erase(), true;
  if (mode === "decimal" && /^[.,]$/.test(key.key) && /^\d+$/.test(typed)) return (typed += ","), paint(), true;
  if (key.key === " " && (!live || document.activeElement === code)) return settle(), paint(), true;
  return false;
}

/** Move what does not fit on the screen; on a small one it is the page that moves. */
function look(by) {
  question.parentElement.scrollBy({ top: by });
  scrollBy({ top: by });
}

/** Letters typed ahead for a text go into its field. */
function insert(text) {
  const target = document.activeElement;
  if (text === "Backspace") target.value = target.value.slice(0, -1);
  else if (text.length === 1) target.value += text;
  return true;
}

function replay() {
  if (document.querySelector("dialog[open]")) ahead.length = 0;
  while (ahead.length && !travelling) play(ahead.shift(), false);
}

document.addEventListener(
  "keydown",
  (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.repeat) {
      // A held key says nothing twice; in a text field it still writes.
      if (!writesText(event.target) || event.key === "Enter") event.preventDefault();
      return;
    }
    if (event.target.closest("button, a") && (event.key === "Enter" || event.key === " ")) return;
    const key = { key: event.key, code: event.code, alt: event.altKey, shift: event.shiftKey, at: event.timeStamp };
    if (travelling) {
      if (isTyped(key)) {
        ahead.push(key);
        if (sending) keepWaiting({ body: sending, ahead });
        event.preventDefault();
      }
      return;
    }
    if (play(key, true)) event.preventDefault();
  },
  true,
);

const isTyped = (key) => !key.alt && key.key !== "?" && (key.key.length === 1 || /^(Enter|Backspace|Page|F[248]$)/.test(key.key));

// What does not come by a key of its own: a virtual keyboard, a paste, an assistive device.
code.addEventListener("beforeinput", (event) => {
  event.preventDefault();
  if (event.inputType.startsWith("delete")) erase();
  for (const d of event.data?.match(/\d/g) ?? []) digit(d);
});
page.addEventListener("change", (event) => {
  if (event.target.matches("[name=choice], [name=special]")) changed(event.target);
});
page.addEventListener("input", (event) => {
  if (event.target.id !== "words") return;
  touched = true;
  clear("special");
});
document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  const item = event.target.closest("[data-goto]")?.dataset.goto;
  if (travelling || (!act && !item)) return;
  if (layer.open) layer.close();
  if (act) ACTS[act]();
  if (item) go(item);
});
// Another window of hers on the same lease: both save, and this one follows unless it holds keys.
const windows = new BroadcastChannel(`interview ${words.answer} ${words.epoch}`);
windows.addEventListener("message", () => {
  if (travelling || layer.open) return;
  if (touched || document.querySelector("dialog[open]")) tell(words.wordOther);
  else location.reload();
});
addEventListener("beforeunload", (event) => {
  if (!kept && travelling && document.getElementById("save").classList.contains("warn")) event.preventDefault();
});

const kept = openWaiting(words.waiting, words.seal);
show();
travelling = true;
const waited = await takeWaiting();
travelling = false;
if (waited) {
  // Their times are those of the page before: only what lies between them still means something.
  const shift = performance.now() - (waited.ahead.at(-1)?.at ?? 0);
  ahead.unshift(...waited.ahead.map((key) => ({ ...key, at: key.at + shift })));
  save(waited.body);
} else replay();
