// The statistics' chart: lines over time, or bars of the whole range. Figures come with the page; the table below has all.
import { colour, moment, quiet } from "../core/chart.js";

const COLOURS = ["--accent", "--c4-fill", "--c2-fill", "--c5-fill", "--c3-fill", "--c0-fill"];
const DASHES = ["solid", "solid", "dashed", "solid", "dashed", "dotted"];
const MS = 1e6;
let chart = null;

function duration(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  return ms < 1000 ? `${+ms.toFixed(ms < 100 ? 1 : 0)} ms` : `${+(ms / 1000).toFixed(2)} s`;
}

function bytes(count) {
  const units = ["", " K", " M", " G"];
  let at = 0;
  for (; count >= 1000 && at < 3; at += 1) count /= 1024;
  return `${+count.toFixed(at ? 1 : 0)}${units[at]}`;
}

const words = (unit) => ({ ms: duration, bytes }[unit] ?? ((value) => value.toLocaleString("en", { maximumFractionDigits: 2 })));

function base() {
  const text = { color: colour("--text-3"), fontSize: 10.5, fontFamily: getComputedStyle(document.body).fontFamily };
  return {
    animation: !quiet, animationDuration: 160, textStyle: text, aria: { enabled: false },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("--n10"), borderWidth: 0, padding: [6, 9], textStyle: { color: colour("--on-ink"), fontSize: 11 } },
    axis: { axisLabel: text, axisLine: { lineStyle: { color: colour("--line-2") } }, axisTick: { show: false }, splitLine: { lineStyle: { color: colour("--line") } } },
    text,
  };
}

// Every step is a point: without calls a count is nought, and of a percentile nothing is known.
function overTime(data) {
  const { axis, text, ...common } = base();
  const first = Math.floor(data.since / data.interval) * data.interval;
  const count = Math.max(Math.ceil((data.until - first) / data.interval), 1);
  const starts = Array.from({ length: count }, (_, n) => (first + n * data.interval) / MS);
  const say = words(data.unit);
  return {
    ...common,
    legend: { type: "scroll", top: 0, right: 0, icon: "path://M0 4h14v2H0z", itemWidth: 14, itemHeight: 8, textStyle: { ...text, color: colour("--text-2") }, pageIconColor: colour("--text-2"), pageTextStyle: text },
    grid: { left: 4, right: 8, top: 28, bottom: 4, containLabel: true },
    xAxis: { type: "category", data: starts, boundaryGap: false, ...axis, axisLabel: { ...text, hideOverlap: true, formatter: (value) => moment(Number(value), data.interval / MS) } },
    yAxis: { type: "value", splitNumber: 3, ...axis, axisLine: { show: false }, axisLabel: { ...text, formatter: say } },
    tooltip: { ...common.tooltip, valueFormatter: (value) => value == null ? "–" : say(value), axisPointer: { lineStyle: { color: colour("--line-3") } } },
    series: data.lines.map((line, n) => {
      const values = new Array(count).fill(data.counts ? 0 : null);
      for (const [start, figure] of line.steps) values[Math.round((start - first) / data.interval)] = figure;
      const paint = colour(COLOURS[n % COLOURS.length]);
      return { name: line.name, type: "line", data: values, showSymbol: count < 3, symbolSize: 5, connectNulls: false, itemStyle: { color: paint }, lineStyle: { width: 1.6, color: paint, type: DASHES[n % DASHES.length] } };
    }),
  };
}

function whole(data) {
  const { axis, text, ...common } = base();
  const say = words(data.unit);
  const lines = data.lines.filter((line) => line.figure !== null).toReversed();
  return {
    ...common,
    grid: { left: 4, right: 60, top: 6, bottom: 4, containLabel: true },
    xAxis: { type: "value", splitNumber: 4, ...axis, axisLabel: { ...text, formatter: say } },
    yAxis: { type: "category", data: lines.map((line) => line.name), ...axis, axisLabel: { ...text, width: 150, overflow: "truncate" } },
    tooltip: { ...common.tooltip, valueFormatter: say, axisPointer: { type: "shadow", shadowStyle: { color: colour("--accent-wash") } } },
    series: [{ type: "bar", name: data.words, data: lines.map((line) => line.figure), barMaxWidth: 14, itemStyle: { color: colour("--accent"), borderRadius: [0, 2, 2, 0] }, label: { show: true, position: "right", color: colour("--text-2"), fontSize: 10.5, formatter: ({ value }) => say(value) } }],
  };
}

export function show(box) {
  const place = box.querySelector("#stats-chart");
  if (!place) return;
  const data = JSON.parse(box.dataset.series);
  chart?.dispose();
  chart = window.echarts.init(place, null, { renderer: "canvas" });
  chart.setOption(data.interval ? overTime(data) : whole(data));
  const mine = chart;
  new ResizeObserver(() => { if (!mine.isDisposed()) mine.resize({ animation: { duration: 0 } }); }).observe(place);
  place.dataset.drawn = String(data.lines.length);
}

// Two selects make one parameter, and another metric takes the function that suits it.
document.addEventListener("change", (event) => {
  const form = event.target.closest(".stats-ask");
  if (!form) return;
  const chosen = [...form.querySelectorAll("[data-group]")].map((one) => one.value).filter(Boolean);
  form.elements.groups.value = [...new Set(chosen)].join(",") || ","; // what is empty would be the usual
  if (event.target.name === "metric") form.elements.function.disabled = true;
}, { capture: true });
