// The page of one run: its head, its tabs, and what the stream brings to them.

import { get, query } from "./api.js";
import { fill, h } from "./dom.js";
import { duration, integer, moment, plain, plural, spec } from "./format.js";
import { OwnWords } from "./own_words.js";
import { bar, counts, eta, status } from "./parts.js";
import { runAddress } from "./route.js";

const TABS = {
  charts: ["Charts", () => import("./run_charts.js")],
  music: ["Music", () => import("./music.js")],
  alerts: ["Alerts", () => import("./run_alerts.js")],
  log: ["Log", () => import("./run_log.js")],
  data: ["Data", () => import("./run_data.js")],
  config: ["Config", () => import("./run_config.js")],
  files: ["Files", () => import("./run_files.js")],
};

export async function show(main, place, stream) {
  const page = new RunPage(place, stream);
  await page.load();
  page.build(main);
  await page.open(place);
  return page;
}

export class RunPage {
  constructor(place, stream) {
    this.key = place.key;
    this.stream = stream;
  }

  async load() {
    const [found, alerts] = await Promise.all([get(`/api/run/${encodeURIComponent(this.key)}`), get("/api/alerts", { run: this.key })]);
    Object.assign(this, found);
    // An answer may have been on its way while the stream brought something newer.
    if (!this.row || (found.run.updated ?? 0) >= (this.row.updated ?? 0) || found.run.status !== "running") this.row = found.run;
    this.alerts = alerts.alerts;
  }

  build(main) {
    this.headline = h("div.run-head");
    this.own = new OwnWords(this, () => (document.title = this.titled()));
    this.tabs = h("nav.tabs", { "aria-label": "Parts of this run" });
    this.notice = h("p.fault", { role: "alert", hidden: true });
    this.body = h("div");
    fill(main, this.own.element, this.headline, this.notice, this.tabs, this.body);
    this.drawHead();
  }

  async open(place) {
    this.tab?.leave?.();
    this.place = place;
    this.name = place.tab in TABS ? place.tab : "charts";
    this.tab = null;
    window.__ready = false;
    document.title = this.titled();
    this.drawTabs();
    fill(this.body, h("p.waiting", {}, "Reading"));
    const module = await TABS[this.name][1]();
    if (this.place !== place) return;
    this.tab = await module.open(this, this.body, place);
    if (this.place !== place) return this.tab?.leave?.();
    this.watch();
    window.__ready = true;
  }

  titled() {
    return `${this.row.name} \u00b7 ${TABS[this.name][0]} \u00b7 aurl`;
  }

  moved(place) {
    this.open(place).catch((error) => fill(this.body, h("p.fault", { role: "alert" }, error.message)));
  }

  watch() {
    this.stream.watch(() => this.wanted(), {
      runs: (event) => this.rowsChanged(event),
      points: (event) => this.points(event),
      names: (event) => event.run === this.key && this.tab?.names?.(event.series),
      alerts: (event) => this.newAlerts(event.alerts),
      samples: (event) => event.run === this.key && this.tab?.samples?.(event.samples),
      log: (event) => event.run === this.key && this.tab?.log?.(event.lines),
      run: (event) => event.run === this.key && this.changed(event.why),
      resync: () => this.refresh(),
      reopened: () => this.refresh(),
    });
  }

  wanted() {
    return query({ run: this.key, name: this.tab?.wanted?.() ?? [], since: `${this.generation}:${this.cursor}`, log: this.name === "log" ? 1 : null });
  }

  points(event) {
    if (event.run !== this.key) return;
    if (event.generation !== this.generation) return this.refresh();
    if (event.cursor <= this.cursor) return;
    const missed = event.after > this.cursor;
    this.cursor = event.cursor;
    if (missed) this.tab?.refetch?.();
    else this.tab?.points?.(event.series);
  }

  rowsChanged(event) {
    const row = event.changed.find((each) => each.key === this.key);
    if (row) {
      this.row = row;
      this.drawHead();
      this.tab?.row?.(row);
    }
    if (event.removed.includes(this.key)) this.tell("This run was deleted while you looked at it. What is shown was read before.");
  }

  newAlerts(alerts) {
    const known = new Map(this.alerts.map((alert) => [alert.id, alert]));
    const mine = alerts.filter((alert) => alert.run === this.key);
    if (!mine.length) return;
    for (const alert of mine) known.set(alert.id, alert);
    this.alerts = [...known.values()].sort((a, b) => b.step - a.step);
    this.drawTabs();
    this.tab?.alerts?.();
  }

  changed(why) {
    if (why === "deleted") return this.tell("This run was deleted while you looked at it. What is shown was read before.");
    this.refresh();
  }

  tell(text) {
    this.notice.hidden = false;
    this.notice.textContent = text;
  }

  async refresh() {
    try {
      await this.load();
    } catch (error) {
      if (error.status === 410 || error.status === 404) this.tell("This run was deleted while you looked at it. What is shown was read before.");
      return;
    }
    this.drawHead();
    this.drawTabs();
    this.tab?.refetch?.();
  }

  drawHead() {
    const { row } = this;
    const epoch = row.epoch ? `epoch ${plain(row.epoch)}${row.epochs ? ` of ${plain(row.epochs)}` : ""}` : "";
    const step = `step ${integer(row.step) || "0"}${row.steps ? ` of ${integer(row.steps)}` : ""}`;
    const remaining = eta(row);
    this.own.draw([row.id !== row.name && h("span.id.mono", {}, row.id), status(row)]);
    fill(this.headline,
      bar(row),
      h("div.line", {},
        h("span", {}, h("b", {}, step)),
        epoch && h("span", {}, epoch),
        remaining && h("span", {}, "ETA ", h("b", {}, remaining)),
        row.rate && row.status === "running" && h("span", {}, `${spec(row.rate, ".3g")} steps/s`),
        row.loss?.metric && h("span", {}, `${this.labelOf(row.loss.metric)} `, h("b", {}, spec(row.loss.last, ".4g")), row.loss.best !== null && row.loss.best !== undefined ? `, best ${spec(row.loss.best, ".4g")} at step ${plain(row.loss.best_step)}` : ""),
        row.quality !== null && h("span", {}, "quality ", h("b", {}, spec(row.quality, ".3f"))),
        counts(row.alerts),
        row.model && h("span", {}, plain(row.model)),
        row.started !== null && h("span", {}, `started ${moment(row.started)}`, row.duration ? `, ${duration(row.duration)}` : ""),
        row.resumes > 0 && h("span", {}, `resumed ${plural(row.resumes, "time")}`)),
      row.status !== "done" && (row.error || row.message) && h("p.fault", {}, row.error || row.message),
      this.ingest?.state === "reading" && h("p.quiet-text", {}, `Reading the event log: ${Math.round((100 * this.ingest.read) / Math.max(1, this.ingest.size))}%. Curves grow meanwhile.`),
      this.ingest?.state === "failed" && h("p.fault", {}, this.ingest.message),
      this.ingest?.skipped > 0 && h("p.quiet-text", {}, `${plural(this.ingest.skipped, "line")} of the event log could not be read and were left out.`));
  }

  labelOf(name) {
    for (const group of this.groups) for (const each of group.series) if (each.name === name) return each.label.toLowerCase();
    return name;
  }

  drawTabs() {
    const numbers = { music: this.row.samples, alerts: this.alerts.length };
    fill(this.tabs, Object.entries(TABS).map(([name, [title]]) =>
      h("a", { href: runAddress(this.key, name === "charts" ? "" : name), "aria-current": name === this.name ? "page" : null }, title, numbers[name] ? h("small", {}, String(numbers[name])) : "")));
  }

  leave() {
    this.place = null;
    this.tab?.leave?.();
  }
}
