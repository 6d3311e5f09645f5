// What the colours of the timeline mean. An entry is a value: click adds it to the query, Ctrl-click excludes it, and
// while the pointer or the focus is on it the others are paled.
import { $ } from "./page.js";
import { swatch } from "./tip.js";

const LINE = { alarm: "sums do not add up", loss: "loss", gap: "gap", error: "parsing error" };

function entry(one, timeline) {
  const item = document.createElement("li");
  const name = document.createElement(one.only ? "a" : "span");
  name.className = "entry";
  name.append(swatch(one), one.label);
  name.title = `${one.label}: ${one.count.toLocaleString("en")}`;
  if (one.only) {
    name.href = one.only;
    name.dataset.field = timeline.data.by;
    if (one.value) name.dataset.value = one.value;
    else name.dataset.none = "";
    name.title += ". Click: only this; Ctrl-click: not this";
  }
  for (const [event, value] of [["pointerenter", one], ["focus", one], ["pointerleave", null], ["blur", null]]) {
    name.addEventListener(event, () => timeline.accent(value));
  }
  item.append(name);
  return item;
}

export function drawLegend(timeline, marks) {
  const box = $("legend");
  if (!box) return;
  const entries = timeline.data ? timeline.series.filter((one) => one.count || (one.value && one.kind[0] === "c") || one.kind === "c0") : [];
  const order = ["2xx", "3xx", "4xx", "5xx", "1xx", "other", ""];
  const classes = timeline.data?.by === "stats.statusClass";
  if (classes) entries.sort((a, b) => order.indexOf(a.value) - order.indexOf(b.value));
  const kinds = Object.keys(LINE).filter((kind) => marks.some((mark) => mark.kind === kind));
  const lines = kinds.map((kind) => {
    const item = document.createElement("li");
    item.className = `entry line-mark ${kind}`;
    item.title = `${marks.filter((mark) => mark.kind === kind).length} times on the line below the timeline`;
    item.append(document.createElement("i"), LINE[kind]);
    return item;
  });
  box.replaceChildren(...entries.map((one) => entry(one, timeline)), ...lines);
}
