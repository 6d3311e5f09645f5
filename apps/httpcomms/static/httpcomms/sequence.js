// The sequence diagram: fetches the calls, draws them, and answers pointer and keys. All that a person sets is in the
// address: scale, names, order of the lifelines, hidden services.
import { shortcut } from "../core/keys.js";
import { draw, said } from "./sequencedraw.js";
import { duration, fetched, save, tag } from "./drawing.js";
import { $, addressWith, go, parameter, setAddress } from "./page.js";
import { openOne } from "./rows.js";

let now = null; // { box, data, drawing, current, zoom }

const part = (name) => now.box.querySelector(`[data-part="${name}"]`);
const listed = (name) => parameter(name).split(",").filter(Boolean).map(decodeURIComponent);
const kept = (names) => names.map(encodeURIComponent).join(",");

export async function show(box) {
  if (now?.box === box && now.data) return redraw(); // the theme changed
  const mine = { box, data: null, drawing: null, current: null, zoom: 1 };
  now = mine;
  const data = await fetched(box.dataset.url, box.querySelector(".stage"), () => show(box));
  if (!data || !box.isConnected || now !== mine) return;
  now.data = data;
  fillFollow();
  redraw();
  new ResizeObserver(() => now === mine && box.isConnected && redraw()).observe(box.querySelector(".stage"));
}

// Lifelines in the person's order, then the others in the order of their appearance; without the hidden ones.
function lanes() {
  const all = now.data.services;
  const wanted = listed("lanes").filter((name) => all.includes(name));
  const hidden = new Set(listed("hide"));
  return [...wanted, ...all.filter((name) => !wanted.includes(name))].filter((name) => !hidden.has(name));
}

function redraw() {
  const stage = now.box.querySelector(".stage");
  const width = stage.clientWidth;
  if (!width) return;
  const { scale, names } = now.box.dataset;
  now.drawing = draw({ calls: now.data.calls, lanes: lanes(), scale, names, width: width - 2, zoom: now.zoom });
  const { body, header } = now.drawing;
  const scroll = [stage.scrollLeft, stage.scrollTop];
  stage.replaceChildren(tag("div", { class: "heads" }, header), body);
  stage.scrollTo(...scroll);
  if (now.current) light(now.current, false);
  describe();
  stage.dataset.drawn = String(Number(stage.dataset.drawn ?? 0) + 1);
}

function describe() {
  const { calls, total, atLeast, leftOut } = now.data;
  const { shown, missing } = now.drawing;
  const said_ = [`${shown.toLocaleString("en")} of ${atLeast ? "≥ " : ""}${total.toLocaleString("en")} communications`];
  if (missing) said_.push(`${missing} label${missing > 1 ? "s" : ""} on hover`);
  part("about").textContent = said_.join(" · ");
  const hidden = listed("hide").filter((name) => now.data.services.includes(name));
  part("hidden").replaceChildren(...hidden.map((name) => tag("button", { class: "chip", type: "button", "data-show": name, title: "Show this service again" }, `${name} hidden ×`)));
  const seen = new Set([...now.drawing.body.querySelectorAll(".call")].map((one) => one.dataset.id));
  part("words").replaceChildren(...calls.filter((one) => seen.has(one.id)).map((one) => tag("li", {}, said(one))), ...(leftOut ? [tag("li", {}, `${leftOut} more are not drawn.`)] : []));
}

// Conversations that can be followed, the largest first.
function fillFollow() {
  const select = now.box.querySelector('[data-act="seq-follow"]');
  if (!select) return;
  const byId = new Map(now.data.calls.map((one) => [one.id, one]));
  const options = now.data.conversations.slice(0, 50).map(({ correlation, calls, first }) => {
    const one = byId.get(first);
    return tag("option", { value: correlation }, `${one.method} ${(one.template || one.path).slice(0, 40)} · ${one.status} · ${duration(one.duration)} · ${calls} call${calls > 1 ? "s" : ""}`);
  });
  select.append(...options);
  select.closest("label").hidden = !options.length;
}

function follow(correlation) {
  const condition = `stats.correlation:"${correlation.replace(/["\\]/g, "\\$&")}"`;
  const before = parameter("q");
  const query = !before ? condition : /\s(OR|\|\|)\s/.test(before) ? `(${before}) AND ${condition}` : `${before} AND ${condition}`;
  go(addressWith({ q: query, open: "", tab: "" }));
}

// ---- one message ----

const call = (id) => now.data.calls.find((one) => one.id === id);
const group = (id) => [...now.box.querySelectorAll(".call")].find((one) => one.dataset.id === id);

function light(id, focus = true) {
  for (const one of now.box.querySelectorAll(".call.on")) one.classList.remove("on");
  const one = group(id);
  now.current = one ? id : null;
  if (!one) return;
  one.classList.add("on");
  for (const other of now.box.querySelectorAll('.call[tabindex="0"]')) other.setAttribute("tabindex", -1);
  one.setAttribute("tabindex", 0);
  if (!focus) return;
  one.focus({ preventScroll: true });
  one.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function share(one) {
  const outer = call(one.parent);
  return outer?.duration && one.duration !== null ? `${Math.round((100 * one.duration) / outer.duration)} % of ${outer.method} ${outer.template || outer.path}` : null;
}

function tip(id, x, y) {
  const one = call(id);
  const box = part("tip");
  if (!one) return;
  const lines = [["Answered after", one.end === null ? "not seen" : duration(one.duration)], ["Share of the call around it", share(one)], ["Within it by", one.joined || null], ["Correlation", one.correlation[0]?.slice(0, 40) ?? null]];
  if (one.timings) lines.splice(1, 0, ["Sending, waiting, receiving", [one.timings.send, one.timings.wait, one.timings.receive].map(duration).join(", ")]);
  box.replaceChildren(tag("b", { class: "mono" }, `${one.method} ${one.path.slice(0, 160)}`), tag("p", {}, `${one.client} → ${one.server} · ${one.status === "none" ? "no response" : one.status}`),
    tag("dl", {}, ...lines.filter(([, value]) => value).flatMap(([name, value]) => [tag("dt", {}, name), tag("dd", {}, value)])));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(Math.min(x + 14, innerWidth - width - 8), 8)}px`;
  box.style.top = `${y + 18 + height > innerHeight ? Math.max(y - height - 12, 8) : y + 18}px`;
}

const mine = (event, css) => (now?.box.isConnected ? event.target.closest?.(css) : null);

document.addEventListener("pointerover", (event) => {
  if (!now?.box.isConnected || !now.drawing) return;
  const one = mine(event, ".seqbox .call");
  if (one) {
    for (const other of now.box.querySelectorAll(".call.over")) other.classList.remove("over");
    one.classList.add("over");
    tip(one.dataset.id, event.clientX, event.clientY);
  } else if (!part("tip").hidden) {
    part("tip").hidden = true;
    now.box.querySelector(".call.over")?.classList.remove("over");
  }
});

document.addEventListener("click", (event) => {
  const one = mine(event, ".seqbox .call");
  if (one) {
    light(one.dataset.id);
    part("tip").hidden = true;
    openOne(one.dataset.id);
  }
  const scale = mine(event, ".seqbox a[data-scale]");
  if (scale && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    setScale(scale);
  }
  const again = mine(event, ".seqbox [data-show]");
  if (again) arrange({ hide: kept(listed("hide").filter((name) => name !== again.dataset.show)) });
  const saved = mine(event, '.seqbox [data-act="seq-save"]');
  if (saved) keep(saved.dataset.kind);
  for (const menu of document.querySelectorAll("details.export[open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("change", (event) => {
  if (!now?.box.contains(event.target)) return;
  const act = event.target.dataset.act;
  if (act === "seq-names") {
    now.box.dataset.names = event.target.checked ? "template" : "path";
    arrange({ names: event.target.checked ? "" : "path" });
  }
  if (act === "seq-follow" && event.target.value) follow(event.target.value);
});

function setScale(link) {
  for (const one of link.parentElement.children) one.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  now.box.dataset.scale = link.dataset.scale;
  arrange({ scale: link.dataset.scale === "sequential" ? "" : link.dataset.scale });
}

// What a person set goes into the address, and the picture follows.
function arrange(changes) {
  setAddress(changes);
  redraw();
}

function keep(kind) {
  const { body, header, width, height, head } = now.drawing;
  save(kind, { parts: [[header, 0, 0], [body, 0, head]], width, height: height + head }, "sequence", { light: part("light").checked });
  now.box.querySelector("details.export").open = false;
}

// ---- lifelines: dragged, moved by keys, hidden ----

function moved(from, to) {
  const order = lanes();
  if (to < 0 || to >= order.length || from === to) return;
  order.splice(to, 0, ...order.splice(from, 1));
  arrange({ lanes: kept(order) });
  now.box.querySelector(`.actor[data-lane="${to}"]`)?.focus();
}

function hide(at) {
  const order = lanes();
  if (order.length < 2) return;
  arrange({ hide: kept([...listed("hide"), order[at]]) });
  now.box.querySelector(`.actor[data-lane="${Math.min(at, order.length - 2)}"]`)?.focus();
}

document.addEventListener("pointerdown", (event) => {
  const actor = mine(event, ".seqbox .actor");
  if (!actor || event.button) return;
  const from = Number(actor.dataset.lane);
  const start = event.clientX;
  const { xs } = now.drawing;
  const move = (one) => {
    actor.setAttribute("transform", `translate(${one.clientX - start} 0)`);
    actor.classList.add("dragged");
  };
  const up = (one) => {
    document.removeEventListener("pointermove", move);
    const at = xs[from] + one.clientX - start;
    const to = xs.reduce((best, x, n) => (Math.abs(x - at) < Math.abs(xs[best] - at) ? n : best), 0);
    actor.removeAttribute("transform");
    actor.classList.remove("dragged");
    moved(from, to);
  };
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", up, { once: true });
});

document.addEventListener("dblclick", (event) => {
  const actor = mine(event, ".seqbox .actor");
  if (actor) hide(Number(actor.dataset.lane));
});

// ---- keys ----

const shown = () => Boolean(now?.drawing && now.box.isConnected);
const actorAt = () => (shown() && document.activeElement?.classList?.contains("actor") ? Number(document.activeElement.dataset.lane) : -1);
const group_ = "Sequence";

function step(by) {
  const all = [...now.box.querySelectorAll(".call")].map((one) => one.dataset.id);
  if (!all.length) return;
  const at = all.indexOf(now.current);
  light(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)]);
  if (!$("detail").hidden) openOne(now.current);
}

for (const key of ["ArrowDown", "j"]) shortcut(key, "message after", () => step(1), { group: group_, panels: key === "j", when: shown });
for (const key of ["ArrowUp", "k"]) shortcut(key, "message before", () => step(-1), { group: group_, panels: key === "k", when: shown });
shortcut("Enter", "open the message", () => openOne(now.current), { group: group_, panels: false, when: () => shown() && now.current });
shortcut("f", "follow its correlation", () => follow(call(now.current).correlation[0]), { group: group_, when: () => shown() && Boolean(call(now.current)?.correlation[0]), first: true });
shortcut("+", "larger", () => { now.zoom = Math.min(now.zoom * 1.25, 8); redraw(); }, { group: group_, when: shown, first: true });
shortcut("-", "smaller", () => { now.zoom = Math.max(now.zoom / 1.25, 0.4); redraw(); }, { group: group_, when: shown, first: true });
shortcut("ArrowRight", "move a service (Shift)", () => moved(actorAt(), actorAt() + 1), { group: group_, shown: "ArrowRight", when: (event) => event.shiftKey && actorAt() >= 0, first: true });
shortcut("ArrowLeft", "move a service (Shift)", () => moved(actorAt(), actorAt() - 1), { group: group_, shown: "ArrowLeft", when: (event) => event.shiftKey && actorAt() >= 0, first: true });
shortcut("h", "hide a service", () => hide(actorAt()), { group: group_, when: () => actorAt() >= 0 });
