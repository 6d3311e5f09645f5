// The drawing of a sequence diagram: where everything is, and the SVG of it. No state and no events.
//
// A message is a moment with a line between two lifelines. `places` gives every moment its height by one of three scales:
//   sequential  a row each, in order; time is only written
//   linear      true to time
//   log         in order, the step to the next one grows with the logarithm of the time between
import { duration, made, mark } from "./drawing.js";

const LEFT = 78;
const TOP = 30;
const ROW = 29;
const GAP = 12;
const HEAD = 40;
const CHAR = 6.62; // width of a character of the labels
const LEVEL = 5;

// Requests and responses of the calls whose both ends are shown, in order.
export function messages(calls, lanes) {
  const shown = new Map(lanes.map((name, n) => [name, n]));
  const found = [];
  for (const call of calls) {
    if (!shown.has(call.client) || !shown.has(call.server)) continue;
    const ends = { call, from: shown.get(call.client), to: shown.get(call.server) };
    found.push({ ...ends, at: call.start, answer: false });
    if (call.end !== null) found.push({ ...ends, at: call.end, answer: true, from: ends.to, to: ends.from });
  }
  // Of what happens at once the outer call begins first and ends last.
  found.sort((a, b) => a.at - b.at || a.answer - b.answer || (a.answer ? b.call.depth - a.call.depth : a.call.depth - b.call.depth));
  // Where nothing else runs something new begins, with some room before it.
  let running = 0;
  for (const message of found) {
    message.fresh = !message.answer && running === 0;
    if (message.call.end !== null) running += message.answer ? -1 : 1;
  }
  return found;
}

// The outermost call that is shown around a call.
function outermost(call, byId) {
  let one = call;
  while (byId.has(one.parent)) one = byId.get(one.parent);
  return one;
}

export function places(list, scale, zoom) {
  if (!list.length) return [];
  const first = list[0].at;
  const length = Math.max(list.at(-1).at - first, 1);
  if (scale === "linear") {
    const height = Math.min(Math.max(list.length * 18, 460), 6000) * zoom;
    return list.map(({ at }) => TOP + ((at - first) / length) * height);
  }
  if (scale === "log") {
    let y = TOP;
    return list.map(({ at }, n) => (y += n ? (5 + 11 * Math.log10(1 + (at - list[n - 1].at) / 1e5)) * zoom : 0));
  }
  let y = TOP;
  return list.map(({ fresh }, n) => (y += n ? (ROW + (fresh ? GAP : 0)) * zoom : 0));
}

// Labels that find no room are left out: what they say is shown on hover. Gives whether this one was placed.
function rooms() {
  const rows = new Map();
  return (x, width, y) => {
    const near = [];
    for (let row = Math.floor((y - 11) / 12); row <= Math.floor(y / 12) + 1; row++) near.push(...(rows.get(row) ?? []));
    if (near.some((one) => Math.abs(one.y - y) < 11 && x < one.x + one.width && one.x < x + width)) return false;
    const row = Math.floor(y / 12);
    rows.set(row, [...(rows.get(row) ?? []), { x, y, width }]);
    return true;
  };
}

function cut(text, width) {
  const most = Math.max(Math.floor(width / CHAR), 4);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const head = (x, y, way, css) => made("path", { class: `hd ${css}`, d: `M${x} ${y} l${-8 * way} -3.6 v7.2z` });

// One end of a message: beside the bar that is active there.
const beside = (x, level, way) => x + (level > 0 ? (level - 1) * LEVEL : 0) + way * (level > 0 ? 5 : 0);

export function words(call, names) {
  return `${call.method} ${names === "template" && call.template ? call.template : call.path}`;
}

export function said(call) {
  const end = call.end === null ? "no response" : `${call.status} after ${duration(call.duration)}`;
  return `${call.method} ${call.template || call.path}, ${call.client} to ${call.server}, ${end}`;
}

function arrow({ x1, x2, y, css, way, self }) {
  if (self) return [made("path", { class: `msg ${css}`, d: `M${x1} ${y - 5} h26 v10 h-19` }), head(x1 + 6, y + 5, -1, css)];
  return [made("line", { class: `msg ${css}`, x1, x2: x2 - 6 * way, y1: y, y2: y }), head(x2, y, way, css)];
}

function response(message, line, room) {
  const { call } = message;
  const text = `${call.status} · ${duration(call.duration)}`;
  const width = text.length * CHAR + 14;
  const right = line.way < 0;
  const x = right ? line.x1 - 8 : line.x1 + 16;
  if (!room(right ? x - width : x - 12, width, line.y + 13)) return null;
  const markX = right ? x - text.length * CHAR - 8 : x - 8;
  return made("g", {}, mark(call.class, markX, line.y + 9.5), made("text", { class: "ml s", x, y: line.y + 13.5, "text-anchor": right ? "end" : "start" }, text));
}

function request(message, line, names, room) {
  const reach = Math.abs(line.x2 - line.x1) - 18;
  const text = cut(words(message.call, names), line.self ? 150 : reach);
  const right = line.way < 0;
  const x = line.self ? line.x1 + 32 : right ? line.x1 - 8 : line.x1 + 8;
  if (!room(right ? x - text.length * CHAR : x, text.length * CHAR, line.y - 5)) return null;
  return made("text", { class: "ml", x, y: line.self ? line.y + 4 : line.y - 5, "text-anchor": right ? "end" : "start" }, text);
}

// What a picture needs: { body, header, width, height, missing }. `missing` counts labels without room.
export function draw({ calls, lanes, scale, names, width, zoom = 1 }) {
  const list = messages(calls, lanes);
  const ys = places(list, scale, zoom);
  const column = Math.max((width - LEFT - 24) / Math.max(lanes.length, 1), 148);
  const whole = Math.max(width, Math.ceil(LEFT + lanes.length * column + 24));
  const height = Math.ceil((ys.at(-1) ?? TOP) + 48);
  const xs = lanes.map((_, n) => LEFT + (n + 0.5) * column);
  const body = made("svg", { class: "seq", width: whole, height, viewBox: `0 0 ${whole} ${height}`, role: "group", "aria-label": "Sequence diagram" });
  body.append(...xs.map((x) => made("line", { class: "life", x1: x, x2: x, y1: 0, y2: height - 12 })));
  const room = rooms();
  const ticks = rooms();
  const groups = new Map();
  const active = lanes.map(() => []);
  let missing = 0;
  const byId = new Map(list.map(({ call }) => [call.id, call]));
  list.forEach((message, n) => {
    const { call, answer, from, to } = message;
    const y = ys[n];
    const way = to === from ? 1 : Math.sign(to - from);
    const group = groups.get(call.id) ?? groups.set(call.id, { element: made("g", { class: "call", "data-id": call.id, tabindex: groups.size ? -1 : 0, role: "img", "aria-roledescription": "message", "aria-label": said(call) }), first: y, ends: [] }).get(call.id);
    const lane = active[answer ? from : to];
    if (!answer) {
      group.level = 0;
      while (lane.includes(group.level)) group.level++;
    }
    const clientLevel = (active[answer ? to : from].length ? Math.max(...active[answer ? to : from]) + 1 : 0);
    const serverX = answer ? xs[from] + group.level * LEVEL + way * 5 : xs[to] + group.level * LEVEL - way * 5;
    const clientX = beside(xs[answer ? to : from], clientLevel, answer ? -way : way);
    const line = { x1: answer ? serverX : clientX, x2: answer ? clientX : serverX, y, way, self: from === to, css: answer ? `res k${call.class}s` : "req" };
    const label = answer ? response(message, line, room) : request(message, line, names, room);
    missing += label ? 0 : 1;
    group.ends.push(...arrow(line), ...(label ? [label] : []));
    if (!answer && call.end === null) group.ends.push(...lost(xs[to] + group.level * LEVEL, y, way, room));
    if (!answer && call.end !== null) lane.push(group.level);
    if (answer) {
      lane.splice(lane.indexOf(group.level), 1);
      group.ends.unshift(made("rect", { class: "act", x: xs[from] + group.level * LEVEL - 4.5, y: group.first, width: 9, height: Math.max(y - group.first, 2), rx: 1.5 }));
    }
    group.last = y;
    group.left = Math.min(group.left ?? Infinity, line.x1, line.x2);
    group.right = Math.max(group.right ?? 0, line.x1, line.x2, line.self ? line.x1 + 40 : 0);
    // The first of a conversation says when it began; the others how long after that they came.
    const root = outermost(call, byId);
    const begins = call === root && !answer;
    const text = begins ? (message.at === list[0].at ? "0" : duration((message.at - list[0].at) / 1e6)) : `+${duration((message.at - root.start) / 1e6)}`;
    if (ticks(0, 60, y)) body.append(made("text", { class: begins ? "tick begins" : "tick", x: begins ? 12 : 18, y: y + 3.5 }, text));
  });
  // The outer ones first: bars of inner calls lie above them.
  for (const { element, ends, first, last, left, right } of groups.values()) {
    element.append(made("rect", { class: "pair", x: left - 2, y: first - 15, width: right - left + 4, height: last - first + 34, rx: 4 }), ...ends);
    body.append(element);
  }
  return { body, header: header(lanes, xs, column, whole), width: whole, height, head: HEAD, missing, xs, shown: groups.size };
}

// A request without response: where it was last seen.
function lost(x, y, way, room) {
  const text = "no response";
  const label = room(x + 12, text.length * CHAR, y + 13) ? made("text", { class: "ml s", x: x + 12, y: y + 4 }, text) : null;
  return [made("rect", { class: "act open", x: x - 4.5, y, width: 9, height: 12, rx: 1.5 }), mark("0", x, y + 18), ...(label ? [label] : [])];
}

function header(lanes, xs, column, width) {
  const box = Math.min(column - 14, 190);
  const svg = made("svg", { class: "seq actors", width, height: HEAD, viewBox: `0 0 ${width} ${HEAD}`, role: "group", "aria-label": "Services: drag, or Shift with an arrow, to move one; H hides it" });
  lanes.forEach((name, n) => {
    svg.append(made("g", { class: "actor", "data-lane": n, tabindex: 0, role: "button", "aria-label": `${name}, ${n + 1} of ${lanes.length}` },
      made("title", {}, name),
      made("rect", { x: xs[n] - box / 2, y: 7, width: box, height: 26, rx: 5 }),
      made("text", { x: xs[n], y: 24, "text-anchor": "middle" }, cut(name, box - 34))));
  });
  return svg;
}
