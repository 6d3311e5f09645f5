// The map as SVG of its own: what Cytoscape painted on its canvas, from the same positions and curves.
import { made } from "./drawing.js";
import { CLASSES, four, palette, severity, stops } from "./mapstyle.js";

const PAD = 28;

function ring(node, x, y, radius, colours) {
  const split = four(node.classes);
  const whole = CLASSES.reduce((sum, name) => sum + split[name], 0);
  const width = radius * 0.16;
  const middle = radius - width / 2;
  if (!whole) return [made("circle", { cx: x, cy: y, r: middle, fill: "none", stroke: colours.line, "stroke-width": 1.2 })];
  const around = 2 * Math.PI * middle;
  let at = 0;
  return CLASSES.filter((name) => split[name]).map((name) => {
    const length = (around * split[name]) / whole;
    const part = made("circle", { cx: x, cy: y, r: middle, fill: "none", stroke: colours[name], "stroke-width": width, "stroke-dasharray": `${length} ${around - length}`, "stroke-dashoffset": -at, transform: `rotate(-90 ${x} ${y})` });
    at += length;
    return part;
  });
}

const text = (words, x, y, colours, more = {}) => made("text", { x, y, fill: colours.text2, "font-family": colours.font, "font-size": 10.5, "text-anchor": "middle", ...more }, words);

function drawnNode(one, colours, move) {
  const { x, y } = move(one.position());
  const { node, size, rate, name } = one.data();
  const half = one.width() / 2;
  const tall = one.height() / 2;
  const group = made("g", {}, made("title", {}, name));
  if (node.kind === "service") group.append(made("circle", { cx: x, cy: y, r: size / 2, fill: colours.surface }), ...ring(node, x, y, size / 2, colours));
  else group.append(made("rect", { x: x - half, y: y - tall, width: 2 * half, height: 2 * tall, rx: 8, fill: colours.surface, stroke: colours.line, "stroke-width": 1.2 }));
  group.append(text(rate, x, y + 3.5, colours), text(name, x, y + tall + 16, colours, { fill: colours.text, "font-size": 12.5, "font-weight": 600 }));
  return group;
}

function drawnEdge(one, colours, move, defs, n) {
  const { edge, width, label } = one.data();
  const [from, to] = [move(one.sourceEndpoint()), move(one.targetEndpoint())];
  const bends = (one.controlPoints() ?? []).map(move);
  const last = bends.at(-1) ?? from;
  let path = `M${from.x} ${from.y}`;
  bends.forEach((bend, at) => {
    const next = bends[at + 1];
    const end = next ? { x: (bend.x + next.x) / 2, y: (bend.y + next.y) / 2 } : to;
    path += ` Q${bend.x} ${bend.y} ${end.x} ${end.y}`;
  });
  if (!bends.length) path += ` L${to.x} ${to.y}`;
  const gradient = made("linearGradient", { id: `e${n}`, gradientUnits: "userSpaceOnUse", x1: from.x, y1: from.y, x2: to.x + 0.01, y2: to.y + 0.01 });
  for (const [colour, start, end] of stops(edge, colours)) gradient.append(made("stop", { offset: `${start}%`, "stop-color": colour }), made("stop", { offset: `${end}%`, "stop-color": colour }));
  defs.append(gradient);
  const turn = (Math.atan2(to.y - last.y, to.x - last.x) * 180) / Math.PI;
  const middle = move(one.midpoint());
  const lines = label.split("\n");
  const wide = Math.max(...lines.map((line) => line.length)) * 5.6 + 10;
  const tone = severity(edge) === "bad" ? colours.bad : severity(edge) ? colours.warn : colours.text2;
  return [
    made("g", {}, made("path", { d: path, fill: "none", stroke: `url(#e${n})`, "stroke-width": width, "stroke-dasharray": edge.estimated ? "7 3" : null }),
      made("path", { d: "M0 0 L-9 -4.5 L-9 4.5 Z", fill: colours.arrow, transform: `translate(${to.x} ${to.y}) rotate(${turn})` })),
    made("g", {}, made("rect", { x: middle.x - wide / 2, y: middle.y - lines.length * 7 - 2, width: wide, height: lines.length * 14 + 4, rx: 3, fill: colours.raised, stroke: colours.line2 }),
      ...lines.map((line, at) => text(line, middle.x, middle.y - lines.length * 7 + 11 + at * 14, colours, { fill: tone }))),
  ];
}

// { parts, width, height } as drawing.js saves them. The parts are made when they are asked for, in that moment's theme.
export function picture(cy) {
  const box = cy.elements().boundingBox({ includeLabels: true });
  const width = Math.ceil(box.w + 2 * PAD);
  const height = Math.ceil(box.h + 2 * PAD);
  const move = ({ x, y }) => ({ x: +(x - box.x1 + PAD).toFixed(1), y: +(y - box.y1 + PAD).toFixed(1) });
  const parts = () => {
    const colours = palette();
    const defs = made("defs");
    const edges = cy.edges().map((one, n) => drawnEdge(one, colours, move, defs, n));
    const svg = made("svg", {}, defs, ...edges.map(([line]) => line), ...cy.nodes(".body").map((one) => drawnNode(one, colours, move)), ...edges.map(([, words]) => words));
    return [[svg, 0, 0]];
  };
  return { parts, width, height };
}
