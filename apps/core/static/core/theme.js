// Before the first paint: the theme the person chose, and which of their scripts' features may be relied on.
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
