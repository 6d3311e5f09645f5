// The pages of rows. Those far from what is seen leave the document and come back when one scrolls there, so that the
// thousandth page costs no more than the first; the footer tells where one is.
//
// `spider:rows` on `document` says that rows were put in or came back: whoever marks rows does it then.
import { $ } from "./page.js";

// Pages of a hundred rows that stay on each side of the one that is seen.
const NEAR = 8;
const away = new WeakMap();

const pages = () => [...document.querySelectorAll("#rows tbody.leaf")];
const idsIn = (page) => away.get(page)?.ids ?? [...page.querySelectorAll("tr.row")].map((row) => row.dataset.id);

// The ids of every row that was loaded, in order, in the document or not.
// Tables of rows without pages (a waterfall, TCP sessions) have all of theirs in the document.
const plain = () => [...document.querySelectorAll("#rows tr.row:not([hidden])")].map((row) => row.dataset.id);
export const loadedIds = () => (pages().length ? pages().flatMap(idsIn) : plain());

function putAway(page) {
  if (away.has(page)) return;
  const cell = document.createElement("td");
  cell.colSpan = 100;
  cell.style.height = `${page.offsetHeight}px`;
  const row = document.createElement("tr");
  row.className = "spacer";
  row.setAttribute("aria-hidden", "true");
  row.append(cell);
  away.set(page, { html: page.innerHTML, ids: idsIn(page) });
  page.replaceChildren(row);
}

function bringBack(page) {
  const kept = away.get(page);
  if (!kept) return false;
  away.delete(page);
  page.innerHTML = kept.html;
  return true;
}

const told = () => document.dispatchEvent(new CustomEvent("spider:rows"));

// The row of an id, brought back if it is away; null where it was never loaded.
export function rowOf(id) {
  const row = () => document.querySelector(`#rows tr.row[data-id="${CSS.escape(id)}"]`);
  if (!id) return null;
  if (row()) return row();
  const page = pages().find((one) => away.get(one)?.ids.includes(id));
  if (page && bringBack(page)) told();
  return row();
}

// The last of a list that begins at or above a height.
function lastAbove(list, height) {
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    list[middle].offsetTop <= height ? (low = middle) : (high = middle - 1);
  }
  return low;
}

const headHeight = () => document.querySelector("#rows thead")?.offsetHeight ?? 0;

function rowAt(all, height) {
  const page = all[lastAbove(all, height)];
  if (!page || away.has(page)) return null;
  const rows = [...page.querySelectorAll("tr.row")];
  return rows[lastAbove(rows, height)] ?? null;
}

// How many rows fit.
export function rowsSeen() {
  const height = document.querySelector("#rows tr.row")?.offsetHeight || 26;
  return Math.max(Math.floor((($("scroll")?.clientHeight ?? 0) - headHeight()) / height), 1);
}

function look() {
  const scroll = $("scroll");
  const all = pages();
  if (!scroll || !all.length) return;
  const middle = lastAbove(all, scroll.scrollTop + scroll.clientHeight / 2);
  const changed = all.map((page, n) => (Math.abs(n - middle) > NEAR ? void putAway(page) : bringBack(page)));
  if (changed.some(Boolean)) told();
  place(scroll, all);
}

function place(scroll, all) {
  const bottom = scroll.scrollTop + scroll.clientHeight;
  const first = rowAt(all, scroll.scrollTop + headHeight());
  const last = rowAt(all, bottom - 8);
  const text = $("shown");
  if (!first || !last || !text) return;
  const number = (row) => (row.ariaRowIndex - 1).toLocaleString("en");
  text.textContent = `Rows ${number(first)}–${number(last)} of ${document.querySelector("#found b").textContent}`;
}

let waiting = false;
function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    look();
  });
}

document.addEventListener("scroll", (event) => event.target.id === "scroll" && soon(), { capture: true, passive: true });
addEventListener("resize", soon);
document.addEventListener("spider:answered", soon);
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (!event.detail.target.closest?.("#rows") && !event.detail.target.classList.contains("next")) return;
  told();
  soon();
});
soon();
