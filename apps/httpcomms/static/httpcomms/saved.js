// Saved queries on the search page: the menu at the left of the bar, and the star that saves what is shown.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { closeCompletion } from "./complete.js";
import { $, addressWith, go, ofCommunications, parameter } from "./page.js";
import { call, failed, remove, save } from "./saving.js";
import { icon, made } from "./texts.js";

const button = $("saved-button");
const menu = $("saved-menu");
const find = $("saved-find");
const star = $("save-star");
const input = $("q");
const RANGE = ["from", "to", "wide"];
let known = { queries: [], teams: [], kept: [] };

// The page's state as a saved query keeps it: what is in the bar, and what of the address is kept.
function present() {
  const parameters = {};
  for (const name of known.kept) {
    const value = parameter(name) || (RANGE.includes(name) ? input.form.elements[name]?.value : "");
    if (value) parameters[name] = value;
  }
  return { query: input.value.trim(), parameters };
}

function same(query, state) {
  if (query.query !== state.query) return false;
  const ranged = RANGE.some((name) => query.parameters[name]);
  return known.kept.every((name) => (!ranged && RANGE.includes(name)) || (query.parameters[name] ?? "") === (state.parameters[name] ?? ""));
}

const opened = () => known.queries.find((one) => one.id === parameter("saved")) ?? null;

async function load() {
  try {
    known = await call("GET");
  } catch {
    return; // the menu says so when it is opened
  }
  label();
}

// The name of what is open, and whether it was changed since.
function label() {
  const one = opened();
  const state = present();
  const changed = Boolean(one) && !same(one, state);
  $("saved-name").textContent = one?.name ?? "Saved";
  button.classList.toggle("changed", changed);
  button.title = one ? `${one.name}${changed ? ", changed since it was saved" : ""} (s)` : "Saved queries (s)";
  const is = known.queries.some((query) => same(query, state));
  star.setAttribute("aria-pressed", String(is));
  star.title = is ? "This is a saved query" : "Save this query";
}

function act(name, words, id, css = "") {
  const box = made("button", `btn quiet s icon ${css}`, icon(name));
  box.type = "button";
  box.title = words;
  box.setAttribute("aria-label", words);
  box.dataset.does = words.split(" ")[0].toLowerCase();
  box.dataset.id = id;
  return box;
}

function line(one) {
  const link = made("a", "open");
  link.href = one.address;
  const who = one.mine ? one.teams.map((team) => team.name).join(", ") : one.owner;
  const head = made("span", "name", made("b", "clip", one.name));
  if (who) head.append(made("span", "dim clip shared", one.mine ? icon("share") : "", who));
  link.append(head, made("span", "mono dim clip", one.query || "everything"));
  link.title = [one.note, one.query].filter(Boolean).join("\n");
  const acts = made("span", "acts");
  if (one.mayChange) acts.append(act("pen", `Rename or share ${one.name}`, one.id), act("trash", `Delete ${one.name}`, one.id));
  if (!one.mine) acts.prepend(act("copy", `Copy ${one.name}`, one.id));
  const box = made("li", one.id === parameter("saved") ? "now" : "", link, acts);
  return box;
}

function draw() {
  const wanted = find.value.trim().toLowerCase();
  const fits = (one) => !wanted || [one.name, one.note, one.query, one.owner, ...one.teams.map((team) => team.name)].join("\n").toLowerCase().includes(wanted);
  const groups = [["Mine", known.queries.filter((one) => one.mine && fits(one))], ["Shared with my teams", known.queries.filter((one) => !one.mine && fits(one))]];
  const parts = [];
  for (const [title, found] of groups) if (found.length) parts.push(made("h2", "", title), made("ul", "", ...found.map(line)));
  if (!parts.length) parts.push(made("p", "dim none", known.queries.length ? "No saved query is called like that." : "No saved query yet. Save this one, and it is found here; share it, and your team finds it too."));
  $("saved-list").replaceChildren(...parts);
  find.closest("label").hidden = known.queries.length < 2;
  const one = opened();
  const update = $("saved-update");
  update.hidden = !one?.mayChange || same(one, present());
  update.querySelector("span").textContent = one ? `Update ${one.name}` : "";
  $("saved-leave").hidden = !one;
}

function toggle(open = menu.hidden, back = true) {
  menu.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  if (!open) {
    if (back) button.focus();
    return;
  }
  closeCompletion();
  find.value = "";
  draw();
  load().then(() => { if (!menu.hidden) draw(); });
  (known.queries.length < 2 ? $("saved-as") : find).focus();
}

const names = () => known.queries.filter((one) => one.mine).map((one) => one.name);

async function saveAs(title, given = {}) {
  toggle(false, false);
  await load(); // what can be kept, and with whom it can be shared, as of now
  given = { state: present(), ...given };
  const made = await save({ title, teams: known.teams, names: names(), ...given });
  if (!made) return;
  toast(`Saved as ${made.name}.`);
  await load();
  // Asked again under its name, so that every link of the page knows it.
  go(given.name === undefined ? addressWith({ q: made.query, saved: made.id }) : made.address);
}

async function update() {
  const one = opened();
  const state = present();
  // A range is kept where one was: what was saved for any time stays so.
  if (!RANGE.some((name) => one.parameters[name])) for (const name of RANGE) delete state.parameters[name];
  toggle(false);
  try {
    await call("PATCH", `${one.id}/`, state);
    toast(`${one.name} is now what is shown.`);
  } catch (error) {
    failed(error);
  }
  await load();
}

async function change(does, one) {
  toggle(false, false);
  if (does === "copy") return saveAs("Save a copy", { state: { query: one.query, parameters: one.parameters }, name: one.name, note: one.note });
  if (does === "rename") {
    if (await save({ title: "Rename or share", query: one, teams: known.teams, names: names() })) toast("Changed.");
  } else if (await remove(one)) {
    if (parameter("saved") === one.id) go(addressWith({ saved: "" }));
    toast(`${one.name} was deleted.`);
  }
  await load();
  button.focus();
}

button.addEventListener("click", () => toggle());
find.addEventListener("input", draw);

menu.addEventListener("click", (event) => {
  const link = event.target.closest("a.open");
  const { does, id } = event.target.closest("button")?.dataset ?? {};
  if (link && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    toggle(false, false);
    go(link.getAttribute("href"));
    return;
  }
  const one = known.queries.find((query) => query.id === id);
  if (one) change(does, one);
  else if (does === "save") saveAs("Save this query");
  else if (does === "update") update();
  else if (does === "leave") {
    toggle(false);
    go(addressWith({ saved: "" }));
  }
});

menu.addEventListener("keydown", (event) => {
  const all = [...menu.querySelectorAll("input:not([hidden]), .now-acts button:not([hidden]), a.open")].filter((one) => one.offsetParent);
  const at = all.indexOf(document.activeElement);
  if (event.key === "Escape") toggle(false);
  else if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
  else if (event.key === "ArrowUp") all[Math.max(at - 1, 0)]?.focus();
  else if (event.key === "Enter" && event.target === find) menu.querySelector("a.open")?.click();
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (!menu.hidden && event.target.isConnected && !menu.contains(event.target) && !button.contains(event.target)) toggle(false, false);
});

menu.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !menu.contains(event.relatedTarget) && event.relatedTarget !== button) toggle(false, false);
});

star.addEventListener("click", async () => {
  await load();
  const state = present();
  const one = known.queries.find((query) => query.mayChange && same(query, state));
  if (one) change("rename", one);
  else saveAs("Save this query");
});

document.addEventListener("spider:answered", label);
input.addEventListener("input", label);
shortcut("Escape", "", () => toggle(false), { typing: true, when: () => !menu.hidden });
shortcut("s", "saved queries", () => toggle(true), { group: "Query", when: () => ofCommunications });
load();
