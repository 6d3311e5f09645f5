// The files of a whisperer: dropped or chosen, sent two at a time, then followed until the workers have read them.
// A row speaks for its file while this page sends it; before and after that the server does.
import { CANCELLED, PAUSED, REFUSED, RETRYING, SENDING, SENT, Sending, WAITING } from "./tus.js";

const PARALLEL = 2;
const SOON = 1_000;
const LATER = 15_000;

const ACTIONS = {
  pause: "Pause", go: "Go on", now: "Try now", cancel: "Cancel", resume: "Go on", again: "Read again", remove: "Remove",
};

export function volume(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  let value = bytes;
  for (const unit of ["KB", "MB", "GB"]) {
    value /= 1024;
    if (value < 999.5 || unit === "GB") return `${value.toFixed(value < 99.95 ? 1 : 0)} ${unit}`;
  }
}

export function span(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// What a row says of a file that this page sends.
function view(sending) {
  const { file, sent, speed } = sending;
  const arrived = `${volume(sent)} of ${volume(file.size)}`;
  const progress = file.size ? (sent / file.size) * 100 : 0;
  const left = speed ? ` · ${volume(Math.round(speed))}/s · ${span((file.size - sent) / speed)} left` : "";
  switch (sending.state) {
    case WAITING:
      return { word: "waiting", tone: "", icon: "clock", progress: sent ? progress : null, note: "its turn comes when one before it is sent", actions: ["cancel"] };
    case SENDING:
      return { word: "sending", tone: "info", icon: "f-upload", progress, note: arrived + left, actions: ["pause", "cancel"] };
    case RETRYING:
      return {
        word: "interrupted", tone: "warn", icon: "warn", progress, actions: ["now", "cancel"],
        note: `${sending.error || `no connection; ${arrived} arrived`} · tried again ${when(sending.again)}`,
      };
    case PAUSED:
      return { word: "paused", tone: "warn", icon: "f-pause", progress, note: sending.error || `${arrived} arrived`, actions: ["go", "cancel"] };
    case REFUSED:
      return { word: "refused", tone: "bad", icon: "error", progress: null, note: sending.error, actions: ["remove"] };
    default:
      return { word: "sent", tone: "info", icon: "clock", progress: 100, note: "sent; a worker will check it next", actions: [] };
  }
}

function when(moment) {
  const seconds = Math.ceil((moment - Date.now()) / 1000);
  return seconds > 0 ? `in ${seconds} s` : "now";
}

class Row {
  constructor(page, template) {
    this.page = page;
    this.sending = null;
    this.told = null;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.parts = Object.fromEntries([...this.element.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (button) page.act(this, button.dataset.do);
    });
  }

  get name() { return this.sending?.file.name ?? this.told.name; }
  get size() { return this.sending?.file.size ?? this.told.size; }
  get id() { return this.sending?.id ?? this.told?.id ?? null; }

  // Only what changed is touched: the focus stays, and so does a selection.
  draw() {
    const shown = this.sending ? view(this.sending) : this.told;
    const { parts } = this;
    set(parts.name, this.name);
    if (parts.name.title !== this.name) parts.name.title = this.name;
    set(parts.size, volume(this.size));
    set(parts.word, shown.word);
    set(parts.note, shown.note);
    if (parts.note.title !== shown.note) parts.note.title = shown.note;
    parts.chip.className = `chip ${shown.tone}`;
    parts.icon.firstElementChild.setAttribute("href", `#i-${shown.icon}`);
    parts.progress.hidden = shown.progress === null;
    parts.progress.value = shown.progress ?? 0;
    parts.progress.className = { info: this.sending ? "" : "ok" }[shown.tone] ?? shown.tone;
    parts.progress.setAttribute("aria-label", `${this.name}: ${shown.word}`);
    this.#actions(shown);
    if (this.word && this.word !== shown.word) this.page.say(`${this.name}: ${shown.word}. ${shown.note}`);
    this.word = shown.word;
    this.element.dataset.state = shown.word;
  }

  #actions(shown) {
    const { parts } = this;
    parts.show.hidden = !shown.search;
    if (shown.search && parts.show.getAttribute("href") !== shown.search) parts.show.href = shown.search;
    parts.show.setAttribute("aria-label", `Show what is in ${this.name}`);
    const wanted = this.page.may ? shown.actions : [];
    if (parts.actions.dataset.has === wanted.join()) return;
    parts.actions.dataset.has = wanted.join();
    const focused = parts.actions.contains(document.activeElement);
    parts.actions.replaceChildren(...wanted.map((name) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "btn s", textContent: ACTIONS[name] });
      button.dataset.do = name;
      button.setAttribute("aria-label", `${ACTIONS[name]}: ${this.name}`);
      return button;
    }));
    if (focused) (parts.actions.firstElementChild ?? this.page.picker).focus();
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

class Files {
  constructor(root) {
    Object.assign(this, { root, rows: [], cancelled: [], timer: null, wanted: null });
    this.may = root.dataset.may === "yes";
    this.list = root.dataset.list;
    this.body = root.querySelector("tbody");
    this.template = root.querySelector("template");
    this.picker = root.querySelector("input[type=file]");
    this.status = root.querySelector("[data-part=status]");
    this.trouble = root.querySelector("[data-part=trouble]");
    this.voice = root.querySelector("[data-part=voice]");
    this.spoken = [];
    if (this.may && this.picker) this.#listen();
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
    this.look();
  }

  #listen() {
    const drop = this.root.querySelector(".drop");
    this.picker.addEventListener("change", () => {
      this.#picked([...this.picker.files]);
      this.picker.value = ""; // the same file may be chosen again
    });
    // Anywhere on the page: a file that misses the frame would replace the page.
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
    document.addEventListener("drop", async (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.remove("over");
      this.add(await dropped(event.dataTransfer));
    });
    addEventListener("online", () => this.rows.forEach((row) => row.sending?.hurry()));
    addEventListener("beforeunload", (event) => {
      if (this.rows.some((row) => row.sending && !row.sending.over && row.sending.state !== PAUSED)) event.preventDefault();
    });
    setInterval(() => this.rows.forEach((row) => row.sending?.state === RETRYING && row.draw()), SOON);
  }

  // After "Go on" only the same file will do.
  #picked(files) {
    const { wanted } = this;
    this.wanted = null;
    if (wanted && files.length === 1 && !same(wanted.told, files[0])) {
      this.complain(`${files[0].name} is not the file that was begun: its name, size and date of change are compared.`);
      return;
    }
    this.add(files);
  }

  add(files) {
    this.complain();
    for (const file of files) {
      if (this.rows.some((row) => row.sending && !row.sending.over && same(row.sending.file, file))) continue;
      const begun = this.rows.find((row) => !row.sending && row.told?.actions.includes("resume") && same(row.told, file));
      const row = begun ?? this.#row();
      row.sending = new Sending(file, {
        address: this.list,
        whisperer: this.root.dataset.whisperer,
        known: begun ? `${this.list}${begun.told.id}/` : null,
        changed: () => this.#changed(row),
      });
      if (begun) row.sending.sent = begun.told.offset;
      row.draw();
    }
    this.#next();
  }

  #row() {
    const row = new Row(this, this.template);
    this.rows.push(row);
    this.body.prepend(row.element);
    return row;
  }

  #changed(row) {
    const { state } = row.sending;
    if (state === SENT) this.look();
    if (state === CANCELLED) this.#forget(row);
    else row.draw();
    if (!row.sending.active) this.#next();
    this.#count();
  }

  // Start those whose turn it is.
  #next() {
    let free = PARALLEL - this.rows.filter((row) => row.sending?.active).length;
    for (const row of this.rows) {
      if (free <= 0) break;
      if (row.sending?.state !== WAITING) continue;
      free -= 1;
      row.sending.run();
    }
    this.#count();
  }

  #count() {
    if (!this.status) return;
    const states = this.rows.map((row) => row.sending?.state);
    const count = (state) => states.filter((one) => one === state).length;
    const parts = [[count(SENDING), "being sent"], [count(RETRYING), "interrupted"], [count(WAITING), "waiting"], [count(PAUSED), "paused"]];
    set(this.status, parts.filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(", "));
    this.root.querySelector("[data-part=empty]").hidden = this.rows.length > 0;
    this.root.querySelector("table").hidden = this.rows.length === 0;
  }

  // What went wrong with what a person asked for, until they ask for something else.
  complain(text = "") {
    this.trouble.hidden = !text;
    this.trouble.lastElementChild.textContent = text;
  }

  async act(row, name) {
    this.complain();
    if (name === "pause") row.sending.pause();
    else if (name === "now") row.sending.hurry();
    else if (name === "go") { row.sending.state = WAITING; row.draw(); this.#next(); }
    else if (name === "cancel") {
      this.cancelled.push(row.sending);
      await row.sending.cancel();
    }
    else if (name === "resume") { this.wanted = row; this.picker.click(); }
    else if (name === "remove") await this.#remove(row);
    else if (name === "again") { await this.#ask(row, "POST", "again/"); this.look(); }
  }

  async #remove(row) {
    if (row.id && !(await this.#ask(row, "DELETE"))) return;
    this.say(`${row.name} was removed.`);
    this.#forget(row);
    this.#count();
  }

  async #ask(row, method, rest = "") {
    const token = document.cookie.split("; ").find((part) => part.startsWith("spider_csrf="))?.slice(12) ?? "";
    const headers = { "Tus-Resumable": "1.0.0", "X-CSRFToken": token };
    try {
      const answer = await fetch(`${this.list}${row.id}/${rest}`, { method, headers });
      if (answer.ok || answer.status === 404) return true;
      this.complain((await answer.json()).error.message);
    } catch {
      this.complain("The server does not answer: try again.");
    }
    return false;
  }

  #forget(row) {
    if (row.element.contains(document.activeElement)) this.picker?.focus();
    row.element.remove();
    this.rows = this.rows.filter((one) => one !== row);
  }

  // Ask the server what became of the files; soon again while something moves.
  async look() {
    clearTimeout(this.timer);
    if (this.looking) { this.once = true; return; }
    this.looking = true;
    let busy = true;
    try {
      const answer = await fetch(`${this.list}?whisperer=${this.root.dataset.whisperer}`);
      if (answer.status === 401) { location.reload(); return; }
      if (answer.ok) { const told = await answer.json(); this.#told(told.files); busy = told.busy; }
      this.root.classList.toggle("away", !answer.ok);
    } catch {
      this.root.classList.add("away");
    }
    this.looking = false;
    busy ||= this.rows.some((row) => row.sending?.active);
    const pause = this.once ? 0 : busy && !document.hidden ? SOON : LATER;
    this.once = false;
    this.timer = setTimeout(() => this.look(), pause);
  }

  #told(files) {
    const known = new Map(this.rows.filter((row) => row.id).map((row) => [row.id, row]));
    for (const file of [...files].reverse()) {
      const row = known.get(file.id) ?? this.#unclaimed(file);
      if (!row) continue;
      row.told = file;
      // Once all is sent, or the server has the last word, the row is the server's.
      if (row.sending && (row.sending.state === SENT || (row.sending.over && file.state === "failed"))) row.sending = null;
      row.draw();
      known.delete(file.id);
    }
    for (const row of known.values()) {
      if (!row.sending) this.#forget(row); // removed by somebody else
    }
    this.#count();
  }

  // A row for a file that is new here: ours, if the answer to what made it was lost; none while that may still come, or
  // while what was cancelled is being removed.
  #unclaimed(file) {
    if (this.cancelled.some((sending) => sending.id === file.id || (sending.creating && same(sending.file, file)))) return null;
    const ours = this.rows.find((row) => row.sending && !row.sending.id && !row.sending.over && same(row.sending.file, file));
    if (!ours) return this.#row();
    if (ours.sending.creating || !file.actions.includes("resume")) return null;
    ours.sending.adopt(`${this.list}${file.id}/`);
    return ours;
  }

  // For screen readers: what changed, gathered so that a burst is read as one.
  say(text) {
    this.spoken.push(text);
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => { this.voice.textContent = this.spoken.splice(0).join(" "); }, 400);
  }
}

// Whether two are the same file, here or as the server knows it: by name, size and date of change, where both know that.
function same(one, other) {
  const [here, there] = [one, other].map((file) => file.modified ?? file.lastModified);
  return one.name === other.name && one.size === other.size && (!here || !there || here === there);
}

// The files of a drop, those in folders too.
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) { found.push(await new Promise((resolve, reject) => entry.file(resolve, reject))); return; }
    const reader = entry.createReader();
    for (;;) { // a call gives at most a hundred
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const one of some) await walk(one);
    }
  };
  for (const entry of entries.filter(Boolean)) await walk(entry);
  return found;
}

const started = new WeakSet();

// Start every panel of the page, once; a panel that htmx puts in later too.
export function start() {
  for (const root of document.querySelectorAll("[data-files]")) {
    if (started.has(root)) continue;
    started.add(root);
    new Files(root);
  }
}

document.addEventListener("htmx:load", start);
start();
