// What the drawn views share: making SVG, and saving it as a file of its own that looks the same anywhere.
//
//   save("svg" | "png", drawing, name, { light: true })
//
// A page's SVG takes colours and fonts from stylesheets and custom properties; a file has neither. Every value that shows
// is therefore read as the browser computed it and written into the copy. Fonts go by name, with the usual ones behind.
import { toast } from "../core/site.js";

const SVG = "http://www.w3.org/2000/svg";
const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap", "paint-order", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "display"];
const USUAL = { opacity: "1", display: "inline", "stroke-dasharray": "none", "paint-order": "normal", "stroke-linejoin": "miter", "stroke-linecap": "butt", "text-anchor": "start" };
// Browsers refuse larger canvases.
const MOST = 16000;

// An element of a drawing: made("rect", { x: 1, class: "f2" }, child, "text", …)
export function made(name, attributes = {}, ...children) {
  const one = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) one.setAttribute(key, value);
  one.append(...children.filter((child) => child !== null && child !== undefined));
  return one;
}

// An element of the page, in the same way.
export function tag(name, attributes = {}, ...children) {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) one.setAttribute(key, value);
  one.append(...children.filter((child) => child !== null && child !== undefined));
  return one;
}

// The mark of a status class, 8 by 8, its middle at a place.
export function mark(digit, x, y) {
  const at = { transform: `translate(${x - 4} ${y - 4})` };
  if (digit === "3") return made("path", { ...at, class: "f3", d: "M4 0 8 4 4 8 0 4z" });
  if (digit === "4") return made("path", { ...at, class: "f4", d: "M4 .4 8 7.6H0z" });
  if (digit === "5") return made("rect", { ...at, class: "f5", x: 0.4, y: 0.4, width: 7.2, height: 7.2 });
  if (digit === "2") return made("circle", { ...at, class: "f2", cx: 4, cy: 4, r: 3.2 });
  return made("circle", { ...at, class: digit === "1" ? "k1" : "k0", cx: 4, cy: 4, r: 3.2, "stroke-width": 1.5, "stroke-dasharray": digit === "1" ? null : "2 1.4" });
}

// 412 µs, 8.4 ms, 547 ms, 2.31 s, 4 min: as the server says durations.
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 0.9995) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`;
}

function written(from, to) {
  const style = getComputedStyle(from);
  for (const name of STYLES) {
    const value = style.getPropertyValue(name);
    if (!value || value === USUAL[name]) continue;
    if (name.startsWith("font") && from.localName !== "text" && from.localName !== "tspan") continue;
    to.setAttribute(name, value);
  }
  for (const name of ["class", "tabindex", "role", "data-id", "aria-label", "style"]) to.removeAttribute(name);
  const children = [...to.children];
  [...from.children].forEach((child, n) => written(child, children[n]));
}

// The drawing as text, with nothing outside of it needed. `parts` are [element, x, y]; all are drawn into one picture.
export function selfContained(parts, width, height, { light = false } = {}) {
  const root = document.documentElement;
  const before = root.dataset.theme;
  if (light) root.dataset.theme = "light";
  const whole = made("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const ground = getComputedStyle(document.querySelector("#list")).backgroundColor;
  whole.append(made("rect", { width, height, fill: ground }));
  for (const [element, x, y] of typeof parts === "function" ? parts() : parts) {
    const copy = element.cloneNode(true);
    written(element, copy);
    const group = made("g", { transform: `translate(${x} ${y})` }, ...copy.childNodes);
    for (const gone of group.querySelectorAll("[display=none]")) gone.remove();
    whole.append(group);
  }
  if (light) before ? (root.dataset.theme = before) : delete root.dataset.theme;
  // Captured text may hold what XML cannot (XML 1.0 §2.2); one such character would make the whole file unreadable.
  return new XMLSerializer().serializeToString(whole).toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}

async function painted(text, width, height) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await picture.decode();
  const scale = Math.min(2, MOST / width, MOST / height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, "image/png"); });
}

// Give the person a file.
export function download(blob, name) {
  const link = tag("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function save(kind, { parts, width, height }, name, options = {}) {
  try {
    const text = selfContained(parts, width, height, options);
    const blob = kind === "png" ? await painted(text, width, height) : new Blob([text], { type: "image/svg+xml" });
    if (!blob) throw new Error("the picture is too large");
    download(blob, `${name}.${kind}`);
  } catch (error) {
    toast(`The drawing could not be saved: ${error.message}. Show less of it and try again.`, true);
  }
}

// Data of a view. A refusal or a store that is away is said in the box, with a way to try again; then the answer is null.
export async function fetched(url, box, again) {
  let said;
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (answer.ok) return await answer.json();
    said = (await answer.json()).error?.message ?? answer.statusText;
  } catch {
    said = "The server cannot be reached.";
  }
  const button = tag("button", { class: "btn s", type: "button" }, "Try again");
  button.addEventListener("click", again);
  box.replaceChildren(tag("div", { class: "empty", role: "alert" }, tag("h2", {}, "This could not be drawn"), tag("p", {}, said), button));
  return null;
}
