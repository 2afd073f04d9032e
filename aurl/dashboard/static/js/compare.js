// Several runs beside one another: curves or bands over seeds, settings, differences, what may be claimed.

import { get } from "./api.js";
import { look } from "./colours.js";
import { append, debounce, fill, h } from "./dom.js";
import { Chart, FEW } from "./chart.js";
import { chartTools } from "./chart_tools.js";
import { Feed } from "./feed.js";
import { plain, plural, spec } from "./format.js";
import { labels, shortNames } from "./labels.js";
import { nothing, runName, status } from "./parts.js";
import { parallel } from "./parallel.js";
import { Rail } from "./rail.js";
import { remember, runAddress } from "./route.js";
import { verdicts } from "./verdicts.js";
import { View } from "./view.js";

const BY_DEFAULT = 12;
const MOST = 200;
const FIRST = ["loss/total", "val/loss/total", "loss/recon", "val/loss/recon", "loss/kl", "quality/mean/overall", "val/accuracy", "grad/norm", "lr", "throughput/tokens", "kl/beta", "loss/adv"];
const AT_FIRST = 12;
const ASKED_FOR_NAMES = 6;
const AGAIN = 2000;
const MOST_COLUMNS = 14;

export async function show(main, place, stream) {
  const page = new ComparePage(place.parameters, stream);
  document.title = "Compare \u00b7 aurl";
  await page.load();
  page.build(main);
  if (page.rows.length) {
    await page.settle();
    page.rest(); // verdicts take the server a while: after the curves
  }
  window.__ready = true;
  return page;
}

class ComparePage {
  constructor(parameters, stream) {
    this.parameters = parameters;
    this.wanted = parameters.getAll("run").slice(0, MOST);
    this.bands = parameters.get("bands") !== "0";
    this.search = parameters.get("q") ?? "";
    this.metric = parameters.get("metric") ?? "";
    this.view = new View(parameters);
    this.view.listeners.add((why) => this.changed(why));
    this.stream = stream;
    this.feed = new Feed();
    this.cards = new Map();
    this.onColours = () => this.draw();
    document.addEventListener("aurl-colours", this.onColours);
    this.onWhole = (event) => event.detail.push(this.whole());
    document.addEventListener("aurl-whole", this.onWhole);
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.seen(entry)), { rootMargin: "400px 0px" });
  }

  async load() {
    const { runs, varying, version } = await get("/api/runs");
    const known = new Map(runs.map((row) => [row.key, row]));
    this.missing = this.wanted.filter((key) => !known.has(key)).length;
    this.rows = this.wanted.length ? this.wanted.map((key) => known.get(key)).filter(Boolean) : runs.filter((row) => row.status !== "unreadable").slice(0, BY_DEFAULT);
    this.varying = (varying ?? []).filter((key) => new Set(this.rows.map((row) => plain(row.config?.[key]))).size > 1);
    const found = await Promise.all(this.rows.slice(0, ASKED_FOR_NAMES).map((row) => get("/api/names", { run: row.key, limit: 200 }).catch(() => ({ series: [] }))));
    this.series = new Map(found.flatMap(({ series }) => series.map((each) => [each.name, each])));
    this.group();
    this.stream.watch(() => "", { runs: (event) => this.live(event), reopened: () => this.refetch(), resync: () => this.refetch() }, version);
  }

  /** Seeds of one setting together; `groups` are what lines and colours stand for. */
  group() {
    const groups = new Map();
    for (const row of this.rows) {
      const key = this.bands ? row.group ?? row.key : row.key;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    const found = [...groups.values()];
    const names = labels(found, this.varying);
    this.groups = found.map((rows, at) => ({ rows, id: rows[0].key, label: names[at], ...look(at) }));
  }

  build(main) {
    this.rail = new Rail("Curves", this.parameters, { onchange: () => this.sift(), onlight: (id) => this.light(id) });
    this.grid = h("div.grid");
    this.further = h("div");
    this.more = h("div");
    const find = debounce(200, (text) => { this.search = text.trim().toLowerCase(); remember({ q: this.search }); this.drawCharts(); });
    const seeds = h("button", { type: "button", "aria-pressed": String(this.bands), title: "One line for each setting, a band from the lowest to the highest of its seeds", onclick: () => this.toggleBands(seeds) }, "Bands over seeds");
    fill(main,
      h("div.head", {}, h("h1", {}, `${plural(this.rows.length, "run")} compared`), h("a.quiet-text", { href: "#/" }, "choose others")),
      this.missing > 0 && h("p.fault", {}, `${plural(this.missing, "run")} of this address ${this.missing === 1 ? "is" : "are"} not here any more.`),
      !this.wanted.length && this.rows.length > 0 && h("p.quiet-text", {}, "None was selected, so these are the newest. Select runs on the runs page."),
      !this.rows.length && nothing("There is nothing to compare yet."),
      this.rows.length > 0 && [
        append(chartTools(this.view, { search: this.search, onsearch: find }), [seeds]),
        h("div.railed", {}, this.rail.element, h("div", {}, this.grid, this.further)), this.more]);
    this.draw();
  }

  draw() {
    this.group();
    this.rail.draw(this.groups.map((group) => {
      const { rows, id, label } = group;
      const several = rows.length > 1;
      return {
        id, label, look: group, title: `${label}\n${rows.map(runName).join("\n")}`,
        href: several ? `#/compare?${rows.map((row) => `run=${row.key}`).join("&")}&bands=0` : runAddress(rows[0].key),
        note: several ? h("span.quiet-text", {}, plural(rows.length, "seed")) : rows[0].status !== "done" && status(rows[0]),
      };
    }));
    this.drawCharts();
  }

  /** Other curves are wanted: the charts in sight are drawn at once, the others when there is time. */
  sift() {
    const charts = [...this.cards].filter(([, { chart }]) => chart).map(([element, { chart }]) => ({ chart, box: element.getBoundingClientRect() }));
    const inSight = ({ box }) => box.bottom > 0 && box.top < window.innerHeight;
    for (const each of charts.filter(inSight)) each.chart.sift();
    const rest = charts.filter((each) => !inSight(each));
    const next = () => {
      rest.pop()?.chart.sift();
      if (rest.length) setTimeout(next);
    };
    if (rest.length) setTimeout(next);
    this.siftPaths();
  }

  siftPaths() {
    for (const path of document.querySelectorAll(".parallel path[data-run]")) path.toggleAttribute("hidden", !this.rail.shows(this.groupOf(path.dataset.run)));
  }

  groupOf(key) {
    return this.groups.find((group) => group.rows.some((row) => row.key === key))?.id;
  }

  drawCharts() {
    for (const { chart } of this.cards.values()) chart?.leave();
    this.cards.clear();
    this.observer.disconnect();
    const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : 99);
    const names = [...this.series.keys()].filter((name) => !name.includes("@epoch") && (this.search ? name.toLowerCase().includes(this.search) : true)).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
    const limit = this.all || this.search ? 200 : AT_FIRST;
    fill(this.grid, names.slice(0, limit).map((name) => this.card(this.series.get(name))), !names.length && nothing("No scalar is called so."));
    fill(this.further, names.length > limit && h("button.more", { type: "button", onclick: () => { this.all = true; this.drawCharts(); } }, `Show all ${names.length} scalars`));
  }

  card(series) {
    const host = h("div");
    const element = h("article.chart", { "aria-label": series.label }, h("header", {}, h("h3", {}, series.label, series.unit && h("span.quiet-text", {}, ` ${series.unit}`)), h("code", {}, series.name)), host);
    this.cards.set(element, { host, series, chart: null });
    this.observer.observe(element);
    return element;
  }

  seen({ target, isIntersecting }) {
    const card = this.cards.get(target);
    if (!card || isIntersecting === Boolean(card.chart)) return;
    if (!isIntersecting) {
      card.chart.leave();
      card.chart = null;
      return;
    }
    const { series } = card;
    card.chart = new Chart(card.host, { title: series.label, unit: series.unit, format: series.format, name: series.name, shows: (curve) => this.rail.shows(curve.id) }, this.view, (about, range) => this.curvesOf(about.name, range));
  }

  async curvesOf(name, range) {
    const banded = this.bands && this.groups.some((group) => group.rows.length > 1);
    if (banded) return this.bandsOf(name, range);
    const points = Math.max(150, Math.min(range.points, Math.floor(8_000 / this.rows.length)));
    const { curves } = await this.feed.load(this.rows.map((row) => row.key), name, { ...range, points });
    const looks = new Map(this.groups.flatMap((group) => group.rows.map((row) => [row.key, group])));
    return curves.filter((curve) => looks.has(curve.run)).map((curve) => ({ ...curve, ...line(looks.get(curve.run)) }));
  }

  async bandsOf(name, range) {
    const { bands } = await get("/api/bands", { group: this.groups.map((group) => group.rows.map((row) => row.key).join(",")), name, x: range.x, from: range.from, to: range.to, points: 300, smooth: (this.series.get(name)?.count ?? 0) > FEW && range.smooth ? range.smooth : null });
    return bands.filter((band) => band.x?.length).map((band) => ({
      name, x: Float64Array.from(band.x), y: numbers(band.mean), low: band.n > 1 ? numbers(band.min) : null, high: band.n > 1 ? numbers(band.max) : null, smooth: null, step: null, nonfinite: [], ...line(this.groups[band.group]),
    }));
  }

  toggleBands(button) {
    this.bands = !this.bands;
    button.setAttribute("aria-pressed", String(this.bands));
    remember({ bands: this.bands ? "" : "0" });
    this.draw();
  }

  light(id) {
    for (const { chart } of this.cards.values()) chart?.light(id === null ? null : (curve) => curve.id === id);
    for (const path of document.querySelectorAll(".parallel path[data-run]")) path.classList.toggle("lit", id !== null && this.groupOf(path.dataset.run) === id);
  }

  changed(why) {
    for (const { chart } of this.cards.values()) chart?.changed(why);
    if (why === "zoom") this.refetchSoon();
  }

  refetchSoon = debounce(60, () => this.refetch());

  refetch() {
    for (const { chart } of this.cards.values()) chart?.fetch();
  }

  live(event) {
    const mine = new Set(this.rows.map((row) => row.key));
    const moved = event.changed.filter((row) => mine.has(row.key));
    if (!moved.length || this.waiting) return;
    this.waiting = setTimeout(() => { this.waiting = 0; this.refetch(); }, AGAIN);
  }

  async settle() {
    const until = performance.now() + 6000;
    while (performance.now() < until) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const charts = [...this.cards.values()].map((card) => card.chart).filter(Boolean);
      if (!this.cards.size || (charts.length && charts.every((chart) => chart.u || chart.plot.firstChild))) return;
    }
  }

  whole() {
    for (const [target] of this.cards) this.seen({ target, isIntersecting: true });
    return Promise.all([this.settle(), this.parts]);
  }

  /** What is slower than the curves, each part by itself: one that fails leaves the others standing. */
  rest() {
    const runs = this.rows.map((row) => row.key);
    const colour = new Map(this.groups.flatMap((group) => group.rows.map((row) => [row.key, group])));
    const part = (title, promise, drawn) => {
      const place = h("section.section", {}, h("h2", {}, title), h("p.waiting", {}, "Reading"));
      this.parts = Promise.allSettled([this.parts, promise]);
      promise.then((answer) => fill(place, h("h2", {}, title), drawn(answer)), (error) => fill(place, h("h2", {}, title), nothing(error.message)));
      return place;
    };
    fill(this.more,
      part("What may be claimed", get("/api/compare", { run: runs, metric: this.metric }), (answer) => verdicts(answer, this.groups)),
      part("Settings and outcome", get("/api/parallel", { run: runs, metric: this.metric }), (answer) => { setTimeout(() => this.siftPaths()); return parallel(answer, this.rows, colour); }),
      h("section.section", {}, h("h2", {}, "What differs"), this.differences()));
  }

  differences() {
    if (!this.varying.length) return nothing("These runs have the same configuration.");
    const values = (key) => new Set(this.rows.map((row) => row.config?.[key]).filter((value) => value !== undefined).map(plain)).size;
    const columns = [...this.varying].sort((a, b) => (values(b) > 1) - (values(a) > 1)).slice(0, MOST_COLUMNS);
    const names = shortNames(columns);
    const more = this.varying.length - columns.length;
    return [h("div.wide", {}, h("table.plain.lines", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Run"), columns.map((key, at) => h("th", { scope: "col", title: key }, names[at])), h("th.number", { scope: "col" }, "Best loss"), h("th.number", { scope: "col" }, "Quality"))),
      h("tbody", {}, this.rows.map((row) => h("tr", {}, h("td", {}, h("a", { href: runAddress(row.key) }, runName(row))),
        columns.map((key) => h("td", {}, key.endsWith("_target_") ? plain(row.config?.[key]).split(".").pop() : plain(row.config?.[key]))),
        h("td.number", {}, spec(row.loss?.best, ".4g")), h("td.number", {}, spec(row.quality, ".3f"))))))),
      more > 0 && h("p.quiet-text", {}, `${plural(more, "further key")}: ${this.varying.filter((key) => !columns.includes(key)).slice(0, 40).join(", ")}`)];
  }

  leave() {
    clearTimeout(this.waiting);
    document.removeEventListener("aurl-colours", this.onColours);
    document.removeEventListener("aurl-whole", this.onWhole);
    this.observer.disconnect();
    this.feed.leave();
    for (const { chart } of this.cards.values()) chart?.leave();
  }
}

const line = ({ id, label, colour, dash }) => ({ id, label, colour, dash });
const numbers = (values) => Float64Array.from(values, (value) => value ?? NaN);
