// One chart: axes, zoom and a cursor in step with the others by uPlot; lines by paint.js.

import { abscissa, xTick, xTicks, yTicks } from "./axes.js";
import { colours } from "./colours.js";
import { h, say } from "./dom.js";
import { plural, shown, spec, tick } from "./format.js";
import { extend } from "./growth.js";
import { drawMarks } from "./marks.js";
import { lower, nearest, paint } from "./paint.js";
import { ordinate } from "./range.js";

const NAMED = 4; // curves up to which the legend is always there
export const FEW = 40; // points that are drawn as such
const SPARE_POINTS = 700; // appended live before a curve is asked for again, downsampled

export class Chart {
  /** @param about {title, code, unit, format, lines: [{run, name, label, colour, dash}], alerts: () => [ALERT]} */
  constructor(host, about, view, load) {
    this.host = host;
    this.about = about;
    this.view = view;
    this.load = load;
    this.loaded = [];
    this.curves = []; // those of them that are shown
    this.logY = null; // null: as the page
    this.calm = null; // null: as the page
    this.legend = h("div.legend");
    this.beyond = h("button.beyond.quiet", { type: "button", hidden: true, onclick: () => { this.calm = this.calm === null ? !this.view.calm : null; this.changed("scale"); } });
    this.plot = h("div.plot", { tabIndex: 0, role: "img", "aria-label": `${about.title}; arrow keys read values, plus and minus zoom, 0 shows all`, onkeydown: (event) => this.key(event) });
    host.append(this.legend, this.beyond, this.plot);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.plot);
    this.fetch();
  }

  get log() {
    return this.logY ?? this.view.logY;
  }

  /** Whether outliers are left out of the scale. */
  get robust() {
    return this.calm ?? this.view.calm;
  }

  async fetch() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const { view } = this;
    const points = Math.round(Math.min(1500, Math.max(300, (this.plot.clientWidth || 400) * 2)));
    try {
      const found = await this.load(this.about, { x: view.x, smooth: view.smooth, from: view.from, to: view.to, points });
      if (turn === this.turn && !this.gone) this.take(found);
    } catch (error) {
      if (error.name !== "AbortError" && turn === this.turn && !this.gone) this.empty(error.message);
    }
  }

  take(found) {
    this.loaded = found.filter((curve) => !curve.error);
    for (const curve of this.loaded) {
      curve.fresh = 0;
      if (curve.total <= FEW) curve.smooth = null; // an average of three evaluations would only bend them
      curve.cloud = curve.exact !== false && curve.x.length <= 2000 && curve.x.some((x, at) => at > 0 && x === curve.x[at - 1]);
    }
    this.curves = this.loaded.filter((curve) => this.about.shows?.(curve) ?? true);
    if (!this.loaded.some((curve) => curve.x.length || curve.nonfinite?.length)) {
      return this.empty(this.view.zoomed ? "Nothing was logged in this stretch." : this.view.x === "epoch" ? "Nothing was logged with its epoch." : "Nothing logged yet.");
    }
    let grown = false;
    if (!this.view.zoomed) for (const { x } of this.loaded) if (x.length) grown = this.view.widen(x[0], x[x.length - 1]) || grown;
    if (this.u) this.show();
    else this.build();
    if (grown) this.view.grown();
  }

  /** Show those curves that are wanted now. */
  sift() {
    if (!this.u) return;
    this.curves = this.loaded.filter((curve) => this.about.shows?.(curve) ?? true);
    this.makeDots();
    this.show();
  }

  makeDots() {
    for (const dot of this.dots ?? []) dot.remove();
    this.dots = this.curves.map((curve) => this.u.over.appendChild(h("i.dot", { hidden: true, style: { background: curve.colour } })));
  }

  /** Lift some curves out of the others, on a canvas above, so that the others need not be drawn again. */
  light(test) {
    const lit = test ? this.curves.filter(test) : [];
    this.lit?.remove();
    this.lit = null;
    if (!this.u) return;
    const base = this.u.ctx.canvas;
    base.style.setProperty("opacity", lit.length && lit.length < this.curves.length ? "0.35" : "1");
    if (!lit.length) return;
    this.lit = h("canvas.lit", { width: base.width, height: base.height, "aria-hidden": "true", style: { width: base.style.width, height: base.style.height } });
    base.after(this.lit);
    paint(this.u, lit.map((curve) => ({ ...curve, lit: true })), window.devicePixelRatio || 1, this.lit.getContext("2d"));
  }

  empty(text) {
    this.destroy();
    this.plot.replaceChildren(h("p.nothing", {}, text));
    this.legend.replaceChildren();
    this.note();
  }

  build() {
    this.destroy();
    this.asked = abscissa(...this.view.range, this.view.logX);
    this.plot.replaceChildren();
    const size = { width: this.plot.clientWidth || 380, height: this.plot.clientHeight || 186 };
    this.u = new window.uPlot(this.options(size), this.frame(), this.plot);
    this.u.setScale("x", { min: this.asked[0], max: this.asked[1] });
    this.makeDots();
    window.__charts.push(this.u);
    this.read(null);
  }

  /** uPlot sees a diagonal only; it gives the scales their extent. */
  frame() {
    return [abscissa(...(this.view.extent ?? [0, 1]), false), [0, 1]];
  }

  options(size) {
    const axis = { stroke: colours.faint, font: `11px ${getComputedStyle(document.body).fontFamily}`, ticks: { stroke: colours.rule, width: 1, size: 4 }, grid: { stroke: colours.rule, width: 1 } };
    const { view } = this;
    return {
      ...size,
      legend: { show: false },
      padding: [8, 16, 0, 0],
      cursor: { sync: { key: "aurl", scales: ["x", null] }, y: false, points: { show: false }, drag: { x: true, y: false }, bind: { dblclick: () => () => view.set({ from: null, to: null }, "zoom") } },
      scales: {
        x: { time: false, distr: view.logX ? 3 : 1, range: (u, min, max) => abscissa(min, max, view.logX) },
        y: { distr: this.log ? 3 : 1, range: (u) => ordinate(this.curves, u.scales.x.min ?? -Infinity, u.scales.x.max ?? Infinity, { log: this.log, calm: this.robust }) },
      },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [
        { ...axis, size: 26, space: 64, grid: { show: false }, values: (u, places) => xTicks(places, view) },
        { ...axis, size: 50, space: 30, values: (u, places) => yTicks(places, this.about) },
      ],
      hooks: {
        draw: [(u) => this.painted(u)],
        setCursor: [(u) => this.read(u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
        setScale: [(u, key) => key === "x" && this.zoomed(u)],
      },
    };
  }

  zoomed(u) {
    const { min, max } = u.scales.x;
    const [low, high] = this.asked ?? [min, max]; // what this page set itself is no wish of the reader
    const slack = Math.abs(high - low) * 1e-6;
    if (Math.abs(min - low) > slack || Math.abs(max - high) > slack) this.view.zoom(min, max);
  }

  /** Draw what is there at the view's range. */
  show() {
    if (!this.u) return;
    const [low, high] = this.view.range;
    this.asked = abscissa(low, high, this.view.logX);
    this.u.setData(this.frame(), false);
    this.u.setScale("x", { min: this.asked[0], max: this.asked[1] });
    this.read(null);
  }

  painted(u) {
    this.tellBeyond(paint(u, this.curves, window.devicePixelRatio || 1));
    drawMarks(this, u);
    this.note();
  }

  /** A button that tells how far what is not shown goes, and shows it. */
  tellBeyond({ curves, low, high }) {
    const ends = [Number.isFinite(high) && `\u2191 ${tick(high)}`, Number.isFinite(low) && `\u2193 ${tick(low)}`].filter(Boolean);
    const text = curves ? ends.join(" ") : this.calm === false ? "whole range" : "";
    this.beyond.hidden = !text;
    if (this.beyond.textContent === text) return;
    this.beyond.textContent = text;
    const said = curves ? `${plural(curves, "curve")} ${curves === 1 ? "goes" : "go"} beyond this chart, to ${ends.join(" and ")}. Press to show the whole range` : "Press to leave outliers out again";
    this.beyond.title = said;
    this.beyond.setAttribute("aria-label", said);
  }

  note() {
    for (const curve of this.loaded) {
      const steps = curve.step ?? curve.x;
      window.__painted[curve.name] = steps.length ? steps[steps.length - 1] : null;
    }
    window.__paintedAt = Date.now();
  }

  /** The legend: values at the cursor's logged points, the newest ones without a cursor. */
  read(x) {
    const silent = x === null && this.curves.length > NAMED; // the page has one key for all of its charts
    const rows = this.curves.slice(0, 12).map((curve, at) => {
      const index = x === null ? curve.x.length - 1 : nearest(curve.x, x);
      this.dot(at, x === null ? -1 : index);
      const value = index < 0 ? null : curve.y[index];
      const smooth = curve.smooth && index >= 0 ? curve.smooth[index] : null;
      const odd = curve.nonfinite_total ? plural(curve.nonfinite_total, "value") + " not finite" : "";
      return h("span", {}, swatch(curve), h("em", {}, curve.label), h("b", {}, Number.isFinite(value) ? spec(value, this.about.format) : value === null ? "" : "not finite"),
        x !== null && index >= 0 && [smooth !== null && h("span.at", {}, `smoothed ${tick(smooth)}`), h("span.at", {}, `at ${xTick(curve.x[index], this.view, true)}`)],
        x === null && odd && h("span.fault", {}, odd));
    });
    for (let at = 12; at < this.curves.length; at += 1) this.dot(at, -1);
    const more = this.curves.length - rows.length;
    if (silent) this.legend.replaceChildren(h("span.at", {}, `${this.curves.length} curves`));
    else this.legend.replaceChildren(...rows, ...(more > 0 ? [h("span.at", {}, `and ${more} more`)] : []));
  }

  dot(at, index) {
    const dot = this.dots?.[at];
    const curve = this.curves[at];
    if (!dot) return;
    const value = index < 0 ? null : (curve.smooth ?? curve.y)[index];
    dot.hidden = index < 0 || !Number.isFinite(value) || (this.log && value <= 0);
    if (!dot.hidden) dot.style.setProperty("transform", `translate(${this.u.valToPos(curve.x[index], "x")}px, ${this.u.valToPos(value, "y")}px)`);
  }

  /** New points of one series from the stream, as arrays of abscissae, values, steps and non-finite ones. */
  push(name, { x, value, step, nonfinite }) {
    const curve = this.loaded.find((each) => each.name === name && !each.low);
    if (!curve) return this.fetch();
    if (this.view.to !== null) return; // looking at the past
    extend(curve, { x, value, step, nonfinite }, this.view.smooth);
    if (curve.fresh > SPARE_POINTS) return this.fetch();
    if (curve.x.length) this.view.widen(curve.x[0], curve.x[curve.x.length - 1]);
    if (this.u) this.later();
    else if (curve.x.length) this.build();
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      if (this.u) this.show();
    });
  }

  key(event) {
    if (!this.u || event.target !== this.plot) return;
    const [low, high] = this.view.range;
    const middle = this.at ?? (low + high) / 2;
    const zoom = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (zoom) {
      const half = ((high - low) / 2) * zoom;
      const [first, last] = this.view.extent ?? [low, high];
      this.view.zoom(Math.max(first, middle - half), Math.min(last, middle + half));
    } else if (event.key === "0" || event.key === "Escape") this.view.set({ from: null, to: null }, "zoom");
    else if (way) this.walk(way, middle);
    else return;
    event.preventDefault();
  }

  /** The next logged point that is at least a pixel away, told in words. */
  walk(way, from) {
    const [curve] = this.curves;
    if (!curve?.x.length) return;
    const pixel = (this.view.range[1] - this.view.range[0]) / Math.max(1, this.u.over.clientWidth);
    const index = way > 0 ? lower(curve.x, from + pixel) : lower(curve.x, from - pixel) - 1;
    const at = Math.min(curve.x.length - 1, Math.max(0, index));
    this.at = curve.x[at];
    this.u.setCursor({ left: this.u.valToPos(this.at, "x"), top: 10 });
    say(`${xTick(this.at, this.view, true)}: ${shown(curve.y[at], this.about)}`);
  }

  resize() {
    const [width, height] = [this.plot.clientWidth, this.plot.clientHeight];
    if (this.u && width > 40 && (width !== this.u.width || height !== this.u.height)) this.u.setSize({ width, height });
  }

  /** @param why data: other numbers; zoom: another stretch; grown: the whole is longer; scale: other axes; look: other colours. */
  changed(why) {
    if (why === "grown") this.later();
    else if (why === "zoom") this.show();
    else if (why === "scale" || why === "look") {
      if (this.loaded.length && this.u) this.build();
    } else this.fetch();
  }

  destroy() {
    if (!this.u) return;
    window.__charts = window.__charts.filter((each) => each !== this.u);
    this.u.destroy();
    this.u = null;
    this.dots = [];
    this.lit = null;
  }

  leave() {
    this.gone = true;
    if (this.waiting) cancelAnimationFrame(this.waiting);
    this.observer.disconnect();
    this.destroy();
    this.host.replaceChildren();
  }
}

export function swatch(curve) {
  const element = h("canvas", { width: 16, height: 8, "aria-hidden": "true" });
  const context = element.getContext("2d");
  context.strokeStyle = curve.colour;
  context.lineWidth = 2.2;
  context.setLineDash(curve.dash.map((part) => part * 0.8));
  context.moveTo(0, 4);
  context.lineTo(16, 4);
  context.stroke();
  return element;
}
