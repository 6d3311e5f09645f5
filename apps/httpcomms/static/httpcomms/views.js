// Ways to show a result. A view's first element names its module, which is fetched when it is first needed and draws:
//
//   export function show(box) { … }        after every answer; `box` is the element with `data-module`
//
// What it draws into is thrown away with the next answer, so it keeps nothing beyond it (charts: dispose of the old one).
import { shortcut } from "../core/keys.js";
import { $, addressWith, go } from "./page.js";

async function show() {
  const box = document.querySelector("#list [data-module]");
  if (!box) return;
  const module = await import(box.dataset.module);
  if (box.isConnected) module.show(box);
}

document.addEventListener("spider:answered", show);
document.addEventListener("spider:theme", show);
show();

for (const [key, view] of [["g", ""], ["m", "map"], ["s", "sequence"], ["w", "waterfall"], ["t", "statistics"]]) {
  shortcut(`g ${key}`, view || "grid", () => go(addressWith({ view, open: "", tab: "" })), { group: "Views", when: () => $("found") });
}
