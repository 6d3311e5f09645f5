// How the map looks: the palette of the page, words of figures, and Cytoscape's style made from them.
import { duration } from "./drawing.js";

export const CLASSES = ["success", "4xx", "5xx", "none"];
const TOKENS = { success: "--c2-fill", "4xx": "--c4-fill", "5xx": "--c5-fill", none: "--c0-fill" };

// Cytoscape paints on a canvas, where light-dark() means nothing: the browser resolves each colour once per theme.
export function palette() {
  const probe = document.createElement("span");
  document.querySelector("#list").append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
    return `rgb(${r},${g},${b})`;
  };
  const found = { ...Object.fromEntries(Object.entries(TOKENS).map(([name, token]) => [name, colour(token)])),
    surface: colour("--surface"), raised: colour("--raised"), line: colour("--line-3"), line2: colour("--line-2"), text: colour("--text"), text2: colour("--text-2"),
    arrow: colour("--n6"), accent: colour("--accent"), wash: colour("--accent-soft"), bad: colour("--c5-text"), warn: colour("--c4-text"),
    font: getComputedStyle(document.body).fontFamily };
  probe.remove();
  return found;
}

// Success, 4xx, 5xx and none of a split by class.
export function four(classes) {
  return { success: classes["1xx"] + classes["2xx"] + classes["3xx"], "4xx": classes["4xx"], "5xx": classes["5xx"], none: classes.none };
}

export function percent(part, whole) {
  const share = whole ? (100 * part) / whole : 0;
  if (share === 0) return "0 %";
  if (share < 0.1) return "<0.1 %";
  return `${share < 10 ? share.toFixed(1).replace(/\.0$/, "") : Math.round(share)} %`;
}

export function rate(count, seconds) {
  if (!seconds) return count.toLocaleString("en");
  for (const [length, unit] of [[1, "s"], [60, "min"], [3600, "h"]]) {
    const value = (count * length) / seconds;
    if (value >= 1 || unit === "h") return `${value >= 10000 ? `${(value / 1000).toFixed(0)} K` : value >= 10 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, "")}/${unit}`;
  }
  return "";
}

export function bytes(count) {
  if (!count) return "–";
  let value = count;
  for (const unit of ["", "K", "M", "G"]) {
    if (value < 999.5 || unit === "G") return unit ? `${value.toFixed(value < 99.95 ? 1 : 0)} ${unit}` : String(value);
    value /= 1024;
  }
  return "";
}

export const p95 = (edge) => (edge.p95 === null ? "no p95" : `p95 ${edge.bound ? "≤ " : edge.estimated ? "≈ " : ""}${duration(edge.p95)}`);

// What is wrong on an edge, the worst first; empty when nothing is.
export function errors(edge) {
  const split = four(edge.classes);
  return [["5xx", "5xx"], ["none", "none"], ["4xx", "4xx"]].filter(([name]) => split[name] / edge.count >= 0.005).map(([name, words]) => `${percent(split[name], edge.count)} ${words}`);
}

export function label(edge, seconds) {
  const wrong = errors(edge);
  return `${edge.estimated ? "≈ " : ""}${rate(edge.count, seconds)} · ${p95(edge)}${wrong.length ? `\n${wrong.slice(0, 2).join(" · ")}` : ""}`;
}

export function severity(edge) {
  const split = four(edge.classes);
  if ((split["5xx"] + split.none) / edge.count >= 0.05) return "bad";
  return split["4xx"] / edge.count >= 0.05 || (split["5xx"] + split.none) / edge.count >= 0.005 ? "warn" : "";
}

// Colours along an edge, hard at their borders: [[colour, from, to], …] in per cent. A share is never too small to see.
export function stops(edge, colours) {
  const split = four(edge.classes);
  const shares = CLASSES.map((name) => [name, split[name] ? Math.max((100 * split[name]) / edge.count, name === "success" ? 0 : 3) : 0]);
  const whole = shares.reduce((sum, [, share]) => sum + share, 0) || 1;
  let at = 0;
  return shares.filter(([, share]) => share).map(([name, share]) => {
    const from = at;
    at = Math.min(+(at + (100 * share) / whole).toFixed(2), 100);
    return [colours[name], from, at];
  });
}

const scaled = (value, most, low, high) => low + (high - low) * Math.sqrt(most ? value / most : 0);

// Sizes of nodes and widths of edges, by their volume.
export function measures(data) {
  const volume = (node) => node.requests || node.calls;
  const most = Math.max(...data.nodes.map(volume), 1);
  const wide = Math.max(...data.edges.map((edge) => edge.count), 1);
  return { size: (node) => Math.round(scaled(volume(node), most, 36, 66)), width: (edge) => +scaled(edge.count, wide, 1.4, 6.5).toFixed(2) };
}

export function styleOf(colours) {
  const pies = Object.fromEntries(CLASSES.flatMap((name, n) => [[`pie-${n + 1}-background-color`, colours[name]], [`pie-${n + 1}-background-size`, `data(pie${n + 1})`]]));
  const pairs = (edge) => stops(edge.data("edge"), colours);
  return [
    { selector: "node", style: { "font-family": colours.font, "background-color": colours.surface, "overlay-opacity": 0 } },
    { selector: "node.body", style: { width: "data(size)", height: "data(size)", "border-width": 1.2, "border-color": colours.line, label: "data(rate)", "font-size": 10.5, color: colours.text2, "text-valign": "center", "text-halign": "center" } },
    { selector: "node.body[kind != 'client']", style: { ...pies, "pie-size": "100%", "pie-hole": "84%", "border-width": 0 } },
    { selector: "node.body[kind = 'client']", style: { shape: "round-rectangle", "corner-radius": 8 } },
    { selector: "node.body[kind = 'template']", style: { shape: "round-rectangle", "corner-radius": 8, "pie-size": 0, width: 34, height: 26, "border-width": 1.6 } },
    { selector: "node.body.unnamed", style: { "border-style": "dashed", "border-width": 1.2, "border-color": colours.arrow } },
    { selector: "node.name", style: { width: 1, height: 1, "background-opacity": 0, label: "data(name)", "font-size": 12.5, "font-weight": 600, color: colours.text, "text-valign": "bottom", "text-halign": "center", "text-margin-y": 2, events: "no", "text-max-width": 170, "text-wrap": "ellipsis", "text-outline-color": colours.surface, "text-outline-width": 2.5 } },
    { selector: "node.body.chosen", style: { "outline-width": 1.5, "outline-color": colours.accent, "outline-offset": 6, "underlay-color": colours.accent, "underlay-opacity": 0.1, "underlay-padding": 7, "underlay-shape": "ellipse" } },
    { selector: "edge", style: { width: "data(width)", "curve-style": "bezier", "control-point-step-size": 44, "line-fill": "linear-gradient", "line-gradient-stop-colors": (edge) => pairs(edge).flatMap(([colour]) => [colour, colour]).join(" "), "line-gradient-stop-positions": (edge) => pairs(edge).flatMap(([, from, to]) => [from, to]).join(" "), "target-arrow-shape": "triangle", "target-arrow-color": colours.arrow, "arrow-scale": 0.9, "overlay-opacity": 0, "target-distance-from-node": 3, "source-distance-from-node": 3 } },
    // What an edge says is a node of its own: Cytoscape paints nodes above all edges, so no edge runs through words.
    { selector: "node.words", style: { shape: "round-rectangle", "corner-radius": 3, width: "data(wide)", height: "data(tall)", "background-color": colours.raised, "border-width": 1, "border-color": colours.line2, label: "data(label)", "font-size": 10.5, color: colours.text2, "text-wrap": "wrap", "line-height": 1.25, "text-valign": "center", "text-halign": "center" } },
    { selector: "node.words.bad", style: { color: colours.bad, "font-weight": 600 } },
    { selector: "node.words.warn", style: { color: colours.warn } },
    { selector: "edge[bend]", style: { "curve-style": "unbundled-bezier", "control-point-distances": "data(bend)", "control-point-weights": 0.5 } },
    { selector: "edge:loop", style: { "curve-style": "bezier", "loop-direction": "-45deg", "loop-sweep": "60deg" } },
    { selector: "edge.estimated", style: { "line-style": "dashed", "line-dash-pattern": [7, 3] } },
    { selector: ".faded", style: { opacity: 0.22 } },
    { selector: "node.words.near", style: { "border-color": colours.accent } },
  ];
}
