// What every chart needs of the page: colours of the stylesheet, times in the page's zone, and whether things may move.

export const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;

// ECharts draws on a canvas, where light-dark() means nothing: the browser resolves each colour once per theme.
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const [r, g, b, a = 1] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return `rgba(${r}, ${g}, ${b}, ${a})`;
}

// Times are in the zone of the page, as everywhere on it; the server says which.
const zone = document.documentElement.dataset.zone || "UTC";
const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

// The parts of a moment (ms since the epoch) in the page's zone: its year, and the others as two digits each.
export function parts(ms) {
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

// A moment as an axis and a tooltip say it: as exact as `interval` (ms) needs, with its day where `day` is wanted.
export function moment(ms, interval, day = false) {
  const part = parts(ms);
  const date = `${part.month}-${part.day}`;
  if (interval >= 86400e3) return date;
  let time = `${part.hour}:${part.minute}`;
  if (interval < 60e3) time += `:${part.second}`;
  if (interval < 1e3) time += `.${String(((Math.round(ms) % 1000) + 1000) % 1000).padStart(3, "0")}`;
  return day ? `${date} ${time}` : time;
}
