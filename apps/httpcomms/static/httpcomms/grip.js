// What a person does with the timeline: choose a part of it by dragging, move and resize what is chosen, zoom, pan, and all
// of it from the keyboard. Drawn over the chart; times here are milliseconds, rounded to what a pixel can mean.
//
// `act.choose(range or null)` makes a range the search's, `act.show(first, last)` moves the timeline to another stretch.
import { moment } from "../core/chart.js";
import { BOTTOM, TOP } from "./timeline.js";

const NS = "http://www.w3.org/2000/svg";
const NEAR = 6; // pixels from an edge that still hold it
const STILL = 3; // pixels that are no drag yet
const WAIT = 220; // ms after the last turn of the wheel
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3];
const LONGEST = 20 * 366 * 86400e3;

function made(name, css, attributes = {}) {
  const one = document.createElementNS(NS, name);
  if (css) one.setAttribute("class", css);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return one;
}

export class Grip {
  constructor(timeline, act, tip) {
    this.timeline = timeline;
    this.box = timeline.box;
    this.act = act;
    this.tip = tip;
    this.selection = null; // what is chosen of a longer timeline
    this.draft = null; // what is being chosen
    this.drag = null;
    this.view = null; // what the box shows while it is zoomed or panned
    this.cursor = null;
    this.anchor = null;
    this.marks = [];
    this.build();
    this.listen();
  }

  build() {
    this.svg = made("svg", "over empty", { "aria-hidden": "true" });
    this.parts = {
      left: made("rect", "outside"), right: made("rect", "outside"), hover: made("rect", "band"), cursor: made("rect", "cursor"), brush: made("rect", "brush"),
      scale: made("g", "scale"), track: made("rect", "track", { rx: 1.5 }), quality: made("g"), first: made("rect", "handle", { width: 6, height: 22, rx: 3 }), last: made("rect", "handle", { width: 6, height: 22, rx: 3 }),
    };
    this.svg.append(...Object.values(this.parts));
    this.label = document.createElement("span");
    this.label.className = "dragged mono";
    this.label.hidden = true;
    this.box.append(this.svg, this.label);
  }

  get plot() {
    return { width: this.box.clientWidth, height: this.box.clientHeight - TOP - BOTTOM };
  }

  get shown() {
    return this.view ?? [this.timeline.first, this.timeline.last];
  }

  x(ms) {
    const [first, last] = this.shown;
    return (ms - first) / (last - first) * this.plot.width;
  }

  ms(x) {
    const [first, last] = this.shown;
    return first + x / this.plot.width * (last - first);
  }

  // A moment that reads well, no further from the pixel than a pixel.
  round(ms) {
    const [first, last] = this.shown;
    const pixel = (last - first) / this.plot.width;
    const step = STEPS.findLast((one) => one <= pixel) ?? 1;
    return Math.round(ms / step) * step;
  }

  index(ms) {
    const { first, step, count } = this.timeline;
    return Math.min(Math.max(Math.floor((ms - first) / step), 0), count - 1);
  }

  // New data: whatever was stretched is drawn as it is.
  fresh() {
    this.view = null;
    this.wheel = null;
    this.timeline.inner.style.transform = "";
    const { data } = this.timeline;
    this.selection = data?.selected ? data.selected.map((ns) => ns / 1e6) : null;
    if (!this.drag) this.draft = null;
    if (this.cursor !== null && data) this.cursor = Math.min(this.cursor, this.timeline.count - 1);
    this.render();
  }

  render() {
    this.svg.classList.toggle("empty", !this.timeline.data);
    if (!this.timeline.data) return;
    const { width, height } = this.plot;
    const chosen = this.draft ?? this.selection;
    const { left, right, brush, first, last, track, cursor } = this.parts;
    for (const one of [left, right, brush, first, last]) one.toggleAttribute("hidden", !chosen);
    if (chosen) {
      const [a, b] = chosen.map((ms) => Math.min(Math.max(this.x(ms), 0), width));
      set(left, 0, TOP, a, height);
      set(right, b, TOP, width - b, height);
      set(brush, a, 1, Math.max(b - a, 1), height + TOP - 1);
      const [from, to] = chosen.map((ms) => this.x(ms));
      first.toggleAttribute("hidden", from < -1 || from > width);
      last.toggleAttribute("hidden", to < 0 || to > width + 1);
      set(first, Math.min(Math.max(a - 3, 0), width - 6), TOP + height / 2 - 11);
      set(last, Math.min(Math.max(b - 3, 0), width - 6), TOP + height / 2 - 11);
    }
    set(track, 0, TOP + height + 4, width, 3);
    cursor.toggleAttribute("hidden", this.cursor === null);
    if (this.cursor !== null) {
      const [low, high] = this.extent();
      set(cursor, this.x(low), TOP, Math.max(this.x(high) - this.x(low), 2), height);
    }
    this.drawMarks();
    this.parts.scale.replaceChildren(...this.timeline.lines.map(([share, words]) => {
      const text = made("text", "", { x: 2, y: (TOP + height * (1 - share) - 3).toFixed(1) });
      text.textContent = words;
      return text;
    }));
    this.box.dataset.selected = chosen ? chosen.map((ms) => Math.round(ms)).join("~") : "";
  }

  drawMarks() {
    const { width, height } = this.plot;
    this.parts.quality.replaceChildren(...this.marks.flatMap((mark) => {
      const a = Math.max(this.x(mark.first), 0);
      const b = Math.min(this.x(mark.last), width);
      if (b <= 0 || a >= width) return [];
      const one = made("rect", `mark ${mark.kind}`, { rx: 1.5 });
      set(one, Math.min(a, width - 3), TOP + height + 4, Math.max(b - a, 3), 3);
      return [one];
    }));
  }

  say(first, last) {
    const [a, b] = this.shown;
    const fine = Math.min((b - a) / this.plot.width, last - first);
    const length = last - first;
    this.label.hidden = false;
    this.label.textContent = `${moment(first, fine, this.timeline.long)} → ${moment(last, fine, this.timeline.long)}  ${spoken(length)}`;
    const x = Math.min(Math.max(this.x((first + last) / 2) - this.label.offsetWidth / 2, 0), this.plot.width - this.label.offsetWidth);
    this.label.style.left = `${x}px`;
  }

  quietly() {
    this.label.hidden = true;
  }

  // What lies under a point: an edge of what is chosen, what is chosen, a mark of the quality line, or nothing.
  under(x, y) {
    if (y > TOP + this.plot.height) return this.markAt(x) ? "mark" : "axis";
    if (!this.selection) return "free";
    const [a, b] = this.selection.map((ms) => this.x(ms));
    if (Math.abs(x - a) <= NEAR) return "first";
    if (Math.abs(x - b) <= NEAR) return "last";
    return x > a && x < b ? "inside" : "free";
  }

  markAt(x) {
    return this.marks.findLast((mark) => x >= this.x(mark.first) - 4 && x <= Math.max(this.x(mark.last), this.x(mark.first) + 3) + 4);
  }

  point(event) {
    const place = this.box.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  }

  listen() {
    const { box } = this;
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    box.addEventListener("pointerup", (event) => this.up(event));
    box.addEventListener("pointercancel", () => this.cancel());
    box.addEventListener("pointerleave", () => { if (!this.drag) this.unhover(); });
    box.addEventListener("dblclick", (event) => this.twice(event));
    box.addEventListener("wheel", (event) => this.turned(event), { passive: false });
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("blur", () => { this.cursor = this.anchor = null; this.unhover(); this.render(); });
  }

  down(event) {
    if (event.button || !this.timeline.data) return;
    const [x, y] = this.point(event);
    const place = this.under(x, y);
    const start = this.selection ?? this.shown;
    this.drag = { x, y, place: event.shiftKey || place === "axis" ? "pan" : place, start: [...start], view: [...this.shown], at: this.ms(x), moved: false };
    hold(this.box, event.pointerId);
    this.unhover();
    if (event.pointerType === "mouse") event.preventDefault(); // no text is selected
    this.box.dataset.pointer = ""; // the ring of the focus is for the keyboard
    this.box.focus({ preventScroll: true });
  }

  move(event) {
    if (!this.timeline.data) return;
    const [x, y] = this.point(event);
    if (!this.drag) return this.hover(x, y);
    const { drag } = this;
    if (!drag.moved && Math.abs(x - drag.x) < STILL) return;
    drag.moved = true;
    const [first, last] = drag.start;
    const by = (x - drag.x) / this.plot.width * (drag.view[1] - drag.view[0]);
    if (drag.place === "pan") this.stretch(drag.view.map((ms) => ms - by));
    else if (drag.place === "inside") this.sketch(this.round(first + by), this.round(first + by) + (last - first));
    else if (drag.place === "first") this.sketch(this.round(first + by), last);
    else if (drag.place === "last") this.sketch(first, this.round(last + by));
    else if (drag.place === "free") this.sketch(this.round(drag.at), this.round(this.ms(Math.min(Math.max(x, 0), this.plot.width))));
  }

  sketch(a, b) {
    this.draft = [Math.min(a, b), Math.max(a, b)];
    this.say(...this.draft);
    this.render();
  }

  up(event) {
    const { drag, draft, view } = this;
    this.drag = null;
    this.quietly();
    if (!drag || !this.timeline.data) return;
    if (drag.moved && drag.place === "pan") this.act.show(...view.map((ms) => this.round(ms)));
    else if (drag.moved && draft && draft[1] > draft[0]) this.act.choose({ since: draft[0], until: draft[1] });
    else if (!drag.moved) this.clicked(drag, event);
    else this.cancel();
  }

  clicked({ x, y, place }, event) {
    if (y > TOP + this.plot.height) {
      const mark = this.markAt(x);
      if (mark) this.act.choose({ since: mark.first, until: mark.last });
      return;
    }
    this.cursor = this.anchor = this.index(this.ms(x));
    this.render();
    if (this.selection && place === "free" && event.detail < 2) this.leaving = setTimeout(() => this.act.choose(null), 260);
  }

  cancel() {
    this.drag = this.draft = null;
    this.quietly();
    this.stretch(null);
  }

  twice(event) {
    clearTimeout(this.leaving);
    if (!this.timeline.data) return;
    const [x, y] = this.point(event);
    if (this.under(x, y) === "inside") this.act.show(...this.selection);
    else if (y <= TOP + this.plot.height) this.zoom(0.25, this.ms(x));
  }

  // The chart is stretched as it is until the new data is there.
  stretch(view) {
    this.view = view;
    const { first, last } = this.timeline;
    const scale = view ? (last - first) / (view[1] - view[0]) : 1;
    const shift = view ? (first - view[0]) / (view[1] - view[0]) * this.plot.width : 0;
    this.timeline.inner.style.transform = view ? `translateX(${shift}px) scaleX(${scale})` : "";
    this.render();
  }

  // The stretch that is `factor` as long, with `centre` where it is; nothing is looked for in the future.
  zoomed(factor, centre) {
    const [first, last] = this.shown;
    const length = Math.min(Math.max((last - first) * factor, 10), LONGEST);
    const latest = Math.max(Date.now(), this.timeline.last);
    const start = centre - (centre - first) / (last - first) * length;
    const end = Math.min(start + length, latest);
    return [Math.max(end - length, 0), end];
  }

  zoom(factor, centre = null) {
    if (!this.timeline.data) return;
    const [first, last] = this.shown;
    this.act.show(...this.zoomed(factor, centre ?? (this.cursor !== null ? this.ms(this.x(this.extent()[0])) : (first + last) / 2)).map((ms) => this.round(ms)));
  }

  pan(share) {
    if (!this.timeline.data) return;
    const [first, last] = this.shown;
    this.act.show(this.round(first + share * (last - first)), this.round(last + share * (last - first)));
  }

  turned(event) {
    if (!this.timeline.data || event.ctrlKey) return;
    event.preventDefault();
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    const unit = event.deltaMode === 1 ? 16 : 1;
    const turn = (event.deltaX || event.deltaY) * unit;
    if (sideways) {
      const [first, last] = this.shown;
      const by = turn / this.plot.width * (last - first);
      this.stretch([first + by, last + by]);
    } else this.stretch(this.zoomed(Math.exp(Math.max(-1, Math.min(event.deltaY * unit / 400, 1))), this.ms(this.point(event)[0])));
    this.unhover();
    clearTimeout(this.wheel);
    this.wheel = setTimeout(() => this.act.show(...this.view.map((ms) => this.round(ms))), WAIT);
  }

  hover(x, y) {
    const place = this.under(x, y);
    this.box.dataset.under = place;
    if (x < 0 || x > this.plot.width) return this.unhover();
    const n = this.index(this.ms(x));
    const { first, step } = this.timeline;
    const { hover } = this.parts;
    hover.toggleAttribute("hidden", place === "axis" || place === "mark");
    set(hover, this.x(first + n * step), TOP, Math.max(this.x(first + (n + 1) * step) - this.x(first + n * step), 1), this.plot.height);
    this.tip.show(n, place === "mark" ? [this.markAt(x)] : this.marksIn(n), x, place === "mark" || place === "axis");
  }

  unhover() {
    this.parts.hover.toggleAttribute("hidden", true);
    this.tip.hide();
    delete this.box.dataset.under;
  }

  marksIn(n) {
    const { first, step } = this.timeline;
    return this.marks.filter((mark) => mark.first < first + (n + 1) * step && mark.last > first + n * step);
  }

  // The moments that the cursor covers, from where it was begun to be extended.
  extent() {
    const { first, step } = this.timeline;
    const [low, high] = [Math.min(this.cursor, this.anchor ?? this.cursor), Math.max(this.cursor, this.anchor ?? this.cursor)];
    return [first + low * step, first + (high + 1) * step];
  }

  key(event) {
    delete this.box.dataset.pointer;
    if (!this.timeline.data || event.altKey || event.metaKey) return;
    const last = this.timeline.count - 1;
    const step = event.ctrlKey ? 10 : 1;
    const start = this.cursor ?? (this.selection ? this.index(this.selection[0]) : null);
    const to = {
      ArrowLeft: start === null ? last : start - step, ArrowRight: start === null ? 0 : start + (this.cursor === null ? 0 : step), Home: 0, End: last,
    }[event.key];
    if (to !== undefined) this.put(Math.min(Math.max(to, 0), last), event.shiftKey);
    else if (event.ctrlKey) return;
    else if (event.key === "Enter" && this.cursor !== null) {
      const [since, until] = this.extent();
      this.act.choose({ since, until });
    } else if (event.key === "Escape" && (this.drag || this.cursor !== null)) {
      if (this.drag) this.cancel();
      this.cursor = this.anchor = null;
      this.tip.hide();
      this.render();
    } else if (event.key === "PageUp") this.pan(-0.5);
    else if (event.key === "PageDown") this.pan(0.5);
    else return;
    event.preventDefault();
  }

  put(index, extend) {
    if (!extend || this.anchor === null) this.anchor = extend && this.cursor !== null ? this.cursor : index;
    this.cursor = index;
    this.render();
    const [first, last] = this.extent();
    const x = this.x((first + last) / 2);
    this.tip.show(this.cursor, this.marksIn(this.cursor), x);
    this.act.say(first, last, Math.min(this.cursor, this.anchor), Math.max(this.cursor, this.anchor));
  }
}

function set(rect, x, y, width, height) {
  rect.setAttribute("x", x.toFixed(2));
  rect.setAttribute("y", y.toFixed(2));
  if (width !== undefined) rect.setAttribute("width", Math.max(width, 0).toFixed(2));
  if (height !== undefined) rect.setAttribute("height", Math.max(height, 0).toFixed(2));
}

function hold(box, pointer) {
  try {
    box.setPointerCapture(pointer);
  } catch {
    // The pointer is gone already: the drag ends with the next one.
  }
}

// A length in at most two units, as the server says it: 6 min, 1 h 30 min, 250 ms.
export function spoken(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  let seconds = Math.round(ms / 1000);
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count) parts.push(`${count} ${unit}`);
    else if (parts.length) break;
  }
  return parts.slice(0, 2).join(" ");
}
