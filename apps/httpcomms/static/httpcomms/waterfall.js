// The waterfall comes drawn from the server; here lanes fold, and the row that is pointed at shows who called it.
// Rows are those of the grid: rows.js moves, opens and closes them.

document.addEventListener("click", (event) => {
  const button = event.target.closest(".fall .fold");
  if (!button) return;
  const open = button.getAttribute("aria-expanded") === "false";
  button.setAttribute("aria-expanded", open);
  for (const row of document.querySelectorAll(`.fall tr.row[data-in="${button.dataset.lane}"]`)) row.hidden = !open;
});

// A call, the calls around it and those within it.
function family(row) {
  const all = new Map([...document.querySelectorAll(".fall tr.row")].map((one) => [one.dataset.id, one]));
  const found = new Set();
  for (let one = row; one && !found.has(one); one = all.get(one.dataset.parent)) found.add(one);
  for (const one of all.values()) if (found.has(all.get(one.dataset.parent)) && one.dataset.parent === row.dataset.id) found.add(one);
  return found;
}

document.addEventListener("pointerover", (event) => {
  const row = event.target.closest?.(".fall tr.row");
  for (const one of document.querySelectorAll(".fall tr.kin")) one.classList.remove("kin");
  if (row) for (const one of family(row)) one.classList.add("kin");
});

export function show() {}
