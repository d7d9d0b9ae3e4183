// The chart's numbers as rows, a row a minute, where the server has sent none.

import { clockIn, grouped, priceText, shareText } from "./chart-text.js";

const MINUTE = 60;

const forcedBetween = (cascade, from, to) => {
  if (!cascade) return 0;
  return cascade.contracts.reduce((sum, n, at) => (cascade.time[at] >= from && cascade.time[at] < to ? sum + n : sum), 0);
};

const cell = (name, text, scope = "") => {
  const made = document.createElement(name);
  if (scope) made.scope = scope;
  else made.className = "n";
  made.textContent = text;
  return made;
};

export function fillTable(body, data) {
  if (!body || body.rows.length) return;
  const utc = clockIn("UTC");
  const market = clockIn(data.zone);
  for (let at = 0; at < data.time.length; at += MINUTE) {
    const second = data.time[at];
    const row = body.insertRow();
    row.append(
      cell("th", `${utc(second)} UTC, ${market(second)} ${market.zone}`, "row"),
      cell("td", priceText(data.mark[at], data)),
      cell("td", priceText(data.index[at], data)),
      cell("td", shareText(data.mark[at] - data.index[at], data.index[at])),
      cell("td", grouped(forcedBetween(data.cascade, second, second + MINUTE))),
    );
  }
}
