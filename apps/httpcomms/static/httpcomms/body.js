// Bodies: finding in what is shown, the tree of JSON with its paths, the next portions.
import { shortcut } from "../core/keys.js";
import { copy } from "./copy.js";
import "./hex.js";

const MOST = 2000;
const highlights = window.CSS?.highlights && window.Highlight ? CSS.highlights : null;
const SHOWN = ".tree, [data-text], .fields";

const finding = new WeakMap();

// Every place of the words in what is shown, in its order. Characters count as their lower case, as people search.
function places(box, words) {
  const found = [];
  const wanted = words.toLowerCase();
  for (const content of box.querySelectorAll(SHOWN)) {
    if (content.closest(".bodybox") !== box) continue;
    const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.data.toLowerCase();
      if (text.length !== node.data.length) continue;
      for (let at = text.indexOf(wanted); at >= 0 && found.length < MOST; at = text.indexOf(wanted, at + wanted.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        found.push(range);
      }
    }
  }
  return found;
}

function find(input) {
  const box = input.closest(".bodybox");
  const found = input.value ? places(box, input.value) : [];
  finding.set(input, { found, at: -1 });
  highlights?.delete("found");
  highlights?.delete("found-now");
  if (found.length && highlights) highlights.set("found", new Highlight(...found));
  input.toggleAttribute("aria-invalid", Boolean(input.value) && !found.length);
  if (found.length) step(input, 1);
  else box.querySelector("[data-found]").textContent = input.value ? `not in what is shown` : "";
}

function step(input, by) {
  const state = finding.get(input);
  if (!state?.found.length) return;
  const { found } = state;
  state.at = (state.at + by + found.length) % found.length;
  const range = found[state.at];
  for (let fold = range.startContainer.parentElement.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    // What stands in a summary is seen though it is folded.
    if (!range.startContainer.parentElement.closest("summary") || range.startContainer.parentElement.closest("details") !== fold) fold.open = true;
  }
  highlights?.set("found-now", new Highlight(range));
  const most = found.length === MOST ? "≥ " : "";
  input.closest(".bodybox").querySelector("[data-found]").textContent = `${state.at + 1} of ${most}${found.length.toLocaleString("en")}`;
  const pane = input.closest(".pane");
  const place = range.getBoundingClientRect();
  const seen = pane.getBoundingClientRect();
  const bar = input.closest(".findbar").getBoundingClientRect();
  if (place.top < bar.bottom || place.bottom > seen.bottom) pane.scrollTop += place.top - seen.top - seen.height / 2;
}

let waiting = 0;
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-find]")) {
    clearTimeout(waiting);
    waiting = setTimeout(find, 120, event.target);
  }
  if (event.target.matches("[data-filter]")) filter(event.target);
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-find]")) return;
  if (event.key === "Enter") {
    event.preventDefault();
    if (!finding.get(event.target)) find(event.target);
    else step(event.target, event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape" && event.target.value) {
    event.preventDefault();
    event.stopPropagation();
    event.target.value = "";
    find(event.target);
  }
});

// The lines of a head that have the words in their name or value.
function filter(input) {
  const words = input.value.toLowerCase();
  for (const line of document.querySelectorAll(`#${input.dataset.filter} .hdr`)) {
    line.hidden = !line.dataset.copyLine.toLowerCase().includes(words);
  }
}

// JSONPath (RFC 9535) of a node: names that are plain after a dot, others in brackets, places in lists by their number.
export function path(item) {
  const steps = [];
  for (let at = item.closest("li"); at; at = at.parentElement.closest("li")) {
    if (!at.closest(".tree.json")) break;
    const list = at.parentElement;
    if ("list" in list.dataset) steps.unshift(`[${[...list.children].indexOf(at)}]`);
    else {
      const name = at.querySelector(".k")?.textContent ?? "";
      steps.unshift(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `.${name}` : `['${name.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`);
    }
  }
  return `$${steps.join("")}`;
}

// The JSON that a node shows; null where a part of it is not on the page.
function value(node) {
  if (node.querySelector(":scope > .rest")) return null;
  const leaf = node.querySelector(":scope > .s, :scope > .d");
  if (leaf) return "cut" in leaf.dataset ? null : leaf.textContent;
  const list = node.querySelector(":scope > details > ul");
  if (!list) return node.querySelector(":scope > .n")?.textContent.startsWith("[") ? "[]" : "{}";
  const values = [...list.children].map((item) => {
    const inner = value(item);
    if (inner === null || "list" in list.dataset) return inner;
    return `${JSON.stringify((item.querySelector(":scope > .k, :scope > details > summary > .k"))?.textContent ?? "")}: ${inner}`;
  });
  if (values.includes(null)) return null;
  return "list" in list.dataset ? `[${values.join(", ")}]` : `{${values.join(", ")}}`;
}

const chosen = (box) => box.querySelector(".json .chosen");

function choose(item) {
  const box = item.closest(".bodybox");
  chosen(box)?.classList.remove("chosen");
  item.classList.add("chosen");
  const bar = box.querySelector(".pathbar");
  bar.hidden = false;
  bar.querySelector("[data-path]").textContent = item.matches("li") ? path(item) : "$";
  const leaf = item.querySelector(":scope > .s, :scope > .d");
  const ask = bar.querySelector(".ask");
  const words = leaf?.matches(".s:not([data-cut])") ? JSON.parse(leaf.textContent) : (leaf?.textContent ?? "");
  ask.hidden = !words || words.length > 200 || Boolean(document.querySelector(".alone"));
  ask.dataset.value = words;
}

const ACTS = {
  "find-after": (box) => step(box.querySelector("[data-find]"), 1),
  "find-before": (box) => step(box.querySelector("[data-find]"), -1),
  "expand-all": (box) => box.querySelectorAll(".json details").forEach((one) => { one.open = true; }),
  "fold-all": (box) => box.querySelectorAll(".json details details").forEach((one) => { one.open = false; }),
  "copy-path": (box) => copy(box.querySelector("[data-path]").textContent, "Path copied"),
  "copy-value": (box) => {
    const found = value(chosen(box));
    if (found === null) copy(fetch(download(box)).then((answer) => answer.text()), "A part of it is not shown: the whole body was copied");
    else copy(found, "Value copied");
  },
  "copy-body": (box) => copy(fetch(download(box)).then((answer) => answer.text()), "Body copied"),
};

const download = (box) => box.querySelector(".bodybar a[download]").href;

document.addEventListener("click", (event) => {
  const box = event.target.closest(".bodybox");
  if (!box) return;
  const act = event.target.closest("[data-act]");
  if (act && ACTS[act.dataset.act]) ACTS[act.dataset.act](box);
  const node = event.target.closest(".json li, .json");
  if (node && !getSelection().toString()) choose(node);
});

// The tree by keys: each fold is reached by Tab, what has the focus is chosen.
document.addEventListener("focusin", (event) => {
  const summary = event.target.closest?.(".json summary");
  if (summary) choose(summary.closest("li") ?? summary.closest(".json"));
});

shortcut("f", "find in the body", () => {
  const input = document.querySelector("#pane-body:not([hidden]) [data-find]");
  if (!input) return false;
  input.focus();
  input.select();
  return true;
}, { group: "Detail", when: () => document.querySelector("#pane-body:not([hidden]) [data-find]") });
