// The detail of a communication: tabs, panes that are fetched when they are first seen, ways to others.
import { shortcut } from "../core/keys.js";
import { toggleTheme } from "../core/site.js";
import "./body.js";
import { copy } from "./copy.js";
import "./packets.js";
import { fold, settle } from "./panel.js";

export const TABS = ["general", "request", "response", "body", "tcp", "packets"];

export function showTab(panel, name, focus = false) {
  const tabs = [...panel.querySelectorAll('[role="tab"]')];
  const wanted = tabs.find((tab) => tab.dataset.name === name) ?? tabs[0];
  if (!wanted) return;
  for (const tab of tabs) {
    const on = tab === wanted;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
  }
  if (focus) wanted.focus();
  window.htmx.trigger(document.getElementById(wanted.getAttribute("aria-controls")), "spider:show");
  panel.dispatchEvent(new CustomEvent("spider:tab", { bubbles: true, detail: wanted.dataset.name }));
}

export function shownTab(panel) {
  return panel.querySelector('[role="tab"][aria-selected="true"]')?.dataset.name ?? TABS[0];
}

const alone = document.querySelector(".alone");
const panel = () => document.getElementById("detail");
const shown = () => panel() && !panel().hidden;

// Another communication in the place of this one; its row, where there is one, knows how.
function openOther(id) {
  const row = document.getElementById(`c-${id}`);
  if (row) {
    row.click();
    return;
  }
  const tab = shownTab(panel());
  const url = new URL(location.href);
  if (alone) {
    url.pathname = `/httpcomms/${encodeURIComponent(id)}/`;
    url.searchParams.set("tab", tab);
    location.assign(url);
    return;
  }
  url.searchParams.set("open", id);
  history.replaceState(history.state, "", url);
  Object.assign(panel().dataset, { open: id, tab });
  const state = document.getElementById("found")?.dataset.state ?? "";
  window.htmx.ajax("GET", `/httpcomms/${encodeURIComponent(id)}/?${state}`, { target: "#detail", swap: "innerHTML" });
}

// The tab of a body, on the side that was meant.
function showBody(side) {
  const pane = document.getElementById("pane-body");
  showTab(panel(), "body");
  const choose = () => pane.querySelector(`[data-key="${side}"][aria-pressed="false"]`)?.click();
  if (pane.querySelector(".bodybox")) choose();
  else pane.addEventListener("htmx:afterSettle", choose, { once: true });
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest('.detail [role="tab"]');
  if (tab) showTab(tab.closest(".detail"), tab.dataset.name);
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented);
  const other = event.target.closest(".detail [data-open], .detail [data-open-row]");
  if (other && plain && !getSelection().toString()) {
    event.preventDefault();
    openOther(other.dataset.open ?? other.dataset.openRow);
  }
  const toTab = event.target.closest(".detail a[data-tab]");
  if (toTab && plain) {
    event.preventDefault();
    if (toTab.dataset.side) showBody(toTab.dataset.side);
    else showTab(panel(), toTab.dataset.tab);
  }
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "copy-link") copy(location.href, "Link copied: it opens exactly this view");
  if (act === "close-detail" && alone) history.length > 1 ? history.back() : location.assign("/");
});

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.('.detail [role="tab"]');
  if (!tab) return;
  const names = [...tab.parentElement.querySelectorAll('[role="tab"]')].map((one) => one.dataset.name);
  const at = names.indexOf(tab.dataset.name);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
  if (to === undefined) return;
  showTab(tab.closest(".detail"), names[(to + names.length) % names.length], true);
  event.preventDefault();
});

// A long list begins at what it is about.
function reach(row) {
  const box = row?.closest(".packets");
  if (!box || box.dataset.reached) return;
  box.dataset.reached = "1";
  box.scrollTop = row.offsetTop - box.clientHeight / 3;
}

document.body?.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "detail") settle();
  reach(document.querySelector("#pane-packets .ladder tr.in"));
  reach(document.querySelector("#pane-tcp .ladder tr.cur"));
  const count = document.querySelector("#detail .packetbox")?.dataset.total;
  const label = document.getElementById("packets-count");
  if (label && count) label.textContent = Number(count).toLocaleString("en");
});

TABS.forEach((name, n) => {
  const act = () => {
    if (panel().classList.contains("folded")) fold(false);
    showTab(panel(), name);
  };
  shortcut(String(n + 1), n ? "" : "tab of the detail", act, { group: "Detail", shown: n ? null : "1 … 6", when: shown });
});
for (const [key, step] of [[",", "before"], [".", "after"]]) {
  const link = () => document.querySelector(`#detail [data-step="${step}"]`);
  shortcut(key, `${step} in the TCP session`, () => link()?.click(), { group: "Detail", when: link });
}
shortcut("y", "copy as curl", () => document.querySelector("#detail .acts [data-copy-url]")?.click(), { group: "Detail", when: () => document.querySelector("#detail .acts [data-copy-url]") });

// On a page of its own the panel is there from the start.
if (alone) {
  shortcut("t", "", toggleTheme);
  const wanted = new URLSearchParams(location.search).get("tab");
  addEventListener("load", () => {
    settle();
    showTab(panel(), wanted ?? shownTab(panel()));
  });
  document.addEventListener("spider:tab", (event) => {
    const url = new URL(location.href);
    event.detail === "general" ? url.searchParams.delete("tab") : url.searchParams.set("tab", event.detail);
    history.replaceState(history.state, "", url);
  });
}
