// The facets: fetched anew with every result; found by typing, walked by arrow keys, folded, ordered and chosen, and all
// values of one in a list of its own. What a click on a value does is in values.js.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { $ } from "./page.js";

const work = $("work");
const column = $("facets");
const ADDRESS = "/api/v1/preferences/facets/";
let kept = null;

// What a person has arranged is kept with a little delay: dragging and folding come in many steps.
let saving = 0;
function keep(changes, after = null) {
  kept = { order: [], shown: [], hidden: [], folded: [], width: 0, closed: false, ...kept, ...changes };
  clearTimeout(saving);
  saving = setTimeout(async () => {
    const csrf = document.cookie.split("; ").find((one) => one.startsWith("spider_csrf="))?.slice(12) ?? "";
    const answer = await fetch(ADDRESS, { method: "PUT", headers: { "Content-Type": "application/json", "X-CSRFToken": csrf }, body: JSON.stringify({ value: kept }) }).catch(() => null);
    if (!answer?.ok) toast("The arrangement of the facets could not be kept.", true);
    else after?.();
  }, after ? 0 : 400);
}

function refresh() {
  const found = $("found");
  if (found) window.htmx.ajax("GET", found.dataset.facets, { target: "#facets", swap: "innerHTML" });
}

// -- finding --------------------------------------------------------------------------------------------------------

function filter(text) {
  const wanted = text.trim().toLowerCase();
  for (const facet of column.querySelectorAll(".facet")) {
    const whole = facet.querySelector("h2").textContent.toLowerCase().includes(wanted);
    let some = whole;
    for (const line of facet.querySelectorAll("li")) {
      line.hidden = !whole && !line.textContent.toLowerCase().includes(wanted);
      some ||= !line.hidden;
    }
    facet.hidden = !some;
    if (wanted && some) facet.open = true;
    else if (!wanted) facet.open = !isFolded(facet);
  }
}

document.addEventListener("input", (event) => {
  if (event.target.id === "find-facet") filter(event.target.value);
  if (event.target.id === "facet-values-find") listSoon();
});

// -- folding --------------------------------------------------------------------------------------------------------

const folded = () => (kept ??= readKept()).folded;
const isFolded = (facet) => folded().includes(facet.dataset.field);

function readKept() {
  const now = JSON.parse($("facet-list")?.dataset.kept ?? "null");
  return now ?? { order: [], shown: [], hidden: [], folded: [], width: Number(work.dataset.width), closed: "folded" in work.dataset };
}

column.addEventListener("click", (event) => {
  const facet = event.target.closest("summary")?.parentElement;
  if (!facet || $("find-facet").value) return;
  const name = facet.dataset.field;
  keep({ folded: facet.open ? [...folded(), name] : folded().filter((one) => one !== name) });
});

function fold(closed = !("folded" in work.dataset)) {
  const small = matchMedia("(max-width: 760px)").matches;
  if (small) {
    column.classList.toggle("sheet");
    return;
  }
  readOnce();
  closed ? (work.dataset.folded = "") : delete work.dataset.folded;
  keep({ closed });
}

function readOnce() {
  kept ??= readKept();
}

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]");
  if (act?.dataset.act === "fold-facets") fold();
  if (act?.dataset.act === "choose-facets") $("facets-chosen").showModal();
  if (act?.dataset.act === "more-values") showValues(act.dataset.facet, act.dataset.title);
  if (act?.dataset.act === "keep-facets") keepChosen();
  if (act?.dataset.act === "usual-facets") keep({ order: [], shown: [], hidden: [] }, refresh);
  const move = event.target.closest("#facets-chosen [data-move]");
  if (move) moveFacet(move);
  const order = event.target.closest("#facet-values [data-order]");
  if (order) {
    for (const one of $("facet-values").querySelectorAll("[data-order]")) one.setAttribute("aria-pressed", one === order);
    list();
  }
});

shortcut("[", "fold or unfold the facets", () => fold(), { group: "Facets" });
shortcut("f", "to the facets", () => {
  if ("folded" in work.dataset) fold(false);
  return focusAt(entries()[0]);
}, { group: "Facets", when: () => entries().length });

// -- walking --------------------------------------------------------------------------------------------------------

const entries = () => [...column.querySelectorAll("summary, .v, .more")].filter((one) => one.offsetParent && !one.closest("[hidden]"));

function focusAt(entry) {
  if (!entry) return false;
  for (const one of column.querySelectorAll('[tabindex="0"]')) one.tabIndex = -1;
  entry.tabIndex = 0;
  entry.focus({ preventScroll: true });
  entry.scrollIntoView({ block: "nearest" });
  return true;
}

column.addEventListener("keydown", (event) => {
  const entry = event.target.closest("summary, .v, .more");
  if (event.target.id === "find-facet" && event.key === "ArrowDown") {
    focusAt(entries()[0]);
    event.preventDefault();
    return;
  }
  if (!entry || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = entries();
  const at = all.indexOf(entry);
  const facet = entry.closest(".facet");
  if (event.key === "ArrowDown") focusAt(all[at + 1]);
  else if (event.key === "ArrowUp") at ? focusAt(all[at - 1]) : $("find-facet").focus();
  else if (event.key === "Home") focusAt(all[0]);
  else if (event.key === "End") focusAt(all.at(-1));
  else if (event.key === "ArrowLeft" && facet.open) {
    focusAt(facet.querySelector("summary"));
    facet.querySelector("summary").click();
  } else if (event.key === "ArrowRight" && entry.matches("summary") && !facet.open) entry.click();
  else if (event.key === "Escape") (document.querySelector("tr.row.cur") ?? $("scroll"))?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
});

// New counts come in with every answer: who was walking among them stays where they were.
let place = null;
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target !== column) return;
  const focused = column.contains(document.activeElement) ? document.activeElement : null;
  place = { scroll: column.querySelector(".facet-list")?.scrollTop ?? 0, find: $("find-facet")?.value ?? "", typing: focused?.id === "find-facet",
    facet: focused?.closest(".facet")?.dataset.field, term: focused?.dataset.term, summary: focused?.matches("summary") };
});
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== column) return;
  if (kept) for (const facet of column.querySelectorAll(".facet")) facet.open = !isFolded(facet);
  const first = entries()[0];
  if (first) first.tabIndex = 0;
  if (!place) return;
  const { scroll, find, typing, facet, term, summary } = place;
  place = null;
  if (find) {
    $("find-facet").value = find;
    filter(find);
  }
  column.querySelector(".facet-list")?.scrollTo(0, scroll);
  if (typing) $("find-facet").focus();
  if (!facet) return;
  const again = column.querySelector(`.facet[data-field="${CSS.escape(facet)}"]`);
  const lines = [...(again?.querySelectorAll(".v") ?? [])];
  focusAt((summary ? null : lines.find((one) => one.dataset.term === term)) ?? again?.querySelector("summary"));
});

// -- choosing and ordering ------------------------------------------------------------------------------------------

function moveFacet(button) {
  const line = button.closest("li");
  const other = button.dataset.move === "-1" ? line.previousElementSibling : line.nextElementSibling;
  if (!other) return;
  button.dataset.move === "-1" ? other.before(line) : other.after(line);
  button.focus();
}

function keepChosen() {
  const lines = [...$("facets-chosen").querySelectorAll("li")];
  const on = (line) => line.querySelector("input").checked;
  readOnce();
  // Tags that these hits do not have keep what was said of them.
  const here = new Set(lines.map((line) => line.dataset.facet));
  const others = (names) => names.filter((name) => !here.has(name));
  keep({
    order: [...lines.map((line) => line.dataset.facet), ...others(kept.order)].slice(0, 100),
    shown: [...lines.filter(on).map((line) => line.dataset.facet), ...others(kept.shown)].slice(0, 100),
    hidden: [...lines.filter((line) => !on(line)).map((line) => line.dataset.facet), ...others(kept.hidden)].slice(0, 100),
  }, refresh);
  $("facets-chosen").close();
}

// -- all values of one ----------------------------------------------------------------------------------------------

let listing = 0;
let field = "";

function showValues(name, title) {
  field = name;
  $("facet-values-title").textContent = title;
  $("facet-values-find").value = "";
  $("facet-values-list").replaceChildren();
  $("facet-values").showModal();
  list();
}

function listSoon() {
  clearTimeout(listing);
  listing = setTimeout(list, 200);
}

function list() {
  clearTimeout(listing);
  const order = $("facet-values").querySelector('[aria-pressed="true"]').dataset.order;
  const asked = new URLSearchParams($("found").dataset.state);
  asked.set("field", field);
  asked.set("find", $("facet-values-find").value);
  asked.set("order", order);
  window.htmx.ajax("GET", `${new URL($("found").dataset.facets, location.href).pathname}values/?${asked}`, { target: "#facet-values-list", swap: "innerHTML" });
}

// Esc closes the list in front, nothing behind it.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.("#facets-chosen, #facet-values")) event.stopImmediatePropagation();
}, true);

$("facet-values").addEventListener("keydown", (event) => {
  const lines = [...$("facet-values").querySelectorAll(".v")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !lines.length) return;
  const at = lines.indexOf(document.activeElement);
  at + step < 0 ? $("facet-values-find").focus() : lines[Math.min(at + step, lines.length - 1)].focus();
  event.preventDefault();
});

document.addEventListener("spider:answered", () => {
  $("facet-values").close();
  column.classList.remove("sheet");
  refresh();
});

// -- the width ------------------------------------------------------------------------------------------------------

const grip = $("facets-grip");
const NARROW = 140;
const WIDE = 600;

function setWidth(pixels) {
  const width = pixels ? Math.round(Math.min(Math.max(pixels, NARROW), WIDE)) : 0;
  width ? work.style.setProperty("--facets", `${width}px`) : work.style.removeProperty("--facets");
  grip.setAttribute("aria-valuenow", width || column.offsetWidth);
  return width;
}

grip.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  readOnce();
  grip.setPointerCapture(event.pointerId);
  const left = work.getBoundingClientRect().left;
  const drag = (moved) => setWidth(moved.clientX - left);
  grip.addEventListener("pointermove", drag);
  grip.addEventListener("lostpointercapture", () => {
    grip.removeEventListener("pointermove", drag);
    keep({ width: Math.min(Math.max(column.offsetWidth, NARROW), WIDE) });
  }, { once: true });
});
grip.addEventListener("dblclick", () => { readOnce(); keep({ width: setWidth(0) }); });
grip.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
  if (!step) return;
  readOnce();
  keep({ width: setWidth(column.offsetWidth + step) });
  event.preventDefault();
  event.stopPropagation();
});
setWidth(Number(work.dataset.width));
