// Exports. First the dialog says how much it would be and what will be missing; then the download, with how far it is.
//
// `spider:export` on document opens it: `detail.ids` are communications that were chosen, none of them means all that was
// found. A file is saved when its last words are there: what broke off or was cancelled is thrown away. A file too large
// to be held by a page is left to the browser's own downloads.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { $, ofCommunications, parameter } from "./page.js";

const box = $("export");
const form = $("export-form");
const LARGE = 256 << 20;
const END = /end of export: ([^"\n\r\0]*)/;
let ids = [];
let told = null;
let asking = null;
let loading = null;

const chosen = () => form.elements.format.value;

// As the server writes sizes.
function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  let value = bytes;
  for (const unit of ["KB", "MB", "GB"]) {
    value /= 1024;
    if (value < 999.5 || unit === "GB") return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
}

function wanted() {
  const asked = { format: chosen() };
  if (ids.length) asked.ids = ids.join(",");
  else {
    const state = new URLSearchParams($("found")?.dataset.state ?? "");
    for (const name of ["q", "from", "to"]) if (state.get(name)) asked[name] = state.get(name);
  }
  if (asked.format === "csv") {
    const columns = document.querySelector("[data-columns]")?.dataset.columns ?? parameter("columns");
    if (columns) asked.columns = columns;
    if (form.elements.bom.checked) asked.bom = "yes";
  }
  return asked;
}

function send(path, signal) {
  const token = document.cookie.split("; ").find((one) => one.startsWith("spider_csrf="))?.slice(12) ?? "";
  return fetch(box.dataset.url + path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(wanted()),
    signal,
  });
}

// Why an answer is none, in its own words where it has some.
async function refusal(answer) {
  const said = await answer.json().catch(() => null);
  return said?.error?.message ?? `The server answered ${answer.status}.`;
}

function problem(words) {
  $("export-problem").hidden = !words;
  $("export-problem").querySelector("span").textContent = words ?? "";
}

function line(text) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.textContent = text;
  item.append(words);
  return item;
}

async function look() {
  asking?.abort();
  const mine = (asking = new AbortController());
  told = null;
  problem();
  $("export-csv").hidden = chosen() !== "csv";
  $("export-told").classList.add("counting");
  $("export-go").disabled = true;
  try {
    const answer = await send("preview/", mine.signal);
    if (!answer.ok) throw new Error(await refusal(answer));
    told = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") return;
    problem(error instanceof TypeError ? "The server cannot be reached." : error.message);
    return;
  }
  show();
}

function show() {
  $("export-told").classList.remove("counting");
  $("export-what").textContent = ids.length ? `${ids.length.toLocaleString("en")} chosen` : $("found").dataset.q || "what was found";
  $("export-count").textContent = told.cut ? `${told.written.toLocaleString("en")} of ${told.found.toLocaleString("en")}` : told.found.toLocaleString("en");
  $("export-size").textContent = told.written ? `about ${size(told.bytes)}` : "nothing to export";
  $("export-name").textContent = told.name;
  const cut = told.cut ? told.leftOut[0] : "";
  $("export-cut").hidden = !cut;
  $("export-cut").querySelector("span").textContent = cut && `Left out: ${cut} Choose a shorter range or a narrower query to have all.`;
  $("export-without").replaceChildren(...(cut ? told.leftOut.slice(1) : told.leftOut).map(line));
  $("export-go").disabled = !told.written;
}

function open(given = []) {
  if (box.open) return;
  if (!given.length && !$("found")) return void toast("There is no result to export yet: search first.");
  ids = [...given];
  idle();
  $("export-what").textContent = "";
  box.showModal();
  form.querySelector("[name=format]:checked").focus();
  look();
}

function idle() {
  loading = null;
  $("export-going").hidden = true;
  $("export-told").hidden = false;
  for (const input of form.querySelectorAll("fieldset, [name=bom]")) input.disabled = false;
  $("export-go").hidden = false;
}

function close() {
  asking?.abort();
  if (loading) {
    loading.abort();
    toast("The export was cancelled. Nothing was saved.");
  }
  if (box.open) box.close();
}

// To be kept by the browser: the page cannot hold it.
function leave() {
  const link = document.createElement("a");
  link.href = `${box.dataset.url}?${new URLSearchParams(wanted())}`;
  link.download = told.name;
  link.click();
  box.close();
  toast("It is large: the browser downloads it, and its own list says how far it is.");
}

function busy() {
  for (const input of form.querySelectorAll("fieldset, [name=bom]")) input.disabled = true;
  $("export-go").hidden = true;
  $("export-told").hidden = true;
  $("export-going").hidden = false;
  $("export-progress").removeAttribute("value");
  $("export-state").textContent = "Asking…";
  box.querySelector('[data-export="cancel"]').focus();
}

async function load() {
  const mine = (loading = new AbortController());
  const about = told.bytes;
  busy();
  try {
    const answer = await send("", mine.signal);
    if (!answer.ok) throw new Error(await refusal(answer));
    const parts = await read(answer.body.getReader(), about);
    const end = await lastWords(parts);
    if (!end) throw new Error("The file broke off before its end. Nothing was saved: try again.");
    save(parts, nameOf(answer));
    loading = null;
    box.close();
    toast(`Saved: ${end[1]}.`, !end[1].endsWith("complete"));
  } catch (error) {
    if (mine.signal.aborted) return;
    idle();
    problem(error instanceof TypeError ? "The connection broke. Nothing was saved: try again." : error.message);
  }
}

async function read(reader, about) {
  const parts = [];
  let got = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts;
    parts.push(value);
    got += value.length;
    if (got < about) $("export-progress").value = got / about;
    else $("export-progress").removeAttribute("value");
    $("export-state").textContent = `${size(got)} of about ${size(Math.max(about, got))}`;
  }
}

async function lastWords(parts) {
  return END.exec(await new Blob(parts.slice(-2)).slice(-1000).text().catch(() => ""));
}

const nameOf = (answer) => /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? told.name;

function save(parts, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

form.addEventListener("change", look);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!told?.written || loading) return;
  if (told.bytes > LARGE && !ids.length) leave();
  else load();
});
box.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
// Before the page's own Escape, which closes what is open behind.
box.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
  close();
});
box.addEventListener("click", (event) => {
  if (event.target.closest("[data-export]")) close();
});

document.addEventListener("spider:export", (event) => { if (ofCommunications) open(event.detail?.ids); });
// What is chosen says so itself; any other button means what was found.
document.addEventListener("click", (event) => {
  const button = event.target.closest('[data-act="export"]');
  if (button && !button.closest("#selection")) open();
});
shortcut("e", "export", () => {
  const selection = document.querySelector('#selection:not([hidden]) [data-act="export"]');
  selection ? selection.click() : open();
}, { when: () => ofCommunications });
