// The time picker: the last so many minutes, two moments to the millisecond, ranges that were looked at before.
import { shortcut } from "../core/keys.js";
import { $, addressWith, go } from "./page.js";
import { recent } from "./passed.js";
import { moment } from "../core/chart.js";

export const REST = { open: "", tab: "", wide: "" };

document.addEventListener("submit", (event) => {
  if (event.target.id === "range-exact") {
    event.preventDefault();
    const to = $("range-to").value.trim();
    go(addressWith({ ...REST, from: $("range-from").value.trim(), to: to === "now" ? "" : to, ...(to && to !== "now" ? { live: "" } : {}) }));
  }
  if (event.target.id === "range-last") {
    event.preventDefault();
    go(addressWith({ ...REST, from: `now-${$("range-count").value}${$("range-unit").value}`, to: "" }));
  }
  if (event.target.id === "by-other") {
    event.preventDefault();
    go(addressWith({ by: $("by-field").value.trim() }));
  }
});

// The browser's own calendar, for the field beside the button; what is chosen there is written into the field.
function calendar(field) {
  const native = document.createElement("input");
  native.type = "datetime-local";
  native.step = "0.001";
  native.className = "native";
  native.tabIndex = -1;
  native.setAttribute("aria-label", "Calendar");
  const written = field.value.trim().replace(" ", "T");
  if (/^\d{4}-\d\d-\d\dT[\d:.]+$/.test(written)) native.value = written;
  native.addEventListener("change", () => { field.value = native.value.replace("T", " "); });
  native.addEventListener("blur", () => native.remove());
  field.after(native);
  native.focus();
  native.showPicker?.();
}

document.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-pick]");
  if (pick) calendar($(pick.dataset.pick));
  for (const id of ["range", "by"]) {
    const menu = $(id);
    if (menu?.open && !menu.contains(event.target)) menu.open = false;
  }
});

function say({ from, to }) {
  const date = (text) => (text.startsWith("now") || !text ? text || "now" : moment(Date.parse(text), 1e3, true));
  return to ? `${date(from)} → ${date(to)}` : from.startsWith("now-") ? `last ${from.slice(4)}` : `${date(from)} → now`;
}

// `toggle` does not bubble: it is caught on its way down.
document.addEventListener("toggle", (event) => {
  if (event.target.id === "range" && event.target.open) {
    const lines = recent(5).map((range) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = addressWith({ ...REST, ...range });
      link.dataset.search = "";
      link.textContent = say(range);
      item.append(link);
      return item;
    });
    $("range-recent").hidden = !lines.length;
    $("range-recent").querySelector("ul").replaceChildren(...lines);
    $("range-from").select();
  }
  if (event.target.id === "by" && event.target.open) event.target.querySelector("[aria-current], a")?.focus();
}, true);

for (const id of ["range", "by"]) {
  shortcut("Escape", "", () => {
    $(id).open = false;
    $(id).querySelector("summary").focus();
  }, { typing: true, when: () => $(id)?.open });
}
shortcut("d", "choose a time", () => { $("range").open = true; $("range-from").focus(); }, { group: "Time", when: () => $("range") });
