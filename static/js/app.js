// Everything here is a help on top of pages that work without it. Each part finds its own
// elements by a data attribute, and finds them again after htmx has swapped something in.

import { startClocks } from "./clocks.js";
import { startConfirm } from "./confirm.js";
import { startCopy } from "./copy.js";
import { startFocus } from "./focus.js";
import { startMenus } from "./menus.js";
import { startOnce } from "./once.js";
import { startPalette } from "./palette.js";
import { startPreferences } from "./preferences.js";
import { startShortcuts } from "./shortcuts.js";
import { startSideways } from "./sideways.js";
import { startTrouble } from "./trouble.js";

startFocus();
startCopy();
startConfirm();
startOnce();
startTrouble();
startMenus();
startPreferences();
startClocks();
startPalette();
startShortcuts();
startSideways();

const drawCharts = async (root) => {
  if (!root.querySelector("[data-price-chart]")) return;
  const { drawPriceCharts } = await import("./price-chart.js");
  drawPriceCharts(root);
};

const startPasskeys = async () => {
  if (!document.querySelector("[data-sign], [data-register]")) return;
  const passkeys = await import("./passkeys.js");
  passkeys.startPasskeys();
};

startPasskeys();
drawCharts(document);
document.body.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) drawCharts(event.detail.elt);
});
