// The ranges that were looked at in this tab, in order: a step back and forward through them, whatever was asked between.

const KEY = "spider:ranges";
const MOST = 50;

function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY));
    if (Array.isArray(found?.list) && Number.isInteger(found.at)) return found;
  } catch {
    // Nothing that can be used: begin anew.
  }
  return { list: [], at: -1 };
}

const keep = (state) => sessionStorage.setItem(KEY, JSON.stringify(state));
const same = (a, b) => a && b && a.from === b.from && a.to === b.to && a.wide === b.wide;

// The page shows this range: it is where one is, or the newest after where one was.
export function arrived(range) {
  const state = kept();
  if (same(state.list[state.at], range)) return;
  for (const step of [-1, 1]) {
    if (same(state.list[state.at + step], range)) {
      state.at += step;
      return keep(state);
    }
  }
  state.list = [...state.list.slice(0, state.at + 1), range].slice(-MOST);
  state.at = state.list.length - 1;
  keep(state);
}

// The range one step back (-1) or forward (1); null where there is none.
export function passed(step) {
  const { list, at } = kept();
  return list[at + step] ?? null;
}

// The last few ranges, newest first, each once.
export function recent(most) {
  const { list, at } = kept();
  const found = [];
  for (const one of list.toReversed()) {
    if (!same(one, list[at]) && !found.some((other) => other.from === one.from && other.to === one.to)) found.push(one);
  }
  return found.slice(0, most);
}
