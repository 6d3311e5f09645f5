// The columns of the grid: their widths, their order, and which of them a narrow window folds away.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { $, addressWith, go, parameter, setAddress } from "./page.js";

const [LEAST, MOST] = [40, 1200];
const FLEXIBLE = 150; // the least that the column without a width gets
const FLEXIBLE_NARROW = 96;
const NARROW = 560;

// The grid of communications alone: other tables of rows have columns of their own.
const table = () => document.querySelector("table#rows");
const cols = () => [...(table()?.querySelectorAll("col[data-name]") ?? [])];
const headOf = (name) => table()?.querySelector(`th[data-name="${CSS.escape(name)}"]`);

// The text that names the columns shown, as the address holds it.
export const shownText = () => cols().map((col) => col.dataset.text).join(",");

// Columns fold by a rule of a sheet, so that it holds for rows that come later too.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);
let unfolded = false;

function widths(narrow) {
  return cols().map((col) => Number((narrow ? col.dataset.narrow : col.dataset.width) ?? 0) || 0);
}

// Which columns stay: those that say least go first, the rightmost of equals before the others.
function folding(sizes, least, room) {
  const folded = new Set();
  const all = cols();
  const used = () => sizes.reduce((sum, size, n) => sum + (folded.has(n) ? 0 : size || least), 0);
  while (!unfolded && used() > room && folded.size < all.length - 3) {
    const open = all.map((col, n) => [Number(col.dataset.keep), -n]).filter(([, n]) => !folded.has(-n));
    open.sort(([a, m], [b, n]) => a - b || m - n);
    folded.add(-open[0][1]);
  }
  return [folded, used()];
}

// Where no column takes what is left, the widest that nobody resized does.
function stretch(sizes, folded) {
  const free = cols().map((col, n) => [n, col]).filter(([n, col]) => "grows" in col.dataset && !folded.has(n) && !col.dataset.text.includes("~"));
  const widest = free.sort(([m], [n]) => sizes[n] - sizes[m] || m - n)[0];
  if (widest) widest[1].style.width = "";
  return Boolean(widest);
}

export function layout() {
  const grid = table();
  if (!grid) return;
  const narrow = $("scroll").clientWidth < NARROW;
  const pick = narrow ? 26 : 30;
  grid.classList.toggle("narrow", narrow);
  grid.querySelector("col").style.width = `${pick}px`;
  const sizes = widths(narrow);
  const [folded, used] = folding(sizes, narrow ? FLEXIBLE_NARROW : FLEXIBLE, $("scroll").clientWidth - pick);
  cols().forEach((col, n) => {
    col.style.width = folded.has(n) ? "0" : sizes[n] ? `${sizes[n]}px` : "";
  });
  const flexible = sizes.some((size, n) => !size && !folded.has(n)) || stretch(sizes, folded);
  grid.style.minWidth = `${used + pick}px`;
  grid.style.width = flexible ? "" : `${used + pick}px`;
  const places = [...folded].map((n) => `:nth-child(${n + 2})`).join(",");
  sheet.replaceSync(places ? `#rows tr:is(.row, [aria-rowindex="1"]) > :is(${places}) { padding: 0; visibility: hidden; & > * { display: none; } }` : "");
  say([...folded].sort((a, b) => a - b).map((n) => headOf(cols()[n].dataset.name)?.textContent.trim() ?? ""));
}

function say(names) {
  const button = $("folded");
  if (!button) return;
  button.hidden = !names.length && !unfolded;
  button.textContent = names.length ? `${names.length} ${names.length === 1 ? "column" : "columns"} folded` : "Fold to the window";
  button.title = names.length ? `No room for ${names.join(", ")}. Click to show all and scroll sideways.` : "Show as many columns as fit.";
}

// Links and the form were made when the result was: what was resized since is put into what they ask for.
let made = parameter("columns");
let now = made;
document.body.addEventListener("htmx:configRequest", (event) => {
  const { detail } = event;
  if (now === made || detail.target?.id !== "list") return;
  const url = new URL(detail.path, location.href);
  const inForm = detail.parameters.columns !== undefined;
  const asked = (inForm ? detail.parameters.columns : url.searchParams.get("columns")) ?? "";
  if (asked !== made) return;
  if (inForm || detail.elt.matches("form")) detail.parameters.columns = now;
  else {
    url.searchParams.set("columns", now);
    detail.path = url.pathname + url.search;
  }
});

// Keep the columns for the person, and show them in the address. The usual ones are kept by keeping none.
export async function keep(text) {
  const usual = !text;
  now = text;
  setAddress({ columns: text });
  const token = document.cookie.split("; ").find((one) => one.startsWith("spider_csrf="))?.slice(12) ?? "";
  const answer = await fetch("/api/v1/preferences/columns/", {
    method: usual ? "DELETE" : "PUT",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token },
    body: usual ? undefined : JSON.stringify({ value: text }),
  }).catch(() => null);
  if (!answer?.ok) toast("The columns could not be kept for your next visit. The address has them.", true);
}

// Other columns, or another order: the result is asked for again.
export async function put(text) {
  await keep(text);
  go(addressWith({ columns: text }));
}

function resize(name, width) {
  const col = cols().find((one) => one.dataset.name === name);
  const size = Math.round(Math.min(Math.max(width, LEAST), MOST));
  col.dataset.width = col.dataset.narrow = size;
  col.dataset.text = `${col.dataset.text.split("~")[0]}~${size}`;
  layout();
}

// As wide as the widest value among the rows in the document.
function fit(name) {
  const head = headOf(name);
  const place = head.cellIndex;
  const col = cols()[place - 1];
  col.style.width = "10px";
  table().style.width = "0";
  const cells = [head, ...[...document.querySelectorAll("#rows tr.row")].map((row) => row.cells[place])];
  const widest = Math.max(...cells.map((cell) => cell.scrollWidth));
  resize(name, widest + 4);
}

let dragged = null;
document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("#rows .grip");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  const head = grip.closest("th");
  dragged = { grip, name: head.dataset.name, from: event.clientX, width: head.offsetWidth, moved: false };
  grip.setPointerCapture(event.pointerId);
  document.body.classList.add("resizing");
});
document.addEventListener("pointermove", (event) => {
  if (!dragged || Math.abs(event.clientX - dragged.from) < 2) return;
  dragged.moved = true;
  resize(dragged.name, dragged.width + event.clientX - dragged.from);
});
function drop() {
  if (!dragged) return;
  const { moved } = dragged;
  dragged = null;
  document.body.classList.remove("resizing");
  if (moved) keep(shownText());
}
document.addEventListener("pointerup", drop);
document.addEventListener("pointercancel", drop);
document.addEventListener("dblclick", (event) => {
  const grip = event.target.closest("#rows .grip");
  if (!grip) return;
  fit(grip.closest("th").dataset.name);
  keep(shownText());
});
document.addEventListener("click", (event) => {
  if (event.target.closest("#rows .grip")) event.preventDefault();
  if (event.target.id === "folded") {
    unfolded = !unfolded;
    layout();
  }
});

// Order: a head is dragged to another place.
let carried = null;
const over = (event) => carried && event.target.closest?.("#rows th.head");
function clearMarks() {
  for (const head of document.querySelectorAll("#rows th.drop-l, #rows th.drop-r")) head.classList.remove("drop-l", "drop-r");
}
const onRight = (event, head) => event.clientX > head.getBoundingClientRect().left + head.offsetWidth / 2;
document.addEventListener("dragstart", (event) => {
  const head = event.target.closest?.("#rows th.head");
  if (!head) return;
  if (dragged) return event.preventDefault();
  carried = head.dataset.name;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", carried);
});
document.addEventListener("dragover", (event) => {
  const head = over(event);
  if (!head) return;
  event.preventDefault();
  clearMarks();
  head.classList.add(onRight(event, head) ? "drop-r" : "drop-l");
});
document.addEventListener("drop", (event) => {
  const head = over(event);
  if (!head) return;
  event.preventDefault();
  moveTo(carried, cols().findIndex((col) => col.dataset.name === head.dataset.name) + (onRight(event, head) ? 1 : 0));
});
document.addEventListener("dragend", () => {
  carried = null;
  clearMarks();
});

// Put a column before the one that is at a place now.
function moveTo(name, place) {
  const all = cols();
  const from = all.findIndex((col) => col.dataset.name === name);
  const texts = all.map((col) => col.dataset.text);
  const [text] = texts.splice(from, 1);
  const to = Math.min(Math.max(place > from ? place - 1 : place, 0), texts.length);
  if (to === from) return;
  texts.splice(to, 0, text);
  back = name;
  put(texts.join(","));
}

// The head that the keyboard was at gets the focus again once the columns are in their new order.
let back = null;
const focused = () => document.activeElement?.closest?.("#rows th.head");
const group = "Columns, from a head";
const onHead = { group, when: focused };
for (const [key, step, words] of [["ArrowLeft", -1, "move it left"], ["ArrowRight", 2, "move it right"]]) {
  shortcut(`Alt ${key}`, words, () => moveTo(focused().dataset.name, focused().cellIndex - 1 + step), onHead);
}
for (const [key, step, words] of [["ArrowUp", 16, "widen it"], ["ArrowDown", -16, "narrow it"]]) {
  shortcut(`Alt ${key}`, words, () => {
    const head = focused();
    resize(head.dataset.name, head.offsetWidth + step);
    keep(shownText());
  }, onHead);
}
shortcut("Alt Enter", "fit it to its values", () => {
  fit(focused().dataset.name);
  keep(shownText());
}, onHead);

function answered() {
  const grid = table();
  made = now = parameter("columns");
  if (!grid) return;
  if (!made && grid.dataset.columns) setAddress({ columns: grid.dataset.columns });
  layout();
  if (back) headOf(back)?.querySelector("a, .unsorted")?.focus({ preventScroll: true });
  back = null;
}
document.addEventListener("spider:answered", answered);
new ResizeObserver(layout).observe($("list"));
answered();
