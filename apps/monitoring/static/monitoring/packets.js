// Packets uploaded and lost by time, as stacked bars. What was lost is drawn above, however little of it there is.
import { colour, moment } from "../core/chart.js";

let chart = null;

function draw() {
  chart?.dispose();
  chart = null;
  const box = document.getElementById("packet-line");
  if (!box) return;
  const [interval, first, last] = ["interval", "first", "last"].map((name) => Number(box.dataset[name]));
  const begin = Math.floor(first / interval) * interval;
  const count = Math.min(Math.max(Math.ceil((last - begin) / interval), 1), 2000);
  const starts = Array.from({ length: count }, (_, n) => begin + n * interval);
  const known = new Map(JSON.parse(box.dataset.steps).map(([start, up, lost]) => [start, [up, lost]]));
  const long = last - first > 86400e3;
  const text = { color: colour("--text-3"), fontSize: 10.5, fontFamily: getComputedStyle(document.body).fontFamily };
  const value = (at, which) => known.get(at)?.[which] ?? 0;
  const told = (number) => number.toLocaleString("en");
  chart = window.echarts.init(box, null, { renderer: "canvas" });
  chart.setOption({
    animation: false,
    textStyle: text,
    grid: { left: 64, right: 12, top: 10, bottom: 24 },
    xAxis: { type: "category", data: starts, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("--line-2") } }, axisLabel: { ...text, hideOverlap: true, formatter: (at) => moment(Number(at), interval, long) } },
    yAxis: { type: "value", min: 0, minInterval: 1, splitNumber: 3, axisLabel: { ...text, formatter: (number) => (number >= 1e6 ? `${+(number / 1e6).toFixed(1)} M` : told(number)) }, splitLine: { lineStyle: { color: colour("--line") } } },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "shadow", shadowStyle: { color: colour("--line") } },
      backgroundColor: colour("--n10"), borderWidth: 0, padding: [4, 8], textStyle: { color: colour("--on-ink"), fontSize: 11 },
      formatter: ([point]) => { const at = Number(point.name); return `${moment(at, interval, true)}\n${told(value(at, 0))} uploaded\n${told(value(at, 1))} lost`; },
    },
    series: [
      { name: "uploaded", type: "bar", stack: "all", barCategoryGap: count > 200 ? "0%" : "18%", data: starts.map((at) => value(at, 0)), itemStyle: { color: colour("--c2-fill") }, emphasis: { disabled: true } },
      { name: "lost", type: "bar", stack: "all", barMinHeight: 2, data: starts.map((at) => value(at, 1) || null), itemStyle: { color: colour("--c5-fill") }, emphasis: { disabled: true } },
    ],
  });
  const sum = (which) => [...known.values()].reduce((all, one) => all + one[which], 0);
  box.setAttribute("aria-label", `Packets over time: ${told(sum(0))} uploaded, ${told(sum(1))} lost`);
  box.dataset.drawn = "yes";
}

document.body.addEventListener("htmx:afterSwap", () => { if (document.getElementById("packet-line")?.dataset.drawn !== "yes") draw(); });
document.addEventListener("spider:theme", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
addEventListener("resize", () => chart?.resize());
draw();
