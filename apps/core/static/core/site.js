// What every page does: theme, time zone, menus, toasts, and a session that ended.

const root = document.documentElement;

export function toggleTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  document.dispatchEvent(new CustomEvent("spider:theme"));
}

export function toast(text, bad = false) {
  document.querySelector(".toast")?.remove();
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  box.setAttribute("role", "status");
  box.textContent = text;
  document.body.append(box);
  setTimeout(() => box.remove(), 4000);
}

const chosenZone = () => /(?:^|; )spider_clock=([^;]+)/.exec(document.cookie)?.[1] ?? "";

// The server writes times in the zone of this cookie, unless another was chosen. It is new at the first visit only, so the page is loaded again once.
function keepZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.cookie.split("; ").includes(`spider_zone=${zone}`)) return;
  document.cookie = `spider_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  if (!chosenZone() && root.dataset.zone && root.dataset.zone !== zone && document.cookie.includes(`spider_zone=${zone}`)) location.reload();
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-act]");
  if (target?.dataset.act === "theme") toggleTheme();
  if (target?.dataset.act === "show-password") {
    const input = document.getElementById(target.dataset.for);
    input.type = input.type === "password" ? "text" : "password";
    target.setAttribute("aria-pressed", input.type === "text");
  }
  for (const menu of document.querySelectorAll("details.person[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.person[open]")) menu.open = false;
});

keepZone();
