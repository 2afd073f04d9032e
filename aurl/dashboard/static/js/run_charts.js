// Every scalar of a run as a chart, in groups; a chart exists while it is in sight.

import { get } from "./api.js";
import { look } from "./colours.js";
import { debounce, fill, h } from "./dom.js";
import { Chart } from "./chart.js";
import { Feed } from "./feed.js";
import { plural } from "./format.js";
import { chartTools } from "./chart_tools.js";
import { Rail } from "./rail.js";
import { remember } from "./route.js";
import { View } from "./view.js";

const TITLES = {
  loss: "Losses", val: "Validation", general: "General", grad: "Gradients", kl: "Latent space", gan: "Discriminator", quality: "Musical quality",
  throughput: "Throughput", time: "Time", system: "Machine", data: "Data", sample: "Samples", update: "Updates", dead: "Dead units", epoch: "Means over epochs",
};
const ORDER = Object.keys(TITLES);
const FIRST = ["loss/total", "loss/recon", "loss/kl", "loss/adv", "loss/disc", "grad/norm", "lr", "accuracy", "quality/mean/overall"];
const AT_FIRST = 120;
const MOST_WHOLE = 200;
const MOST_LISTED = 400; // series in the rail; the search finds the others
const ALL_NAMES = 64; // up to so many series the stream is asked for all of them

export async function open(run, body, place) {
  const tab = new ChartsTab(run, body, place);
  tab.build();
  await tab.firstPaint();
  return tab;
}

class ChartsTab {
  constructor(run, body, place) {
    this.run = run;
    this.body = body;
    this.parameters = place.parameters;
    this.view = new View(place.parameters);
    this.search = place.parameters.get("q") ?? "";
    this.feed = new Feed();
    this.cards = new Map();
    this.folded = new Set();
    this.limits = new Map();
    this.firstTime = run.row.started ?? 0;
    this.series = run.groups.flatMap((group) => group.series);
    this.view.listeners.add((why) => this.changed(why));
    this.resubscribe = debounce(600, () => run.stream.reopen());
    this.onColours = () => this.changed("look");
    document.addEventListener("aurl-colours", this.onColours);
    this.onWhole = (event) => event.detail.push(this.whole());
    document.addEventListener("aurl-whole", this.onWhole);
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.seen(entry)), { rootMargin: "500px 0px" });
  }

  build() {
    const asked = debounce(200, (text) => this.find(text));
    this.place = h("div");
    this.rail = new Rail("Series", this.parameters, { onchange: () => this.draw(), onlight: (name) => this.light(name) });
    fill(this.body, chartTools(this.view, { search: this.search, onsearch: asked }), h("div.railed", {}, this.rail.element, this.place));
    this.draw();
  }

  async find(text) {
    this.search = text.trim();
    remember({ q: this.search });
    if (this.run.series_truncated) {
      const { series } = await get("/api/names", { run: this.run.key, q: this.search, limit: 2000 });
      this.series = series;
    }
    this.draw();
  }

  /** Series by group, a validation series with its training partner, those that match the search only. */
  groups() {
    const names = new Set(this.series.map((each) => each.name));
    const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (each) => words.every((word) => `${each.name} ${each.label}`.toLowerCase().includes(word));
    const found = new Map();
    for (const each of this.series) {
      const second = each.name.startsWith("val/") && each.pair && names.has(each.pair);
      if (second || !fits(each)) continue;
      const prefix = each.name.includes("@epoch") ? "epoch" : each.name.includes("/") ? each.name.slice(0, each.name.indexOf("/")) : "general";
      if (!found.has(prefix)) found.set(prefix, []);
      found.get(prefix).push(each);
    }
    const place = ({ name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
    for (const series of found.values()) series.sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name, "en", { numeric: true }));
    const rank = (prefix) => (ORDER.includes(prefix) ? ORDER.indexOf(prefix) : prefix === "epoch" ? 99 : 50);
    return [...found].sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
  }

  draw() {
    for (const card of this.cards.values()) card.chart?.leave();
    this.observer.disconnect();
    this.cards.clear();
    const every = this.groups();
    this.listSeries(every);
    const groups = every.map(([prefix, series]) => [prefix, series.filter((each) => this.namesOf(each).some((name) => this.rail.shows(name)))]).filter(([, series]) => series.length);
    fill(this.place, groups.map(([prefix, series]) => this.group(prefix, series)), !groups.length && h("p.quiet-text.more", { role: "status" }, this.nothing()));
  }

  /** The rail lists each scalar; a validation series by itself, in the colour that it has in its chart. */
  listSeries(groups) {
    const items = groups.flatMap(([, series]) => series.flatMap((each) => this.namesOf(each).map((name, at) => ({ id: name, label: name, look: look(at), title: `${each.label} (${name})` }))));
    const told = items.map((item) => item.id).join("\n");
    if (told !== this.listed) this.rail.draw(items.slice(0, MOST_LISTED));
    this.listed = told;
  }

  namesOf(series) {
    return series.pair && this.series.some((each) => each.name === series.pair) ? [series.name, series.pair] : [series.name];
  }

  light(name) {
    for (const { chart, names, element } of this.cards.values()) {
      element.classList.toggle("pointed-at", name !== null && names.includes(name));
      if (names.length > 1) chart?.light(name === null || !names.includes(name) ? null : (curve) => curve.name === name);
    }
  }

  nothing() {
    if (this.series.length && !this.search) return "All series are hidden.";
    if (this.search) return `No scalar is called like "${this.search}".`;
    const { state, message } = this.run.ingest ?? {};
    if (state === "reading") return "The event log is being read.";
    if (state === "absent") return "This run has no event log yet.";
    return state === "failed" ? message : "This run has logged no scalars yet.";
  }

  group(prefix, series) {
    const limit = this.limits.get(prefix) ?? AT_FIRST;
    const open = !this.folded.has(prefix);
    const grid = h("div.grid", { hidden: !open }, open && series.slice(0, limit).map((each) => this.card(each)));
    const fold = () => {
      this.folded.has(prefix) ? this.folded.delete(prefix) : this.folded.add(prefix);
      this.draw();
    };
    return h("section", {},
      h("div.group-head", {}, h("h2", {}, h("button", { type: "button", "aria-expanded": String(open), onclick: fold }, TITLES[prefix] ?? prefix)), h("span.quiet-text", {}, plural(series.length, "chart"))),
      grid,
      open && series.length > limit && h("button.more", { type: "button", onclick: () => { this.limits.set(prefix, limit + 500); this.draw(); } }, `Show ${Math.min(500, series.length - limit)} more of ${series.length - limit}`));
  }

  card(series) {
    const names = series.pair && series.pair.startsWith("val/") ? [series.name, series.pair] : [series.name];
    const host = h("div");
    const toggle = (text, label, act) => h("button.quiet", { type: "button", "aria-label": label, title: label, "aria-pressed": "false", onclick: (event) => act(event.currentTarget) }, text);
    const element = h("article.chart", { "aria-label": series.label, data: { name: series.name } },
      h("header", {},
        h("h3", { title: series.label }, series.label, series.unit && h("span.quiet-text", {}, ` ${series.unit}`)),
        h("code", { title: series.name }, series.name),
        h("span.buttons", {},
          toggle("log", `Logarithmic values of ${series.label}`, (button) => this.toggleLog(card, button)),
          toggle("\u2922", `${series.label} over the full width`, (button) => this.toggleSize(card, button)))),
      host);
    const card = { element, host, names, series, chart: null };
    this.cards.set(element, card);
    this.observer.observe(element);
    return element;
  }

  toggleLog(card, button) {
    if (!card.chart) return;
    card.chart.logY = !card.chart.log;
    button.setAttribute("aria-pressed", String(card.chart.logY));
    card.chart.changed("scale");
  }

  toggleSize(card, button) {
    button.setAttribute("aria-pressed", String(card.element.classList.toggle("large")));
    card.chart?.fetch();
  }

  seen({ target, isIntersecting }) {
    const card = this.cards.get(target);
    if (!card || isIntersecting === Boolean(card.chart)) return;
    if (isIntersecting) card.chart = new Chart(card.host, this.about(card), this.view, (about, range) => this.load(about, range));
    else {
      card.chart.leave();
      card.chart = null;
    }
    if (this.series.length > ALL_NAMES) this.resubscribe();
  }

  about({ names, series }) {
    const metrics = new Set(names.map((name) => name.split("@")[0]));
    const label = (name) => (names.length === 1 ? "" : name.startsWith("val/") ? "validation" : "training");
    return {
      title: series.label,
      unit: series.unit,
      format: series.format,
      shows: (curve) => this.rail.shows(curve.name),
      lines: names.map((name, at) => ({ name, run: this.run.key, scalar: name.split("@")[0], label: label(name), ...look(at) })),
      alerts: () => this.run.alerts.filter((alert) => metrics.has(alert.metric)),
    };
  }

  async load(about, range) {
    const answers = await Promise.all(about.lines.map((line) => this.feed.load([this.run.key], line.name, range)));
    const first = answers[0]?.runs?.[this.run.key]?.first_time;
    if (typeof first === "number") this.firstTime = first;
    return answers.flatMap(({ curves }, at) => curves.map((curve) => ({ ...curve, ...about.lines[at] })));
  }

  /** Resolves when the charts that are in sight have their data, or after a moment where there are none. */
  async firstPaint() {
    const until = performance.now() + 4000;
    while (performance.now() < until) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const charts = [...this.cards.values()].map((card) => card.chart).filter(Boolean);
      if (!this.cards.size || (charts.length && charts.every((chart) => chart.u || chart.plot.firstChild))) return;
    }
  }

  /** For a snapshot: the charts out of sight too. */
  whole() {
    for (const [target] of [...this.cards].slice(0, MOST_WHOLE)) this.seen({ target, isIntersecting: true });
    return this.firstPaint();
  }

  changed(why) {
    for (const { chart } of this.cards.values()) chart?.changed(why);
    if (why === "zoom") this.refetchSoon();
  }

  refetchSoon = debounce(40, () => this.refetch());

  refetch() {
    for (const { chart } of this.cards.values()) chart?.fetch();
    const fresh = this.run.groups.flatMap((group) => group.series);
    if (!this.run.series_truncated && fresh.length > this.series.length) this.names(fresh);
  }

  wanted() {
    if (this.series.length <= ALL_NAMES) return this.series.map((each) => each.name);
    return [...this.cards.values()].filter((card) => card.chart).flatMap((card) => card.names).slice(0, ALL_NAMES);
  }

  points(series) {
    for (const { chart, names } of this.cards.values()) {
      for (const name of names) if (chart && series[name]) chart.push(name, this.abscissae(series[name]));
    }
  }

  abscissae({ step, time, epoch, value, nonfinite }) {
    const from = { step, time, epoch, relative: time.map((each) => each - this.firstTime) };
    const place = { step: 0, time: 1, epoch: 2, relative: 1 }[this.view.x];
    const x = from[this.view.x];
    const odd = (nonfinite ?? []).map((each) => [this.view.x === "relative" ? each[place] - this.firstTime : each[place], each[0], each[3]]);
    return { x, step, value, nonfinite: odd };
  }

  names(series = []) {
    const known = new Set(this.series.map((each) => each.name));
    const fresh = series.filter((each) => !known.has(each.name));
    if (!fresh.length) return;
    const partners = new Set(fresh.map((each) => each.name));
    this.series = [...this.series.map((each) => fresh.find((other) => other.pair === each.name) ? { ...each, pair: fresh.find((other) => other.pair === each.name).name } : each), ...fresh];
    if (partners.size) this.draw();
    this.resubscribe();
  }

  alerts() {
    for (const { chart } of this.cards.values()) chart?.later();
  }

  leave() {
    document.removeEventListener("aurl-colours", this.onColours);
    document.removeEventListener("aurl-whole", this.onWhole);
    this.observer.disconnect();
    this.feed.leave();
    for (const { chart } of this.cards.values()) chart?.leave();
  }
}
