// The query bar: what is typed is drawn in colours and checked while typing.
import { shortcut } from "../core/keys.js";
import { paint } from "./paint.js";
import { $ } from "./page.js";
import { made, toUnits } from "./texts.js";

const input = $("q");
const chip = $("verdict");
let checking = null;
let timer = 0;

function inStep() {
  $("paint").scrollLeft = input.scrollLeft;
}

function repaint(bad = null) {
  paint($("paint"), input.value, bad === null ? null : toUnits(input.value, bad));
  inStep();
}

function verdict(kind, said = null, words = "valid") {
  input.closest(".query").classList.toggle("bad", kind === "bad");
  input.toggleAttribute("aria-invalid", kind === "bad");
  chip.hidden = !kind;
  if (!said) return chip.replaceChildren(...(kind ? [made("span", `chip ${kind}`, words)] : []));
  const place = made("button", `chip ${kind}`, made("span", "clip", `${said.short} at ${said.position + 1}`));
  place.type = "button";
  place.title = `${sentence(said.message)} Click: the caret goes there.`;
  place.dataset.at = said.position;
  chip.replaceChildren(place);
  if (!said.correction) return;
  const { start, end, text } = said.correction;
  const shown = text.trim() ? `${text}${kind === "bad" && /^[\w.]+$/.test(text) ? "?" : ""}` : "take it out";
  const mend = made("button", "chip mend", text.trim() ? "put " : "", made("b", "clip", shown));
  mend.type = "button";
  mend.title = text.trim() ? `Put ${text} there` : "Take out what is at fault";
  Object.assign(mend.dataset, { start, end, text });
  chip.append(mend);
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1) + (/[.?!]$/.test(words) ? "" : ".");

async function check() {
  checking?.abort();
  checking = new AbortController();
  if (!input.value.trim()) return verdict("");
  try {
    const answer = await fetch(`${input.dataset.check}?q=${encodeURIComponent(input.value)}`, { signal: checking.signal });
    if (!answer.ok) return verdict("");
    const { valid, error, doubt } = await answer.json();
    repaint(error?.position ?? null);
    if (valid) verdict(doubt ? "warn" : "ok", doubt);
    else verdict("bad", error);
  } catch (error) {
    if (error.name !== "AbortError") verdict("");
  }
}

input.addEventListener("input", () => {
  repaint();
  clearTimeout(timer);
  timer = setTimeout(check, 300);
});
for (const name of ["scroll", "keydown", "keyup", "click", "select", "focus", "blur"]) input.addEventListener(name, () => requestAnimationFrame(inStep));
document.addEventListener("selectionchange", () => { if (document.activeElement === input) requestAnimationFrame(inStep); });
input.closest(".query").classList.add("painted");

function caretTo(units) {
  input.focus();
  input.setSelectionRange(units, units);
  inStep();
}

chip.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { at, start, end, text } = button.dataset;
  if (at !== undefined) return caretTo(toUnits(input.value, Number(at)));
  const [from, to] = [start, end].map((one) => toUnits(input.value, Number(one)));
  input.setRangeText(text, from, to, "end");
  caretTo(from + text.length);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  check();
});

// Put a query into the bar, as if it was typed.
export function write(text) {
  input.value = text;
  caretTo(text.length);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-act]")?.dataset.act !== "clear") return;
  input.value = "";
  repaint();
  verdict("");
  input.focus();
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id !== "ask") return;
  clearTimeout(timer);
  checking?.abort();
});

// The result is for this query, whatever was typed meanwhile.
document.addEventListener("spider:answered", () => {
  const { q } = $("found").dataset;
  if (input.value.trim() !== q) input.value = q;
  repaint();
  verdict(q ? "ok" : "");
});

function refused() {
  const position = document.querySelector("#ask-note .refused")?.dataset.position;
  repaint(position === undefined ? null : Number(position));
  verdict("bad", null, "not valid");
  if (position !== undefined) check();
}

document.body.addEventListener("spider:refused", () => {
  $("list").classList.add("stale");
  refused();
});

shortcut("/", "to the query", () => { input.focus(); input.select(); }, { group: "Query" });
shortcut("Escape", "", (event) => event.target === input ? input.blur() : false, { typing: true });

if (document.querySelector("#ask-note .refused[data-position]")) refused();
else repaint();
