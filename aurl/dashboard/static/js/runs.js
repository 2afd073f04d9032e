// The runs page: every run under the directory, live.

import { Failed, get, writable } from "./api.js";
import { basketTools } from "./basket.js";
import { debounce, fill, h, say } from "./dom.js";
import { plural } from "./format.js";
import { remember } from "./route.js";
import { Chooser } from "./runs_chooser.js";
import { columns, STANDARD } from "./runs_columns.js";
import { grouped, groupings, sorted } from "./runs_order.js";
import { searcher } from "./runs_search.js";
import { Table } from "./runs_table.js";
import { Views } from "./runs_views.js";
import { Sparks } from "./spark.js";

const MOST_GROUPINGS = 24;
const MOST_COMPARED = 200;

export async function show(main, place, stream) {
  const page = new RunsPage(place.parameters, stream);
  document.title = "Runs \u00b7 aurl";
  await page.load();
  fill(main, page.build());
  page.update();
  window.__ready = true;
  return page;
}

class RunsPage {
  constructor(parameters, stream) {
    this.filter = parameters.get("filter") ?? "";
    this.status = parameters.get("status") ?? "";
    this.sort = parameters.get("sort") ?? "started";
    this.down = parameters.get("down") !== "0";
    this.group = parameters.get("group") ?? "";
    this.archived = parameters.get("archived") === "1";
    this.search = parameters.get("q") ?? "";
    this.layout = parameters.has("col") ? parameters.getAll("col") : null;
    this.pins = Math.max(0, Number(parameters.get("pins") ?? 0) || 0);
    this.standard = [...STANDARD.values()];
    this.folded = new Set();
    this.selected = new Set();
    this.rows = new Map();
    this.items = [];
    this.names = {};
    this.varying = [];
    this.columns = columns([]);
    this.stream = stream;
    this.sparks = new Sparks(() => this.table.later());
    this.reload = debounce(700, () => this.refresh());
    this.soon = debounce(120, () => this.update());
    writable().then((may) => {
      this.may = may;
      this.table && this.drawBasket();
    });
  }

  async load() {
    this.filterFault = "";
    let answer;
    try {
      answer = await get("/api/runs", this.asked(this.filter));
    } catch (error) {
      if (!(error instanceof Failed) || error.status !== 400) throw error;
      this.filterFault = error.at === undefined || error.at === null ? error.message : `${error.message} (at character ${error.at + 1})`;
      answer = await get("/api/runs", this.asked(""));
    }
    this.take(answer);
    this.stream.watch(() => "", { runs: (event) => this.live(event), reopened: () => this.refresh(), resync: () => this.refresh() }, answer.version);
  }

  /** A request for rows with what the chosen columns need. */
  asked(filter) {
    const of = (prefix) => (this.layout ?? []).filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
    return { filter, key: of("config:"), metric: [...new Set(of("metric:").map((each) => each.replace(/\.\w+$/, "")))] };
  }

  take(answer) {
    this.root = answer.root;
    this.exists = answer.exists;
    this.total = answer.total;
    this.names = answer.names ?? {};
    this.telling = answer.telling ?? [];
    this.varying = [...new Set([...this.telling, ...(answer.varying ?? [])])];
    this.rows = new Map(answer.runs.map((row) => [row.key, row]));
    this.columns = columns(this.telling, this.layout, this.pins);
    for (const key of this.selected) if (!this.rows.has(key) && !this.filter) this.selected.delete(key);
  }

  async refresh() {
    try {
      await this.loadQuietly();
    } catch (error) {
      say(error.message);
    }
  }

  async loadQuietly() {
    const asked = this.filter;
    if (asked && asked === this.refused) return; // it would be refused again
    try {
      const answer = await get("/api/runs", this.asked(asked));
      if (asked !== this.filter) return;
      this.filterFault = "";
      this.take(answer);
    } catch (error) {
      if (error.status !== 400) throw error;
      this.refused = asked;
      if (asked === this.filter) this.filterFault = error.at === undefined || error.at === null ? error.message : `${error.message} (at character ${error.at + 1})`;
    }
    this.update();
  }

  live(event) {
    const unknown = event.changed.some((row) => !this.rows.has(row.key));
    for (const row of event.changed) {
      const before = this.rows.get(row.key);
      if (before) this.rows.set(row.key, { ...row, metrics: before.metrics, config: { ...before.config, ...row.config } });
    }
    if (this.layout?.some((id) => id.startsWith("metric:"))) this.reload();
    for (const key of event.removed) this.rows.delete(key);
    const known = new Set(this.varying);
    if (unknown || event.removed.length || (event.varying ?? []).some((key) => !known.has(key))) this.reload();
    this.soon();
  }

  build() {
    this.table = new Table(this);
    this.title = h("h1");
    this.where = h("span.quiet-text.mono");
    this.tally = h("div.tally", { role: "group", "aria-label": "Only runs of one status" });
    this.fault = h("p.fault", { role: "alert" });
    this.basket = h("div.basket", { role: "region", "aria-label": "Selected runs", hidden: true });
    const asked = debounce(250, (text) => this.setFilter(text));
    this.field = h("input", {
      type: "search",
      value: this.filter,
      placeholder: "model=vae and status=failed",
      spellcheck: false,
      autocomplete: "off",
      "aria-label": "Filter runs",
      oninput: (event) => asked(event.target.value),
    });
    this.words = h("input", { type: "search", value: this.search, placeholder: "Search, or /regex/", spellcheck: false, autocomplete: "off", "aria-label": "Search runs", oninput: debounce(120, (event) => this.setSearch(event.target.value)) });
    this.chooser = new Chooser(this);
    this.views = new Views(this.root, (query) => { location.hash = query ? `#/?${query}` : "#/"; });
    this.all = h("button.quiet", { type: "button", onclick: () => this.selectListed() });
    this.groupChoice = h("select", { onchange: (event) => this.setGroup(event.target.value) });
    return [
      h("div.head", {}, this.title, this.where),
      h("div.runs-tools.toolbar", {},
        h("div.filter", {}, this.field),
        h("div.words", {}, this.words),
        h("label.field.secondary", {}, "Group by", this.groupChoice),
        this.chooser.element, this.views.element, this.all,
        this.tally),
      this.fault,
      this.table.element,
      this.basket,
    ];
  }

  update() {
    if (!this.table) return;
    const chosen = this.columns.find((column) => column.id === this.sort) ?? this.columns[0];
    this.listed = this.found([...this.rows.values()].filter((row) => (!this.status || row.status === this.status) && (this.archived || !row.archived)));
    const rows = this.listed;
    this.items = grouped(sorted(rows, chosen, this.down), this.group, this.folded, this.varying);
    this.title.textContent = rows.length !== this.total ? `${plural(rows.length, "run")} of ${this.total}` : plural(rows.length, "run");
    this.all.textContent = rows.every((row) => this.selected.has(row.key)) && rows.length ? "Select none" : `Select all ${rows.length}`;
    this.all.hidden = !rows.length;
    this.where.textContent = this.root;
    this.fault.textContent = this.filterFault || this.searchFault || this.emptiness();
    this.fault.className = this.filterFault || this.searchFault ? "fault" : "quiet-text";
    this.field.setAttribute("aria-invalid", String(Boolean(this.filterFault)));
    this.drawChoices();
    this.drawTally();
    this.drawBasket();
    this.table.draw();
  }

  /** The rows that the free text fits; with a fault told, all of them. */
  found(rows) {
    this.searchFault = "";
    if (!this.search.trim()) return rows;
    try {
      return rows.filter(searcher(this.search));
    } catch (error) {
      this.searchFault = `${error.message}: a search between slashes is a regular expression`;
      return rows;
    }
  }

  selectListed() {
    const keys = this.listed.map((row) => row.key);
    this.select(keys, !keys.every((key) => this.selected.has(key)));
    this.update();
  }

  setSearch(text) {
    this.search = text;
    remember({ q: text.trim() });
    this.update();
  }

  async setLayout(ids, pins) {
    this.layout = ids;
    this.pins = ids ? Math.max(0, pins) : 0;
    remember({ col: ids ?? "", pins: this.pins || "" });
    await this.refresh();
  }

  emptiness() {
    if (this.rows.size) return this.listed?.length || !this.search ? "" : "No run holds these words.";
    if (this.filter) return "No run is like that. A filter reads: key=value, with and, or, not, < > ~ and parentheses.";
    if (this.exists === false) return "This directory does not exist yet. It is watched, and runs appear here when they start.";
    return "No run here yet. Start one with `python train.py`; it appears here by itself.";
  }

  drawChoices() {
    const options = groupings(this.varying.slice(0, MOST_GROUPINGS));
    const mark = JSON.stringify(options);
    if (mark !== this.choicesFor) fill(this.groupChoice, options.map(([value, text]) => h("option", { value }, text)));
    this.choicesFor = mark;
    this.groupChoice.value = this.group;
  }

  drawTally() {
    const numbers = new Map();
    const archived = [...this.rows.values()].filter((row) => row.archived).length;
    for (const row of this.rows.values()) if (this.archived || !row.archived) numbers.set(row.status, (numbers.get(row.status) ?? 0) + 1);
    const entries = [...numbers].sort(([a], [b]) => a.localeCompare(b));
    const mark = JSON.stringify([entries, this.status, archived, this.archived]);
    if (mark === this.tallyFor) return;
    this.tallyFor = mark;
    fill(this.tally, entries.map(([name, count]) =>
      h("button.quiet", { type: "button", "aria-pressed": String(this.status === name), onclick: () => this.setStatus(name) }, `${count} ${name}`)),
    archived > 0 && h("button.quiet", { type: "button", "aria-pressed": String(this.archived), title: "Show archived runs too", onclick: () => this.setArchived() }, `${archived} archived`));
  }

  drawBasket() {
    this.basket.hidden = !this.selected.size;
    const keys = [...this.selected].slice(0, MOST_COMPARED);
    const address = `#/compare?${keys.map((key) => `run=${key}`).join("&")}`;
    fill(this.basket, h("strong", {}, `${plural(this.selected.size, "run")} selected`),
      h("a", { href: address }, this.selected.size > 1 ? "Compare them" : "Show its curves"),
      this.may && basketTools(this),
      h("button.quiet.push", { type: "button", onclick: () => this.select([...this.selected], false) }, "Select none"));
  }

  checkbox(row) {
    return h("input", {
      type: "checkbox",
      checked: this.selected.has(row.key),
      "aria-label": `Select ${row.name}`,
      data: { focus: "select" },
      onchange: (event) => this.select([row.key], event.target.checked),
    });
  }

  checkboxOf(rows) {
    const all = rows.every((row) => this.selected.has(row.key));
    return h("input", { type: "checkbox", checked: all, "aria-label": "Select the group", data: { focus: "select" }, onchange: () => this.select(rows.map((row) => row.key), !all) });
  }

  isSelected(row) {
    return this.selected.has(row.key);
  }

  select(keys, on) {
    for (const key of keys) on ? this.selected.add(key) : this.selected.delete(key);
    this.drawBasket();
    this.table.draw();
  }

  onTag = (tag) => {
    this.field.value = `tag="${tag.replaceAll('"', "")}"`;
    this.setFilter(this.field.value);
  };

  setFilter(text) {
    this.filter = text.trim();
    remember({ filter: this.filter });
    this.refresh();
  }

  setStatus(name) {
    this.status = this.status === name ? "" : name;
    remember({ status: this.status });
    this.update();
  }

  setArchived() {
    this.archived = !this.archived;
    remember({ archived: this.archived ? "1" : "" });
    this.update();
  }

  setGroup(by) {
    this.group = by;
    this.folded.clear();
    remember({ group: by });
    this.update();
  }

  onSort(column) {
    this.down = this.sort === column.id ? !this.down : Boolean(column.down);
    this.sort = column.id;
    remember({ sort: this.sort, down: this.down ? "1" : "0" });
    say(`Sorted by ${column.title}, ${this.down ? "descending" : "ascending"}`);
    this.update();
  }

  onFold(key) {
    this.folded.has(key) ? this.folded.delete(key) : this.folded.add(key);
    this.update();
  }

  leave() {
    this.table?.leave();
  }
}
