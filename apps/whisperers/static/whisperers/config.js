// The form of a configuration: what is set here, what is inherited, what is being edited; checked by the server while
// somebody types, saved as a whole, and never over a change that somebody else made meanwhile.

import { toast } from "../core/site.js";
import { editorOf, element, icon, told } from "./editors.js";
import { Dialogs } from "./dialogs.js";
import { RuleTable } from "./rules.js";
import "./undo.js";

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("config-data").textContent);
const page = $("config");
const form = $("config-form");
const csrf = $("root").dataset.csrf;
// Parts of a rule that are not given come as null; here they are left out, as the form leaves them.
for (const level of [data.own, data.values, data.inherited]) {
  for (const value of Object.values(level)) {
    if (!Array.isArray(value)) continue;
    for (const rule of value) for (const part of Object.keys(Object(rule))) if (rule[part] === null) delete rule[part];
  }
}
const PAUSE = 350; // ms without a key before what was typed is checked

const sorted = (_, value) => (value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);
const same = (a, b) => JSON.stringify(a, sorted) === JSON.stringify(b, sorted);
const has = (object, name) => Object.hasOwn(object, name);

class Form {
  constructor() {
    this.own = structuredClone(data.own); // the values as they will be set here
    this.problems = data.problems;
    this.typing = new Set();
    this.fields = new Map();
    for (const info of data.fields) this.fields.set(info.name, this.field(info));
    this.offers();
    this.showAll();
  }

  field(info) {
    const root = $(`f-${info.name}`);
    const options = { id: `i-${info.name}`, disabled: !data.may, changed: () => this.edited(info.name), say };
    const box = root.querySelector("[data-editor]");
    const editor = info.type === "table" ? new RuleTable(info, box, options) : editorOf(info, box, options);
    editor.set(this.value(info.name));
    for (const input of root.querySelectorAll("input, textarea, select")) {
      input.setAttribute("aria-describedby", `o-${info.name} e-${info.name}`);
    }
    return { info, root, editor, from: $(`o-${info.name}`), tip: $(`e-${info.name}`), setter: root.querySelector(".setter")?.textContent };
  }

  // ---- values ------------------------------------------------------------------------------------------------------------

  value(name, own = this.own) { return has(own, name) ? own[name] : data.inherited[name]; }
  isDirty(name) { return has(this.own, name) !== has(data.own, name) || !same(this.own[name], data.own[name]); }
  isRight() { return !this.typing.size && !this.problems.some((one) => has(this.own, root(one.field))); }
  dirty() { return [...this.fields.keys()].filter((name) => this.isDirty(name)); }

  edited(name) {
    const value = this.fields.get(name).editor.get();
    // Typed back to what is inherited it is inherited again; what was set here stays so until somebody says otherwise.
    if (!has(data.own, name) && same(value, data.inherited[name])) delete this.own[name];
    else this.own[name] = value;
    this.typing.add(name);
    this.show(name);
    this.bar();
    this.later();
  }

  put(name, value) {
    if (value === undefined) delete this.own[name];
    else this.own[name] = value;
    this.fields.get(name).editor.set(this.value(name));
    this.typing.add(name);
  }

  revert(name) {
    this.put(name, has(data.own, name) ? structuredClone(data.own[name]) : undefined);
    this.changedAll();
    this.fields.get(name).editor.control.focus();
  }

  changedAll() {
    this.offers();
    this.showAll();
    this.later(0);
  }

  // ---- checks ------------------------------------------------------------------------------------------------------------

  later(pause = PAUSE) {
    clearTimeout(this.timer);
    this.checking?.abort();
    this.timer = setTimeout(() => this.check(), pause);
  }

  async check() {
    this.checking = new AbortController();
    try {
      const answer = await fetch(`${page.dataset.url}?check=1`, { ...this.request("PUT", { values: this.own }), signal: this.checking.signal });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.error?.message ?? answer.statusText);
      this.found(said.problems);
    } catch (error) {
      if (error.name === "AbortError") return;
      trouble(error instanceof TypeError ? "The server cannot be reached, so nothing is checked. Your edits are still here." : error.message);
    }
  }

  // Inherited values are not part of what was checked; what is wrong with them stays as it was told first.
  found(problems) {
    const inherited = data.problems.filter((one) => !has(this.own, root(one.field)) && !has(data.own, root(one.field)));
    this.problems = [...problems, ...inherited];
    this.typing.clear();
    trouble("");
    this.showAll();
    const wrong = problems.length;
    if (this.saveNext && !wrong) this.save();
    this.saveNext = false;
    document.dispatchEvent(new CustomEvent("spider:checked", { detail: wrong }));
    say(wrong ? `${wrong} value${wrong > 1 ? "s are" : " is"} wrong. ${problems[0].message} ${problems[0].fix}` : "");
  }

  request(method, body) {
    return { method, headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf }, body: JSON.stringify(body) };
  }

  // ---- what it looks like --------------------------------------------------------------------------------------------------

  problemsOf(name) { return this.problems.filter((one) => root(one.field) === name); }

  state(name) {
    if (this.typing.has(name) && this.isDirty(name)) return "editing";
    if (this.problemsOf(name).length) return "wrong";
    if (this.isDirty(name)) return "valid";
    return has(this.own, name) ? "set" : "default";
  }

  showAll() {
    for (const name of this.fields.keys()) this.show(name);
    this.bar();
    this.advanced();
  }

  show(name) {
    const { info, root: field, editor, tip } = this.fields.get(name);
    const state = this.state(name);
    const wrong = state === "wrong" ? this.problemsOf(name) : [];
    field.dataset.state = state;
    const icons = { default: "default", editing: "pen", valid: "valid", set: "set", wrong: "wrong" };
    for (const use of field.querySelectorAll(".box > .i use")) use.setAttribute("href", `#i-${icons[state]}`);
    tip.hidden = !wrong.length;
    tip.textContent = wrong.map((one) => worded(one, info)).join("\n");
    if (editor.mark) editor.mark(wrong);
    else for (const input of field.querySelectorAll(".box input, .box textarea, .box select")) input.setAttribute("aria-invalid", String(wrong.length > 0));
    this.fields.get(name).from.replaceChildren(...this.from(name, state));
  }

  // The words at the right: how the value is, where it is from, and the way back.
  from(name, state) {
    const { info, setter } = this.fields.get(name);
    const was = this.value(name, data.own);
    const parts = [];
    const words = element("span");
    const word = { editing: "being edited", wrong: "wrong" }[state];
    if (info.type === "table" || info.type === "object") parts.push(icon({ default: "default", editing: "pen", valid: "valid", set: "set", wrong: "wrong" }[state]));
    if (word) words.append(word);
    else if (state === "valid") words.append(has(this.own, name) ? "changed, valid · was " : "inherited again · was ", element("s", { title: told(was, info) }, short(told(was, info))));
    else if (state === "set") words.append(setter ? `set here by ${setter}` : "set here");
    else words.append("inherited from ", element("span", { class: "chip out" }, data.levels[name]));
    parts.push(words);
    if (!data.may) return parts;
    if (this.isDirty(name)) parts.push(this.action("undo", `Undo the edit of ${info.label}`, () => this.revert(name)));
    else if (has(this.own, name)) {
      const inherit = `Inherit ${info.label} again: ${short(told(data.inherited[name], info))} from ${data.levels[name]}`;
      parts.push(this.action("inherit", inherit, () => { this.put(name, undefined); this.changedAll(); this.fields.get(name).editor.control.focus(); }));
    }
    return parts;
  }

  action(name, words, act) {
    const made = element("button", { type: "button", class: "btn quiet s icon", "aria-label": words, title: words }, icon(name));
    made.addEventListener("click", act);
    return made;
  }

  bar() {
    const dirty = this.dirty();
    const wrong = new Set(this.problems.map((one) => root(one.field)).filter((name) => has(this.own, name)));
    $("changes-bar").hidden = !dirty.length;
    if (!dirty.length) return;
    $("changes-count").textContent = `${dirty.length} change${dirty.length > 1 ? "s" : ""}`;
    $("changes-wrong").hidden = !wrong.size;
    $("changes-wrong").querySelector("span").textContent = `${wrong.size} wrong`;
    $("changes-diff").replaceChildren(...dirty.map((name) => {
      const { info } = this.fields.get(name);
      return element("span", {}, `${info.label} `, element("del", {}, short(told(this.value(name, data.own), info), 24)), " ", element("ins", {}, short(told(this.value(name), info), 24)));
    }));
    const save = $("save");
    save.disabled = this.typing.size > 0 || wrong.size > 0;
    save.textContent = this.typing.size ? "Checking…" : wrong.size ? "Save" : "Save, in force within 10 s";
    save.title = wrong.size ? "Correct what is wrong first" : "";
  }

  advanced() {
    const all = data.fields.filter((info) => info.advanced);
    const shown = $("advanced").checked;
    form.classList.toggle("basic", !shown);
    for (const { root: field, info } of this.fields.values()) {
      // What is wrong, edited or set here is never hidden.
      field.classList.toggle("advanced", info.advanced && this.state(info.name) === "default" && `#f-${info.name}` !== location.hash);
    }
    for (const group of form.querySelectorAll("[data-group]")) group.classList.toggle("all-advanced", [...group.querySelectorAll(".field")].every((one) => one.classList.contains("advanced")));
    const hidden = all.filter((info) => this.fields.get(info.name).root.classList.contains("advanced")).length;
    $("advanced-count").textContent = shown ? "" : `${hidden} hidden`;
    document.querySelector(".adv-line label").hidden = !all.length;
  }

  // Interfaces that agents told: pressed where they are in the list.
  offers() {
    const chosen = this.fields.get("interfaces")?.editor.get() ?? [];
    for (const one of document.querySelectorAll("[data-offer]")) one.setAttribute("aria-pressed", String(chosen.includes(one.dataset.offer)));
  }

  offer(name) {
    const { editor } = this.fields.get("interfaces");
    const chosen = editor.get();
    // "any" is all of a host together: it stands alone.
    const without = chosen.filter((one) => one !== name && (name === "any" ? false : one !== "any"));
    editor.set(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...without, name]);
    this.edited("interfaces");
    this.offers();
  }

  // ---- saving ------------------------------------------------------------------------------------------------------------

  async save(revision = data.revision, again = true) {
    const save = $("save");
    save.disabled = true;
    const request = this.request("PUT", { values: this.own });
    request.headers["If-Match"] = `"${revision}"`;
    let answer;
    let said;
    try {
      answer = await fetch(page.dataset.url, request);
      said = await answer.json();
    } catch {
      save.disabled = false;
      trouble("The server cannot be reached. Nothing was saved; your edits are still here.");
      return;
    }
    if (answer.ok) return this.saved();
    save.disabled = false;
    if (answer.status === 412 && again) return this.meanwhile();
    if (said.error?.problems) this.found(said.error.problems);
    trouble(said.error?.message ?? `The server answered ${answer.status}. Nothing was saved.`);
    form.querySelector('[aria-invalid="true"]')?.focus();
  }

  saved() {
    this.own = data.own; // nothing is left to lose
    sessionStorage.setItem("spider:said", data.kind === "capture" ? "Saved. Agents take it over at their next poll." : "Saved. New traffic is read this way within 10 s.");
    location.reload();
  }

  // Start and stop change the revision too; only other values are a reason to stop and look.
  async meanwhile() {
    const answer = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
    const now = await answer.json();
    if (same(now.own, data.own)) return this.save(now.revision, false);
    trouble("Somebody else changed this configuration meanwhile, so nothing was saved. Keep your edits with “JSON in and out”, load the page again, and take them in.");
  }
}

// ---- words -----------------------------------------------------------------------------------------------------------------

const root = (path) => path.split(/[.[]/)[0];
function short(words, most = 40) { return words.length > most ? `${words.slice(0, most - 1)}…` : words; }

// Of a rule or a part the path says which one: templates[0].path.
function worded(problem, info) {
  const where = problem.field === info.name ? "" : `${problem.field}: `;
  return `${where}${problem.message} ${problem.fix}`;
}

function say(words) { $("config-said").textContent = words; }

function trouble(words) {
  const box = $("config-trouble");
  box.hidden = !words;
  box.querySelector("span").textContent = words;
  if (words) box.scrollIntoView({ block: "nearest" });
}

// ---- what a person does ------------------------------------------------------------------------------------------------------

$("advanced").checked = localStorage.getItem("spider:advanced") === "yes";
const one = new Form();
const dialogs = new Dialogs(one, data, page);

$("advanced").addEventListener("change", (event) => {
  localStorage.setItem("spider:advanced", event.target.checked ? "yes" : "no");
  one.advanced();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (one.typing.size) one.saveNext = true; // as soon as it is checked
  else if (!$("save").disabled && one.dirty().length) one.save();
});
form.addEventListener("input", () => one.offers());

document.addEventListener("click", (event) => {
  const offer = event.target.closest("[data-offer]");
  if (offer) one.offer(offer.dataset.offer);
  const act = event.target.closest("[data-do]");
  if (!act) return;
  if (act.dataset.do === "help") {
    const help = $(act.getAttribute("aria-controls"));
    help.hidden = !help.hidden;
    act.setAttribute("aria-expanded", String(!help.hidden));
  } else if (act.dataset.do === "reset") {
    for (const name of one.dirty()) one.put(name, has(data.own, name) ? structuredClone(data.own[name]) : undefined);
    one.changedAll();
    toast("All edits were undone.");
  } else dialogs.act(act.dataset.do);
});

// Ctrl S saves, as everywhere.
document.addEventListener("keydown", (event) => {
  if (event.key === "s" && (event.ctrlKey || event.metaKey) && one.dirty().length) {
    event.preventDefault();
    form.dispatchEvent(new SubmitEvent("submit", { cancelable: true }));
  }
});

document.addEventListener("spider:undo", (event) => {
  if (!one.dirty().length) return;
  event.preventDefault();
  toast("Save or undo your own edits first: they would be lost.", true);
});
addEventListener("beforeunload", (event) => { if (one.dirty().length) event.preventDefault(); });

// An address may name a field. The browser goes to it by itself, which takes the focus away: so it is given afterwards.
function toField() {
  const field = one.fields.get(location.hash.replace(/^#f-/, ""));
  field?.root.scrollIntoView({ block: "center" });
  if (data.may) field?.editor.control.focus();
}
if (location.hash) addEventListener("load", () => setTimeout(toField, 50));
page.dataset.ready = "yes";
document.dispatchEvent(new CustomEvent("spider:config", { detail: one }));
