// Buttons with data-copy put its text on the clipboard and say so. Escape hides a whole digest.

import { announce } from "./announce.js";

const COPIED_MS = 1200;

export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    announce("Copied");
    const mark = button.querySelector("use");
    const before = mark?.getAttribute("href");
    mark?.setAttribute("href", before.replace(/#.*/, "#check"));
    setTimeout(() => mark?.setAttribute("href", before), COPIED_MS);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.activeElement?.closest(".digest")?.setAttribute("data-quiet", "");
  });
  document.addEventListener("focusout", (event) => {
    event.target.closest?.(".digest")?.removeAttribute("data-quiet");
  });
}
