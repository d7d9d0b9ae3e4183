// A swap never loses the reader's place: focus returns to the element with the same
// data-focus-key (or id), a refused form's error summary is focused, and data-announce is read out.
// A full page that arrives where a fragment was asked for (a sign-in, after the session ended)
// is opened as a page.

import { announce } from "./announce.js";

let wanted = null;

const remember = (element) => {
  if (!element || element === document.body) return null;
  const key = element.dataset.focusKey;
  if (key) return `[data-focus-key="${CSS.escape(key)}"]`;
  return element.id ? `#${CSS.escape(element.id)}` : null;
};

const restore = (root) => {
  const first = root.matches?.("[data-focus]") ? root : root.querySelector?.("[data-focus]");
  if (first) {
    first.focus();
    return;
  }
  if (document.activeElement && document.activeElement !== document.body) return;
  const element = wanted && document.querySelector(wanted);
  (element || root.closest?.("main") || document.getElementById("main"))?.focus({ preventScroll: true });
};

const isWholePage = (text) => /^\s*<!doctype html/i.test(text);

export function startFocus() {
  const body = document.body;
  body.addEventListener("htmx:beforeRequest", (event) => {
    wanted = remember(document.activeElement) || remember(event.detail.elt);
  });
  body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (!isWholePage(xhr.responseText) || event.detail.target === body) return;
    event.detail.shouldSwap = false;
    const to = new URL(xhr.responseURL || requestConfig.path, location.href);
    if (to.pathname !== location.pathname) location.assign(to);
    else location.reload();
  });
  body.addEventListener("htmx:afterSettle", (event) => {
    const root = event.detail.elt;
    const said = root.matches?.("[data-announce]") ? root : root.querySelector?.("[data-announce]");
    if (said) announce(said.dataset.announce);
    if (event.detail.requestConfig?.triggeringEvent?.type === "load") return;
    restore(root);
  });
  body.addEventListener("announce", (event) => announce(event.detail.value));
  document.querySelector("main [data-focus]")?.focus();
}
