// One editor for each type of field: number with unit, switch, choice, text, list of lines, and an object of lists.
// All have get, set and focus; `changed` is called when a person edits.

const BYTES = [["bytes", 1], ["KiB", 1 << 10], ["MiB", 1 << 20], ["GiB", 1 << 30]];
const TIME = [["s", 1], ["min", 60], ["h", 3600], ["days", 86400]];

function unitsOf(info) {
  if (info.unit === "bytes") return BYTES;
  if (info.unit === "s" && info.most >= 3600) return TIME;
  return null;
}

// The largest unit that gives a whole number.
function unitFor(units, value) {
  let best = units[0];
  for (const one of units) if (value && value % one[1] === 0) best = one;
  return best;
}

// A value in a line, as the server tells it too.
export function told(value, info = {}) {
  if (value === undefined || value === null) return "inherited";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") {
    const units = unitsOf(info);
    const [unit, factor] = units ? unitFor(units, value) : [info.unit ?? "", 1];
    return `${(value / factor).toLocaleString("en")}${unit ? ` ${unit}` : ""}`;
  }
  if (Array.isArray(value)) {
    if (!value.length) return "none";
    return value.every((one) => typeof one === "string") ? value.join(", ") : `${value.length} rule${value.length > 1 ? "s" : ""}`;
  }
  if (typeof value === "object") return Object.entries(value).map(([name, part]) => `${name}: ${told(part)}`).join("; ");
  return value === "" ? "empty" : value;
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("class", "i s");
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  made.append(use);
  return made;
}

function framed(box, ...inside) {
  box.append(element("div", { class: "val" }, element("div", { class: "box" }, icon("default"), inside[0]), ...inside.slice(1)));
}

function number(info, box, { id, disabled, changed }) {
  const units = unitsOf(info);
  const input = element("input", { id, type: "text", inputmode: "numeric", disabled, placeholder: info.example });
  let unit = element("span", { class: "unit" }, info.unit);
  if (units) {
    unit = element("select", { class: "unit", "aria-label": `Unit of ${info.label}`, disabled }, ...units.map(([name]) => element("option", { value: name }, name)));
    unit.addEventListener("change", changed);
  }
  input.addEventListener("input", changed);
  framed(box, input, unit);
  const factor = () => (units ? units.find(([name]) => name === unit.value)[1] : 1);
  return {
    get() {
      const text = input.value.trim().replace(/[\s,](?=\d{3}\b)/g, "");
      // What is no number goes to the server as it is, which says so.
      return /^-?\d+(\.\d+)?$/.test(text) ? Number((Number(text) * factor()).toPrecision(15)) : text;
    },
    set(value) {
      if (typeof value !== "number") { input.value = value ?? ""; return; }
      if (units) unit.value = unitFor(units, value)[0];
      input.value = String(value / factor());
    },
    control: input,
  };
}

function flip(info, box, { id, disabled, changed }) {
  const input = element("input", { id, type: "checkbox", role: "switch", class: "switch", disabled });
  const word = element("span", { "aria-hidden": "true" });
  const show = () => { word.textContent = input.checked ? "on" : "off"; };
  input.addEventListener("change", () => { show(); changed(); });
  framed(box, element("span", { class: "flip" }, input, word), element("span", { class: "unit" }));
  word.addEventListener("click", () => { if (!disabled) input.click(); });
  return { get: () => input.checked, set(value) { input.checked = value === true; show(); }, control: input };
}

function text(info, box, { id, disabled, changed }) {
  const input = info.choices.length
    ? element("select", { id, disabled }, ...info.choices.map((one) => element("option", { value: one }, one)))
    : element("input", { id, type: "text", disabled, placeholder: info.example && `such as ${info.example}`, spellcheck: "false", autocapitalize: "none" });
  if (document.getElementById(`known-${info.name}`)) input.setAttribute("list", `known-${info.name}`);
  input.addEventListener("input", changed);
  framed(box, input, element("span", { class: "unit" }, info.unit));
  return {
    get: () => input.value,
    set(value) {
      if (info.choices.length && !info.choices.includes(value)) input.append(element("option", { value }, value));
      input.value = value ?? "";
    },
    control: input,
  };
}

function lines(info, box, { id, disabled, changed }) {
  const input = element("textarea", { id, rows: 1, disabled, placeholder: info.example && `none; such as ${info.example}`, spellcheck: "false", autocapitalize: "none", wrap: "off" });
  const size = () => { input.rows = Math.min(Math.max(input.value.split("\n").length, 1), 8); };
  input.addEventListener("input", () => { size(); changed(); });
  framed(box, input, element("span", { class: "unit" }, info.name === "interfaces" ? "one a line" : "one a line"));
  return {
    get: () => input.value.split("\n").map((one) => one.trim()).filter(Boolean),
    set(value) { input.value = Array.isArray(value) ? value.join("\n") : String(value ?? ""); size(); },
    control: input,
  };
}

function object(info, box, options) {
  const parts = info.parts.map((part) => {
    const id = `${options.id}-${part.name}`;
    const holder = element("div");
    box.append(element("div", { class: "part" }, element("label", { for: id, title: part.help }, part.label), holder));
    return [part, editorOf(part, holder, { ...options, id })];
  });
  return {
    get: () => Object.fromEntries(parts.map(([part, editor]) => [part.name, editor.get()])),
    set(value) { for (const [part, editor] of parts) editor.set(value?.[part.name]); },
    control: parts[0][1].control,
  };
}

const MAKERS = { int: number, bool: flip, str: text, list: lines, object };

export function editorOf(info, box, options) {
  return MAKERS[info.type](info, box, options);
}
