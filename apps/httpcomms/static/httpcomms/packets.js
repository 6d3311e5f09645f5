// Packets: choose one to see its layers beside its bytes; a field marks the bytes it stands in.
import { mark, scrollTo } from "./hex.js";

let opening = 0;

function choose(row, delay = 0) {
  const table = row.closest("[data-packets]");
  for (const other of table.querySelectorAll("tr.cur")) other.classList.remove("cur");
  row.classList.add("cur");
  for (const other of table.querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  clearTimeout(opening);
  const box = row.closest(".packetbox").querySelector("[data-packet]");
  opening = setTimeout(() => window.htmx.ajax("GET", `${table.dataset.packets}${row.dataset.number}/`, { target: box, swap: "innerHTML" }), delay);
}

function show(place) {
  const box = place.closest(".layers");
  const [from, to] = place.dataset.bytes.split("-").map(Number);
  box.querySelector("[data-bytes].chosen")?.classList.remove("chosen");
  place.classList.add("chosen");
  const hex = box.querySelector("[data-hex]");
  mark(hex, from, to);
  scrollTo(hex, from);
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-packets] tbody tr[data-number]");
  if (row && !getSelection().toString()) choose(row);
  const place = event.target.closest(".layers [data-bytes]");
  if (place) show(place);
});

document.addEventListener("focusin", (event) => {
  const place = event.target.closest?.(".layers [data-bytes]");
  if (place) show(place);
});

document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("[data-packets] tbody tr[data-number]");
  if (row) {
    const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Enter: row }[event.key];
    if (!(event.key in { ArrowDown: 1, ArrowUp: 1, Enter: 1 })) return;
    event.preventDefault();
    if (next) choose(next, event.key === "Enter" ? 0 : 90);
    return;
  }
  const place = event.target.closest?.(".layers [data-bytes]");
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!place || !by) return;
  const all = [...place.closest(".layer-tree").querySelectorAll("[data-bytes]")].filter((one) => one.offsetParent !== null);
  const next = all[all.indexOf(place) + by];
  event.preventDefault();
  next?.focus();
});
