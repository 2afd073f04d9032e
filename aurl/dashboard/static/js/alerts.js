// Alerts of all runs on a time line, with filters.

import { Failed, get } from "./api.js";
import { debounce, fill, h } from "./dom.js";
import { plural } from "./format.js";
import { list } from "./run_alerts.js";
import { SEVERITIES, severity } from "./parts.js";
import { remember } from "./route.js";
import { Timeline } from "./timeline.js";

const AT_ONCE = 60;

export async function show(main, place, stream) {
  const page = new AlertsPage(place.parameters, stream);
  document.title = "Alerts \u00b7 aurl";
  await page.load();
  page.build(main);
  window.__ready = true;
  return page;
}

class AlertsPage {
  constructor(parameters, stream) {
    this.filter = parameters.get("filter") ?? "";
    this.type = parameters.get("type") ?? "";
    this.lanes = parameters.get("lanes") === "run" ? "run" : "type";
    this.hidden = new Set(parameters.getAll("hide"));
    this.limit = AT_ONCE;
    this.stream = stream;
    this.reload = debounce(500, () => this.load().then(() => this.draw()).catch(() => {}));
  }

  async load() {
    this.fault = "";
    try {
      this.answer = await get("/api/alerts", { filter: this.filter, limit: 2000 });
    } catch (error) {
      if (!(error instanceof Failed) || error.status !== 400) throw error;
      this.fault = error.message;
      this.answer ??= { alerts: [], total: 0, types: {}, severities: {}, complete: true, version: null };
    }
    this.stream.watch(() => "", { alerts: () => this.reload(), reopened: () => this.reload(), resync: () => this.reload(), runs: () => this.answer.complete || this.reload() }, this.answer.version);
    if (!this.answer.complete) this.reload();
  }

  build(main) {
    this.title = h("h1");
    this.told = h("p.fault", { role: "alert" });
    this.severities = h("div.tally", { role: "group", "aria-label": "Severities" });
    this.types = h("select", { "aria-label": "Type", onchange: (event) => this.choose({ type: event.target.value }) });
    this.timeline = new Timeline((alert) => this.jump(alert));
    this.list = h("div");
    const find = debounce(250, (text) => { this.filter = text.trim(); remember({ filter: this.filter }); this.reload(); });
    fill(main,
      h("div.head", {}, this.title),
      h("div.runs-tools.toolbar", {},
        h("div.filter", {}, h("input", { type: "search", value: this.filter, placeholder: "severity=critical and step>1000", "aria-label": "Filter alerts", spellcheck: false, oninput: (event) => find(event.target.value) })),
        h("label.field", {}, "Type", this.types),
        h("label.field", {}, "Lanes", h("select", { onchange: (event) => this.choose({ lanes: event.target.value }) }, ["type", "run"].map((value) => h("option", { value, selected: this.lanes === value }, value)))),
        this.severities),
      this.told, this.timeline.element, this.list);
    this.draw();
  }

  choose(changes) {
    Object.assign(this, changes);
    remember({ type: this.type, lanes: this.lanes === "run" ? "run" : "", hide: [...this.hidden] });
    this.draw();
  }

  get shown() {
    return this.answer.alerts.filter((alert) => !this.hidden.has(alert.severity) && (!this.type || alert.type === this.type)).sort((a, b) => b.time - a.time);
  }

  draw() {
    if (!this.title) return;
    const { total, types, complete } = this.answer;
    const { shown } = this;
    this.title.textContent = plural(shown.length, "alert") + (shown.length < total ? ` of ${total}` : "");
    this.told.textContent = this.fault || (complete ? "" : "Logs are still being searched; more may come.");
    this.told.className = this.fault ? "fault" : "quiet-text";
    fill(this.types, h("option", { value: "" }, "all"), Object.entries(types ?? {}).sort().map(([name, count]) => h("option", { value: name, selected: name === this.type }, `${name.replaceAll("_", " ")} (${count})`)));
    fill(this.severities, SEVERITIES.map((name) => h("button.quiet", { type: "button", "aria-pressed": String(!this.hidden.has(name)), onclick: () => this.toggle(name) }, severity(name, `${this.answer.severities?.[name] ?? 0} ${name}`))));
    this.timeline.show(shown, this.lanes);
    this.drawList(shown);
  }

  drawList(shown) {
    const left = shown.length - this.limit;
    fill(this.list, list(shown.slice(0, this.limit), this.answer.total ? "No alert is like that." : "No run here has raised an alert.", true),
      left > 0 && h("button.more", { type: "button", onclick: () => { this.limit += 200; this.drawList(this.shown); } }, `Show ${Math.min(200, left)} more of ${left}`));
  }

  toggle(name) {
    this.hidden.has(name) ? this.hidden.delete(name) : this.hidden.add(name);
    this.choose({});
  }

  jump(alert) {
    const at = this.shown.indexOf(alert);
    if (at >= this.limit) {
      this.limit = at + 1;
      this.drawList(this.shown);
    }
    const article = this.list.querySelectorAll("article")[at];
    article?.setAttribute("tabindex", "-1");
    article?.focus();
    article?.scrollIntoView({ block: "center" });
  }

  leave() {
    this.timeline?.leave();
  }
}
