// What the parts of the search page share: its address, and asking the server for another result.
//
// Events on `document`: `spider:answered` after a result was put in (and once at the first look), `spider:refused` when a
// query was not one, `spider:theme` when light and dark changed. A part listens; no part calls another's drawing.
import { toast } from "../core/site.js";

export const $ = (id) => document.getElementById(id);
// Whether the rows are communications: selections, exports, columns and saved queries are of these alone.
export const ofCommunications = $("ask")?.dataset.page === "search";

// Ask for the page at an address: its result is put in, and the address becomes the page's own.
export function go(address) {
  window.htmx.ajax("GET", address, { target: "#list", swap: "innerHTML" });
}

// The page's address with some parameters changed; an empty value takes one out.
export function addressWith(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
  return url.pathname + url.search;
}

// What the page shows already is written into its address; nothing is asked for.
export function setAddress(changes) {
  history.replaceState(history.state, "", addressWith(changes));
}

export const parameter = (name) => new URL(location.href).searchParams.get(name) ?? "";

// Links that change the search put in another result; with a key held down the browser does what it does with links.
// (Values have clicks of their own: values.js.)
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-search]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id !== "list") return;
  $("list").classList.remove("stale");
  if ($("found")) document.dispatchEvent(new CustomEvent("spider:answered"));
});

document.body.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 401 || status === 403) location.reload();
  else toast(`The server answered ${status}. Nothing on the page was changed.`, true);
});
document.body.addEventListener("htmx:sendError", () => toast("The server cannot be reached. Nothing on the page was changed.", true));
// A session that ended answers with the sign-in page: show it whole, not inside the grid.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.responseURL.includes("/login/")) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});
