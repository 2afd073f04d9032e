// Which columns the table of runs has: chosen, put in order, kept at the left; in the address, and by name.

import { get } from "./api.js";
import { fill, h, say } from "./dom.js";
import { plural } from "./format.js";

const STATISTICS = ["last", "best", "min", "max", "mean"];
const MOST_FOUND = 40;

/** A panel below its button. @param page has {columns, layout, available(), setLayout(ids or null)}. */
export class Chooser {
  constructor(page) {
    this.page = page;
    this.button = h("button", { type: "button", "aria-expanded": "false", onclick: () => this.toggle() }, "Columns");
    this.panel = h("div.chooser.popover", { hidden: true, role: "dialog", "aria-label": "Columns", onkeydown: (event) => event.key === "Escape" && this.close() });
    this.element = h("div.chooser-place", {}, this.button, this.panel);
  }

  async toggle() {
    if (!this.panel.hidden) return this.close();
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.known ??= get("/api/columns").catch(() => ({ keys: [], metrics: [] }));
    const { keys, metrics } = await this.known;
    this.further = [...keys.map((key) => [`config:${key}`, key]), ...metrics.flatMap((name) => STATISTICS.map((which) => [`metric:${name}.${which}`, `${name}, ${which}`]))];
    this.draw();
    this.panel.querySelector("input")?.focus();
  }

  close() {
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.button.focus();
  }

  draw() {
    const { columns } = this.page;
    const find = h("input", { type: "search", placeholder: "Add a setting or a scalar", "aria-label": "Find a column", oninput: () => this.list(find.value) });
    this.found = h("ul.found");
    fill(this.panel,
      h("ol", { "aria-label": "Columns shown" }, columns.map((column, at) => this.line(column, at, columns))),
      find, this.found,
      h("div.toolbar", {}, h("button.quiet", { type: "button", onclick: () => this.change(null) }, "As at first"), h("button.quiet.push", { type: "button", onclick: () => this.close() }, "Close")));
    this.list("");
  }

  line(column, at, columns) {
    const ids = columns.map((each) => each.id);
    const pins = columns.filter((each) => each.pinned).length;
    const button = (text, label, act, disabled = false) => h("button.quiet", { type: "button", "aria-label": `${label} ${column.title}`, title: label, disabled, onclick: act }, text);
    const moved = (to) => {
      const next = ids.filter((id) => id !== column.id);
      next.splice(to, 0, column.id);
      return next;
    };
    return h("li", {}, h("span", { title: column.key ?? column.title }, column.title),
      button("\u2191", "Move up", () => this.change(moved(at - 1)), at === 0),
      button("\u2193", "Move down", () => this.change(moved(at + 1)), at === ids.length - 1),
      h("button.quiet", { type: "button", "aria-pressed": String(Boolean(column.pinned)), "aria-label": `Keep ${column.title} in sight`, title: "Keep in sight when the table is moved sideways", onclick: () => (column.pinned ? this.change(moved(pins - 1), pins - 1) : this.change(moved(pins), pins + 1)) }, "pin"),
      button("\u00d7", "Leave out", () => this.change(ids.filter((id) => id !== column.id), column.pinned ? pins - 1 : pins), ids.length === 1));
  }

  list(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set(this.page.columns.map((column) => column.id));
    const known = [...this.page.standard.map((column) => [column.id, column.title]), ...this.further].filter(([id, title]) => !shown.has(id) && words.every((word) => title.toLowerCase().includes(word)));
    fill(this.found,
      known.slice(0, words.length ? MOST_FOUND : 12).map(([id, title]) => h("li", {}, h("button.quiet", { type: "button", onclick: () => this.change([...this.page.columns.map((column) => column.id), id]) }, `+ ${title}`))),
      known.length > MOST_FOUND && h("li.quiet-text", {}, `${known.length - MOST_FOUND} more: type some letters`));
  }

  async change(ids, pins = this.page.columns.filter((column) => column.pinned).length) {
    await this.page.setLayout(ids, pins);
    this.draw();
    say(`${plural(this.page.columns.length, "column")} shown`);
  }
}
