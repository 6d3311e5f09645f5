// The rows of the grid: the one the keyboard is at, its cells, and the communication that is open beside them.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { shownTab, showTab } from "./detail.js";
import { $, parameter, setAddress } from "./page.js";
import { loadedIds, rowOf, rowsSeen } from "./pages.js";

const detail = $("detail");
let current = null;
let column = 0; // of the cell that the keyboard is at; 0 is the row as a whole

export const rows = () => [...document.querySelectorAll("#rows tr.row")];

// The row that the keyboard is at.
export const currentRow = () => rowOf(current);

// One row at a time can be reached with Tab: the one the keyboard is at, the first to begin with.
function paint(row) {
  for (const one of document.querySelectorAll("#rows tr.cur, #rows tr.row[tabindex='0']")) {
    one.classList.remove("cur");
    if (row) one.tabIndex = -1;
  }
  document.querySelector("#rows td.at")?.classList.remove("at");
  row?.classList.add("cur");
  if (row) row.tabIndex = 0;
}

export function mark(row, focus = true) {
  current = row?.dataset.id ?? null;
  paint(row);
  if (!row || !focus) return;
  const cell = column ? row.cells[Math.min(column, row.cells.length - 1)] : null;
  cell?.classList.add("at");
  if (cell) cell.tabIndex = -1;
  (cell ?? row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  cell?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

let opening = 0;
export function open(row, delay = 0) {
  mark(row);
  clearTimeout(opening);
  opening = setTimeout(() => fetchDetail(row.dataset.id, detail.hidden ? (detail.dataset.first ?? "general") : shownTab(detail)), delay);
}

function fetchDetail(id, tab) {
  const state = $("found")?.dataset.state ?? "";
  detail.hidden = false;
  detail.dataset.open = id;
  detail.dataset.tab = tab;
  setAddress({ open: id, tab: tab === "general" ? "" : tab });
  window.htmx.ajax("GET", `${detail.dataset.documents}${encodeURIComponent(id)}/?${state}`, { target: "#detail", swap: "innerHTML" });
}

// Other views open a communication by its id.
export const openOne = (id) => fetchDetail(id, detail.hidden ? (detail.dataset.first ?? "general") : shownTab(detail));

export function close() {
  clearTimeout(opening);
  detail.hidden = true;
  detail.replaceChildren();
  delete detail.dataset.open;
  setAddress({ open: "", tab: "" });
  document.querySelector("#rows tr.cur")?.focus({ preventScroll: true });
}

// To the row so many further; `extend` selects everything on the way.
export function move(step, extend = false) {
  const ids = loadedIds();
  const at = ids.indexOf(current);
  const next = rowOf(ids[Math.min(Math.max(at < 0 && step < 0 ? 0 : at + step, 0), ids.length - 1)]);
  if (!next) return;
  const from = current;
  if (detail.hidden) mark(next);
  else open(next, 90);
  if (extend) document.dispatchEvent(new CustomEvent("spider:extend", { detail: { from: from ?? next.dataset.id, to: next.dataset.id } }));
}

function moveCell(step) {
  const row = currentRow();
  if (!row) return false;
  const last = row.cells.length - 1;
  let next = column;
  do next += step;
  while (next > 0 && next <= last && row.cells[next].offsetWidth < 2);
  column = next > last ? column : Math.max(next, 0);
  mark(row);
}

// A row or a cell as text: what `data-copy` says, which is more exact than what is shown.
const cellText = (cell) => cell.dataset.copy ?? cell.innerText.trim();
const rowText = (row) => [...row.cells].filter((cell) => !cell.matches(".pick")).map((cell) => cellText(cell).replace(/[\t\n]+/g, " ")).join("\t");

function copy() {
  const row = currentRow();
  if (!row || getSelection().toString()) return false;
  const cell = column ? row.cells[column] : null;
  navigator.clipboard.writeText(cell ? cellText(cell) : rowText(row)).then(
    () => toast(cell ? "The value is copied." : "The row is copied, with tabs between its values."),
    () => toast("The browser does not let the page copy.", true),
  );
}

const inNewTab = (row) => window.open(`${detail.dataset.documents}${encodeURIComponent(row.dataset.id)}/`, "_blank", "noopener");

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr.row");
  if (row && !event.defaultPrevented && !event.target.closest("a, input, button, .pick") && !event.shiftKey && !getSelection().toString()) {
    event.preventDefault();
    column = 0;
    if (event.ctrlKey || event.metaKey) inNewTab(row);
    else open(row);
  }
  if (event.target.closest("[data-act]")?.dataset.act === "close-detail" && !document.querySelector(".alone")) close();
});

document.addEventListener("auxclick", (event) => {
  const row = event.button === 1 && event.target.closest("tr.row");
  if (!row || event.target.closest("a")) return;
  event.preventDefault();
  inNewTab(row);
});
// The middle button would begin to scroll by itself.
document.addEventListener("mousedown", (event) => {
  if (event.button === 1 && event.target.closest("tr.row")) event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("#rows tr.row") && event.target.dataset.id !== current) mark(event.target, false);
});

// What is cut off is told by the browser's own tip.
document.addEventListener("mouseover", (event) => {
  const cell = event.target.closest("#rows td");
  if (cell && !cell.title && cell.scrollWidth > cell.clientWidth) cell.title = (cell.dataset.copy ?? cell.textContent).trim().slice(0, 1000);
});

const group = "Rows";
const there = { group, when: () => rows().length };
for (const key of ["j", "ArrowDown"]) shortcut(key, "row after", (event) => move(1, event.shiftKey), { ...there, panels: key === "j" });
for (const key of ["k", "ArrowUp"]) shortcut(key, "row before", (event) => move(-1, event.shiftKey), { ...there, panels: key === "k" });
shortcut("PageDown", "page after", (event) => move(rowsSeen() - 1, event.shiftKey), { ...there, panels: false });
shortcut("PageUp", "page before", (event) => move(1 - rowsSeen(), event.shiftKey), { ...there, panels: false });
shortcut("Home", "first row", (event) => move(-Infinity, event.shiftKey), { ...there, panels: false });
shortcut("End", "last row that is loaded", (event) => move(Infinity, event.shiftKey), { ...there, panels: false });
for (const [key, step] of [["ArrowRight", 1], ["ArrowLeft", -1]]) {
  shortcut(key, "cell beside", () => moveCell(step), { group, panels: false, when: (event) => currentRow() && !event.target.closest("thead, .bar-top, [role=tablist]") });
}
const onControl = (event) => event.target.closest("a, button, summary, input");
shortcut("Enter", "open the row", (event) => (onControl(event) ? false : open(currentRow())), { group, panels: false, when: () => currentRow() });
shortcut("Ctrl c", "copy the row, or the cell", copy, { group, panels: false, when: () => currentRow() });
shortcut("Escape", "close what is open", () => {
  if (!detail.hidden) close();
  else mark(null);
}, { when: () => !document.querySelector("dialog[open]") });

detail.addEventListener("spider:tab", (event) => {
  detail.dataset.tab = event.detail;
  setAddress({ tab: event.detail === "general" ? "" : event.detail });
});

// Where the open communication is in the result.
function place() {
  const label = $("detail-place");
  if (!label) return;
  const row = rows().find((one) => one.dataset.id === detail.dataset.open);
  const at = row?.ariaRowIndex ? row.ariaRowIndex - 1 : loadedIds().indexOf(detail.dataset.open) + 1;
  label.textContent = row ? `${at.toLocaleString("en")} of ${document.querySelector("#found b").textContent}` : "";
}

document.addEventListener("spider:answered", () => {
  if (!parameter("open")) {
    detail.hidden = true;
    detail.replaceChildren();
  }
  current = null;
  column = 0;
});
document.addEventListener("spider:rows", () => {
  const row = rows().find((one) => one.dataset.id === current);
  if (row && !row.classList.contains("cur")) paint(row);
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id !== "detail") return;
  showTab(detail, detail.dataset.tab);
  place();
});

if (detail.dataset.open) {
  mark(rows().find((row) => row.dataset.id === detail.dataset.open), false);
  fetchDetail(detail.dataset.open, detail.dataset.tab);
}
