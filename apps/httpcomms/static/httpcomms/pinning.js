// Pinning: what is selected, or all that was found, is kept beyond its days.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { caller } from "./calls.js";
import { $, ofCommunications } from "./page.js";
import { selected } from "./selection.js";

const dialog = $("pin-dialog");
const form = dialog?.querySelector("form");
const MOST = Number(dialog?.dataset.most);
const call = caller(dialog?.dataset.url);
let asked = {};

const state = () => new URLSearchParams($("found")?.dataset.state ?? "");
const many = (count) => `${count.toLocaleString("en")} communication${count === 1 ? "" : "s"}`;

function problem(words) {
  const box = dialog.querySelector(".problem");
  box.textContent = words;
  box.hidden = !words;
}

function open(ids) {
  if (!ids.length && !$("found")) return void toast("There is no result to pin yet: search first.");
  const total = Number($("found")?.dataset.total);
  form.reset();
  problem(!ids.length && total > MOST ? `A pin has at most ${many(MOST)}: narrow the query, or select some.` : "");
  form.querySelector("[type=submit]").disabled = !dialog.querySelector(".problem").hidden;
  if (ids.length) asked = { ids };
  else asked = Object.fromEntries(["q", "from", "to"].filter((name) => state().get(name)).map((name) => [name, state().get(name)]));
  dialog.querySelector(".which").textContent = ids.length ? `${many(ids.length)} selected` : `All that was found: ${many(total)}`;
  dialog.querySelector(".asks").hidden = ids.length > 0;
  dialog.querySelector(".asks").textContent = asked.q ?? "everything in the range";
  dialog.showModal();
  form.elements.name.focus();
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const made = await call("POST", "", { ...asked, name: form.elements.name.value, note: form.elements.note.value });
    dialog.close();
    toast(`${many(made.communications)} pinned as ${made.name}.`);
  } catch (error) {
    problem(error.message);
  }
  button.disabled = false;
});

if (dialog) {
  document.addEventListener("click", (event) => {
    if (event.target.closest("#pin-dialog [data-close]")) dialog.close();
    const button = event.target.closest("[data-act=pin]");
    if (button) open($("selection").contains(button) ? selected() : []);
  });
  shortcut("b", "pin the selection, or all that was found", () => open(selected()), { group: "Selection", when: () => ofCommunications });
}
