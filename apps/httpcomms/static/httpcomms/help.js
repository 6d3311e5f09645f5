// The help card: every key of the page, from the table that answers them.
import { helpCard, shortcut } from "../core/keys.js";
import { toggleTheme } from "../core/site.js";
import { $ } from "./page.js";

function made(name, text, css = "") {
  const one = document.createElement(name);
  one.textContent = text;
  if (css) one.className = css;
  return one;
}

function fill(list) {
  const parts = [];
  for (const [group, lines] of helpCard()) {
    parts.push(made("h3", group));
    for (const [keys, words] of lines) {
      const term = document.createElement("dt");
      keys.forEach((key, n) => {
        if (n) term.append(" or ");
        key.forEach((one) => term.append(made("span", one, "kbd"), " "));
      });
      parts.push(term, made("dd", words));
    }
  }
  list.replaceChildren(...parts);
}

export function showHelp() {
  fill($("help-keys"));
  $("help").showModal();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-act]")?.dataset.act === "help") showHelp();
});
shortcut("t", "light or dark", toggleTheme);
shortcut("?", "this help", showHelp);
