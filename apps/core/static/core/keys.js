// Keys of a page. Each is declared once, with its words: the same table answers the keyboard and fills the help card.
//
//   shortcut("x", "compare the selection", act, { group: "Selection" });
//   shortcut("g m", "map", act);                 two keys, one after the other
//   shortcut("ArrowDown", "next row", act, { when: () => …, shown: "↓", panels: false });
//
// `when` says whether it applies now; `typing: true` answers inside inputs too; `panels: false` leaves the key to whatever
// has the focus beside the result. An `act` that returns false did nothing: the browser may use the key. `first: true` asks
// it before those that were declared earlier: what is shown inside a page goes before the page.

const table = [];
const WAIT = 1200;
let begun = null;
let since = 0;

export function shortcut(keys, words, act, { group = "Page", when = () => true, typing = false, panels = true, shown = null, first = false } = {}) {
  table[first ? "unshift" : "push"]({ keys, words, act, group, when, typing, panels, shown: shown ?? keys });
}

const TYPED = "input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable=true]";
const PANELS = "#detail, .facets, .time, .ask, .top, dialog, .menu";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const modifier = event.ctrlKey || event.metaKey ? "Ctrl " : event.altKey ? "Alt " : "";
  const typing = Boolean(event.target.matches?.(TYPED));
  const inPanel = Boolean(event.target.closest?.(PANELS));
  const open = document.querySelector("dialog[open]");
  const pressed = modifier + event.key;
  const both = begun && performance.now() - since < WAIT ? `${begun} ${event.key}` : null;
  const fits = (one, keys) => one.keys === keys && (one.typing || !typing) && (one.panels || !inPanel) && !open && one.when(event);
  const found = (both && table.filter((one) => fits(one, both))) || [];
  const usable = found.length ? found : table.filter((one) => fits(one, pressed));
  begun = null;
  for (const one of usable) {
    if (one.act(event) === false) continue;
    event.preventDefault();
    return;
  }
  if (!typing && !modifier && !open && table.some((one) => one.keys.startsWith(`${event.key} `))) {
    begun = event.key;
    since = performance.now();
  }
});

const SHOWN = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space" };

// Every key by group, each group in the order of its declarations: [[group, [[[key, …], words], …]], …]
export function helpCard() {
  const groups = new Map();
  for (const { group, shown, words } of table) {
    if (!words) continue;
    const list = groups.get(group) ?? groups.set(group, []).get(group);
    const same = list.find(([, said]) => said === words);
    const key = shown === " " ? ["Space"] : shown.split(" ").map((one) => SHOWN[one] ?? one);
    same ? same[0].push(key) : list.push([[key], words]);
  }
  return [...groups];
}
