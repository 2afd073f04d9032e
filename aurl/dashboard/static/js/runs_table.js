// A table of any number of rows, of which only the visible ones exist.

import { h } from "./dom.js";
import { card } from "./runs_columns.js";

const HEIGHT = { row: 38, card: 96, head: 34 };
const SPARE = 6;
const MOST_WHOLE = 400;

export class Table {
  /** @param page {columns, items, sort, down, onSort, onFold, folded, checkbox, isSelected, ...} read at each drawing */
  constructor(page) {
    this.page = page;
    this.narrow = matchMedia("(max-width: 720px)");
    this.head = h("thead");
    this.body = h("tbody");
    this.element = h("div.scroller", {}, h("table.runs", { "aria-label": "Runs" }, this.head, this.body));
    this.element.addEventListener("scroll", () => this.later(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.keys(event));
    this.observer = new ResizeObserver(() => this.later());
    this.observer.observe(this.element);
    this.headFor = "";
    this.onWhole = (event) => event.detail.push(this.whole());
    document.addEventListener("aurl-whole", this.onWhole);
  }

  later() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  get height() {
    return this.narrow.matches ? HEIGHT.card : HEIGHT.row;
  }

  draw() {
    this.frame = 0;
    const { items, columns } = this.page;
    const shown = Math.max(this.least ?? 0, Math.ceil(this.element.clientHeight / this.height) + 2 * SPARE);
    const first = Math.max(0, Math.min(Math.floor(this.element.scrollTop / this.height) - SPARE, items.length - shown));
    const last = Math.min(items.length, first + shown);
    const focus = this.focused();
    this.drawHead();
    this.lefts = lefties(columns);
    const across = this.narrow.matches ? 1 : columns.length + 1;
    this.body.replaceChildren(
      spacer(first * this.height, across),
      ...items.slice(first, last).map((item, at) => (item.row ? this.row(item.row, first + at) : this.group(item, first + at, across))),
      spacer((items.length - last) * this.height, across),
    );
    this.element.firstChild.setAttribute("aria-rowcount", items.length + 1);
    if (focus) this.refocus(focus);
  }

  drawHead() {
    const { columns, sort, down } = this.page;
    const mark = JSON.stringify([columns.map((column) => [column.id, column.pinned]), sort, down, this.narrow.matches]);
    if (mark === this.headFor) return;
    this.headFor = mark;
    const table = this.element.firstChild;
    table.style.setProperty("width", this.narrow.matches ? "100%" : `${columns.reduce((sum, column) => sum + column.width, 40)}px`);
    const lefts = lefties(columns);
    const cells = columns.map((column, at) =>
      h(`th${column.number ? ".number" : ""}${column.pinned ? ".pinned" : ""}`, {
        scope: "col",
        title: column.key ?? column.title,
        style: { width: `${column.width}px`, ...(column.pinned && { left: lefts[at] }) },
        "aria-sort": column.id === sort ? (down ? "descending" : "ascending") : null,
      }, h("button", { type: "button", onclick: () => this.page.onSort(column) }, column.title, column.id === sort ? (down ? " \u2193" : " \u2191") : "")),
    );
    this.head.replaceChildren(h("tr", {}, h("th", { scope: "col", style: { width: "40px" } }, h("span.unseen", {}, "Selected")), cells));
  }

  row(row, at) {
    const properties = { "aria-rowindex": at + 2, "aria-selected": String(this.page.isSelected(row)), data: { key: row.key, at } };
    if (this.narrow.matches) return h("tr.run.card", properties, h("td", {}, card(row, this.page)));
    return h("tr.run", properties, h("td", {}, this.page.checkbox(row)),
      this.page.columns.map((column, at) => h(`td${column.number ? ".number" : ""}${column.pinned ? ".pinned" : ""}`, column.pinned ? { style: { left: this.lefts[at] } } : {}, column.cell(row, this.page))));
  }

  group(item, at, across) {
    const open = !this.page.folded.has(item.group);
    const fold = h("button.quiet", { type: "button", "aria-expanded": String(open), data: { focus: "fold" }, onclick: () => this.page.onFold(item.group) }, open ? "\u25be " : "\u25b8 ", item.label);
    return h("tr.group", { "aria-rowindex": at + 2, data: { key: `group ${item.group}`, at } },
      h("td", { colSpan: across }, this.page.checkboxOf(item.members), fold, h("small", {}, item.facts)));
  }

  /** Where the keyboard is, so that drawing anew does not lose it. */
  focused() {
    const active = document.activeElement;
    const row = active?.closest?.("tr[data-key]");
    return row && this.body.contains(row) ? { key: row.dataset.key, name: active.dataset.focus ?? "name" } : null;
  }

  refocus({ key, name }) {
    const row = [...this.body.rows].find((each) => each.dataset.key === key);
    row?.querySelector(`[data-focus="${name}"]`)?.focus({ preventScroll: true });
  }

  keys(event) {
    const row = document.activeElement?.closest?.("tr[data-at]");
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!row || !step || event.target.matches("input[type=text]")) return;
    event.preventDefault();
    const at = Math.max(0, Math.min(this.page.items.length - 1, Number(row.dataset.at) + step));
    this.reveal(at);
    const next = [...this.body.rows].find((each) => Number(each.dataset.at) === at && each.dataset.at !== undefined);
    next?.querySelector('[data-focus="name"], [data-focus="fold"]')?.focus({ preventScroll: true });
  }

  reveal(at) {
    const top = at * this.height;
    const low = this.element.scrollTop;
    const visible = this.element.clientHeight - HEIGHT.head - this.height;
    if (top < low) this.element.scrollTop = top;
    else if (top > low + visible) this.element.scrollTop = top - visible;
    this.draw();
  }

  /** For a snapshot: rows out of sight too, and a moment for their curves. */
  async whole() {
    this.least = MOST_WHOLE;
    this.draw();
    await new Promise((resolve) => setTimeout(resolve, 400));
    this.draw();
    this.least = 0;
  }

  leave() {
    document.removeEventListener("aurl-whole", this.onWhole);
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
  }
}

/** Where each column begins when those before it are kept in sight. */
function lefties(columns) {
  let sum = 40;
  return columns.map((column) => {
    const left = `${sum}px`;
    sum += column.width;
    return left;
  });
}

function spacer(height, across) {
  return h("tr.spacer", { "aria-hidden": "true", style: { height: `${height}px` } }, h("td", { colSpan: across }));
}
