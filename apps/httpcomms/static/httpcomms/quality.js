// The line below the timeline: what is missing from the traffic of that time, of the whisperers the person may see.
import { said } from "./tip.js";

const WORST = ["error", "gap", "loss", "alarm"];
let request = null;

// The marks of a range in milliseconds, the worst last so that it is drawn over the others.
export async function quality(url) {
  request?.abort();
  request = new AbortController();
  const answer = await fetch(url, { signal: request.signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  const data = await answer.json();
  const marks = data.marks.map((mark) => ({ ...mark, first: mark.first / 1e6, last: mark.last / 1e6 }));
  marks.sort((a, b) => WORST.indexOf(a.kind) - WORST.indexOf(b.kind) || a.first - b.first);
  return { marks, complete: data.complete };
}

// All of it as one text, for who does not see the line.
export function inWords({ marks, complete }) {
  if (!marks.length) return complete ? "Nothing is known to be missing." : "Not all of this time was looked at for losses.";
  const some = marks.toReversed().slice(0, 5).map(said).join(". ");
  const more = marks.length > 5 ? `, and ${marks.length - 5} more` : "";
  return `Quality: ${some}${more}.${complete ? "" : " There may be more: not all of this time was looked at."}`;
}
