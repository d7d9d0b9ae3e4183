// The incident's prices: contract against index, window and cut-offs, forced closes, cascade.
//
// <div data-price-chart="URL"> answers JSON. Prices are integer ticks; a price is
// ticks * tick_units / 10**decimals and is written exactly, never through a float:
//   { "zone": "Asia/Hong_Kong", "tick_units": 1, "decimals": 2,
//     "time": [epoch seconds], "mark": [ticks], "index": [ticks],
//     "window": {"start": s, "end": s}, "cutoffs": [{"label": "Effective", "time": s}],
//     "liquidations": {"time": [s], "price": [ticks], "quantity": [signed contracts]},
//     "cascade": {"seconds": 10, "time": [s], "contracts": [n]} }

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { clockIn, grouped, priceText, shareText } from "./chart-text.js";
import { fillTable } from "./chart-table.js";

const PRICE_HEIGHT = 264;
const CASCADE_HEIGHT = 128;
const AXIS_WIDTH = 76;
const MARKER_MIN = 2;
const MARKER_GROWTH = 5;
const MINUTE = 60;
const TIME_STEPS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const TOKENS = ["ink", "ink-soft", "ink-faint", "line", "surface", "series-mark", "series-index",
  "series-forced", "chart-grid", "chart-window"];

// Custom properties hold light-dark(); a probe's computed colour is what this theme makes of it.
const readColours = () => {
  const probe = document.createElement("i");
  document.body.append(probe);
  const colours = {};
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    colours[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
};

class PriceChart {
  constructor(element, data) {
    this.element = element;
    this.data = data;
    this.plot = element.querySelector(".chart-plot");
    this.readout = element.querySelector("[data-readout]");
    this.colours = readColours();
    this.clocks = { utc: clockIn("UTC"), market: clockIn(data.zone) };
    this.sync = uPlot.sync(element.id);
    this.price = this.pricePanel();
    this.cascade = data.cascade ? this.cascadePanel() : null;
    this.panels = [this.price, this.cascade].filter(Boolean);
    this.listen();
  }

  listen() {
    new ResizeObserver(() => {
      for (const panel of this.panels) panel.setSize({ width: this.plot.clientWidth, height: panel.height });
    }).observe(this.plot);
    document.addEventListener("preferences", () => {
      this.colours = readColours();
      for (const panel of this.panels) panel.redraw(false, true);
    });
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("focus", () => this.readout.setAttribute("aria-live", "polite"));
    this.plot.addEventListener("blur", () => this.readout.setAttribute("aria-live", "off"));
  }

  axes(withTime, values) {
    const font = "12px 'Plex Sans', sans-serif";
    const grid = { stroke: () => this.colours["chart-grid"], width: 1 };
    const ticks = { stroke: () => this.colours.line, width: 1, size: 4 };
    const stroke = () => this.colours["ink-faint"];
    const times = (u, at) => at.map((s) => `${this.clocks.utc(s)}\n${this.clocks.market(s)}`);
    return [
      withTime ? { font, grid, ticks, stroke, values: times, incrs: TIME_STEPS, space: 60, size: 44 }
        : { show: true, grid, ticks: { show: false }, values: (u, at) => at.map(() => ""),
          incrs: TIME_STEPS, size: 4, space: 60 },
      { font, grid, ticks, stroke, values, size: AXIS_WIDTH, space: 36 },
    ];
  }

  base(height) {
    return {
      width: this.plot.clientWidth,
      height,
      legend: { show: false },
      padding: [8, 28, 0, 0],
      scales: { x: { time: false } },
      cursor: { sync: { key: this.sync.key, setSeries: false }, points: { show: false }, y: false },
    };
  }

  pricePanel() {
    const { data } = this;
    const line = (token, extra) => ({ stroke: () => this.colours[token], width: 1.5, points: { show: false }, ...extra });
    return new uPlot({
      ...this.base(PRICE_HEIGHT),
      series: [{}, line("series-mark"), line("series-index", { dash: [5, 4], width: 1.25 })],
      axes: this.axes(!data.cascade, (u, at) => at.map((ticks) => priceText(ticks, data))),
      hooks: {
        drawClear: [(u) => this.shade(u)],
        draw: [(u) => this.marks(u), (u) => this.lines(u, true)],
        setCursor: [(u) => this.read(u.cursor.idx)],
        setScale: [(u, key) => this.follow(u, key)],
      },
    }, [data.time, data.mark, data.index], this.plot);
  }

  cascadePanel() {
    const { cascade } = this.data;
    return new uPlot({
      ...this.base(CASCADE_HEIGHT),
      scales: { x: { time: false }, y: { range: (u, low, high) => [0, Math.max(high, 1) * 1.05] } },
      series: [{}, {
        fill: () => this.colours["series-forced"],
        width: 0,
        paths: uPlot.paths.bars({ size: [0.9, 8, 1], align: 1 }),
        points: { show: false },
      }],
      axes: this.axes(true, (u, at) => at.map((n) => grouped(n))),
      hooks: {
        drawClear: [(u) => this.shade(u)],
        draw: [(u) => this.lines(u, false)],
        setScale: [(u, key) => this.follow(u, key)],
      },
    }, [cascade.time, cascade.contracts], this.plot);
  }

  // Zooming one panel zooms the other.
  follow(from, key) {
    if (key !== "x" || !this.panels) return;
    const { min, max } = from.scales.x;
    for (const panel of this.panels) {
      const { min: low, max: high } = panel.scales.x;
      if (panel !== from && (low !== min || high !== max)) panel.setScale("x", { min, max });
    }
    if (this.cascade && !this.aligned) {
      this.aligned = true;
      this.cascade.setScale("x", { min, max });
    }
  }

  shade(u) {
    const { ctx, bbox } = u;
    const from = Math.max(u.valToPos(this.data.window.start, "x", true), bbox.left);
    const to = Math.min(u.valToPos(this.data.window.end, "x", true), bbox.left + bbox.width);
    if (to <= from) return;
    ctx.fillStyle = this.colours["chart-window"];
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }

  lines(u, labelled) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = this.colours.ink;
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px 'Plex Sans', sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    this.data.cutoffs.forEach((cutoff, row) => {
      const x = Math.round(u.valToPos(cutoff.time, "x", true)) + 0.5;
      if (x < bbox.left || x > bbox.left + bbox.width) return;
      ctx.setLineDash(row % 2 ? [4 * ratio, 3 * ratio] : []);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      if (labelled) this.label(u, cutoff, x, row);
    });
    ctx.restore();
  }

  label(u, cutoff, x, row) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    const text = `${cutoff.label} ${this.clocks.market(cutoff.time, true)}`;
    const width = ctx.measureText(text).width;
    // A label stands to the left of its line where it would meet the edge or the next line.
    const end = x + width + 6 * ratio;
    const meets = this.data.cutoffs.some((other) => {
      const at = u.valToPos(other.time, "x", true);
      return at > x + 1 && at < end && x - width - 5 * ratio > bbox.left;
    });
    const left = meets || end > bbox.left + bbox.width ? x - width - 5 * ratio : x + 5 * ratio;
    const top = bbox.top + bbox.height - (row + 1) * 16 * ratio;
    ctx.save();
    ctx.fillStyle = this.colours.surface;
    ctx.globalAlpha = 0.85;
    ctx.fillRect(left - 2 * ratio, top - ratio, width + 4 * ratio, 14 * ratio);
    ctx.restore();
    ctx.fillText(text, left, top);
  }

  marks(u) {
    const { ctx, bbox } = u;
    const { time, price, quantity } = this.data.liquidations;
    const most = quantity.reduce((high, q) => Math.max(high, Math.abs(q)), 1);
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = this.colours["series-forced"];
    ctx.globalAlpha = 0.6;
    time.forEach((second, at) => {
      const x = u.valToPos(second, "x", true);
      const y = u.valToPos(price[at], "y", true);
      const size = (MARKER_MIN + MARKER_GROWTH * Math.sqrt(Math.abs(quantity[at]) / most)) * ratio;
      const up = quantity[at] < 0 ? -1 : 1;
      ctx.beginPath();
      ctx.moveTo(x, y + up * size);
      ctx.lineTo(x - size, y - up * size * 0.6);
      ctx.lineTo(x + size, y - up * size * 0.6);
      ctx.fill();
    });
    ctx.restore();
  }

  forcedAt(second) {
    const { cascade } = this.data;
    if (!cascade) return 0;
    const at = cascade.time.findIndex((start) => second >= start && second < start + cascade.seconds);
    return at < 0 ? 0 : cascade.contracts[at];
  }

  read(at) {
    if (at === null || at === undefined || !this.element) return;
    this.at = at;
    const { data, clocks } = this;
    const second = data.time[at];
    const gap = data.mark[at] - data.index[at];
    const parts = [
      [`${clocks.utc(second, true)} UTC`, `${clocks.market(second, true)} ${clocks.market.zone}`],
      [priceText(data.mark[at], data), "contract"],
      [priceText(data.index[at], data), "index"],
      [shareText(gap, data.index[at]), "from the index"],
    ];
    if (data.cascade) parts.push([grouped(this.forcedAt(second)), `contracts forced in ${data.cascade.seconds} s`]);
    this.readout.replaceChildren(...parts.map(([figure, words]) => {
      const span = document.createElement("span");
      const small = document.createElement("small");
      small.textContent = words;
      span.append(`${figure} `, small);
      return span;
    }));
  }

  place(at) {
    const { time } = this.data;
    const to = Math.max(0, Math.min(time.length - 1, at));
    const { min, max } = this.price.scales.x;
    if (time[to] < min || time[to] > max) {
      const half = (max - min) / 2;
      this.price.setScale("x", { min: time[to] - half, max: time[to] + half });
    }
    this.price.setCursor({ left: this.price.valToPos(time[to], "x"), top: 10 });
    this.read(to);
  }

  zoom(factor) {
    const { min, max } = this.price.scales.x;
    const { time } = this.data;
    const middle = this.at === undefined ? (min + max) / 2 : time[this.at];
    const half = Math.max(MINUTE / 2, ((max - min) / 2) * factor);
    this.price.setScale("x", {
      min: Math.max(time[0], middle - half), max: Math.min(time[time.length - 1], middle + half) });
    if (this.at !== undefined) requestAnimationFrame(() => this.place(this.at));
  }

  key(event) {
    const { time } = this.data;
    const now = this.at ?? Math.floor(time.length / 2);
    const step = event.shiftKey ? MINUTE : 1;
    const moves = { ArrowLeft: now - step, ArrowRight: now + step, Home: 0, End: time.length - 1 };
    if (event.key in moves) this.place(moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(0.5);
    else if (event.key === "-") this.zoom(2);
    else if (event.key === "Escape") this.price.setScale("x", { min: time[0], max: time[time.length - 1] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export async function drawPriceCharts(root) {
  for (const element of root.querySelectorAll("[data-price-chart]:not([data-drawn])")) {
    element.setAttribute("data-drawn", "");
    const answer = await fetch(element.dataset.priceChart, { headers: { accept: "application/json" } });
    if (!answer.ok) {
      element.querySelector("[data-readout]").textContent = "The prices could not be loaded.";
      continue;
    }
    const data = await answer.json();
    await document.fonts.ready;
    element.chart = new PriceChart(element, data);
    fillTable(element.querySelector("[data-rows]"), data);
  }
}
