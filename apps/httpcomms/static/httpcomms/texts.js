// The server counts positions in code points, a text field in UTF-16 units: the two differ behind every emoji.

export const toPoints = (text, units) => [...text.slice(0, units)].length;

export const toUnits = (text, points) => [...text].slice(0, points).join("").length;

// An element of a kind, with a class and its text or children.
export function made(name, css = "", ...children) {
  const one = document.createElement(name);
  if (css) one.className = css;
  one.append(...children);
  return one;
}

// A drawing of the page's own sprite.
export function icon(name, css = "i s") {
  const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  box.setAttribute("class", css);
  box.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  box.append(use);
  return box;
}
