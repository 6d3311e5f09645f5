// The page of pins: take one back.
import { toast } from "../core/site.js";
import { caller } from "./calls.js";

const SAID = "spider:said";
const dialog = document.getElementById("unpin-dialog");
const call = caller(document.querySelector(".pins-table")?.dataset.url);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-does=remove]");
  if (!button) return;
  const { id, name, count } = button.closest("tr").dataset;
  dialog.querySelector("h2").textContent = `Take back “${name}”?`;
  dialog.querySelector("p").textContent = `Of its ${count} communications those whose days are over are removed, with their bodies and packets, unless another pin keeps them. That cannot be undone.`;
  dialog.returnValue = "";
  dialog.onclose = async () => {
    button.focus();
    if (dialog.returnValue !== "remove") return;
    try {
      await call("DELETE", `${id}/`);
      sessionStorage.setItem(SAID, `${name} was taken back.`);
      location.reload();
    } catch (error) {
      toast(error.message, true);
    }
  };
  dialog.showModal();
});

const said = sessionStorage.getItem(SAID);
if (said) {
  sessionStorage.removeItem(SAID);
  toast(said);
}
