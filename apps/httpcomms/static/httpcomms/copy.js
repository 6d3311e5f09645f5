// Copying, with a word of what was copied. What has to be fetched first is given to the clipboard as a promise, because
// browsers allow copying for a moment after a click only; pages over plain HTTP have no clipboard and get the old way.
import { toast } from "../core/site.js";

export async function copy(source, said = "Copied") {
  try {
    if (source instanceof Promise && navigator.clipboard?.write && window.ClipboardItem) {
      const blob = source.then((text) => new Blob([text], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    } else {
      const text = await source;
      if (navigator.clipboard?.writeText) await navigator.clipboard.writeText(text);
      else if (!oldWay(text)) throw new Error("refused");
    }
    toast(`${said}.`);
    return true;
  } catch (error) {
    toast(error instanceof Refused ? error.message : "The browser does not let the page copy.", true);
    return false;
  }
}

class Refused extends Error {}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Refused(`The server answered ${answer.status}. Nothing was copied.`);
  return answer.text();
}

function oldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// The button says it too, for a moment.
function told(button, done) {
  if (!done) return;
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1500);
}

// Cells of the grid have `data-copy` too, for the key that copies them: a click there opens the row.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy], [data-copy-url], [data-copy-lines], [data-act=copy-line]");
  if (!button) return;
  const { copy: text, copyUrl, copyLines, copied } = button.dataset;
  let source = text;
  if (copyUrl) source = fetched(copyUrl);
  else if (copyLines) source = [...document.querySelectorAll(`#${copyLines} [data-copy-line]:not([hidden])`)].map((line) => line.dataset.copyLine).join("\n");
  else if (button.dataset.act === "copy-line") source = button.closest("[data-copy-line]").dataset.copyLine;
  told(button, await copy(source, copied ?? "Copied"));
});
