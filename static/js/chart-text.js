// How the chart writes numbers and times: the same way as the server (backoffice/figures.py).

const MINUS = "\u2212";

export const grouped = (value) => {
  const digits = String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, ",");
  return value < 0 ? `${MINUS}${digits}` : digits;
};

// ticks * tick_units / 10**decimals, by moving the point in the integer's digits.
export const priceText = (ticks, { tick_units: units, decimals }) => {
  const value = Math.round(ticks) * units;
  const digits = String(Math.abs(value)).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const part = decimals ? `.${digits.slice(-decimals)}` : "";
  return `${value < 0 ? MINUS : ""}${whole}${part}`;
};

export const shareText = (part, whole) => {
  if (!whole) return "\u2013";
  const percent = ((part / whole) * 100).toFixed(2);
  return `${percent.replace("-", MINUS).replace(/^(?=\d)/, "+")}\u00a0%`;
};

export const clockIn = (timeZone) => {
  const short = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  const long = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "medium" });
  const clock = (seconds, whole = false) => (whole ? long : short).format(seconds * 1000);
  const parts = new Intl.DateTimeFormat("en-HK", { timeZone, timeZoneName: "short" }).formatToParts(0);
  clock.zone = parts.find((part) => part.type === "timeZoneName").value;
  return clock;
};
