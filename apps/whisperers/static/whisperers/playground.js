// The playground: the rules as they are in the form, tried on communications that are stored. Nothing is written.

import { element, icon } from "./editors.js";

const $ = (id) => document.getElementById(id);
const box = $("playground");
const csrf = $("root").dataset.csrf;
const SHOWN = 20;
const AT_ONCE = 3;
const MASK = /masked:[0-9a-f]+/g;
let form = null;
let found = [];
let chosen = null;
let asking = null;

async function json(url, request) {
  const answer = await fetch(url, { ...request, headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrf } });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error?.message ?? answer.statusText);
  return said;
}

function note(words) {
  $("play-note").textContent = words;
  $("play-note").hidden = !words;
}

// ---- communications to try on ------------------------------------------------------------------------------------------------

async function load() {
  const own = `whisperer:"${box.dataset.whisperer}"`;
  const asked = $("play-query").value.trim();
  const url = new URL(box.dataset.search, location.href);
  url.search = new URLSearchParams({ q: asked ? `${own} AND (${asked})` : own, size: SHOWN });
  try {
    found = (await json(url)).hits;
  } catch (error) {
    note(error instanceof TypeError ? "The server cannot be reached." : error.message);
    return;
  }
  note(found.length ? "" : asked ? "Nothing of this whisperer fits." : "Nothing of this whisperer is stored yet: rules can be tried once it captured something.");
  $("play-all").disabled = !found.length;
  $("play-sum").hidden = true;
  list();
  if (found.length) choose(found.some((one) => one.id === chosen) ? chosen : found[0].id);
  else $("play-result").replaceChildren();
}

function list() {
  $("play-found").replaceChildren(...found.map((one) => {
    const words = [one.req?.method ?? "–", one.req?.path ?? "request not seen"].join(" ");
    const made = element("button", { type: "button", "aria-pressed": "false", "data-id": one.id, title: `${one.req?.uri ?? words}, ${one.date}` },
      element("span", { class: "mono" }, words), element("span", { class: "dim" }, String(one.stats?.statusCode ?? "–")));
    made.addEventListener("click", () => choose(one.id));
    return made;
  }));
  $("play-found").hidden = !found.length;
}

function choose(id) {
  chosen = id;
  for (const one of $("play-found").children) one.setAttribute("aria-pressed", String(one.dataset.id === id));
  tryOne();
}

// ---- trying ---------------------------------------------------------------------------------------------------------------------

// What differs from what is saved; a value that was taken away is inherited again.
function edits() {
  return Object.fromEntries(form.dirty().map((name) => [name, form.own[name] ?? null]));
}

function attempt(id, signal) {
  return json(box.dataset.url, { method: "POST", signal, body: JSON.stringify({ communication: id, values: edits() }) });
}

async function tryOne() {
  if (!chosen || !form) return;
  if (!form.isRight()) return note("Correct what is wrong: until then this shows the rules before.");
  asking?.abort();
  asking = new AbortController();
  try {
    show(await attempt(chosen, asking.signal));
    note("");
  } catch (error) {
    if (error.name === "AbortError") return;
    note(error instanceof TypeError ? "The server cannot be reached." : `Nothing was tried: ${error.message}`);
  }
}

async function tryAll() {
  if (!form.isRight()) return note("Correct what is wrong first.");
  const button = $("play-all");
  button.disabled = true;
  const waiting = [...found];
  const names = new Map();
  const work = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) names.set(one.id, (await attempt(one.id)).template);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    sum(names);
  } catch (error) {
    note(error instanceof TypeError ? "The server cannot be reached." : `Nothing was tried: ${error.message}`);
  }
  button.disabled = false;
}

function sum(names) {
  const named = [...names.values()].filter(Boolean).length;
  const before = found.filter((one) => one.req?.template).length;
  const box = $("play-sum");
  box.hidden = false;
  box.className = named === names.size ? "note ok" : "note info";
  box.replaceChildren(icon(named === names.size ? "check" : "info"), element("span", {}, `${named} of ${names.size} get a template, ${names.size - named} stay without. As stored: ${before}.`));
  for (const one of $("play-found").children) one.lastChild.textContent = names.get(one.dataset.id) ?? "no template";
}

// ---- what came of it --------------------------------------------------------------------------------------------------------------

function pair(list, key, ...values) {
  list.append(element("dt", {}, key), element("dd", {}, ...values));
}

function marked(text) {
  const made = element("pre", { tabindex: "0" });
  let at = 0;
  for (const match of text.matchAll(MASK)) {
    made.append(text.slice(at, match.index), element("span", { class: "masked" }, match[0]));
    at = match.index + match[0].length;
  }
  made.append(text.slice(at));
  return made;
}

const LEFT = { type: "not kept: its content type is not among those that are", off: "not kept: bodies are not saved" };

function side(result, name, words) {
  const one = result[name];
  if (!one) return [];
  const masked = Object.entries(one.headers ?? {}).filter(([, values]) => values.some((value) => value.includes("masked:"))).map(([header]) => header);
  const out = [];
  const list = element("dl", { class: "kv" });
  if (one.uri?.includes("masked:")) pair(list, `${words} URL`, marked(one.uri));
  if (masked.length) pair(list, `${words}, masked`, element("span", { class: "mono" }, masked.join(", ")));
  if (one.leftOut) pair(list, `${words} body`, LEFT[one.leftOut] ?? one.leftOut);
  if (list.children.length) out.push(list);
  if (one.body) out.push(element("div", {}, element("span", { class: "dim" }, `${words} body, as it would be stored`), marked(one.body.slice(0, 3000))));
  return out;
}

function show(result) {
  const list = element("dl", { class: "kv" });
  pair(list, "Template", result.template ? element("span", { class: "chip info" }, result.template) : "none fits", result.templateNumber === null ? "" : ` rule ${result.templateNumber + 1}`);
  const tags = Object.entries(result.tags);
  pair(list, "Tags", ...(tags.length ? tags.map(([name, values]) => element("span", { class: "chip" }, `${name} ${values.join(", ")}`)) : ["none found"]));
  pair(list, "Client", result.identification ? `${result.identification} (${result.identificationKind})` : "not told");
  pair(list, "Origin", element("span", { class: "mono" }, result.origin));
  if (result.correlation.length) pair(list, "Correlation", element("span", { class: "mono" }, result.correlation.join(", ")));
  $("play-result").replaceChildren(list, ...side(result, "req", "Request"), ...side(result, "res", "Response"));
}

document.addEventListener("spider:config", (event) => {
  form = event.detail;
  load();
});
// Tried again whenever an edit was checked and is right.
document.addEventListener("spider:checked", (event) => {
  tryOne(event);
});
$("play-query").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  load();
});
$("play-load").addEventListener("click", load);
$("play-all").addEventListener("click", tryAll);
