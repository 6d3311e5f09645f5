// The time of the search: the timeline with what is chosen on it, the line of its quality, and the ways from one range to
// another. Whatever changes the range changes the address, and the answer to that draws everything anew.
import { shortcut } from "../core/keys.js";
import { Grip } from "./grip.js";
import { drawLegend } from "./legend.js";
import { $, addressWith, go } from "./page.js";
import { arrived, passed } from "./passed.js";
import { REST } from "./picker.js";
import { inWords, quality } from "./quality.js";
import { Timeline } from "./timeline.js";
import { Tip } from "./tip.js";

const LIMIT = 9e12; // ms: no traffic is later
let timeline = null;
let grip = null;
let tip = null;

const data = () => $("timeline-data")?.dataset;
const stamp = (ms) => new Date(Math.min(Math.max(Math.round(ms), 0), LIMIT)).toISOString();

// A range becomes the search's; the timeline goes on showing what it shows. Without one all of it is the range again.
function choose(range) {
  const { wide } = data();
  const [first, last = ""] = wide.split("~");
  const ends = range ? { from: stamp(range.since), to: stamp(range.until), wide, live: "" } : { from: first, to: last, wide: "" };
  go(addressWith({ open: "", tab: "", ...ends }));
}

// The timeline shows another stretch. Where a part of it is chosen that stays the range, unless the stretch lies in it.
function show(first, last) {
  if (!(last > first)) return grip.cancel();
  const chosen = grip.selection;
  const inside = chosen && first >= chosen[0] && last <= chosen[1];
  if (chosen && !inside) go(addressWith({ wide: `${stamp(first)}~${stamp(last)}` }));
  else go(addressWith({ ...REST, from: stamp(first), to: stamp(last), live: "" }));
}

function say(first, last, low, high) {
  const counts = new Map();
  let total = 0;
  for (let n = low; n <= high; n += 1) {
    total += timeline.totals[n];
    for (const [one, count] of timeline.at(n)) counts.set(one.label, (counts.get(one.label) ?? 0) + count);
  }
  const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB", { timeZone: document.documentElement.dataset.zone, fractionalSecondDigits: timeline.step < 1000 ? 3 : undefined });
  const found = [...counts].map(([label, count]) => `${count} ${label}`).join(", ");
  const lost = grip.marks.filter((mark) => mark.first < last && mark.last > first).map((mark) => mark.words);
  $("timeline-words").textContent = `${clock(first)} to ${clock(last)}: ${total} communications${found ? `, ${found}` : ""}${lost.length ? `. ${lost.join(", ")}` : ""}.`;
}

function begin() {
  timeline = new Timeline($("timeline"), $("timeline-words"));
  tip = new Tip(timeline);
  grip = new Grip(timeline, { choose, show, say }, tip);
  timeline.drawn = () => {
    grip.fresh();
    drawLegend(timeline, grip.marks);
    const first = $("range-first");
    if (first && timeline.data?.shown[0]) first.textContent = timeline.data.shown[0];
  };
}

async function drawQuality() {
  try {
    const found = await quality(data().quality);
    grip.marks = found.marks;
    grip.render();
    drawLegend(timeline, found.marks);
    $("timeline").dataset.quality = inWords(found);
    $("timeline-keys").textContent = `${inWords(found)} ${KEYS}`;
    $("timeline").classList.toggle("partly", !found.complete);
  } catch (error) {
    if (error.name !== "AbortError") grip.marks = [];
  }
}

const KEYS = $("timeline-keys")?.textContent ?? "";

// Both are asked for at once; `still`: nothing moves and nothing is said, for what refreshes by itself.
export async function drawTime({ still = false, lines = true } = {}) {
  if (!data()?.url || !window.echarts) return;
  if (!timeline) begin();
  timeline.still = still;
  await Promise.all([timeline.load(data().url), lines ? drawQuality() : null]);
}

// Nothing is dragged, zoomed or pointed at by the keyboard: the timeline may move.
export const timeIsFree = () => !grip || (!grip.drag && !grip.view && grip.cursor === null);

function placed() {
  const state = data();
  if (!state) return;
  arrived({ from: state.from, to: state.to, wide: state.around });
  const before = passed(-1);
  const back = $("back");
  if (before) back.href = addressWith({ ...REST, ...before });
  back.hidden = !back.getAttribute("href");
}

function step(by) {
  const range = passed(by);
  if (!range) return false;
  return go(addressWith({ ...REST, ...range, ...(range.to ? { live: "" } : {}) }));
}

// The range one length earlier or later; the timeline goes with it.
function shift(by) {
  if (!timeline?.data) return false;
  const [first, last] = grip.selection ?? [timeline.data.since / 1e6, timeline.data.until / 1e6];
  const length = last - first;
  const moved = { from: stamp(first + by * length), to: stamp(last + by * length), live: "" };
  const [low, high] = [timeline.first, timeline.last];
  const away = by < 0 ? first - length < low : last + length > high;
  const wide = grip.selection && !away ? data().wide : grip.selection ? `${stamp(low + by * length)}~${stamp(high + by * length)}` : "";
  return go(addressWith({ open: "", tab: "", ...moved, wide }));
}

const BUTTONS = { earlier: () => grip.pan(-0.5), later: () => grip.pan(0.5), in: () => grip.zoom(0.5), out: () => grip.zoom(2) };

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-time]");
  if (button && grip) BUTTONS[button.dataset.time]();
});
document.addEventListener("spider:answered", () => { placed(); drawTime(); });
document.addEventListener("spider:refused", () => grip?.cancel());
document.addEventListener("spider:theme", () => timeline?.draw());

const group = "Time";
const there = () => Boolean(timeline?.data);
const noHead = (event) => !event.target.closest?.("thead"); // heads of columns move with the same keys
shortcut("Alt ArrowLeft", "range before", () => step(-1), { group, when: noHead });
shortcut("Alt ArrowRight", "range after", () => step(1), { group, when: noHead });
shortcut("ArrowLeft", "one length earlier", () => shift(-1), { group, shown: "Shift ArrowLeft", panels: false, when: (event) => event.shiftKey && there() });
shortcut("ArrowRight", "one length later", () => shift(1), { group, shown: "Shift ArrowRight", panels: false, when: (event) => event.shiftKey && there() });
for (const key of ["+", "="]) shortcut(key, key === "+" ? "zoom in" : "", () => grip.zoom(0.5), { group, when: there });
for (const key of ["-", "−"]) shortcut(key, key === "-" ? "zoom out" : "", () => grip.zoom(2), { group, when: there });

placed();
drawTime();
