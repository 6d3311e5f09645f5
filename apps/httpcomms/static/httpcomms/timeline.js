// The timeline: communications by time and by the values of a field, as stacked bars. ECharts draws, nothing else: what a
// person does with it is in grip.js. Its colours are the page's own, read from the stylesheet.
import { colour, moment, parts, quiet } from "../core/chart.js";

const MS = 1e6;
const DAY = 86400e3;

// Distances from the box's edges: above the bars, and below them the quality line and the labels.
export const TOP = 13;
export const BOTTOM = 26;

// Status classes have colours and shapes of their own, the same everywhere; "" has no response.
const CLASSES = { "2xx": "--c2-fill", "3xx": "--c3-fill", "4xx": "--c4-fill", "1xx": "--c1-fill", "5xx": "--c5-fill" };
const ORDER = ["2xx", "3xx", "4xx", "1xx", "other", "", "5xx"];
export const SLOTS = 8;
// What each value was drawn in, by field: a value keeps its colour while the range moves.
const kept = new Map();

// How far the zone's clock is ahead of UTC's at a moment, within a day.
function zoneOffset(ms) {
  const part = parts(ms);
  const local = Date.UTC(Number(part.year), Number(part.month) - 1, Number(part.day), Number(part.hour), Number(part.minute), Number(part.second));
  return local - Math.floor(ms / 1000) * 1000;
}

const LABELS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600].map((s) => s * 1000);
const RATES = [[1e9, "s"], [60e9, "min"], [3600e9, "h"], [86400e9, "day"]];

// Labels stand at round times of the zone: every so many ms, as many as have room.
function labelStep(length, step, most) {
  return LABELS.find((one) => one >= step && Math.abs(one / step - Math.round(one / step)) < 1e-6 && length / one <= most) ?? Math.ceil(length / most / step) * step;
}

// A step of 1, 2 or 5 times a power of ten.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return Math.max([1, 2, 5, 10].map((n) => n * power).findLast((one) => one <= value) ?? power, 1);
}

const figure = (value) => (value >= 1000 ? `${+(value / 1000).toFixed(1)} K` : `${+value.toFixed(value < 10 ? 1 : 0)}`);

export class Timeline {
  constructor(box, say) {
    this.box = box;
    this.inner = box.querySelector(".chart");
    this.say = say;
    this.data = null;
    this.request = null;
    this.drawn = () => {};
    this.chart = window.echarts.init(this.inner, null, { renderer: "canvas" });
    new ResizeObserver(() => {
      this.chart.resize({ animation: { duration: 0 } });
      this.draw();
    }).observe(box);
  }

  async load(url) {
    delete this.box.dataset.failed;
    this.request?.abort();
    this.request = new AbortController();
    try {
      const answer = await fetch(url, { signal: this.request.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error((await answer.json()).error?.message ?? answer.statusText);
      this.data = await answer.json();
      this.prepare();
      this.draw();
      this.box.dataset.shown = url;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.data = null;
      this.chart.clear();
      this.box.dataset.failed = error.message;
      this.say.textContent = `The timeline cannot be shown: ${error.message}`;
      this.drawn();
    }
  }

  // Every step is a bar, those without communications too: a hole in the traffic must be seen as one.
  prepare() {
    const { since, until, interval, buckets, values, absent, by } = this.data;
    this.step = interval / MS;
    this.first = Math.floor(since / interval) * this.step;
    this.count = Math.max(Math.min(Math.ceil((until / MS - this.first) / this.step), 4000), 1);
    this.last = this.first + this.count * this.step;
    this.long = this.last - this.first > DAY;
    this.totals = new Array(this.count).fill(0);
    const table = new Map(values.map(({ value }) => [value, new Array(this.count).fill(0)]));
    const none = new Array(this.count).fill(0);
    const rest = new Array(this.count).fill(0);
    for (const [start, total, counts, missing] of buckets) {
      const at = Math.round((start / MS - this.first) / this.step);
      if (at < 0 || at >= this.count) continue;
      let left = total - missing;
      for (const [value, found] of Object.entries(counts)) {
        if (!table.has(value)) continue;
        table.get(value)[at] += found;
        left -= found;
      }
      this.totals[at] += total;
      none[at] += missing;
      rest[at] += Math.max(left, 0);
    }
    const classes = by === "stats.statusClass";
    this.series = values.map((one) => ({ ...one, counts: table.get(one.value), kind: classes ? `c${one.value[0]}` : `s${this.slot(by, one.value)}` }));
    if (none.some(Boolean) || absent.count || classes) this.series.push({ ...absent, counts: none, kind: "c0" });
    if (rest.some(Boolean)) this.series.push({ value: null, label: "other", count: rest.reduce((a, b) => a + b, 0), counts: rest, kind: "rest" });
    if (classes) {
      for (const value of ["2xx", "3xx", "4xx", "5xx"]) {
        if (!table.has(value)) this.series.push({ value, label: value, count: 0, only: "", exclude: "", counts: new Array(this.count).fill(0), kind: `c${value[0]}` });
      }
      this.series.sort((a, b) => ORDER.indexOf(a.value) - ORDER.indexOf(b.value));
    }
  }

  slot(by, value) {
    const slots = kept.get(by) ?? kept.set(by, new Map()).get(by);
    if (slots.has(value)) return slots.get(value);
    const shown = new Set(this.data.values.map((one) => one.value));
    for (const one of [...slots.keys()]) if (slots.size >= SLOTS && !shown.has(one)) slots.delete(one);
    const used = new Set(slots.values());
    const free = Array.from({ length: SLOTS }, (_, n) => n + 1).find((n) => !used.has(n)) ?? SLOTS;
    slots.set(value, free);
    return free;
  }

  colourOf({ kind, value }) {
    if (kind === "rest" || kind === "co") return colour("--s-rest");
    return colour(kind[0] === "s" ? `--s${kind.slice(1)}` : CLASSES[value] ?? "--c0-fill");
  }

  draw() {
    if (!this.data) return;
    const { interval, buckets } = this.data;
    const { step, count } = this;
    const starts = Array.from({ length: count }, (_, n) => this.first + n * step);
    const text = colour("--text-3");
    const line = colour("--line");
    const every = labelStep(count * step, step, Math.max(Math.floor(this.box.clientWidth / 110), 2));
    const most = Math.max(...this.totals, 1);
    this.scale = nice(most / 2.1);
    this.top = most * 1.03;
    const [perUnit, unit] = RATES.find(([length]) => most * length / interval >= 2) ?? RATES.at(-1);
    const base = { color: text, fontSize: 10.5, fontFamily: getComputedStyle(document.body).fontFamily };
    const offsets = starts.map(zoneOffset);
    const round = (n) => Math.abs(((starts[n] + offsets[n]) / every) - Math.round((starts[n] + offsets[n]) / every)) < 1e-6;
    this.chart.setOption({
      animation: !quiet && !this.still,
      animationDuration: 160,
      animationDurationUpdate: 160,
      textStyle: base,
      aria: { enabled: false },
      grid: { left: 0, right: 0, top: TOP, bottom: BOTTOM },
      xAxis: {
        type: "category", data: starts, boundaryGap: true, silent: true,
        axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { ...base, formatter: (value) => moment(Number(value), every, this.long), interval: (n) => round(n), showMinLabel: false, showMaxLabel: false, hideOverlap: true, margin: 10, align: "center" },
        splitLine: { show: true, interval: (n) => round(n), lineStyle: { color: line } },
      },
      yAxis: {
        type: "value", min: 0, max: this.top, interval: this.scale, silent: true, splitLine: { showMaxLine: false, lineStyle: { color: line } },
        axisLabel: { show: false },
      },
      series: this.series.map((one) => ({
        name: one.kind + one.value, type: "bar", stack: "all", data: one.counts, barCategoryGap: count > 300 ? "0%" : "14%", itemStyle: { color: this.colourOf(one) },
        emphasis: { focus: "series", itemStyle: { color: this.colourOf(one) } }, blur: { itemStyle: { opacity: 0.15 } }, large: false, silent: true,
      })),
    }, { replaceMerge: ["series"] });
    const total = this.totals.reduce((sum, one) => sum + one, 0);
    const said = this.series.filter((one) => one.count).map((one) => `${one.count.toLocaleString("en")} ${one.label}`);
    if (!this.still) this.say.textContent = `${total.toLocaleString("en")} communications on the timeline by ${this.data.words}${said.length ? `: ${said.join(", ")}` : ""}.`;
    this.box.setAttribute("aria-label", `Communications over time, by ${this.data.words}`);
    this.perUnit = [perUnit, unit];
    this.drawn();
    this.box.dataset.buckets = String(buckets.length);
    this.box.dataset.drawn = String(Number(this.box.dataset.drawn ?? 0) + 1);
  }

  // One value stands out, the others are paled; without one all are as they were.
  accent(one) {
    this.chart.dispatchAction({ type: "downplay" });
    if (one) this.chart.dispatchAction({ type: "highlight", seriesName: one.kind + one.value });
  }

  // Lines of the scale: [share of the height, words], without the one at nothing.
  get lines() {
    const found = [];
    for (let value = this.scale; value < this.top; value += this.scale) found.push([value / this.top, this.rate(value)]);
    return found.map(([share, words], n) => [share, n === found.length - 1 ? words : words.split(" / ")[0]]);
  }

  // What a step has: [entry, count] of each value that is in it, as the bar shows them from above.
  at(index) {
    return this.series.map((one) => [one, one.counts[index] ?? 0]).filter(([, found]) => found).reverse();
  }

  rate(count) {
    const [length, unit] = this.perUnit;
    return `${figure(count * length / this.data.interval)} / ${unit}`;
  }
}
