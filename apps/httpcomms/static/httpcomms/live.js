// Live mode: the range follows now. Every few seconds the page asks what came: rows come in at the top, or wait behind a
// button while the person reads something. A question is asked when the one before it was answered, never beside it.
import { shortcut } from "../core/keys.js";
import { $, go, parameter } from "./page.js";
import { drawTime, timeIsFree } from "./time.js";

const EVERY = 3000;
const LONGEST = 30_000;
const ROWS = 600; // more of them than this are read anew
const PENDING = 20;
const SELDOM = 5; // what costs more is asked for every so many times
let timer = 0;
let running = null; // of this question alone: a later one does not answer for it
let failed = 0;
let turn = 0;
let told = false; // of this result: the first answer is what the others are compared with
let newest = ""; // time of the newest communication that was told of
let waiting = []; // rows that came and are not shown yet, newest first
let missed = 0; // how many came since `newest` was put in, where rows cannot be added
let flood = false; // more came than an answer holds: the rows do not join those shown
const versions = new Map();

const on = () => $("live")?.getAttribute("aria-pressed") === "true";
const grid = () => document.querySelector("#list table.grid");
const shown = () => [...document.querySelectorAll("#list tr.row[data-id]")];
const addable = () => $("found")?.dataset.view === "grid" && !parameter("sort") && grid();

// The person is in the middle of something: nothing may move under them.
function busy() {
  const scroll = $("scroll");
  const held = document.querySelector("#list tr.cur, #list tr.row input:checked, #list tr.row:focus-within");
  return Boolean(scroll?.scrollTop > 2 || !$("detail").hidden || parameter("select") || held || document.querySelector("dialog[open]"));
}

function say(words, state) {
  const button = $("live");
  if (!button) return;
  button.dataset.state = state;
  $("live-words").textContent = words;
  if ($("live-said").textContent !== words) $("live-said").textContent = words === "Live" ? "" : words;
}

function made(html) {
  const box = document.createElement("template");
  box.innerHTML = html.includes("<tbody") ? `<table>${html}</table>` : `<table><tbody>${html}</tbody></table>`;
  return [...box.content.querySelectorAll("tr.row[data-id]")];
}

// A row that is shown already becomes what is known now: a request whose response came.
function replaceRow(old, row) {
  for (const name of ["cur"]) row.classList.toggle(name, old.classList.contains(name));
  for (const name of ["aria-selected", "aria-rowindex"]) if (old.hasAttribute(name)) row.setAttribute(name, old.getAttribute(name));
  const [before, after] = [old, row].map((one) => one.querySelector("input[type=checkbox]"));
  if (before && after) after.checked = before.checked;
  const focused = old.contains(document.activeElement);
  old.replaceWith(row);
  if (focused) row.focus({ preventScroll: true });
}

function take(answer) {
  const there = new Map(shown().map((row) => [row.dataset.id, row]));
  const held = new Map(waiting.map((row) => [row.dataset.id, row]));
  for (const row of [...made(answer.done), ...made(answer.rows)]) {
    const { id } = row.dataset;
    const version = answer.versions[id];
    const old = there.get(id) ?? held.get(id);
    const known = versions.get(id);
    versions.set(id, version);
    if (!old) continue;
    if (known === undefined ? old.textContent === row.textContent : known >= version) continue;
    if (held.has(id)) waiting = waiting.map((one) => (one === old ? row : one));
    else replaceRow(old, row);
    window.htmx.process(row);
  }
  const rows = made(answer.rows);
  const fresh = rows.filter((row) => !there.has(row.dataset.id) && !held.has(row.dataset.id));
  flood ||= answer.full && rows.length > 0 && fresh.length === rows.length;
  return { fresh, order: rows.map((row) => row.dataset.id) };
}

// Each row comes before the first one after it in the answer's order that is shown; late ones find their place so.
function insert(rows, order) {
  if (!rows.length) return;
  const there = new Map(shown().map((row) => [row.dataset.id, row]));
  for (const row of rows.toReversed()) {
    const at = order.indexOf(row.dataset.id);
    const next = at < 0 ? null : order.slice(at + 1).map((id) => there.get(id)).find(Boolean);
    const first = shown()[0];
    if (next) next.before(row);
    else if (first) first.before(row);
    else grid().querySelector("tbody").append(row);
    row.classList.add("arrived");
    there.set(row.dataset.id, row);
    window.htmx.process(row);
  }
  shown().forEach((row, n) => { row.ariaRowIndex = String(n + 2); });
  document.dispatchEvent(new CustomEvent("spider:rows"));
}

function offer() {
  const count = addable() ? waiting.length : missed;
  let button = $("fresh");
  if (!count) return button?.remove();
  if (!button) {
    button = document.createElement("button");
    button.id = "fresh";
    button.type = "button";
    button.className = "btn s fresh";
    $("found").append(button);
  }
  button.textContent = `${count.toLocaleString("en")}${flood ? "+" : ""} new`;
  button.title = "Show what came (L goes out of live mode)";
}

// The result as it is now, in the place of the one that is shown; the address stays.
async function renew() {
  const answer = await fetch(location.href, { headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.url.includes("/login/")) return location.reload();
  window.htmx.swap($("list"), await answer.text(), { swapStyle: "innerHTML" }, { eventInfo: { target: $("list") } });
  return null;
}

async function showWaiting() {
  const rows = waiting;
  waiting = [];
  missed = 0;
  if (!addable() || flood || shown().length + rows.length > ROWS) {
    flood = false;
    await renew();
  } else {
    insert(rows, rows.map((row) => row.dataset.id).concat(shown().map((row) => row.dataset.id)));
  }
  $("scroll")?.scrollTo({ top: 0 });
  offer();
}

async function apply(answer) {
  const found = $("found");
  if (found) {
    found.dataset.total = answer.total;
    found.querySelector("b").textContent = `${answer.atLeast ? "≥ " : ""}${answer.total.toLocaleString("en")}`;
    const words = found.querySelector("p .dim");
    if (words) words.textContent = words.textContent.replace(/^communications?/, answer.total === 1 ? "communication" : "communications");
  }
  if (addable()) {
    const { fresh, order } = take(answer);
    if (busy()) {
      const ids = new Set(fresh.map((row) => row.dataset.id));
      waiting = order.filter((id) => ids.has(id)).map((id) => fresh.find((row) => row.dataset.id === id)).concat(waiting);
    } else if (flood || shown().length + fresh.length > ROWS) {
      waiting = [];
      flood = false;
      await renew();
    } else {
      insert([...fresh, ...waiting], order);
      waiting = [];
    }
  } else if (found?.dataset.view === "grid" && !grid() && answer.total) {
    await renew(); // there was nothing, and now there is
  } else if (told) missed += newest ? answer.came : answer.total;
  told = true;
  newest = answer.newest ?? newest;
  offer();
  document.dispatchEvent(new CustomEvent("spider:live", { detail: answer }));
}

// The facets are counted anew while nobody is at them.
function countFacets() {
  const box = $("facets");
  const typed = [...box.querySelectorAll("input")].some((input) => input.type !== "checkbox" && input.value);
  if (typed || box.matches(":hover") || box.contains(document.activeElement) || !$("found")?.dataset.facets) return;
  window.htmx.ajax("GET", $("found").dataset.facets, { target: "#facets", swap: "innerHTML" });
}

async function ask() {
  if (!on() || document.hidden || running) return;
  const mine = new AbortController();
  running = mine;
  const started = performance.now();
  const unanswered = shown().filter((row) => row.querySelector(".st.c0")).slice(0, PENDING).map((row) => row.dataset.id);
  const url = new URL($("timeline-data").dataset.live, location.href);
  if (newest) url.searchParams.set("newest", newest);
  if (unanswered.length) url.searchParams.set("pending", unanswered.join(","));
  const tooLong = setTimeout(() => mine.abort("late"), LONGEST);
  try {
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "application/json" } });
    if (answer.url.includes("/login/")) return location.reload();
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error?.message ?? answer.statusText);
    const found = await answer.json();
    if (running !== mine || !on()) return;
    await apply(found);
    if (running !== mine) return;
    turn += 1;
    if (timeIsFree()) await drawTime({ still: true, lines: turn % SELDOM === 0 });
    if (turn % SELDOM === 0) countFacets();
    failed = 0;
    say("Live", "on");
  } catch (error) {
    if (running !== mine) return;
    failed += 1;
    say("Live: no answer, trying again", "away");
    if (error.name !== "TypeError" && error.name !== "AbortError") $("live").title = error.message;
  } finally {
    clearTimeout(tooLong);
    if (running === mine) {
      running = null;
      // A server that is slow is asked less often: at most a fifth of the time it works for this page.
      next(failed ? Math.min(EVERY * 2 ** failed, LONGEST) : Math.max(EVERY, (performance.now() - started) * 4));
    }
  }
}

function next(wait) {
  clearTimeout(timer);
  if (on() && !document.hidden) timer = setTimeout(ask, wait);
}

function stop() {
  clearTimeout(timer);
  running?.abort();
  running = null;
}

function begin() {
  stop();
  waiting = [];
  missed = failed = turn = 0;
  flood = told = false;
  newest = "";
  versions.clear();
  if (!on()) return;
  say("Live", "on");
  ask();
}

document.addEventListener("visibilitychange", () => {
  if (!on()) return;
  if (document.hidden) {
    stop();
    say("Live, paused", "paused");
  } else {
    say("Live", "on");
    ask();
  }
});

const toggle = () => go($("live").dataset.href);

document.addEventListener("click", (event) => {
  if (event.target.closest("#live")) toggle();
  if (event.target.closest("#fresh")) showWaiting();
});
// Back at the top with nothing open, what waits comes in by itself.
document.addEventListener("scroll", (event) => {
  if (event.target.id === "scroll" && event.target.scrollTop <= 2 && waiting.length && !busy()) showWaiting();
}, true);
document.addEventListener("spider:answered", begin);
shortcut("l", "follow new traffic", toggle, { group: "Time", when: () => $("live") });

begin();
