// Saving a query: the dialogs that ask for its name, note and teams, and the calls that keep it.
import { toast } from "../core/site.js";
import { caller } from "./calls.js";
import { made } from "./texts.js";

const dialog = document.getElementById("save-dialog");
const form = dialog.querySelector("form");
export const call = caller(dialog.dataset.url);

// What every caller does with a failure that has no field of its own to stand at.
export const failed = (error) => toast(error.message, true);

function teamLine(team, checked) {
  const box = made("input");
  box.type = "checkbox";
  box.name = "teams";
  box.value = team.id;
  box.checked = checked;
  return made("label", "check", box, made("span", "", team.name));
}

const rangeWords = (kept) => kept.from || kept.to ? `${kept.from || "the beginning"} → ${kept.to || "now"}` : "all time";
const relative = (kept) => (kept.from ?? "").startsWith("now") && (!kept.to || kept.to.startsWith("now"));

// Ask for what a saved query needs and keep it. `query` is one to change; without it `state` ({query, parameters}) is saved
// as a new one. Gives what was saved, null when the person thought better of it.
export function save({ title, query = null, state = null, name = "", note = "", teams = [], names = [] }) {
  form.reset();
  const { elements } = form;
  dialog.querySelector("h2").textContent = title;
  elements.name.value = query?.name ?? name;
  elements.note.value = query?.note ?? note;
  const asked = query ?? state;
  dialog.querySelector(".asks").textContent = asked.query || "everything";
  dialog.querySelector(".asks").title = asked.query;
  const range = dialog.querySelector(".keep-range");
  range.hidden = Boolean(query);
  range.querySelector(".which").textContent = state ? rangeWords(state.parameters) : "";
  elements.range.checked = Boolean(state) && relative(state.parameters);
  const own = query ? query.mine : true;
  const list = own ? teams : query.teams;
  const shared = new Set((query?.teams ?? []).map((team) => team.id));
  dialog.querySelector(".teams").replaceChildren(...list.map((team) => teamLine(team, shared.has(team.id))));
  dialog.querySelector(".no-teams").hidden = list.length > 0;
  said("");
  dialog.showModal();
  elements.name.select();
  return new Promise((resolve) => {
    const done = (found) => {
      form.onsubmit = null;
      dialog.onclose = null;
      if (dialog.open) dialog.close();
      resolve(found);
    };
    dialog.onclose = () => done(null);
    form.onsubmit = async (event) => {
      event.preventDefault();
      const taken = names.includes(elements.name.value.trim()) && elements.name.value.trim() !== query?.name;
      if (taken) return said("There is one of that name already: choose another, or update that one.", "name");
      const given = {
        name: elements.name.value,
        note: elements.note.value,
        teams: [...form.querySelectorAll('[name="teams"]:checked')].map((box) => Number(box.value)),
      };
      if (state) Object.assign(given, { query: state.query, parameters: kept(state.parameters, elements.range.checked) });
      try {
        done(await (query ? call("PATCH", `${query.id}/`, given) : call("POST", "", given)));
      } catch (error) {
        said(error.message, error.field);
      }
    };
  });
}

function kept(parameters, range) {
  const copy = { ...parameters };
  if (!range) for (const name of ["from", "to", "wide"]) delete copy[name];
  return copy;
}

function said(words, field = "") {
  const box = dialog.querySelector(".problem");
  box.textContent = words;
  box.hidden = !words;
  const input = form.elements[field];
  if (input?.focus) input.focus();
  form.elements.name.toggleAttribute("aria-invalid", field === "name");
}

dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) dialog.close();
});

const sure = document.getElementById("delete-dialog");

// Ask whether to delete; true once it is done.
export function remove(query) {
  sure.querySelector("h2").textContent = `Delete “${query.name}”?`;
  const others = query.teams.map((team) => team.name).join(", ");
  sure.querySelector("p").textContent = others ? `It is gone for ${others} as well.` : "Only you have it. It cannot be brought back.";
  sure.returnValue = "";
  sure.showModal();
  return new Promise((resolve) => {
    sure.onclose = async () => {
      if (sure.returnValue !== "delete") return resolve(false);
      try {
        await call("DELETE", `${query.id}/`);
        resolve(true);
      } catch (error) {
        failed(error);
        resolve(false);
      }
    };
  });
}
