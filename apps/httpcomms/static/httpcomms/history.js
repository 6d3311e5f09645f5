// The queries that a person asked, the newest first, kept in this browser alone and apart for each person.
//
// The clock in the bar opens them; arrow up in the empty bar recalls one after the other. Any one, or all, can be forgotten.
import { shortcut } from "../core/keys.js";
import { closeCompletion } from "./complete.js";
import { $, addressWith, go } from "./page.js";
import { write } from "./query.js";
import { icon, made } from "./texts.js";

const MOST = 50;
const input = $("q");
const box = $("history");
const button = $("history-button");
const KEY = `spider.history.${input.form.dataset.person}`;

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one?.q === "string" && one.q) : [];
  } catch {
    return [];
  }
}

function keep(list) {
  try {
    list.length ? localStorage.setItem(KEY, JSON.stringify(list.slice(0, MOST))) : localStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing has no history: nothing else is lost.
  }
}

function remember(q) {
  if (q) keep([{ q, at: Date.now() }, ...read().filter((one) => one.q !== q)]);
}

function ago(at) {
  const minutes = Math.round((Date.now() - at) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  return minutes < 1440 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

function line({ q, at }) {
  const ask = made("button", "ask-again clip mono", q);
  ask.type = "button";
  ask.title = q;
  ask.dataset.q = q;
  const forget = made("button", "btn quiet s icon", icon("x"));
  forget.type = "button";
  forget.title = "Forget (Delete)";
  forget.setAttribute("aria-label", `Forget ${q}`);
  forget.dataset.forget = q;
  return made("li", "", ask, made("span", "dim", ago(at)), forget);
}

function draw() {
  const kept = read();
  $("history-list").replaceChildren(...kept.map(line));
  $("history-none").hidden = kept.length > 0;
  $("forget-all").hidden = kept.length === 0;
}

function toggle(open = box.hidden, back = true) {
  if (open) draw();
  box.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  if (open) {
    closeCompletion();
    (box.querySelector(".ask-again") ?? button).focus();
  } else if (back) button.focus();
}

button.addEventListener("click", () => toggle());

box.addEventListener("click", (event) => {
  const { q, forget } = event.target.closest("button")?.dataset ?? {};
  if (q) {
    toggle(false, false);
    go(addressWith({ q, open: "", tab: "" }));
    input.focus();
  } else if (forget !== undefined) drop(forget);
  else if (event.target.closest("#forget-all")) {
    keep([]);
    draw();
    button.focus();
  }
});

function drop(q) {
  const all = [...box.querySelectorAll(".ask-again")];
  const at = all.findIndex((one) => one.dataset.q === q);
  keep(read().filter((one) => one.q !== q));
  draw();
  const left = [...box.querySelectorAll(".ask-again")];
  (left[Math.min(at, left.length - 1)] ?? button).focus();
}

box.addEventListener("keydown", (event) => {
  const all = [...box.querySelectorAll(".ask-again")];
  const at = all.indexOf(document.activeElement);
  if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
  else if (event.key === "ArrowUp") all[Math.max(at - 1, 0)]?.focus();
  else if (event.key === "Delete" && at >= 0) drop(all[at].dataset.q);
  else if (event.key === "Escape") toggle(false);
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (!box.hidden && event.target.isConnected && !box.contains(event.target) && !button.contains(event.target)) toggle(false, false);
});
box.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !box.contains(event.relatedTarget) && event.relatedTarget !== button) toggle(false, false);
});

// Arrow up in the empty bar, or on what it recalled: the one before; arrow down: the one after. Before the completion hears it.
let recalled = -1;
input.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
  const kept = read();
  const still = recalled >= 0 && kept[recalled]?.q === input.value;
  const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!step || !(still || (step > 0 && !input.value))) return;
  const next = still ? recalled + step : 0;
  if (next >= kept.length) return;
  event.preventDefault();
  recalled = next;
  write(kept[next]?.q ?? "");
  closeCompletion();
}, { capture: true });

document.addEventListener("spider:answered", () => remember($("found").dataset.q));
remember($("found")?.dataset.q);
shortcut("Escape", "", () => toggle(false), { typing: true, when: () => !box.hidden });
shortcut("↑", "in the empty query: the one before", () => false, { group: "Query", when: () => false });
