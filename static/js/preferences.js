// Applies a choice of the display menu at once: the cookie the server reads, the attribute of
// <html> the stylesheets read, and a "preferences" event that charts redraw on.

const YEAR_SECONDS = 365 * 86400;

export function startPreferences() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-preferences]");
    const button = event.submitter;
    if (!form || !button?.name) return;
    event.preventDefault();
    const { name, value } = button;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `mw_${name}=${value}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
    if (value) document.documentElement.dataset[name] = value;
    else delete document.documentElement.dataset[name];
    for (const other of form.querySelectorAll(`[name="${name}"]`)) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    document.dispatchEvent(new CustomEvent("preferences"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new CustomEvent("preferences"));
  });
}
