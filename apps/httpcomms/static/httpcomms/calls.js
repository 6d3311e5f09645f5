// Calls of the API by pages.
const csrf = () => document.cookie.split("; ").find((part) => part.startsWith("spider_csrf="))?.slice(12) ?? "";

// A function that calls what is below an address: its answer, or an Error with its words and the field at fault.
export const caller = (base) => async (method, path = "", body = undefined) => {
  let answer;
  try {
    const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrf() };
    answer = await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The server cannot be reached. Nothing was changed.");
  }
  if (answer.status === 204) return null;
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  throw Object.assign(new Error(found.error?.message ?? `The server answered ${answer.status}.`), { field: found.error?.field });
};
