// One polite live region for the whole page; saying the same thing twice is heard twice.

export function announce(text) {
  const live = document.getElementById("live");
  if (!live || !text) return;
  live.textContent = "";
  requestAnimationFrame(() => {
    live.textContent = text;
  });
}
