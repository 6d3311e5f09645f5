// Every page of whisperers: questions before what cannot be undone, copying, a server that is away, words for ears.

import { toast } from "../core/site.js";

const root = document.getElementById("root");
const away = document.getElementById("away");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  const word = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(text);
    word.textContent = "Copied";
    toast("The command is on the clipboard.");
  } catch {
    // Without HTTPS a browser gives no clipboard: select it, so that one key copies.
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    toast("Press Ctrl C to copy: the browser gives its clipboard to HTTPS pages alone.", true);
  }
  setTimeout(() => { word.textContent = "Copy"; }, 2500);
});

// A question in a dialog of our own: it says what will happen, and Escape means no.
function ask(text) {
  const box = document.createElement("dialog");
  box.setAttribute("aria-labelledby", "ask-text");
  box.innerHTML = '<form method="dialog"><p id="ask-text"></p><p class="acts"><button class="btn" value="no" autofocus>Cancel</button><button class="btn danger" value="yes"></button></p></form>';
  box.querySelector("#ask-text").textContent = text;
  box.querySelector("[value=yes]").textContent = text.split(" ")[0] === "Take" ? "Take away" : text.split(" ")[0];
  document.body.append(box);
  box.showModal();
  return new Promise((answer) => box.addEventListener("close", () => {
    answer(box.returnValue === "yes");
    box.remove();
  }));
}

document.body.addEventListener("htmx:confirm", (event) => {
  const question = event.detail.elt.dataset.confirm;
  if (!question) return;
  event.preventDefault();
  ask(question).then((yes) => { if (yes) event.detail.issueRequest(true); });
});

// ---- what comes back ----------------------------------------------------------------------------------------------------

document.body.addEventListener("htmx:responseError", (event) => {
  const { xhr, elt } = event.detail;
  if (xhr.status === 401) location.reload();
  const plain = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  if (elt.dataset.live !== undefined && [403, 404].includes(xhr.status)) setGone();
  else if (elt.dataset.live !== undefined && xhr.status >= 500) setAway(true);
  else toast(plain ? xhr.responseText : `The server answered ${xhr.status}. Nothing was changed.`, true);
  // A box that was ticked and refused shows again what is in force.
  if (elt.type === "checkbox") elt.checked = !elt.checked;
});
document.body.addEventListener("htmx:sendError", (event) => {
  if (event.detail.elt.dataset.live === undefined) toast("The server cannot be reached. Nothing was changed.", true);
  setAway(true);
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) setAway(false);
});
// A session that ended answers with the sign-in page: show it whole, not inside this one.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.responseURL.includes("/login/")) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});

function setAway(is) {
  away.hidden = !is;
  for (const part of document.querySelectorAll("[data-live]")) part.classList.toggle("stale", is);
}

// It was deleted, or taken away from who looks: what is shown stays, and is asked for no more.
let gone = false;
function setGone() {
  gone = true;
  setAway(true);
  away.querySelector("span").textContent = "This whisperer was deleted, or you may not see it any more. What is shown here is old.";
}

// Nothing is asked for while nobody looks.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  const polled = event.detail.elt.dataset.live !== undefined && !event.detail.requestConfig.triggeringEvent;
  if (polled && (document.hidden || gone)) event.preventDefault();
});

// The state is refreshed in silence; it is said aloud when its word changes.
let word = document.querySelector("#head .what")?.dataset.word;
document.body.addEventListener("htmx:afterSwap", () => {
  const what = document.querySelector("#head .what");
  if (!what || what.dataset.word === word) return;
  word = what.dataset.word;
  document.getElementById("state-said").textContent = what.dataset.said;
});

// Times in the list beside a page move on; a chosen tab is brought into view on a narrow screen.
root.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
