// The clock of the pages: the browser's own, UTC, or any zone by its name. The choice is a cookie, which the server reads.
import { toast } from "./site.js";

const box = document.getElementById("zone");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

function exists(zone) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone && zone;
  } catch {
    return "";
  }
}

export function chooseZone(zone) {
  document.cookie = `spider_clock=${zone ?? ""}; path=/; max-age=${zone ? 31536000 : 0}; samesite=lax`;
  location.reload();
}

function prepare() {
  const shown = document.documentElement.dataset.zone;
  box.querySelector("[data-clock-name]").textContent = own;
  const chosen = /(?:^|; )spider_clock=([^;]+)/.exec(document.cookie)?.[1] ?? "";
  box.querySelector("[data-clock-own]").setAttribute("aria-pressed", String(!chosen));
  box.querySelector("[data-clock]").setAttribute("aria-pressed", String(chosen === "UTC"));
  if (chosen && chosen !== "UTC") box.querySelector("input").value = shown;
}

box?.addEventListener("toggle", () => {
  const list = box.querySelector("datalist");
  if (!box.open || list.children.length) return;
  for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) list.append(new Option("", zone));
});

box?.addEventListener("click", (event) => {
  if (event.target.closest("[data-clock-own]")) chooseZone(null);
  else if (event.target.closest("[data-clock]")) chooseZone("UTC");
});

box?.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = box.querySelector("input").value.trim();
  if (exists(name)) chooseZone(name);
  else toast(`There is no time zone ${name}: write its name as Europe/Paris.`, true);
});

if (box) prepare();
