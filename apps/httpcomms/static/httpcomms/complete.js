// Completion of the query: fields, values and words that join, at the caret, while typing.
//
// The server says what stands at the caret and what could. It is asked twice: at once for what the field table knows, then
// for what has to be counted. The popup is only an offer: typing goes on under it, and Enter searches unless an arrow key
// chose something.
import { made, toPoints, toUnits } from "./texts.js";
import { $, parameter } from "./page.js";

const input = $("q");
const popup = $("complete");
const list = $("complete-list");
const about = $("complete-about");
const WAIT = 90;

let options = [];
let active = -1;
let chosen = false; // by an arrow key: Enter takes it
let asking = null;
let timer = 0;
let shownFor = null; // the text and caret that the popup is for

const isOpen = () => !popup.hidden;

export function closeCompletion() {
  clearTimeout(timer);
  asking?.abort();
  popup.hidden = true;
  options = [];
  active = -1;
  chosen = false;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function address(values) {
  const ask = new URLSearchParams({ q: input.value, at: toPoints(input.value, input.selectionStart) });
  for (const name of ["from", "to"]) {
    const given = input.form.elements[name]?.value || parameter(name);
    if (given) ask.set(name, given);
  }
  if (!values) ask.set("values", "no");
  return `${popup.dataset.url}?${ask}`;
}

async function ask() {
  if (!popup.dataset.url) return; // fields of TCP sessions are few: their query has no completion
  asking?.abort();
  const mine = (asking = new AbortController());
  const text = input.value;
  const at = input.selectionStart;
  try {
    for (const values of [false, true]) {
      const answer = await fetch(address(values), { signal: mine.signal, headers: { Accept: "application/json" } });
      if (mine.signal.aborted) return;
      if (!answer.ok) return closeCompletion();
      const found = await answer.json();
      if (mine.signal.aborted || document.activeElement !== input || input.value !== text) return;
      show(found, text, at, values);
    }
  } catch (error) {
    if (error.name !== "AbortError") closeCompletion();
  }
}

export function offer(wait = WAIT) {
  clearTimeout(timer);
  asking?.abort();
  timer = setTimeout(ask, wait);
}

function nameOf(text, mark) {
  const box = made("span", "mono clip grow");
  if (!mark) box.append(text);
  else box.append(text.slice(0, mark[0]), made("mark", "", text.slice(...mark)), text.slice(mark[1]));
  box.title = text;
  return box;
}

function bar(count, top) {
  const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  box.setAttribute("class", "share");
  box.setAttribute("aria-hidden", "true");
  for (const [css, width] of [["track", 100], ["bar", Math.max((100 * count) / top, 1.5)]]) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("class", css);
    rect.setAttribute("width", `${width}%`);
    rect.setAttribute("height", "3");
    rect.setAttribute("rx", "1.5");
    box.append(rect);
  }
  return box;
}

const number = (count) => count.toLocaleString("en");

function line(one, ...children) {
  const box = made("li", "", ...children);
  box.id = `complete-${options.length}`;
  box.setAttribute("role", "option");
  box.setAttribute("aria-selected", "false");
  options.push({ ...one, box });
  return box;
}

function fieldLine(one) {
  const right = one.sampled === null ? "" : `in ${one.sampled} of the newest`;
  return line({ ...one, kind: "field" }, made("span", "ty", one.letter), nameOf(one.name, one.mark), made("span", "dim", right));
}

function valueLine(one, top, total) {
  const name = made("span", "clip grow", one.missing ? made("i", "", one.text) : one.text);
  name.title = one.text;
  const box = line({ ...one, kind: "value" }, name);
  if (one.words && one.count === null) box.append(made("span", "dim", one.words));
  if (one.count !== null) box.append(bar(one.count, top), made("span", "dim num", number(one.count)));
  if (one.count !== null && total) box.title = `${number(one.count)} of ${number(total)}`;
  return box;
}

function group(title, lines) {
  const box = made("ul", "", made("li", "head", title), ...lines);
  box.firstChild.setAttribute("role", "presentation");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", title);
  return box;
}

function show(found, text, at, counted) {
  const before = options[active]?.insert;
  options = [];
  const groups = [];
  if (found.operators.length) {
    groups.push(group("Conditions", found.operators.map((one) => line({ ...one, kind: "operator" }, made("span", "mono x-o", one.text), made("span", "dim grow", one.words)))));
  }
  if (found.fields.length) groups.push(group("Fields", found.fields.map(fieldLine)));
  if (found.values.length) {
    const top = Math.max(...found.values.map((one) => one.count ?? 0), 1);
    const words = found.values.some((one) => one.count !== null) ? `Values of ${found.of} in this result` : `Values of ${found.of}`;
    const share = found.share < 1 ? `, counted in ${Math.max(Math.round(found.share * 100), 1)} % of it` : "";
    groups.push(group(words + share, found.values.map((one) => valueLine(one, top, found.total))));
  }
  const only = options.length === 1 && text.slice(toUnits(text, options[0].start), toUnits(text, options[0].end)) === options[0].insert.trimEnd();
  const waits = !counted && found.kind !== "field" && !options.length;
  if ((!options.length && !found.about && !found.note) || only || (waits && !isOpen())) {
    if (counted || only) closeCompletion();
    return;
  }
  if (found.note) groups.push(made("p", "said dim", found.note));
  else if (!options.length && !waits) groups.push(made("p", "said dim", nothing(found)));
  list.replaceChildren(...groups);
  shownFor = { text, at, about: found.about };
  popup.hidden = false;
  input.setAttribute("aria-expanded", "true");
  const again = chosen ? options.findIndex((one) => one.insert === before) : -1;
  chosen = again >= 0;
  // Where nothing is typed yet Tab stays what it is elsewhere: the way to the next control.
  mark(chosen ? again : options.length && (found.typed || found.kind !== "field") ? 0 : -1);
  put(toUnits(text, found.replace.start));
}

function nothing(found) {
  if (found.about?.type === "text") return "Words of the text; a phrase stands in quotes.";
  if (found.about?.type === "flattened" && found.of === found.about.name) return `Goes on with a name: ${found.of}.<name>:`;
  return found.typed ? `No value of ${found.of} begins like this in this result.` : "Nothing to choose from in this result.";
}

// Under the word that is replaced, inside the window.
function put(units) {
  const bar = input.closest(".query").getBoundingClientRect();
  const x = placeOf(units) - bar.left - 34;
  popup.style.left = `${Math.max(Math.min(x, Math.min(bar.width, innerWidth - bar.left - 8) - popup.offsetWidth), 0)}px`;
}

function placeOf(units) {
  const walker = document.createTreeWalker($("paint"), NodeFilter.SHOW_TEXT);
  let at = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (units <= at + node.length) {
      const range = document.createRange();
      range.setStart(node, Math.max(units - at, 0));
      range.collapse(true);
      return range.getBoundingClientRect().left;
    }
    at += node.length;
  }
  return $("paint").getBoundingClientRect().left;
}

function mark(index) {
  options[active]?.box?.setAttribute("aria-selected", "false");
  active = index;
  const one = options[active];
  popup.classList.toggle("chosen", chosen);
  if (one) {
    one.box.setAttribute("aria-selected", "true");
    one.box.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", one.box.id);
  } else input.removeAttribute("aria-activedescendant");
  describe(one?.kind === "field" ? one : shownFor.about, one);
}

function describe(field, one) {
  if (!field) {
    about.replaceChildren(made("b", "", one ? one.text : "Query"), made("p", "", one?.words || "A field, a colon, a value. Words alone are looked for in hosts, paths, names and bodies."));
    return;
  }
  const how = HOW[field.type] ?? "";
  const parts = [made("b", "mono", field.name), made("p", "", field.description)];
  if (one?.kind !== "field" && one?.words) parts.push(made("p", "", one.words));
  parts.push(made("p", "", how, field.unit ? ` In ${field.unit}.` : "", field.sortable ? " The grid can be sorted by it." : ""));
  if (field.example) parts.push(made("p", "", "Example:", made("br"), made("span", "mono", field.example)));
  about.replaceChildren(...parts);
}

const HOW = {
  keyword: "Exact value; * and ? match, /…/ is a regular expression.",
  text: "Words, whatever their case; a phrase in quotes.",
  ip: "Address, or a network like 10.0.0.0/8.",
  date: "A day, month or moment; ranges with [ TO ].",
  boolean: "true or false.",
  flattened: "Goes on with a name; a * can stand at the end of the value.",
  long: "Number; >=, <, [ TO ].", integer: "Number; >=, <, [ TO ].", double: "Number; >=, <, [ TO ].",
  short: "Number; >=, <, [ TO ], or a class like 5xx.",
};

function take(one) {
  const { value } = input;
  const start = toUnits(value, one.start);
  const end = toUnits(value, one.end);
  input.focus();
  input.setSelectionRange(start, end);
  // As typed, so that the browser can undo it. That tells of the input by itself.
  if (!document.execCommand("insertText", false, one.insert)) {
    input.setRangeText(one.insert, start, end, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const caret = start + toUnits(one.insert, one.caret);
  input.setSelectionRange(caret, caret);
  chosen = false;
  offer(0);
}

input.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      offer(0);
    }
    return;
  }
  if (event.key === "ArrowDown" && !isOpen()) {
    event.preventDefault();
    offer(0);
  } else if (!isOpen()) {
    return;
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!options.length) return;
    const next = event.key === "ArrowDown" ? active + 1 : active < 0 ? options.length - 1 : active - 1;
    chosen = true;
    mark((next + options.length) % options.length);
  } else if (event.key === "Tab" && !event.shiftKey && active >= 0) {
    event.preventDefault();
    take(options[active]);
  } else if (event.key === "Enter" && chosen && active >= 0) {
    event.preventDefault();
    take(options[active]);
  } else if (event.key === "Enter" || event.key === "Tab") {
    closeCompletion();
  } else if (event.key === "Escape") {
    event.preventDefault();
    closeCompletion();
  } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
    chosen = false;
    offer();
  }
});

input.addEventListener("input", (event) => {
  chosen = false;
  if (!event.isComposing) offer();
});
input.addEventListener("click", () => offer());
input.addEventListener("blur", closeCompletion);

popup.addEventListener("mousedown", (event) => event.preventDefault()); // the caret stays in the query
popup.addEventListener("click", (event) => {
  const box = event.target.closest('[role="option"]');
  if (box) take(options.find((one) => one.box === box));
});
popup.addEventListener("mousemove", (event) => {
  const box = event.target.closest('[role="option"]');
  const index = options.findIndex((one) => one.box === box);
  if (index >= 0 && index !== active && !chosen) mark(index);
});
input.form.addEventListener("submit", closeCompletion);
document.addEventListener("spider:answered", closeCompletion);
