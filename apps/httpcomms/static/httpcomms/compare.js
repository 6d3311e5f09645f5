// The page that compares two communications: its keys, back to the result, and its link.
import { shortcut } from "../core/keys.js";
import { toast, toggleTheme } from "../core/site.js";

const back = () => (history.length > 1 ? history.back() : location.assign("/"));

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-key]");
  if (link && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    // Sides and differences are ways to look at one thing: Back leads to the result at once.
    event.preventDefault();
    location.replace(link.href);
  }
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "back") back();
  if (act === "copy-link") {
    navigator.clipboard.writeText(location.href).then(() => toast("Link copied. It opens exactly this comparison."), () => toast("The browser does not let the page copy.", true));
  }
});

for (const link of document.querySelectorAll("a[data-key]")) shortcut(link.dataset.key, link.textContent.trim(), () => location.replace(link.href));
shortcut("Escape", "back", back);
shortcut("t", "light or dark", toggleTheme);
