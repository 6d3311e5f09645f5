// The dialog to choose columns: every field, and the keys that the newest communications have.
import { shortcut } from "../core/keys.js";
import { toast } from "../core/site.js";
import { $, ofCommunications } from "./page.js";
import { put } from "./columns.js";

const dialog = $("columns");
const list = () => $("choose-shown");
const lines = () => [...list().children];
const boxes = () => [...dialog.querySelectorAll("#choose-list fieldset input")];

async function open() {
  const answer = await fetch(`/columns/?${new URLSearchParams(location.search)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return toast("The columns could not be read: the server does not answer.", true);
  dialog.innerHTML = await answer.text();
  dialog.showModal();
}

function line(name, text, words) {
  const made = lines()[0].cloneNode(true);
  made.dataset.name = name;
  made.dataset.text = text;
  made.querySelector(".n").textContent = words;
  made.querySelector(".n").title = name;
  for (const button of made.querySelectorAll("button")) button.setAttribute("aria-label", `${words}: ${button.title.toLowerCase()}`);
  return made;
}

// The dialog says the same in both of its halves.
function agree() {
  const names = new Set(lines().map((one) => one.dataset.name));
  for (const box of boxes()) box.checked = names.has(box.value);
  const hand = $("choose-hand");
  hand.querySelector("input").checked = names.has(hand.dataset.name);
  $("choose-count").textContent = names.size;
  $("choose-note").textContent = names.size > Number($("choose").dataset.most) ? `At most ${$("choose").dataset.most} columns.` : "";
}

function turn(box) {
  const name = box.value;
  const there = lines().filter((one) => one.dataset.name === name);
  if (there.length && lines().length === there.length) $("choose-note").textContent = "One column has to stay.";
  else if (there.length) for (const one of there) one.remove();
  else {
    const made = line(name, box.dataset.text, box.dataset.words);
    list().append(made);
    made.scrollIntoView({ block: "nearest" });
  }
}

// As the server writes a name: what separates columns is escaped.
const written = (name) => name.replace(/[%,~]/g, (one) => encodeURIComponent(one).replace("~", "%7E"));

function find(text) {
  const wanted = text.trim().toLowerCase();
  let any = false;
  for (const group of dialog.querySelectorAll("fieldset")) {
    let some = false;
    for (const choice of group.querySelectorAll(".choice")) {
      choice.hidden = !wanted.split(/\s+/).every((word) => choice.dataset.find.includes(word));
      some ||= !choice.hidden;
    }
    group.hidden = !some;
    any ||= some;
  }
  any = byHand(text.trim()) || any;
  $("choose-none").hidden = any;
}

// A key that nobody sampled can still be named, with its field.
function byHand(text) {
  const hand = $("choose-hand");
  const field = $("choose").dataset.keyed.split(" ").find((one) => text.startsWith(`${one}.`) && text.length > one.length + 1);
  const name = field && /headers|trailers/.test(field) ? text.toLowerCase() : text;
  const known = boxes().some((box) => box.value === name);
  hand.hidden = !field || known;
  if (hand.hidden) return Boolean(field && known);
  const box = hand.querySelector("input");
  hand.dataset.name = box.value = name;
  box.dataset.text = written(name);
  box.dataset.words = name.slice(field.length + 1);
  hand.querySelector(".n").textContent = name;
  box.checked = lines().some((one) => one.dataset.name === name);
  return true;
}

dialog.addEventListener("input", (event) => {
  if (event.target.id === "choose-find") find(event.target.value);
  if (!event.target.matches('input[type="checkbox"]')) return;
  turn(event.target);
  agree();
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close("cancel");
  const button = event.target.closest("button");
  if (button?.dataset.act === "usual-columns") {
    dialog.close();
    put("");
  }
  if (!button?.dataset.step) return;
  const one = button.closest("li");
  const step = Number(button.dataset.step);
  if (!step) turn({ value: one.dataset.name });
  else if (step < 0) one.previousElementSibling?.before(one);
  else one.nextElementSibling?.after(one);
  if (step) button.focus();
  agree();
});

dialog.addEventListener("submit", (event) => {
  if (event.submitter?.value !== "apply") return;
  if (lines().length > Number($("choose").dataset.most)) return event.preventDefault();
  const text = lines().map((one) => one.dataset.text).join(",");
  put(text === $("choose").dataset.usual ? "" : text);
});

// Enter in the search turns on the only, or first, choice that it left; in an empty one it takes what is chosen.
dialog.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.id !== "choose-find") return;
  event.preventDefault();
  const first = [...dialog.querySelectorAll(".choice")].find((one) => one.offsetParent);
  if (!event.target.value.trim()) dialog.querySelector('button[value="apply"]').click();
  else first?.querySelector("input").click();
});

// Lines are dragged into another order.
let carried = null;
dialog.addEventListener("dragstart", (event) => {
  carried = event.target.closest("#choose-shown li");
  event.dataTransfer.effectAllowed = "move";
});
dialog.addEventListener("dragover", (event) => {
  const one = carried && event.target.closest("#choose-shown li");
  if (!one || one === carried) return;
  event.preventDefault();
  const box = one.getBoundingClientRect();
  event.clientY > box.top + box.height / 2 ? one.after(carried) : one.before(carried);
});
dialog.addEventListener("drop", (event) => event.preventDefault());
dialog.addEventListener("dragend", () => {
  carried = null;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-act]")?.dataset.act === "columns") open();
});
shortcut("c", "choose columns", open, { group: "Rows", when: () => ofCommunications && $("rows") });
