// What a step of the timeline holds, beside the pointer or the cursor: counts, shares, and what is missing there.
import { moment } from "../core/chart.js";

const SHARE = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

function made(name, css, text) {
  const one = document.createElement(name);
  one.className = css;
  if (text !== undefined) one.textContent = text;
  return one;
}

// The mark of a value: the shape of its status class, or a square in its colour.
export function swatch({ kind, value }) {
  const shapes = { c1: ["circle", { cx: 4, cy: 4, r: 3.2 }], c2: ["circle", { cx: 4, cy: 4, r: 3.2 }], c3: ["path", { d: "M4 0 8 4 4 8 0 4z" }], c4: ["path", { d: "M4 .4 8 7.6H0z" }], c5: ["rect", { x: 0.4, y: 0.4, width: 7.2, height: 7.2 }], c0: ["circle", { cx: 4, cy: 4, r: 3.2 }] };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 8 8");
  svg.setAttribute("class", `g ${kind}`);
  svg.setAttribute("aria-hidden", "true");
  const [name, attributes] = shapes[kind] ?? ["rect", { width: 8, height: 8, rx: 2 }];
  const shape = document.createElementNS(svg.namespaceURI, name);
  const css = { c0: "k0", c1: "k1" }[kind] ?? (kind[0] === "c" && value ? `f${kind[1]}` : kind);
  shape.setAttribute("class", css);
  for (const [key, given] of Object.entries(attributes)) shape.setAttribute(key, given);
  if (kind === "c0") shape.setAttribute("stroke-dasharray", "2 1.4");
  if (kind === "c0" || kind === "c1") shape.setAttribute("stroke-width", "1.5");
  svg.append(shape);
  return svg;
}

export class Tip {
  constructor(timeline) {
    this.timeline = timeline;
    this.box = made("div", "tip");
    this.box.hidden = true;
    timeline.box.append(this.box);
  }

  show(index, marks, x, only = false) {
    const { timeline, box } = this;
    const start = timeline.first + index * timeline.step;
    const total = timeline.totals[index];
    const head = made("p", "when mono", `${moment(start, timeline.step, true)} – ${moment(start + timeline.step, timeline.step, false)}`);
    const lines = made("dl", "values");
    if (!only) {
      for (const [one, count] of timeline.at(index)) {
        const name = made("dt", "", one.label);
        name.prepend(swatch(one));
        lines.append(name, made("dd", "n", count.toLocaleString("en")), made("dd", "share", SHARE.format(count / total)));
      }
    }
    const sum = made("p", "sum", total ? `${total.toLocaleString("en")} communications, ${timeline.rate(total)}` : "no communication");
    const told = marks.slice(0, 4).map((mark) => made("p", `lost ${mark.kind}`, said(mark)));
    if (marks.length > 4) told.push(made("p", "lost", `and ${marks.length - 4} more`));
    box.replaceChildren(...(only ? [] : [head, sum, ...(lines.children.length ? [lines] : [])]), ...told);
    box.hidden = !box.children.length;
    const room = timeline.box.clientWidth;
    const width = box.offsetWidth;
    box.style.left = `${Math.max(x + 14 + width > room ? x - 14 - width : x + 14, 0)}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}

const KINDS = { alarm: "The sums do not add up", loss: "Loss", gap: "Gap", error: "Parsing error" };

// A mark in words, with its time and whose it is.
export function said(mark) {
  const fine = mark.last - mark.first >= 60e3 ? 60e3 : 1e3;
  const from = mark.name ? ` on ${mark.name}` : "";
  return `${KINDS[mark.kind]}${from}, ${moment(mark.first, fine, false)} – ${moment(mark.last, fine, false)}: ${mark.words}`;
}
