// Small charts of figures: a line without axes, the moment and the value under the pointer. Colours are the page's own.
import { colour } from "../core/chart.js";

const zone = document.documentElement.dataset.zone || "UTC";
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const charts = new Map();

function size(value) {
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (value < 1000 || unit === "GB") return `${value < 10 && unit !== "B" ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1024;
  }
  return "";
}

const KINDS = {
  bytes: size,
  rate: (value) => `${size(value)}/s`,
  percent: (value) => `${value.toFixed(1)} %`,
  ms: (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`,
  count: (value) => Math.round(value).toLocaleString("en"),
};

function draw(box, times) {
  const values = JSON.parse(box.dataset.chart);
  const told = KINDS[box.dataset.kind];
  const bad = box.closest(".fig.bad, .fig.warn") !== null;
  const line = colour(bad ? "--c5-fill" : "--n7");
  const known = values.filter((value) => value !== null);
  const chart = window.echarts.init(box, null, { renderer: "canvas" });
  charts.set(box, chart);
  chart.setOption({
    animation: false,
    grid: { left: 4, right: 4, top: 3, bottom: 3 },
    xAxis: { type: "category", data: times, show: false, boundaryGap: false },
    yAxis: { type: "value", show: false, min: 0, max: (value) => Math.max(value.max * 1.05, 1e-9) },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, position: (point, _, __, ___, view) => [Math.min(point[0] + 8, view.viewSize[0] - view.contentSize[0]), 0],
      axisPointer: { type: "line", lineStyle: { color: colour("--line-3") } },
      backgroundColor: colour("--n10"), borderWidth: 0, padding: [3, 7], textStyle: { color: colour("--on-ink"), fontSize: 10.5 },
      formatter: ([point]) => `${clock.format(Number(point.name))}  ${point.data?.value === undefined || point.data.value === null ? "nothing told" : told(Number(point.data.value))}`,
    },
    series: [{
      // A value between two silences has no line: it is a dot.
      type: "line", data: values.map((value, n) => ({ value, symbol: (values[n - 1] ?? null) === null && (values[n + 1] ?? null) === null ? "circle" : "none" })), symbolSize: 3, clip: false, lineStyle: { width: 1.25, color: line }, itemStyle: { color: line },
      areaStyle: { color: colour("--n2") }, emphasis: { disabled: true },
    }],
  });
  box.setAttribute("aria-label", `${box.getAttribute("aria-label").split(",")[0]}, ${known.length ? `from ${told(Math.min(...known))} to ${told(Math.max(...known))}` : "nothing told"}`);
}

function drawAll() {
  for (const [box, chart] of charts) {
    chart.dispose();
    charts.delete(box);
  }
  const figures = document.getElementById("figures");
  if (!figures) return;
  const times = JSON.parse(figures.dataset.times);
  for (const box of figures.querySelectorAll("[data-chart]")) draw(box, times);
  figures.dataset.drawn = "yes";
}

document.body.addEventListener("htmx:afterSwap", (event) => { if (document.getElementById("figures")?.dataset.drawn !== "yes") drawAll(event); });
document.addEventListener("spider:theme", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("resize", () => { for (const chart of charts.values()) chart.resize(); });
drawAll();
