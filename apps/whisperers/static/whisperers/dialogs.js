// The dialogs of a configuration form: copy from another whisperer, JSON in and out, the diff before saving. What comes
// in goes into the form first, where it is checked and can be looked at.

import { toast } from "../core/site.js";
import { element } from "./editors.js";

const $ = (id) => document.getElementById(id);
const sorted = (_, value) => (value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);
const same = (a, b) => JSON.stringify(a, sorted) === JSON.stringify(b, sorted);
const LARGEST = 2 << 20;

export class Dialogs {
  constructor(form, data, page) {
    Object.assign(this, { form, data, page });
    $("json-file")?.addEventListener("change", (event) => this.open(event.target));
  }

  act(name) {
    if (name === "copy") $("dialog-copy").showModal();
    else if (name === "copy-now") this.copy();
    else if (name === "json") this.json();
    else if (name === "json-save") this.download();
    else if (name === "json-take") this.take();
    else if (name === "diff") this.diff();
  }

  // Every field that both have gets the value in force there; one that is inherited alike stays inherited.
  async copy() {
    const select = $("copy-source");
    const there = `${this.page.dataset.api}${select.value}/config/${this.data.kind}/`;
    let found;
    let known;
    try {
      const answers = await Promise.all([there, `${there}schema/`].map((url) => fetch(url, { headers: { Accept: "application/json" } })));
      [found, known] = await Promise.all(answers.map((answer) => answer.json()));
      if (found.error || known.error) throw new Error((found.error ?? known.error).message);
    } catch (error) {
      toast(error instanceof TypeError ? "The server cannot be reached." : error.message, true);
      return;
    }
    const names = new Set(known.fields.map((info) => info.name));
    const wanted = {};
    for (const { name } of this.data.fields) if (names.has(name)) wanted[name] = found.values[name];
    this.put(wanted);
    $("dialog-copy").close();
    const count = this.form.dirty().length;
    toast(count ? `Copied from ${select.selectedOptions[0].textContent}: ${count} changes, not saved yet.` : `Nothing differs from ${select.selectedOptions[0].textContent}.`);
  }

  put(wanted) {
    for (const [name, value] of Object.entries(wanted)) {
      if (!this.form.fields.has(name)) continue;
      const inherit = value === null || (same(value, this.data.inherited[name]) && !Object.hasOwn(this.data.own, name));
      this.form.put(name, inherit ? undefined : structuredClone(value));
    }
    this.form.changedAll();
  }

  json() {
    $("json-text").value = JSON.stringify(this.form.own, null, 2);
    this.trouble("");
    $("dialog-json").showModal();
  }

  trouble(words) {
    $("json-trouble").hidden = !words;
    $("json-trouble").querySelector("span").textContent = words;
  }

  download() {
    const link = element("a", { download: `${this.data.name}-${this.data.kind}.json`, href: URL.createObjectURL(new Blob([$("json-text").value], { type: "application/json" })) });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async open(input) {
    const file = input.files[0];
    input.value = "";
    if (!file) return;
    if (file.size > LARGEST) return this.trouble(`${file.name} has ${file.size.toLocaleString("en")} bytes; a configuration has at most ${LARGEST.toLocaleString("en")}.`);
    $("json-text").value = await file.text();
    this.trouble("");
  }

  // What is not among the values is inherited from then on, as it was where they come from.
  take() {
    let values;
    try {
      values = JSON.parse($("json-text").value);
    } catch (error) {
      this.trouble(`This is no JSON: ${error.message}.`);
      return;
    }
    if (values?.values && typeof values.values === "object") values = values.own ?? values.values;
    if (typeof values !== "object" || values === null || Array.isArray(values)) return this.trouble('Give an object with a value for each field: {"filter": "tcp port 80"}.');
    const unknown = Object.keys(values).filter((name) => !this.form.fields.has(name));
    if (unknown.length) return this.trouble(`There is no field ${unknown[0]} here: the fields are ${[...this.form.fields.keys()].join(", ")}.`);
    for (const name of this.form.fields.keys()) this.form.put(name, Object.hasOwn(values, name) && values[name] !== null ? values[name] : undefined);
    this.form.changedAll();
    $("dialog-json").close();
    toast(`${this.form.dirty().length} changes taken in, not saved yet.`);
  }

  diff() {
    const body = $("diff-body");
    body.replaceChildren(...this.form.dirty().map((name) => {
      const { info } = this.form.fields.get(name);
      const lines = (own) => (Object.hasOwn(own, name) ? JSON.stringify(own[name], null, 2).split("\n") : ["(inherited)"]);
      const pre = element("pre");
      pre.append(...changed(lines(this.data.own), lines(this.form.own)));
      return element("div", {}, element("b", {}, info.label), pre);
    }));
    $("dialog-diff").showModal();
  }
}

// Lines of both sides, those in common once: the longest common subsequence, for texts of a few hundred lines.
function changed(before, after) {
  const length = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let a = before.length - 1; a >= 0; a--) {
    for (let b = after.length - 1; b >= 0; b--) length[a][b] = before[a] === after[b] ? length[a + 1][b + 1] + 1 : Math.max(length[a + 1][b], length[a][b + 1]);
  }
  const out = [];
  let [a, b] = [0, 0];
  while (a < before.length || b < after.length) {
    if (a < before.length && b < after.length && before[a] === after[b]) {
      out.push(element("span", {}, `  ${before[a]}`));
      a++;
      b++;
    } else if (b >= after.length || (a < before.length && length[a + 1][b] >= length[a][b + 1])) out.push(element("del", {}, `− ${before[a++]}`));
    else out.push(element("ins", {}, `+ ${after[b++]}`));
  }
  return out;
}
