// Every value on the page is a handle: an element with `data-field` and `data-value` (template tag `value`), or `data-term`
// where the value is one of the query language (a range), or neither where it stands for "has none".
//
//   click            only this (in a row: opens the row)       Ctrl-click   not this
//   Alt-click        only this, in a row too                   Shift-click  this as well as what is chosen of the field
//   right click, menu key: a menu       pointing at one in a row: + and − beside it       + - on a cell of the grid
//
// What a click means for the query the server knows: it is asked for the page with `field`, `value` and `change`.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { put, shownText } from "./columns.js";
import { $, addressWith, go } from "./page.js";

const HANDLE = "[data-field][data-value], [data-field][data-term], [data-field][data-none]";

export const handleAt = (target) => target?.closest?.(HANDLE) ?? null;

// Where the value itself is: a cell of the grid is larger than its text.
function boxOf(handle) {
  const range = document.createRange();
  range.selectNodeContents(handle);
  return range.getBoundingClientRect();
}

function isHit(handle, event) {
  if (!handle.matches("td")) return true;
  const box = boxOf(handle);
  return event.clientX >= box.left && event.clientX <= box.right;
}

// The page with a value chosen ("only", "also") or excluded ("not").
export function change(handle, how) {
  hideBoth();
  const { field, value = "", term = "" } = handle.dataset;
  go(addressWith({ field, value, term, change: how, open: "", tab: "" }));
}

const shown = (handle) => handle.dataset.value ?? handle.textContent.trim();

// The grid takes Ctrl and Shift for rows only where no value is hit, so values are asked first.
document.addEventListener("click", (event) => {
  const act = event.target.closest(".value-acts [data-how], .value-menu [data-how]");
  if (act) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return done(act.dataset.how, act.closest(".value-menu") ? menuFor : actsFor);
  }
  const beside = event.target.closest(".facet .acts [data-how]");
  if (beside) return change(beside.closest("li").querySelector(HANDLE), beside.dataset.how);
  const handle = handleAt(event.target);
  if (!handle || getSelection().toString()) return;
  const held = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  if (handle.closest("tr.row") && (!held || event.shiftKey || !isHit(handle, event))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  change(handle, event.ctrlKey || event.metaKey ? "not" : event.shiftKey ? "also" : "only");
}, true);

function done(how, handle) {
  hideBoth();
  if (!handle) return;
  if (how === "copy") {
    navigator.clipboard.writeText(shown(handle)).then(() => toast("Value copied."), () => toast("The browser does not let the page copy.", true));
  } else if (how === "column") {
    const columns = shownText().split(",");
    const name = handle.dataset.field.replaceAll("%", "%25").replaceAll(",", "%2C").replaceAll("~", "%7E");
    if (columns.some((one) => one.split("~")[0] === name)) toast("It is a column already.");
    else put([...columns, name].join(","));
  } else change(handle, how);
}

function made(name, css, text = "") {
  const one = document.createElement(name);
  one.className = css;
  one.textContent = text;
  return one;
}

function button(how, words, text = words) {
  const one = made("button", "", text);
  one.type = "button";
  one.dataset.how = how;
  if (text !== words) one.title = words;
  one.setAttribute("aria-label", words);
  return one;
}

// + and − beside the value that is pointed at.
const acts = made("span", "value-acts");
acts.append(button("only", "Only this (Alt-click)", "+"), button("not", "Not this (Ctrl-click)", "−"));
acts.hidden = true;
let actsFor = null;
let pointing = 0;

function showActs(handle) {
  if (actsFor === handle) return;
  actsFor = handle;
  const cell = (handle.closest("td") ?? handle).getBoundingClientRect();
  const box = boxOf(handle);
  document.body.append(acts);
  acts.hidden = false;
// Beside the text, not over it: where its cell is full they stand on the next one.
  acts.style.left = `${Math.min(box.right, cell.right, innerWidth - acts.offsetWidth - 4)}px`;
  acts.style.top = `${box.top + (box.height - acts.offsetHeight) / 2}px`;
}

function hideActs() {
  clearTimeout(pointing);
  acts.hidden = true;
  actsFor = null;
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch" || acts.contains(event.target)) return;
  const handle = handleAt(event.target);
  clearTimeout(pointing);
  if (!handle || handle.closest(".facets, .value-menu, dialog")) pointing = setTimeout(hideActs, 120);
  else if (handle.closest("tr.row")) pointing = setTimeout(() => handle.isConnected && showActs(handle), actsFor ? 0 : 90);
  else hideActs();
});
document.addEventListener("focusin", (event) => {
  const handle = handleAt(event.target);
  if (handle?.closest("tr.row")) showActs(handle);
  else if (!acts.contains(event.target)) hideActs();
});
document.addEventListener("scroll", () => hideBoth(), true);

// The menu of a value.
const menu = made("div", "menu value-menu");
menu.setAttribute("role", "menu");
menu.hidden = true;
let menuFor = null;
let before = null;

export function showMenu(handle, x, y) {
  hideActs();
  menuFor = handle;
  before = document.activeElement;
  const { field } = handle.dataset;
  const head = made("p", "who");
  head.append(made("span", "dim", field), made("b", "clip", handle.textContent.trim()));
  const items = [["only", "Only this"], ["not", "Not this"], ["also", "Also this"], ["copy", "Copy value"]];
  if ("value" in handle.dataset && document.querySelector("[data-columns]")) items.push(["column", "Show as column"]);
  menu.replaceChildren(head, ...items.map(([how, words]) => {
    const item = button(how, words);
    item.className = "item";
    item.setAttribute("role", "menuitem");
    return item;
  }));
  document.body.append(menu);
  menu.hidden = false;
  menu.style.left = `${Math.max(4, Math.min(x, innerWidth - menu.offsetWidth - 4))}px`;
  menu.style.top = `${Math.max(4, Math.min(y, innerHeight - menu.offsetHeight - 4))}px`;
  menu.querySelector("button").focus();
}

function hideMenu(back = false) {
  if (menu.hidden) return;
  menu.hidden = true;
  menuFor = null;
  if (back && before?.isConnected) before.focus({ preventScroll: true });
}

function hideBoth() {
  hideActs();
  hideMenu();
}

document.addEventListener("contextmenu", (event) => {
  const focused = event.button === -1 || event.pointerType === "" || (event.clientX === 0 && event.clientY === 0);
  let handle = handleAt(event.target);
  if (!handle && focused) handle = handleAt(document.activeElement) ?? first(document.activeElement?.closest?.("tr.row > td, tr.row"));
  if (!handle || getSelection().toString()) return;
  event.preventDefault();
  const box = handle.getBoundingClientRect();
  focused ? showMenu(handle, box.left, box.bottom + 2) : showMenu(handle, event.clientX + 1, event.clientY + 1);
});
document.addEventListener("pointerdown", (event) => {
  if (!menu.hidden && !menu.contains(event.target)) hideMenu();
});
menu.addEventListener("keydown", (event) => {
  const items = [...menu.querySelectorAll("button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") hideMenu(true);
  else return;
  event.preventDefault();
  event.stopPropagation();
});

// By keys: on a value, or on a cell of the grid (the first value in it).
const first = (place) => (place ? (handleAt(place) ?? place.querySelector(HANDLE)) : null);

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("tr.row > td");
  const handle = cell ? first(cell) : handleAt(event.target);
  if (!handle || (event.target !== handle && event.target !== cell)) return;
  const held = event.ctrlKey || event.metaKey;
  const how = { "+": "only", "-": "not" }[event.key] ?? (event.key === "Enter" && !cell ? (held ? "not" : event.shiftKey ? "also" : "only") : null);
  if (!how) return;
  event.preventDefault();
  event.stopPropagation();
  change(handle, how);
}, true);
for (const [keys, words] of [["+", "only the value of the cell"], ["-", "not the value of the cell"]]) shortcut(keys, words, () => false, { group: "Rows", when: () => document.activeElement?.matches("tr.row > td") });

document.addEventListener("spider:answered", hideBoth);
if ($("detail")) $("detail").addEventListener("htmx:afterSettle", hideBoth);
