// Taking a change back, from the history beside a form or the page of all changes.

import { toast } from "../core/site.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-undo]");
  if (!button) return;
  // A form with edits of its own says no: they would be lost when the page is loaded again.
  if (!document.dispatchEvent(new CustomEvent("spider:undo", { cancelable: true }))) return;
  button.disabled = true;
  try {
    const csrf = document.getElementById("root").dataset.csrf;
    const answer = await fetch(button.dataset.undo, { method: "POST", headers: { "X-CSRFToken": csrf, Accept: "application/json" } });
    if (!answer.ok) throw new Error((await answer.json()).error?.message ?? answer.statusText);
    sessionStorage.setItem("spider:said", "The change was taken back. That is a change too, and can be undone.");
    location.reload();
  } catch (error) {
    button.disabled = false;
    toast(error instanceof TypeError ? "The server cannot be reached. Nothing was changed." : error.message, true);
  }
});

const said = sessionStorage.getItem("spider:said");
if (said) {
  sessionStorage.removeItem("spider:said");
  toast(said);
}
