// Beside the map: the figures of one node; and the map as a table, which says all of it in words.
import { duration, fetched, made, tag } from "./drawing.js";
import { bytes, CLASSES, errors, four, percent, rate } from "./mapstyle.js";

const FILLS = { success: "f2", "4xx": "f4", "5xx": "f5", none: "f0" };

function bar(classes, count) {
  const split = four(classes);
  const svg = made("svg", { class: "sharebar", "aria-hidden": "true" });
  let at = 0;
  for (const name of CLASSES) {
    const share = count ? (100 * split[name]) / count : 0;
    if (share) svg.append(made("rect", { class: FILLS[name], x: `${at}%`, width: `${share}%`, height: 6 }));
    at += share;
  }
  return svg;
}

const line = (name, value, css = "") => [tag("dt", {}, name), tag("dd", { class: css }, value)];

function mostly(side, name) {
  const one = side.mostly[name];
  return one?.status ? ` ${one.status}${one.template ? ` on ${one.template}` : " mostly"}` : "";
}

function figures(title, side, seconds) {
  const split = four(side.classes);
  const wrong = (name) => [percent(split[name], side.count), tag("span", { class: "sub" }, mostly(side, name))];
  const value = (name) => tag("dd", { class: split[name] ? (name === "4xx" ? "warned" : "failed") : "" }, ...wrong(name));
  return [tag("h3", {}, title), bar(side.classes, side.count),
    tag("dl", { class: "kv" }, ...line("Communications", `${side.count.toLocaleString("en")} · ${rate(side.count, seconds)}`), ...line("Success", percent(split.success, side.count)),
      tag("dt", {}, "4xx"), value("4xx"), tag("dt", {}, "5xx"), value("5xx"), ...(split.none ? [tag("dt", {}, "No response"), value("none")] : []),
      ...line("p50 · p95", tag("span", {}, `${duration(side.p50)} · `, tag("b", {}, duration(side.p95)))))];
}

function called(servers) {
  return tag("dl", { class: "kv" }, ...servers.flatMap((one) => {
    const wrong = errors(one);
    const split = four(one.classes);
    const words = wrong.length ? wrong[0] : `${percent(split.success, one.count)} success`;
    return line(one.name, `${words}, p95 ${duration(one.p95)}`, wrong.length ? "failed" : "");
  }));
}

// The panel of a node. `acts` are its buttons: [[words, icon, act], …]; what the store says exactly comes after.
export async function panel(side, node, url, acts, close) {
  const button = (words, icon, act) => {
    const one = tag("button", { class: "btn s", type: "button" }, icon_(icon), words);
    one.addEventListener("click", act);
    return one;
  };
  const shut = tag("button", { class: "btn quiet s icon", type: "button", "aria-label": "Close", title: "Close (Esc)" }, icon_("x"));
  shut.addEventListener("click", close);
  const many = node.members.length > 1 ? tag("span", { class: "chip" }, `${node.members.length} replicas merged`) : null;
  const names = node.known || (many ? node.members.slice(0, 6).join(", ") + (node.members.length > 6 ? ` +${node.members.length - 6}` : "") : node.kind === "client" ? "only asks" : node.kind);
  const rest = tag("div", { class: "rest" }, tag("span", { class: "skeleton" }), tag("span", { class: "skeleton" }));
  side.replaceChildren(tag("header", { class: "hstack" }, tag("h2", { class: "clip", title: node.name }, node.name), many, tag("span", { class: "grow" }), shut), tag("p", { class: "sub mono" }, names),
    tag("div", { class: "acts" }, ...acts.map((one) => button(...one))), rest);
  side.hidden = false;
  side.dataset.node = node.id;
  const data = await fetched(url, rest, () => panel(side, node, url, acts, close));
  if (!data || side.dataset.node !== node.id) return;
  const parts = [];
  if (data.server.count) parts.push(...figures(node.kind === "template" ? "Requests" : "As a server", data.server, data.seconds));
  if (data.client.count) parts.push(...figures("As a client", data.client, data.seconds), called(data.servers));
  if (data.templates.length) parts.push(tag("h3", {}, "Slowest templates"), tag("dl", { class: "kv" }, ...data.templates.flatMap((one) => line(one.name, `p95 ${duration(one.p95)} · ${one.count.toLocaleString("en")}`))));
  rest.replaceChildren(...parts);
  side.dataset.loaded = node.id;
}

function icon_(name) {
  return made("svg", { class: "i s", "aria-hidden": "true" }, made("use", { href: `#i-${name}` }));
}

// ---- the table ----

const COLUMNS = [
  ["Client", (one) => one.source], ["Server", (one) => one.target.replace(/^template:/, "")], ["Communications", (one) => one.count, (one) => one.count.toLocaleString("en")],
  ["Rate", (one) => one.count, (one, seconds) => rate(one.count, seconds)],
  ["Success", (one) => four(one.classes).success / one.count, (one) => percent(four(one.classes).success, one.count)],
  ["4xx", (one) => one.classes["4xx"] / one.count, (one) => percent(one.classes["4xx"], one.count)],
  ["5xx", (one) => one.classes["5xx"] / one.count, (one) => percent(one.classes["5xx"], one.count)],
  ["No response", (one) => one.classes.none / one.count, (one) => percent(one.classes.none, one.count)],
  ["p50", (one) => one.p50 ?? -1, (one) => (one.bound ? "≤ " : "") + duration(one.p50)], ["p95", (one) => one.p95 ?? -1, (one) => (one.bound ? "≤ " : "") + duration(one.p95)],
  ["Bytes", (one) => one.bytes, (one) => bytes(one.bytes)],
];

// Every edge as a row. `sort` is [column, downwards]; `act(edge, exclude)` filters, where the table is shown itself.
export function table(box, data, sort, act, again) {
  const [at, down] = sort;
  const value = COLUMNS[at][1];
  const edges = [...data.edges].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return (typeof x === "string" ? x.localeCompare(y) : x - y) * (down ? -1 : 1);
  });
  const heads = COLUMNS.map(([words], n) => {
    const button = act ? tag("button", { type: "button" }, words, n === at ? icon_(down ? "down" : "up") : null) : words;
    if (act) button.addEventListener("click", () => again([n, n === at ? !down : n > 1], n));
    return tag("th", { scope: "col", class: n > 1 ? "num" : "", "aria-sort": n === at ? (down ? "descending" : "ascending") : null }, button);
  });
  const rows = edges.map((one) => tag("tr", {}, ...COLUMNS.map(([, raw, shown], n) => {
    const words = shown ? shown(one, data.seconds) : raw(one);
    if (n > 1) {
      const share = words.endsWith(" %");
      const tone = !share ? "" : words === "0 %" ? " dim" : n === 5 ? " warned" : n > 5 ? " failed" : "";
      return tag("td", { class: `num${tone}` }, words);
    }
    const via = n === 1 && one.via.length ? ` via ${one.via.join(", ")}` : "";
    if (!act) return tag("td", {}, words + via);
    const link = tag("button", { type: "button", class: "handle", title: "Click: only these; Ctrl-click: not these" }, words);
    link.addEventListener("click", (event) => act(one, event.ctrlKey || event.metaKey));
    return tag("td", {}, link, via ? tag("span", { class: "dim" }, via) : null);
  })));
  box.replaceChildren(tag("table", { class: "table edges", "aria-label": "Who calls whom" }, tag("thead", {}, tag("tr", {}, ...heads)), tag("tbody", {}, ...rows)));
}
