// The panel of the detail: its width, dragged or by keys, and whether it is folded away. Both are kept for the person.
import { shortcut } from "../core/keys.js";

const MIN = 280;
const panel = () => document.getElementById("detail");
const alone = () => Boolean(document.querySelector(".alone"));
const most = () => Math.max(MIN, Math.round(innerWidth * 0.7));

let kept = null;
let saving = 0;

function cookie(name) {
  return document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

function save() {
  clearTimeout(saving);
  saving = setTimeout(() => {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": cookie("spider_csrf") };
    fetch("/api/v1/preferences/detail/", { method: "PUT", headers, body: JSON.stringify({ value: kept }) });
  }, 400);
}

function apply() {
  const box = panel();
  if (!box || alone()) return;
  const width = kept.width ? Math.min(Math.max(kept.width, MIN), most()) : null;
  if (width) document.documentElement.style.setProperty("--detail", `${width}px`);
  else document.documentElement.style.removeProperty("--detail");
  box.classList.toggle("folded", kept.folded);
  const grip = box.querySelector(".grip");
  if (!grip) return;
  grip.setAttribute("aria-valuemin", MIN);
  grip.setAttribute("aria-valuemax", most());
  grip.setAttribute("aria-valuenow", Math.round(box.getBoundingClientRect().width));
}

// What the server keeps comes with the first detail; from then on the page knows.
export function settle() {
  const head = panel()?.querySelector("[data-detail]");
  if (!head) return;
  kept ??= { width: Number(head.dataset.width) || undefined, folded: head.dataset.folded === "1" };
  apply();
}

export function fold(folded = !panel().classList.contains("folded")) {
  if (!kept || alone()) return;
  kept.folded = folded;
  apply();
  save();
}

function widen(width) {
  kept.width = width ? Math.round(Math.min(Math.max(width, MIN), most())) : undefined;
  apply();
  save();
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("#detail > .grip");
  if (!grip || event.button) return;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  grip.classList.add("dragged");
  const right = panel().getBoundingClientRect().right;
  const move = (moved) => widen(right - moved.clientX);
  const end = () => {
    grip.classList.remove("dragged");
    grip.removeEventListener("pointermove", move);
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", end, { once: true });
  grip.addEventListener("pointercancel", end, { once: true });
});

document.addEventListener("dblclick", (event) => {
  if (event.target.closest?.("#detail > .grip")) widen(null);
});

document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.("#detail > .grip")) return;
  const step = { ArrowLeft: 20, ArrowRight: -20 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  widen(panel().getBoundingClientRect().width + step);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-act=fold-detail]")) fold();
});

shortcut("]", "fold the detail", () => fold(), { group: "Detail", when: () => !alone() && panel() && !panel().hidden });
