// The page of saved queries: find among them, rename, share, copy, delete.
import "../core/site.js";
import { toast } from "../core/site.js";
import { call, failed, remove, save } from "./saving.js";

const SAID = "spider:said";

// The page is made by the server: after a change it is loaded again, and says what was done.
function again(words) {
  sessionStorage.setItem(SAID, words);
  location.reload();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-does]");
  if (!button) return;
  try {
    const id = button.closest("tr").dataset.id;
    const { queries, teams } = await call("GET");
    const one = queries.find((query) => query.id === id);
    if (!one) return again("It was deleted meanwhile.");
    const names = queries.filter((query) => query.mine).map((query) => query.name);
    if (button.dataset.does === "copy") {
      const state = { query: one.query, parameters: one.parameters };
      if (await save({ title: "Save a copy", state, name: one.name, note: one.note, teams, names })) again("Saved: it is yours now.");
    } else if (button.dataset.does === "rename") {
      if (await save({ title: "Rename or share", query: one, teams, names })) again("Changed.");
    } else if (await remove(one)) again(`${one.name} was deleted.`);
    button.focus();
  } catch (error) {
    failed(error);
  }
});

document.getElementById("find")?.addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  let some = false;
  for (const row of document.querySelectorAll(".saved-table tbody tr")) {
    row.hidden = !row.dataset.words.toLowerCase().includes(wanted);
    some ||= !row.hidden;
  }
  for (const panel of document.querySelectorAll("section.panel")) panel.hidden = !panel.querySelector("tbody tr:not([hidden])");
  document.getElementById("none-fits").hidden = some;
});

const said = sessionStorage.getItem(SAID);
if (said) {
  sessionStorage.removeItem(SAID);
  toast(said);
}
