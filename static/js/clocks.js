// The wall clock of the frame, and countdowns to promised times. Both are right without a
// script as of the page's making; with one they run on.

const SECOND_MS = 1000;

const clock = (zone) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "medium" });

const pad = (value) => String(value).padStart(2, "0");

export const lasting = (seconds) => {
  const past = Math.abs(seconds);
  const days = Math.floor(past / 86400);
  const time = [Math.floor(past / 3600) % 24, Math.floor(past / 60) % 60, past % 60].map(pad).join(":");
  return `${seconds < 0 ? "\u2212" : ""}${days ? `${days} d ` : ""}${time}`;
};

export function startClocks() {
  const wall = document.querySelector("[data-wall-clock]");
  const clocks = wall && { utc: clock("UTC"), market: clock(wall.dataset.wallClock) };
  const tick = () => {
    const now = Date.now();
    if (wall) {
      wall.querySelector("[data-utc]").textContent = clocks.utc.format(now);
      wall.querySelector("[data-market]").textContent = clocks.market.format(now);
    }
    for (const element of document.querySelectorAll("[data-countdown]")) {
      const left = Math.floor((Date.parse(element.dataset.countdown) - now) / SECOND_MS);
      element.textContent = lasting(left);
      element.toggleAttribute("data-late", left < 0);
    }
  };
  tick();
  setInterval(tick, SECOND_MS);
}
