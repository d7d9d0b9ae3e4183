// A request that failed is said where everybody sees it. What waits for a worker asks again: a
// progress bar would otherwise stand still for ever when the desk was away for a moment.

const AGAIN_MS = 3000;

const words = (status, verb) => {
  if (!status && verb !== "get") {
    return "The desk cannot be reached, and whether this was done is not known. Load the page again to see.";
  }
  return status ? `The desk could not answer (${status}). Nothing was changed.` : "The desk cannot be reached.";
};

export function startTrouble() {
  const bar = document.getElementById("trouble");
  for (const name of ["htmx:responseError", "htmx:sendError"]) {
    document.body.addEventListener(name, (event) => {
      const { elt, xhr, requestConfig } = event.detail;
      bar.textContent = words(xhr?.status, requestConfig.verb);
      bar.hidden = false;
      const waits = elt.getAttribute("aria-busy") === "true" && elt.hasAttribute("hx-get");
      const passing = !xhr?.status || xhr.status >= 500;
      if (!waits || !passing) return;
      setTimeout(() => window.htmx.ajax("get", elt.getAttribute("hx-get"), { source: elt }), AGAIN_MS);
    });
  }
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) bar.hidden = true;
  });
}
