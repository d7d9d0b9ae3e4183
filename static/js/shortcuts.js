// Keys that lead somewhere: links and buttons carry data-keys="g i" or "?". They work outside
// fields only, are listed by "?", and are off when the reader turned them off (SC 2.1.4).

const WAIT_MS = 900;
let typed = [];
let timer = 0;

const off = () => document.documentElement.dataset.keys === "off";
const writing = (element) => element?.closest("input, textarea, select, [contenteditable], dialog");

const find = (keys) => [...document.querySelectorAll("[data-keys]")].find((e) => e.dataset.keys === keys);

const listed = () => {
  const list = document.createElement("dl");
  list.className = "facts";
  const row = (keys, words) => {
    const line = document.createElement("div");
    const term = document.createElement("dt");
    for (const key of keys.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      term.append(cap, " ");
    }
    const words_ = document.createElement("dd");
    words_.textContent = words;
    line.append(term, words_);
    list.append(line);
  };
  row(navigator.platform.startsWith("Mac") ? "⌘ K" : "Ctrl K", "Find or go to");
  for (const element of document.querySelectorAll("[data-keys]")) {
    row(element.dataset.keys, element.getAttribute("aria-label") || element.textContent.trim());
  }
  return list;
};

const showHelp = () => {
  const dialog = document.createElement("dialog");
  dialog.className = "overlay";
  const title = document.createElement("h2");
  title.textContent = "Keys on this page";
  title.id = "keys-title";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const close = document.createElement("button");
  close.className = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(title, listed(), close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
};

export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (off() || event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    if (event.key.length !== 1) return;
    if (event.key === "?") {
      event.preventDefault();
      showHelp();
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(() => (typed = []), WAIT_MS);
    typed = [...typed, event.key].slice(-2);
    const target = find(typed.join(" ")) || find(event.key);
    if (!target) return;
    event.preventDefault();
    typed = [];
    target.click();
  });
}
