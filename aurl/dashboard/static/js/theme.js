// Runs before the first paint, so that a page never flashes in the other theme. A classic script, not a module.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("aurl-theme");
  } catch {
    chosen = null; // storage may be forbidden; the system's choice holds
  }
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
