// A table of rules in their order: templates, tags. Everything a mouse does, keys do too: Alt with arrows moves a rule,
// Alt Enter adds one below, Alt Delete removes it; rows of a spreadsheet can be pasted and copied.

import { toast } from "../core/site.js";
import { element, icon } from "./editors.js";

const SHOWN = 4; // columns of a row; further parts stand below it
const PLACES = ["req.method", "req.host", "req.path", "req.query", "req.query:name", "req.header:name", "req.body", "res.status", "res.header:name", "res.location", "res.body"];

function button(word, name, act) {
  const made = element("button", { type: "button", class: "btn quiet s icon", title: word, "aria-label": word, "data-act2": act }, icon(name));
  return made;
}

export class RuleTable {
  constructor(info, box, { id, disabled, changed, say }) {
    Object.assign(this, { info, disabled, changed, say });
    this.one = info.name.replace(/s$/, "");
    this.main = info.parts.slice(0, SHOWN);
    this.rest = info.parts.slice(SHOWN);
    this.list = element("ol", { id, "aria-labelledby": `l-${info.name}` });
    this.none = element("p", { class: "none" }, `No ${this.one} yet.`);
    const head = element("div", { class: "rules-head", "aria-hidden": "true" }, element("span"), ...this.main.map((part) => element("span", {}, part.label)));
    this.head = head;
    this.root = element("div", { class: `rules ${info.name}` }, head, this.list, this.none);
    if (info.name === "tags") this.root.append(element("datalist", { id: "tag-places" }, ...PLACES.map((one) => element("option", { value: one }))));
    this.root.append(this.acts());
    box.append(this.root);
    this.root.addEventListener("input", () => changed());
    this.root.addEventListener("click", (event) => this.clicked(event));
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    this.root.addEventListener("paste", (event) => this.pasted(event));
  }

  acts() {
    this.addButton = element("button", { type: "button", class: "btn s", "data-act2": "add", disabled: this.disabled }, icon("plus"), `Add a ${this.one}`);
    return element("div", { class: "foot-acts" }, this.addButton,
      element("button", { type: "button", class: "btn s quiet", "data-act2": "table" }, icon("copy"), "Copy as table"),
      element("span", { class: "dim" }, this.disabled ? "" : "Alt ↑ ↓ moves, Alt Enter adds, Alt Delete removes; rows of a spreadsheet can be pasted."));
  }

  get control() { return this.addButton; }
  get rows() { return [...this.list.children]; }

  get() {
    return this.rows.map((row) => {
      const rule = {};
      for (const input of row.querySelectorAll("input")) {
        if (input.value !== "" || input.dataset.part === "name") rule[input.dataset.part] = input.value;
      }
      return rule;
    });
  }

  set(rules) {
    this.list.replaceChildren(...(Array.isArray(rules) ? rules : []).map((rule) => this.row(rule)));
    this.number();
  }

  cell(part, rule) {
    const input = element("input", {
      type: "text", value: rule[part.name] ?? "", "data-part": part.name, class: part.name === "name" ? "name" : false, disabled: this.disabled,
      spellcheck: "false", autocapitalize: "none", autocomplete: "off", placeholder: part.name === "name" ? part.example : "", title: part.help, list: part.name === "where" ? "tag-places" : false,
    });
    return input;
  }

  row(rule) {
    const row = element("li", { class: "rule" }, element("span", { class: "pos" }));
    for (const part of this.main) row.append(element("div", {}, element("span", { class: "cell-label", "aria-hidden": "true" }, part.label), this.cell(part, rule)));
    const acts = element("div", { class: "row-acts" });
    const more = this.rest.some((part) => rule[part.name]);
    if (!this.disabled) acts.append(button("Move up", "up", "up"), button("Move down", "down", "down"));
    if (this.rest.length) {
      acts.append(button("Query, header, body", "dots", "more"));
      acts.lastChild.setAttribute("aria-expanded", String(more));
    }
    if (!this.disabled) acts.append(button("Remove", "x", "remove"));
    row.append(acts);
    if (this.rest.length) {
      row.append(element("div", { class: "rest", hidden: !more }, ...this.rest.map((part) => element("label", {}, part.label, this.cell(part, rule)))));
    }
    row.append(element("p", { class: "said-wrong", hidden: true }));
    return row;
  }

  // Each cell and button is named by its part and its place, which changes when rules move.
  number() {
    this.rows.forEach((row, n) => {
      row.querySelector(".pos").textContent = String(n + 1);
      for (const input of row.querySelectorAll("input")) input.setAttribute("aria-label", `${this.info.parts.find((part) => part.name === input.dataset.part).label} of ${this.one} ${n + 1}`);
      for (const made of row.querySelectorAll(".row-acts button")) made.setAttribute("aria-label", `${made.title}: ${this.one} ${n + 1}`);
    });
    this.none.hidden = this.rows.length > 0;
    this.head.hidden = this.rows.length === 0;
  }

  clicked(event) {
    const made = event.target.closest("[data-act2]");
    if (!made) return;
    const row = made.closest(".rule");
    const act = made.dataset.act2;
    if (act === "add") this.add(this.rows.at(-1));
    else if (act === "table") this.copy();
    else if (act === "up") this.move(row, -1, made);
    else if (act === "down") this.move(row, 1, made);
    else if (act === "remove") this.remove(row);
    else if (act === "more") {
      const rest = row.querySelector(".rest");
      rest.hidden = !rest.hidden;
      made.setAttribute("aria-expanded", String(!rest.hidden));
      if (!rest.hidden) rest.querySelector("input").focus();
    }
  }

  pressed(event) {
    const row = event.target.closest(".rule");
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
    if (!row || this.disabled || !event.altKey) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) this.move(row, step, event.target);
    else if (event.key === "Enter") this.add(row);
    else if (event.key === "Delete" || event.key === "Backspace") this.remove(row);
    else return;
    event.preventDefault();
  }

  add(after, rule = {}) {
    const row = this.row(rule);
    if (after) after.after(row);
    else this.list.append(row);
    this.number();
    row.querySelector("input").focus();
    this.say(`${this.one} ${this.rows.indexOf(row) + 1} added.`);
    this.changed();
  }

  move(row, step, focus) {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    this.number();
    focus.focus();
    this.say(`${this.one} moved to place ${this.rows.indexOf(row) + 1} of ${this.rows.length}.`);
    this.changed();
  }

  remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    this.number();
    (next?.querySelector("input") ?? this.addButton).focus();
    this.say(`${this.one} removed.`);
    this.changed();
  }

  pasted(event) {
    const pasted = event.clipboardData.getData("text/plain");
    const row = event.target.closest(".rule");
    if (!row || !/\t|\n./.test(pasted)) return;
    event.preventDefault();
    const names = this.info.parts.map((part) => part.name);
    const first = names.indexOf(event.target.dataset.part);
    const table = pasted.replace(/\r/g, "").replace(/\n$/, "").split("\n").map((line) => line.split("\t"));
    let place = row;
    table.forEach((cells, n) => {
      const rule = Object.fromEntries(cells.map((cell, c) => [names[first + c], cell.trim()]).filter(([name]) => name));
      if (n === 0 && [...row.querySelectorAll("input")].some((input) => input.value)) {
        for (const input of row.querySelectorAll("input")) if (rule[input.dataset.part] !== undefined) input.value = rule[input.dataset.part];
        return;
      }
      const made = this.row(rule);
      if (n === 0) row.replaceWith(made);
      else place.after(made);
      place = made;
    });
    this.number();
    this.say(`${table.length} rows pasted.`);
    this.changed();
  }

  async copy() {
    const names = this.info.parts.map((part) => part.name);
    const table = this.get().map((rule) => names.map((name) => rule[name] ?? "").join("\t")).join("\n");
    try {
      await navigator.clipboard.writeText(table);
      toast("The table is on the clipboard: paste it into a spreadsheet.");
    } catch {
      toast("The browser gives its clipboard to HTTPS pages alone. Use JSON in and out.", true);
    }
  }

  // Problems at their cells: templates[2].path, or templates[2] for the whole rule.
  mark(problems) {
    for (const row of this.rows) {
      for (const input of row.querySelectorAll("input")) { input.removeAttribute("aria-invalid"); }
      Object.assign(row.querySelector(".said-wrong"), { hidden: true, textContent: "" });
    }
    for (const problem of problems) {
      const found = /\[(\d+)\](?:\.(\w+))?/.exec(problem.field);
      const row = found && this.rows[Number(found[1])];
      if (!row) continue;
      const input = row.querySelector(`input[data-part="${found[2] ?? "name"}"]`);
      input?.setAttribute("aria-invalid", "true");
      const rest = input?.closest(".rest");
      if (rest) rest.hidden = false;
      const said = row.querySelector(".said-wrong");
      said.textContent = [said.textContent, `${found[2] ? `${found[2]}: ` : ""}${problem.message} ${problem.fix}`].filter(Boolean).join(" ");
      said.hidden = false;
    }
  }
}
