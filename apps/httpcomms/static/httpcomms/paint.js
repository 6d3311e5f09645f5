// The query in colours. The painter only looks; what the text means is the server's word.

const TOKEN = /("(?:\\.|[^"\\])*"?)|(\b(?:AND|OR|NOT|TO)\b|&&|\|\|)|((?:^|(?<=[\s(]))[-!])|([A-Za-z_][\w.\-]*)(?=:)|(:[<>]?=?|[()[\]{}])|(\\.|[^\s"()[\]{}:\\]+)|(\s+)/g;

function span(kind, text) {
  const part = document.createElement("span");
  if (kind) part.className = kind;
  part.textContent = text;
  return part;
}

// Draw `text` into `box`; from `bad` on (a position, or null) to the end of that word it is underlined as wrong.
export function paint(box, text, bad = null) {
  const parts = [];
  let at = 0;
  let depth = 0;
  let negated = false;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > at) parts.push(["", text.slice(at, match.index), at]);
    const [word, quoted, operator, minus, field, mark, value] = match;
    let kind = "";
    if (operator) kind = depth ? "x-r" : "x-o";
    else if (minus) kind = "x-n";
    else if (field) kind = negated ? "x-n" : "x-f";
    else if (mark) {
      if (mark === "[" || mark === "{") depth += 1;
      kind = depth || "[{".includes(mark) ? "x-r" : "x-p";
      if (mark === "]" || mark === "}") depth = Math.max(depth - 1, 0);
    } else if (value && depth) kind = "x-r";
    negated = Boolean(minus) || operator === "NOT" || (negated && !quoted && !value);
    parts.push([kind, word, match.index]);
    at = match.index + word.length;
  }
  if (at < text.length) parts.push(["", text.slice(at), at]);
  box.replaceChildren(...parts.map(([kind, word, start]) => {
    const wrong = bad !== null && start + word.length > bad && start <= bad && word.trim();
    return span(wrong ? `${kind} x-bad` : kind, word);
  }));
  if (bad !== null && bad >= text.trimEnd().length) box.append(span("x-bad", "\u00a0\u00a0"));
}
