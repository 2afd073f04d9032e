// The list beside charts: which curve is which; an eye hides one, pointing lights it up, pressing its name isolates it.

import { fill, h, say, svg } from "./dom.js";
import { swatch } from "./chart.js";
import { remember } from "./route.js";

const SEARCHED_FROM = 12;
const EYE = "M1 7q6-6 12 0q-6 6-12 0zM7 5a2 2 0 1 0 .01 0z";

export class Rail {
  /** @param title what is listed; @param onchange another choice is shown; @param onlight(id or null) one is pointed at. */
  constructor(title, parameters, { onchange, onlight }) {
    Object.assign(this, { title, onchange, onlight, items: [], wanted: "" });
    this.hidden = new Set(parameters.getAll("hide"));
    this.only = parameters.get("only");
    this.count = h("span.quiet-text", { role: "status" });
    this.all = h("button.quiet", { type: "button", onclick: () => this.choose(new Set(), null) }, "Show all");
    this.list = h("ul");
    this.search = h("input", { type: "search", placeholder: "Find", "aria-label": `Find among ${title.toLowerCase()}`, oninput: (event) => { this.wanted = event.target.value.toLowerCase(); this.sift(); } });
    this.element = h("aside.rail", { "aria-label": title }, h("div.rail-head", {}, h("h2", {}, title), this.count, this.all), this.search, this.list);
  }

  /** @param items [{id, label, look, href, note, title}]; what one is hidden by is its id. */
  draw(items) {
    this.items = items;
    this.search.hidden = items.length < SEARCHED_FROM;
    this.rows = new Map(items.map((item) => [item.id, this.row(item)]));
    fill(this.list, [...this.rows.values()]);
    this.sift();
    this.mark();
  }

  row({ id, label, look, href, note, title = label }) {
    const eye = h("button.eye", { type: "button", "aria-label": `Show ${label}`, onclick: () => this.toggle(id) }, svg("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, svg("path", { d: EYE })));
    const name = h("button.name", { type: "button", title: `${title}\nPress to show it alone`, onclick: () => this.isolate(id) }, look && swatch(look), h("span", {}, label));
    return h("li", { onpointerenter: () => this.onlight(id), onpointerleave: () => this.onlight(null), onfocusin: () => this.onlight(id), onfocusout: () => this.onlight(null) },
      eye, name, note, href && h("a.quiet-text", { href, title: "Open", "aria-label": `Open ${label}` }, "\u2197"));
  }

  shows(id) {
    return this.isolated ? this.only === id : !this.hidden.has(id);
  }

  /** Whether one is shown alone: only what is in the list can be. */
  get isolated() {
    return this.only !== null && this.items.some((item) => item.id === this.only);
  }

  toggle(id) {
    if (this.isolated) return this.choose(new Set(this.items.map((item) => item.id).filter((each) => each !== this.only && each !== id)), null);
    const hidden = new Set(this.hidden);
    hidden.has(id) ? hidden.delete(id) : hidden.add(id);
    this.choose(hidden, null);
  }

  isolate(id) {
    this.choose(this.hidden, this.only === id ? null : id);
  }

  choose(hidden, only) {
    Object.assign(this, { hidden, only });
    this.mark();
    this.onchange();
    remember({ hide: [...hidden], only });
    say(this.count.textContent);
  }

  mark() {
    const shown = this.items.filter((item) => this.shows(item.id)).length;
    this.count.textContent = shown === this.items.length ? `${shown}` : `${shown} of ${this.items.length} shown`;
    this.all.hidden = shown === this.items.length;
    for (const [id, row] of this.rows) {
      const on = this.shows(id);
      row.classList.toggle("hidden-curve", !on);
      row.querySelector(".eye").setAttribute("aria-pressed", String(on));
      row.querySelector(".name").setAttribute("aria-pressed", String(this.isolated && this.only === id));
    }
  }

  sift() {
    for (const item of this.items) this.rows.get(item.id).hidden = !`${item.label} ${item.title ?? ""}`.toLowerCase().includes(this.wanted);
  }
}
