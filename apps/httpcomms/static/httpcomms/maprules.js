// The dialog of the map's rules: which names are one node, what is a gateway. What they do to the names of this map is
// shown while they are written; the server reads the patterns, as it does when they are used.
import { tag } from "./drawing.js";

const KINDS = {
  replicas: { empty: { pattern: "", name: "\\1" }, second: (rule) => tag("input", { class: "input mono", name: "name", value: rule.name, "aria-label": "Name of the node", placeholder: "\\1" }) },
  gateways: { empty: { pattern: "", unjoined: "leave out" }, second: (rule) => {
    const select = tag("select", { class: "input", name: "unjoined", "aria-label": "What cannot be joined" }, tag("option", { value: "leave out" }, "leave out what cannot be joined"), tag("option", { value: "draw" }, "draw what cannot be joined"));
    select.value = rule.unjoined ?? "leave out";
    return select;
  } },
};

const cookie = (name) => document.cookie.split("; ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

// Ask the server, as a person who may change things. Gives [answer, error].
export async function send(method, url, body) {
  try {
    const answer = await fetch(url, { method, headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": cookie("spider_csrf") }, body: JSON.stringify(body) });
    const data = answer.status === 204 ? null : await answer.json();
    return answer.ok ? [data, null] : [null, data.error ?? { message: answer.statusText }];
  } catch {
    return [null, { message: "The server cannot be reached." }];
  }
}

export class Rules {
  // `names` are those on the map; `kept` is called when rules were kept.
  constructor(dialog, urls, names, kept) {
    Object.assign(this, { dialog, urls, names, kept, usual: null, waiting: 0, asked: 0 });
    dialog.addEventListener("input", () => this.soon());
    dialog.addEventListener("click", (event) => this.clicked(event));
  }

  part(name) {
    return this.dialog.querySelector(`[data-part="${name}"]`);
  }

  async open() {
    const [data, error] = await send("POST", this.urls.try, { names: this.names });
    this.dialog.showModal();
    if (error) return this.refused(error);
    this.usual = data.usual;
    this.fill(data.rules);
    this.shown(data);
  }

  fill(rules) {
    for (const kind of Object.keys(KINDS)) {
      this.dialog.querySelector(`[data-rules="${kind}"]`).replaceChildren(...(rules[kind] ?? []).map((rule) => this.row(kind, rule)));
    }
  }

  row(kind, rule) {
    const pattern = tag("input", { class: "input mono", name: "pattern", value: rule.pattern, "aria-label": "Pattern of names", placeholder: "^orders-.*$", spellcheck: "false" });
    return tag("div", { class: "rule" }, pattern, tag("span", { class: "dim", "aria-hidden": "true" }, "→"), KINDS[kind].second(rule), tag("button", { class: "btn quiet s icon", type: "button", "data-act": "rule-gone", "aria-label": "Take this rule away" }, "×"));
  }

  rules() {
    return Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, [...this.dialog.querySelectorAll(`[data-rules="${kind}"] .rule`)].map((row) => Object.fromEntries([...row.querySelectorAll("[name]")].map((input) => [input.name, input.value])))]));
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.tried(), 200);
  }

  async tried() {
    const mine = ++this.asked;
    const [data, error] = await send("POST", this.urls.try, { rules: this.rules(), names: this.names });
    if (mine !== this.asked) return;
    error ? this.refused(error) : this.shown(data);
  }

  shown(data) {
    this.refused(null);
    const members = new Map();
    for (const [name, node] of Object.entries(data.nodes)) members.set(node, [...(members.get(node) ?? []), name]);
    const lines = [...members].filter(([node, names]) => names.length > 1 || names[0] !== node).map(([node, names]) => tag("li", {}, tag("b", {}, node), ` is ${names.slice(0, 8).join(", ")}${names.length > 8 ? ` and ${names.length - 8} more` : ""}`));
    lines.push(...data.gateways.map((node) => tag("li", {}, tag("b", {}, node), " is a gateway")));
    this.part("preview").replaceChildren(lines.length ? tag("ul", {}, ...lines) : tag("p", { class: "dim" }, "No rule fits a name of this map."));
  }

  refused(error) {
    const box = this.part("rules-error");
    box.hidden = !error;
    box.textContent = error?.message ?? "";
    for (const input of this.dialog.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    const [, kind, at, name] = error?.field?.match(/^(\w+)\[(\d+)\]\.?(\w*)/) ?? [];
    const row = kind && this.dialog.querySelectorAll(`[data-rules="${kind}"] .rule`)[Number(at)];
    row?.querySelector(`[name="${name || "pattern"}"]`)?.setAttribute("aria-invalid", "true");
  }

  async clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { act, add } = button.dataset;
    if (add) {
      const row = this.row(add, KINDS[add].empty);
      this.dialog.querySelector(`[data-rules="${add}"]`).append(row);
      row.querySelector("input").focus();
    }
    if (act === "rule-gone") button.closest(".rule").remove();
    if (act === "rules-usual" && this.usual) this.fill(this.usual);
    if (act === "rule-gone" || act === "rules-usual") this.soon();
    if (act === "rules-cancel") this.dialog.close();
    if (act === "rules-save") await this.save();
  }

  async save() {
    const [, error] = await send("PUT", this.urls.keep, { value: this.rules() });
    if (error) return this.refused(error);
    this.dialog.close();
    this.kept();
  }
}
