// What is selected, kept from result to result. The address holds it, as far as fits; this tab holds all of it.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { $, ofCommunications, parameter, setAddress } from "./page.js";
import { loadedIds } from "./pages.js";
import { currentRow, rows } from "./rows.js";

const IN_ADDRESS = 50;
const MOST = 5000;
const KEY = "spider.selection";
const ID = /^[\w.-]{1,120}$/;
const bar = $("selection");

// Going back or reloading comes to the same selection; a link that was given says its own. `+12` at its end stands for
// twelve more that only this tab knows.
function begin() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]").filter((id) => ID.test(id));
  const asked = parameter("select").split(",").filter(Boolean);
  const linked = asked.filter((id) => ID.test(id) && !id.startsWith("+")).slice(0, IN_ADDRESS);
  const came = performance.getEntriesByType("navigation")[0]?.type;
  if (!linked.length || (came !== "navigate" && sessionStorage.getItem(KEY))) return kept;
  return asked.some((one) => one.startsWith("+")) && linked.every((id) => kept.includes(id)) ? kept : linked;
}

const chosen = new Set(begin());
let anchor = null;

// Ids in the order of their selection.
export const selected = () => [...chosen];

function paint() {
  const here = rows();
  for (const row of here) {
    const on = chosen.has(row.dataset.id);
    row.setAttribute("aria-selected", on);
    const box = row.querySelector(".pick input"); // rows of other views have none
    if (box) box.checked = on;
  }
  const all = $("pick-all");
  if (!all) return;
  const ids = loadedIds();
  const count = ids.filter((id) => chosen.has(id)).length;
  all.checked = count > 0 && count === ids.length;
  all.indeterminate = count > 0 && count < ids.length;
}

function show() {
  const count = chosen.size;
  bar.hidden = !count;
  document.body.classList.toggle("selecting", count > 0);
  $("selection-count").textContent = `${count.toLocaleString("en")} selected`;
  bar.querySelector(".kept").textContent = count > IN_ADDRESS ? `kept in this tab, ${IN_ADDRESS} of them in the link` : "kept across searches";
  const [a, b] = chosen;
  const compare = $("selection-compare");
  const two = count === 2;
  two ? (compare.href = `${bar.dataset.compare}?${new URLSearchParams({ a, b })}`) : compare.removeAttribute("href");
  compare.toggleAttribute("data-off", !two);
  two ? compare.removeAttribute("aria-disabled") : compare.setAttribute("aria-disabled", "true");
  compare.title = two ? "Compare these two (X)" : "Two communications can be compared: select two.";
}

function keep() {
  const ids = selected();
  sessionStorage.setItem(KEY, JSON.stringify(ids));
  const more = ids.length > IN_ADDRESS ? [`+${ids.length - IN_ADDRESS}`] : [];
  setAddress({ select: [...ids.slice(0, IN_ADDRESS), ...more].join(",") });
}

function changed() {
  if (chosen.size > MOST) {
    for (const id of selected().slice(MOST)) chosen.delete(id);
    toast(`At most ${MOST.toLocaleString("en")} can be selected. Export what was found to have all.`, true);
  }
  keep();
  paint();
  show();
}

function put(ids, on) {
  for (const id of ids) on ? chosen.add(id) : chosen.delete(id);
  changed();
}

const between = (from, to) => {
  const ids = loadedIds();
  const [a, b] = [ids.indexOf(from), ids.indexOf(to)].sort((x, y) => x - y);
  return a < 0 ? [to] : ids.slice(a, b + 1);
};

function toggle(id, extend) {
  const on = extend ? true : !chosen.has(id);
  put(extend && anchor ? between(anchor, id) : [id], on);
  anchor = id;
}

document.addEventListener("click", (event) => {
  if (event.target.id === "pick-all") return put(loadedIds(), event.target.checked);
  const row = event.target.closest("tr.row");
  const box = event.target.closest(".pick");
  // A range is drawn with Shift from anywhere in a row; the box alone answers a plain click.
  if (row && (box || (event.shiftKey && !event.target.closest("a, button")))) {
    if (!event.target.matches("input")) event.preventDefault();
    return toggle(row.dataset.id, event.shiftKey);
  }
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "clear-selection") put(selected(), false);
  if (act === "copy-ids") copyIds();
  if (act === "compare" && bar.contains(event.target) && chosen.size !== 2) toast("Two communications can be compared: select two.");
  if (act === "export") {
    const ids = bar.contains(event.target) ? selected() : [];
    document.dispatchEvent(new CustomEvent("spider:export", { detail: { ids } }));
  }
});
// Shift-click would select the text between.
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest("tr.row")) event.preventDefault();
});

function copyIds() {
  navigator.clipboard.writeText(selected().join("\n")).then(
    () => toast(`${chosen.size} ids are copied, one a line.`),
    () => toast("The browser does not let the page copy.", true),
  );
}

function compare() {
  const ids = selected();
  const here = currentRow()?.dataset.id;
  const pair = ids.length === 1 && here && here !== ids[0] ? [ids[0], here] : ids;
  if (pair.length !== 2) return toast("Two communications can be compared: select two, or one and go to another row.");
  location.assign(`${bar.dataset.compare}?${new URLSearchParams({ a: pair[0], b: pair[1] })}`);
}

document.addEventListener("spider:extend", (event) => {
  if (!ofCommunications) return;
  const { from, to } = event.detail;
  // Going back over what was just selected lets go of it.
  if (chosen.has(from) && chosen.has(to) && anchor && from !== anchor) put(between(from, to).filter((id) => id !== to), false);
  else {
    if (!anchor || !chosen.has(anchor)) anchor = from;
    put(between(from, to), true);
  }
});

const group = "Selection";
const onControl = (event) => event.target.closest("a, button, summary, input");
shortcut(" ", "select the row", (event) => (onControl(event) ? false : toggle(currentRow().dataset.id, event.shiftKey)), { group, panels: false, when: () => ofCommunications && currentRow() });
shortcut("Ctrl a", "select all that is loaded", () => put(loadedIds(), true), { group, panels: false, when: () => ofCommunications && rows().length });
shortcut("x", "compare two", compare, { group, when: () => ofCommunications && (chosen.size || currentRow()) });

document.addEventListener("spider:answered", () => {
  keep();
  paint();
});
document.addEventListener("spider:rows", paint);
paint();
show();
if (chosen.size) keep();
