// Bytes and their text beside each other: what is selected in one column is marked in both, and said in numbers. Each
// column is one text, so a mark is a range of characters (CSS Custom Highlight API) and not an element for each byte.

const WIDE = 16;
const NARROW = 8;
// Below this many pixels sixteen bytes and their text do not fit beside each other.
const ROOM = 510;
const marks = window.CSS?.highlights && window.Highlight ? new Highlight() : null;
if (marks) CSS.highlights.set("bytes", marks);

const columns = (hex) => [hex.querySelector(".b").firstChild, hex.querySelector(".p").firstChild];

// Bytes in a line, and characters of its hexadecimal digits with the line end: a line of sixteen has two groups.
const lineOf = (hex) => Number(hex.dataset.line ?? WIDE);
const lengthOf = (line) => line * 3 + (line > NARROW ? 1 : 0);

// Where byte n of a line begins among its digits.
const digit = (n) => n * 3 + (n > 7 ? 1 : 0);

const sizeOf = (printed, line) => printed.data.length - Math.floor(printed.data.length / (line + 1));

// Mark the bytes from one to before another, counted from the beginning of what is dumped.
export function mark(hex, from, to) {
  const [digits, printed] = columns(hex);
  if (!digits) return;
  const bytes = lineOf(hex);
  const width = lengthOf(bytes);
  to = Math.min(to, sizeOf(printed, bytes));
  marks?.clear();
  for (let at = from; at < to; at = (Math.floor(at / bytes) + 1) * bytes) {
    const line = Math.floor(at / bytes);
    const last = Math.min(to, (line + 1) * bytes) - 1;
    range(digits, line * width + digit(at % bytes), line * width + digit(last % bytes) + 2);
    range(printed, line * (bytes + 1) + (at % bytes), line * (bytes + 1) + (last % bytes) + 1);
  }
  hex.dataset.marked = from < to ? `${from}-${to}` : "";
  say(hex, from, to, digits, printed);
}

function range(text, start, end) {
  if (!marks || start >= text.length) return;
  const found = new Range();
  found.setStart(text, start);
  found.setEnd(text, Math.min(end, text.length));
  marks.add(found);
}

// How many bytes, where, and the number that a few of them make.
function say(hex, from, to, digits, printed) {
  const said = hex.parentElement.querySelector("[data-hex-said]") ?? hex.nextElementSibling;
  if (!said?.matches("[data-hex-said]")) return;
  if (from >= to) {
    said.textContent = "";
    return;
  }
  const start = Number(hex.dataset.start) + from;
  const words = [`${to - from} byte${to - from === 1 ? "" : "s"} at 0x${start.toString(16)} (${start})`];
  if (to - from <= 8) {
    const line = lineOf(hex);
    const bytes = [];
    for (let at = from; at < to; at += 1) {
      const begin = Math.floor(at / line) * lengthOf(line) + digit(at % line);
      bytes.push(digits.data.slice(begin, begin + 2));
    }
    words.push(`big-endian ${BigInt(`0x${bytes.join("")}`)}`, `little-endian ${BigInt(`0x${bytes.reverse().join("")}`)}`);
  }
  said.textContent = words.join(" · ");
}

export function scrollTo(hex, from) {
  const line = parseFloat(getComputedStyle(hex).lineHeight) || 17;
  const top = Math.floor(from / lineOf(hex)) * line;
  if (top < hex.scrollTop || top > hex.scrollTop + hex.clientHeight - 2 * line) hex.scrollTop = Math.max(top - 2 * line, 0);
}

// The bytes that a selection inside one column covers.
function covered(hex, selection) {
  const [digits, printed] = columns(hex);
  const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
  const line = lineOf(hex);
  const place = (node, offset, end) => {
    if (node === printed) return Math.floor(offset / (line + 1)) * line + Math.min(offset % (line + 1), line);
    const column = offset % lengthOf(line);
    const shifted = column > 24 ? column - 1 : column;
    return Math.floor(offset / lengthOf(line)) * line + Math.min(Math.floor((shifted + (end ? 2 : 0)) / 3), line);
  };
  if (startContainer !== endContainer || (startContainer !== digits && startContainer !== printed)) return null;
  return [place(startContainer, startOffset, false), place(endContainer, endOffset, true)];
}

document.addEventListener("selectionchange", () => {
  const selection = getSelection();
  const hex = selection.rangeCount && !selection.isCollapsed ? selection.anchorNode?.parentElement?.closest("[data-hex]") : null;
  const found = hex && covered(hex, selection);
  if (found) mark(hex, ...found);
});

// Sixteen bytes in a line where there is room, else eight.
function fit(hex) {
  const wanted = hex.clientWidth && hex.clientWidth < ROOM ? NARROW : WIDE;
  const line = lineOf(hex);
  if (wanted === line) return;
  const [digits, printed] = columns(hex);
  if (!digits) return;
  const bytes = digits.data.trim().split(/\s+/);
  let text = "";
  for (let at = 0; at < printed.data.length; at += line + 1) text += printed.data.slice(at, at + line);
  const offsets = [];
  const lines = [];
  const texts = [];
  for (let at = 0; at < bytes.length; at += wanted) {
    offsets.push((Number(hex.dataset.start) + at).toString(16).padStart(6, "0"));
    const groups = [bytes.slice(at, at + 8).join(" ")];
    if (wanted === WIDE) groups.push(bytes.slice(at + 8, at + 16).join(" "));
    lines.push(groups.join("  ").trimEnd());
    texts.push(text.slice(at, at + wanted));
  }
  hex.dataset.line = wanted;
  hex.querySelector(".o").textContent = offsets.join("\n");
  digits.data = lines.join("\n");
  printed.data = texts.join("\n");
  const [from, to] = (hex.dataset.marked || "0-0").split("-").map(Number);
  if (to) mark(hex, from, to);
}

const watcher = new ResizeObserver((entries) => entries.forEach((entry) => fit(entry.target)));
document.addEventListener("htmx:afterSettle", () => {
  for (const hex of document.querySelectorAll("[data-hex]:not([data-watched])")) {
    hex.dataset.watched = "1";
    watcher.observe(hex);
  }
});
