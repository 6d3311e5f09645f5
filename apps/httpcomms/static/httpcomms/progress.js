// A search that takes long: what is found so far shows while the rest is searched, and can be stopped.
//
// Each answer of the server brings the next rows and asks for the one after it, so to stop is to ask no more; what it is
// at meanwhile ends by itself in a second or two. A search whose first answer is still to come can be stopped too.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { $ } from "./page.js";

let asking = null;
let newest = null;
const dropped = new WeakSet();

const running = () => $("progress")?.dataset.state === "running";

// Answers that nobody wants any more are not put in. Their requests are left to end: the server does not notice a
// browser that hangs up, and ends by itself.
function stop() {
  if (asking) {
    dropped.add(asking);
    asking = null;
    $("list").classList.remove("htmx-request", "stale");
    toast("Stopped. The result is the one before.");
    return;
  }
  const box = $("progress");
  box.dataset.state = "stopped";
  box.querySelector("[data-act=go-on]").focus();
}

function goOn(button) {
  const box = $("progress");
  box.dataset.state = "running";
  window.htmx.ajax("GET", button.dataset.next, { source: box, target: box, swap: "outerHTML" });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button?.dataset.act === "stop-search") stop();
  if (button?.dataset.act === "go-on") goOn(button);
});

shortcut("Escape", "stop a search that takes long", stop, { group: "Page", when: () => asking || running() });

// A person who asks for something else wants no more of this search.
document.body.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.target.id !== "list") return;
  const { xhr } = event.detail;
  asking = xhr;
  xhr.addEventListener("loadend", () => { if (asking === xhr) asking = null; });
  if (running()) $("progress").dataset.state = "left";
  newest = xhr;
});

// What happens at an element that has left the page is told to nobody but the element itself.
document.body.addEventListener("htmx:beforeSend", (event) => {
  const { target } = event.detail;
  if (target.id !== "progress") return;
  target.addEventListener("htmx:beforeSwap", (swap) => { if (!target.isConnected) swap.detail.shouldSwap = false; });
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  const late = target.id === "progress" && (!target.isConnected || target.dataset.state !== "running" || !$("found-whole"));
  // Of two results that were asked for, the one asked for last is shown, whichever comes first.
  const older = target.id === "list" && newest && xhr !== newest;
  if (late || older || dropped.has(xhr)) event.detail.shouldSwap = false;
});

document.body.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id !== "rows") return;
  document.dispatchEvent(new CustomEvent("spider:rows"));
  $("scroll")?.dispatchEvent(new Event("scroll"));
});

// What cannot be asked for does not go on by itself: it is stopped, with its way to go on.
for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(name, (event) => {
    if (event.detail.target?.id === "progress") event.detail.target.dataset.state = "stopped";
  });
}
