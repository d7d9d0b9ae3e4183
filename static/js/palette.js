// The command palette: Ctrl or Cmd with K opens a dialog over the search page. The server
// searches (GET ?q= with Accept: application/json answers [{label, hint, url, group}]), the
// places of the rail are offered before anything is typed. ARIA combobox with a listbox.

import { announce } from "./announce.js";

const PAUSE_MS = 140;
const AT_MOST = 12;

const element = (tag, attributes = {}, text = "") => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
};

const places = (query) => [...document.querySelectorAll(".rail a, .tabs a")]
  .map((a) => ({ label: a.firstChild.textContent.trim() || a.textContent.trim(), url: a.href,
    hint: a.dataset.keys || "", group: "Places" }))
  .filter((place) => place.label.toLowerCase().includes(query.toLowerCase()));

class Palette {
  constructor(link) {
    this.url = link.dataset.palette;
    this.link = link;
    this.request = null;
    this.dialog = element("dialog", { class: "overlay palette", "aria-label": link.innerText.trim() || "Find" });
    this.input = element("input", {
      role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
      "aria-label": "Find or go to", autocomplete: "off", spellcheck: "false", name: "q",
      placeholder: "An incident, an account, plan 3, a digest, a place",
    });
    this.list = element("ul", { role: "listbox", id: "palette-list", "aria-label": "Results" });
    this.dialog.append(this.input, this.list);
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => this.later());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("close", () => this.link.focus());
  }

  open() {
    this.input.value = "";
    this.show(places(""));
    this.dialog.showModal();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), PAUSE_MS);
  }

  async search() {
    const query = this.input.value.trim();
    this.request?.abort();
    if (!query) {
      this.show(places(""));
      return;
    }
    this.request = new AbortController();
    try {
      const answer = await fetch(`${this.url}?q=${encodeURIComponent(query)}`, {
        headers: { accept: "application/json" }, signal: this.request.signal });
      const found = answer.ok ? await answer.json() : [];
      this.show([...found, ...places(query)]);
    } catch (error) {
      if (error.name !== "AbortError") this.show(places(query));
    }
  }

  show(results) {
    this.results = results.slice(0, AT_MOST);
    this.list.replaceChildren(...this.results.map((result, at) => this.option(result, at)));
    if (!this.results.length) this.list.append(element("li", { class: "faint" }, "Nothing found"));
    this.choose(0);
    if (this.input.value) announce(`${this.results.length} found`);
  }

  option(result, at) {
    const option = element("li", { role: "option", id: `palette-${at}`, "aria-selected": "false" });
    option.append(element("span", {}, result.label), element("small", {}, result.hint || result.group));
    option.addEventListener("click", () => this.go(at));
    option.addEventListener("mousemove", () => this.choose(at));
    return option;
  }

  choose(at) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    if (!options.length) {
      this.input.removeAttribute("aria-activedescendant");
      return;
    }
    this.at = (at + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === this.at)));
    this.input.setAttribute("aria-activedescendant", options[this.at].id);
    options[this.at].scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.choose(this.at + step);
    else if (event.key === "Enter") this.go(this.at);
    else return;
    event.preventDefault();
  }

  go(at) {
    const result = this.results[at];
    if (result) location.assign(result.url);
    else location.assign(`${this.url}?q=${encodeURIComponent(this.input.value)}`);
  }
}

export function startPalette() {
  const link = document.querySelector("[data-palette]");
  if (!link) return;
  const cap = link.querySelector("[data-command-key]");
  if (cap && navigator.platform.startsWith("Mac")) cap.textContent = "⌘ K";
  let palette = null;
  const open = (event) => {
    event.preventDefault();
    palette ??= new Palette(link);
    palette.open();
  };
  link.addEventListener("click", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) open(event);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") open(event);
  });
}
