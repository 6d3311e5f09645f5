// The map of who calls whom. Cytoscape is fetched when a map is first shown. What a person chooses is in the address; where
// they dragged nodes and the rules of the map are kept for them by the server.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { duration, fetched, save, tag } from "./drawing.js";
import { panel, table } from "./mappanel.js";
import { Rules, send } from "./maprules.js";
import { bytes, four, label, measures, p95, palette, percent, rate, severity, styleOf } from "./mapstyle.js";
import { picture } from "./mapsvg.js";
import { addressWith, go, parameter, setAddress } from "./page.js";

const ROW = 88;
// Room around the picture: the buttons above it, the key below.
const ROOM = { left: 36, right: 36, top: 42, bottom: 66 };
let now = null; // { box, data, cy, positions, sort, rules }

const part = (name) => now.box.querySelector(`[data-part="${name}"]`);
const node = (id) => now.data.nodes.find((one) => one.id === id);

export async function show(box) {
  if (now?.box === box && now.cy) return now.cy.style(styleOf(palette())); // the theme changed
  now?.cy?.destroy();
  const mine = { box, data: null, cy: null, positions: {}, sort: [2, true], rules: null };
  now = mine;
  const stage = box.querySelector(".stage");
  const [data] = await Promise.all([fetched(box.dataset.url, stage, () => show(box)), window.cytoscape ? null : import(box.dataset.cytoscape)]);
  if (!data || now !== mine || !box.isConnected) return;
  Object.assign(now, { data, positions: JSON.parse(box.dataset.positions) });
  now.column = columnWidth(data.nodes);
  drawMap(stage);
  describe();
  fillTable();
  const wanted = parameter("node");
  if (node(wanted)) choose(wanted);
  stage.dataset.drawn = "1";
}

// ---- the picture ----

const pinned = () => now.positions[now.box.dataset.mode] ?? {};

function place(one) {
  const [x, y] = pinned()[one.id] ?? [one.column * now.column, one.row * ROW];
  return { x, y };
}

function elements(data) {
  const { size, width } = measures(data);
  const column = Object.fromEntries(data.nodes.map((one) => [one.id, one.column]));
  const there = new Set(data.edges.map((one) => `${one.source}\n${one.target}`));
  const found = [];
  for (const one of data.nodes) {
    const asked = one.requests || one.calls;
    const split = four(one.requests ? one.classes : one.callClasses);
    const pies = Object.fromEntries(Object.values(split).map((count, n) => [`pie${n + 1}`, asked ? (100 * count) / asked : 0]));
    const big = size(one);
    const at = place(one);
    found.push({ group: "nodes", classes: `body${/^[\d.]+$|:.*:/.test(one.name) ? " unnamed" : ""}`, position: at, data: { id: one.id, node: one, kind: one.kind, size: big, name: one.name, rate: one.kind === "template" ? "" : rate(asked, data.seconds), ...pies } });
    const half = one.kind === "template" ? 13 : big / 2;
    found.push({ group: "nodes", classes: "name", grabbable: false, selectable: false, position: { x: at.x, y: at.y + half + 2 }, data: { id: `${one.id}\nname`, name: one.known ? `${one.name} ${one.known}` : one.name, of: one.id, below: half + 2 } });
  }
  for (const one of data.edges) {
    const span = column[one.target] - column[one.source];
    const back = there.has(`${one.target}\n${one.source}`);
    const bend = one.source === one.target ? null : span === 1 && !back ? null : bent(one, span, data, size);
    found.push({ group: "edges", classes: `${severity(one)}${one.estimated ? " estimated" : ""}`, data: { id: `edge\n${one.id}`, source: one.source, target: one.target, edge: one, width: width(one), label: label(one, data.seconds), ...(bend ? { bend } : {}) } });
    const lines = label(one, data.seconds).split("\n");
    found.push({ group: "nodes", classes: `words ${severity(one)}`, grabbable: false, data: { id: `words\n${one.id}`, of: `edge\n${one.id}`, label: lines.join("\n"), wide: Math.max(...lines.map((line) => line.length)) * 5.7 + 10, tall: lines.length * 13 + 6 } });
  }
  return found;
}

// How far an edge leaves the straight line, so that it passes by every node: an edge that ran through one would seem to
// begin there. The least of the bends that keep clear.
function bent(edge, span, data, size) {
  const byId = new Map(data.nodes.map((one) => [one.id, one]));
  const [from, to] = [place(byId.get(edge.source)), place(byId.get(edge.target))];
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const across = { x: -(to.y - from.y) / length, y: (to.x - from.x) / length };
  const others = data.nodes.filter((one) => one.id !== edge.source && one.id !== edge.target).map((one) => ({ ...place(one), r: size(one) / 2 + 12 }));
  const clear = (bend) => {
    const control = { x: (from.x + to.x) / 2 + across.x * bend, y: (from.y + to.y) / 2 + across.y * bend };
    for (let t = 0.04; t < 1; t += 0.04) {
      const at = (name) => (1 - t) ** 2 * from[name] + 2 * t * (1 - t) * control[name] + t ** 2 * to[name];
      if (others.some((one) => Math.hypot(at("x") - one.x, at("y") - one.y) < one.r)) return false;
    }
    return true;
  };
  const usual = span > 0 ? 22 * span : -34 + 14 * span;
  return [1, -1, 2, -2, 3.5, -3.5, 5, -5, 7, -7].map((times) => usual * times).find(clear) ?? usual;
}

function drawMap(stage) {
  stage.replaceChildren();
  const cy = window.cytoscape({ container: stage, elements: elements(now.data), style: styleOf(palette()), layout: { name: "preset", fit: false }, minZoom: 0.15, maxZoom: 3, boxSelectionEnabled: false, autounselectify: true });
  now.cy = cy;
  cy.on("position", "node.body", ({ target }) => follow(target));
  cy.nodes(".words").forEach(between);
  cy.on("tap", "node.body", ({ target, originalEvent }) => clicked(target.data("node"), originalEvent, target.id()));
  cy.on("tap", "edge, node.words", ({ target, originalEvent }) => clicked(meant(target).data("edge"), originalEvent, null));
  cy.on("tap", ({ target }) => target === cy && choose(null));
  cy.on("mouseover", "node.body, edge, node.words", ({ target, originalEvent }) => pointed(meant(target), originalEvent));
  cy.on("mouseout", "node.body, edge, node.words", () => pointed(null));
  cy.on("dragfree", "node.body", ({ target }) => pin(target));
  fit();
  const mine = now;
  let width = stage.clientWidth;
  new ResizeObserver(() => {
    if (now !== mine || !stage.clientWidth || stage.clientWidth === width) return;
    width = stage.clientWidth;
    cy.resize();
    fit();
  }).observe(stage);
}

// Words belong to something: names to nodes below which they stand, figures to edges in whose middle they are.
const meant = (one) => (one.data("of") ? now.cy.getElementById(one.data("of")) : one);
const wordsOf = (some) => now.cy.nodes(".name, .words").filter((one) => some.contains(meant(one)));

function between(words) {
  const { x, y } = meant(words).midpoint();
  words.position({ x, y });
}

// The words of a node that is moved, and of its edges, move with it.
function follow(node) {
  for (const one of wordsOf(node.union(node.connectedEdges()))) {
    one.hasClass("words") ? between(one) : one.position({ x: node.position("x"), y: node.position("y") + one.data("below") });
  }
}

// Columns stand further apart where they are tall, so that the picture has the shape of a screen. Of the window itself
// nothing depends: the same data gives the same picture.
function columnWidth(nodes) {
  const rows = nodes.map((one) => one.row);
  const tall = (Math.max(...rows) - Math.min(...rows) + 1) * ROW;
  return Math.min(Math.max((1.45 * tall) / Math.max(...nodes.map((one) => one.column), 1), 232), 420);
}

function fit() {
  const { cy } = now;
  const box = cy.elements().boundingBox();
  const [width, height] = [cy.width() - ROOM.left - ROOM.right, cy.height() - ROOM.top - ROOM.bottom];
  const zoom = Math.min(Math.max(Math.min(width / box.w, height / box.h), 0.15), 1.15);
  cy.viewport({ zoom, pan: { x: ROOM.left + width / 2 - (zoom * (box.x1 + box.x2)) / 2, y: ROOM.top + height / 2 - (zoom * (box.y1 + box.y2)) / 2 } });
}

function zoom(by) {
  const { cy } = now;
  cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
}

// Click: only this; with Ctrl: not this; with Shift: its figures, and the query stays.
function clicked(one, event, id) {
  pointed(null);
  if (event.shiftKey) return id && choose(id);
  const exclude = event.ctrlKey || event.metaKey;
  go(addressWith({ q: exclude ? one.exclude : one.only, node: exclude ? "" : id ?? "", open: "", tab: "" }));
}

let keeping = 0;
function pin(one) {
  const mode = now.box.dataset.mode;
  now.positions[mode] = { ...pinned(), [one.id()]: [one.position("x"), one.position("y")] };
  keepPositions();
}

function keepPositions() {
  const { positions: value, box } = now;
  forgetButton();
  clearTimeout(keeping);
  keeping = setTimeout(async () => {
    const [, error] = await send("PUT", box.dataset.positionsKeep, { value });
    if (error) toast(`Positions are not kept: ${error.message}`, true);
    else box.dataset.kept = String(Number(box.dataset.kept ?? 0) + 1);
  }, 250);
}

function forgetButton() {
  now.box.querySelector('[data-act="map-forget"]').hidden = !Object.keys(pinned()).length;
}

function forget() {
  delete now.positions[now.box.dataset.mode];
  keepPositions();
  for (const one of now.data.nodes) now.cy.getElementById(one.id).position(place(one));
  fit();
}

// ---- words around it ----

function describe() {
  const { nodes, edges, drawn, total, edgesLeftOut, more, hidden } = now.data;
  const said = [`${nodes.length} node${nodes.length === 1 ? "" : "s"}, ${edges.length} edge${edges.length === 1 ? "" : "s"}`];
  if (edgesLeftOut || more) said.push(`${more ? "≥ " : ""}${edgesLeftOut} smaller left out`);
  part("about").textContent = said.join(" · ");
  forgetButton();
  const hints = [];
  if (hidden) {
    hints.push(`${hidden.gateways.join(", ")} hidden: ${hidden.joined.toLocaleString("en")} calls behind joined with who asked, by correlation identifier`);
    if (hidden.unjoined) hints.push(`${hidden.unjoined.toLocaleString("en")} without a known client`);
    if (hidden.own) hints.push(`${hidden.own.toLocaleString("en")} answered by the gateway itself`);
    if (hidden.read < hidden.of) hints.push(`of the newest ${hidden.read.toLocaleString("en")} of ${hidden.of.toLocaleString("en")} communications: figures behind it are estimates (≈)`);
  } else if (parameter("hide") === "1" && now.box.dataset.mode === "services") hints.push("No node is a gateway by your rules: nothing is hidden.");
  if (edgesLeftOut || more) hints.push(`The picture shows ${percent(drawn, total)} of ${total.toLocaleString("en")} communications: narrow the query to see the rest`);
  part("hint").hidden = !hints.length;
  part("hint").textContent = hints.join(" · ");
}

function pointed(one, event) {
  const box = part("tip");
  now.cy.elements().removeClass("near faded");
  box.hidden = !one;
  if (!one) return;
  const around = one.isNode() ? one.closedNeighborhood() : one.union(one.connectedNodes());
  const words = wordsOf(around);
  now.cy.elements().difference(around).difference(words).addClass("faded");
  words.addClass("near");
  const { seconds } = now.data;
  const found = one.isNode() ? one.data("node") : one.data("edge");
  const split = four(one.isNode() ? (found.requests ? found.classes : found.callClasses) : found.classes);
  const count = one.isNode() ? found.requests || found.calls : found.count;
  const lines = [["Communications", `${found.estimated ? "≈ " : ""}${count.toLocaleString("en")} · ${rate(count, seconds)}`], ["Success", percent(split.success, count)], ["4xx · 5xx · none", `${percent(split["4xx"], count)} · ${percent(split["5xx"], count)} · ${percent(split.none, count)}`]];
  if (one.isEdge()) lines.push(["p50 · p95", `${duration(found.p50)} · ${p95(found).replace("p95 ", "")}`], ["Bytes", bytes(found.bytes)]);
  if (found.via?.length) lines.push(["Via", `${found.via.join(", ")}, joined by correlation`]);
  if (found.members?.length > 1) lines.push(["Replicas", `${found.members.length}: ${found.members.slice(0, 4).join(", ")}${found.members.length > 4 ? ", …" : ""}`]);
  box.replaceChildren(tag("b", {}, one.isNode() ? found.name : `${found.source} → ${found.target.replace(/^template:/, "")}`), tag("dl", {}, ...lines.flatMap(([name, value]) => [tag("dt", {}, name), tag("dd", {}, value)])));
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(Math.min(event.clientX + 16, innerWidth - width - 8), 8)}px`;
  box.style.top = `${event.clientY + 20 + height > innerHeight ? Math.max(event.clientY - height - 14, 8) : event.clientY + 20}px`;
}

// The panel of a node; null closes it.
function choose(id) {
  const side = part("side");
  now.cy.nodes().removeClass("chosen");
  setAddress({ node: id ?? "" });
  side.hidden = !id;
  delete side.dataset.node;
  if (!id) return;
  now.cy.getElementById(id).addClass("chosen");
  const one = node(id);
  const url = new URL(now.box.dataset.nodeUrl, location.href);
  url.searchParams.set("mode", now.box.dataset.mode);
  if (one.kind === "template") url.searchParams.set("template", one.name);
  else for (const member of one.members.slice(0, 200)) url.searchParams.append("member", member);
  const to = (changes) => go(addressWith({ open: "", tab: "", ...changes }));
  const only = parameter("q") && one.only.length < parameter("q").length;
  panel(side, one, url, [
    [only ? "Not only this" : `Only this ${one.kind}`, "search", () => to({ q: one.only })],
    ["Exclude", "minus", () => to({ q: one.exclude, node: "" })],
    ["Sequence", "sequence", () => to({ q: only ? parameter("q") : one.only, view: "sequence", node: "", mode: "", hide: "" })],
  ], () => choose(null));
}

function fillTable() {
  const shown = now.box.classList.contains("as-table");
  const act = shown ? (edge, exclude) => go(addressWith({ q: exclude ? edge.exclude : edge.only, node: "" })) : null;
  table(part("table"), now.data, now.sort, act, (sort, column) => {
    now.sort = sort;
    fillTable();
    part("table").querySelectorAll("th button")[column].focus();
  });
}

function asTable(button) {
  const on = now.box.classList.toggle("as-table");
  button.setAttribute("aria-pressed", on);
  part("table").classList.toggle("sr", !on);
  setAddress({ as: on ? "table" : "" });
  fillTable();
  if (!on) {
    now.cy.resize();
    fit();
  }
}

// Cytoscape has no SVG: the picture is drawn again from its positions, and painted for a PNG.
function keep(kind) {
  const light = part("light").checked;
  now.box.querySelector("details.export").open = false;
  now.cy.elements().removeClass("near faded");
  save(kind, picture(now.cy), "map", { light });
}

document.addEventListener("click", (event) => {
  if (!now?.cy || !now.box.contains(event.target)) return;
  const button = event.target.closest("[data-act]");
  const act = button?.dataset.act;
  if (act === "map-in") zoom(1.25);
  if (act === "map-out") zoom(0.8);
  if (act === "map-fit") fit();
  if (act === "map-table") asTable(button);
  if (act === "map-forget") forget();
  if (act === "map-save") keep(button.dataset.kind);
  if (act === "map-rules") {
    const names = [...new Set(now.data.nodes.filter((one) => one.kind !== "template").flatMap((one) => one.members))].slice(0, 500);
    now.rules ??= new Rules(part("rules"), { try: now.box.dataset.rulesUrl, keep: now.box.dataset.rulesKeep }, names, () => go(addressWith({ node: "" })));
    now.rules.open();
  }
});

document.addEventListener("change", (event) => {
  if (now?.box.contains(event.target) && event.target.dataset.go) go(event.target.dataset.go);
});

// Escape closes the panel before anything else.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !shown() || part("side").hidden || document.querySelector("dialog[open]")) return;
  choose(null);
  event.preventDefault();
}, true);

// ---- keys ----

const shown = () => Boolean(now?.cy && now.box.isConnected);
const pictured = (event) => shown() && !now.box.classList.contains("as-table") && !event.target.closest?.(".side, .view-tools, .maptable");
const group = "Map";

function step(by) {
  const all = [...now.data.nodes].sort((a, b) => a.column - b.column || a.row - b.row).map((one) => one.id);
  const at = all.indexOf(part("side").dataset.node);
  choose(all[(at + by + all.length) % all.length] ?? all[0]);
  now.box.querySelector(".stage").focus({ preventScroll: true }); // so that Enter is about the node, not a button
}

for (const [key, x, y] of [["ArrowLeft", 60, 0], ["ArrowRight", -60, 0], ["ArrowUp", 0, 60], ["ArrowDown", 0, -60]]) {
  shortcut(key, "move the picture", () => now.cy.panBy({ x, y }), { group, panels: false, when: pictured });
}
shortcut("+", "larger", () => zoom(1.25), { group, when: pictured, first: true });
shortcut("-", "smaller", () => zoom(0.8), { group, when: pictured, first: true });
shortcut("0", "all of it", fit, { group, when: pictured });
shortcut("n", "node after", () => step(1), { group, when: pictured });
shortcut("p", "node before", () => step(-1), { group, when: pictured });
shortcut("Enter", "only the chosen node", () => go(addressWith({ q: node(part("side").dataset.node).only })), { group, panels: false, when: (event) => pictured(event) && Boolean(part("side").dataset.node) && !event.target.closest("button, a, summary") });
shortcut("Delete", "exclude the chosen node", () => go(addressWith({ q: node(part("side").dataset.node).exclude, node: "" })), { group, when: (event) => pictured(event) && Boolean(part("side").dataset.node) });
