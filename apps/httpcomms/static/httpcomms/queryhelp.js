// The page of the query language: find a field by its name or what it means.
import "../core/site.js";

const rows = [...document.querySelectorAll(".fields tbody tr")];

document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  let fits = 0;
  for (const row of rows) {
    row.hidden = !`${row.id} ${row.querySelector(".what").textContent}`.toLowerCase().includes(wanted);
    fits += !row.hidden;
  }
  for (const panel of document.querySelectorAll(".fields")) panel.hidden = !panel.querySelector("tbody tr:not([hidden])");
  document.getElementById("fits").textContent = wanted ? `${fits} of ${rows.length}` : "";
});
