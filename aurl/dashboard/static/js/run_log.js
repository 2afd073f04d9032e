// The text log: its end as it grows, older lines on demand, search on the server.

import { get } from "./api.js";
import { debounce, fill, h } from "./dom.js";
import { bytes } from "./format.js";
import { nothing } from "./parts.js";
import { remember } from "./route.js";

const TAIL = 400;
const MOST_LINES = 4000;

export async function open(run, body, place) {
  const tab = new LogTab(run, place.parameters);
  tab.build(body);
  await tab.load();
  return tab;
}

class LogTab {
  constructor(run, parameters) {
    this.run = run;
    this.search = parameters.get("q") ?? "";
    this.level = ["WARNING", "ERROR", "CRITICAL"].includes(parameters.get("level")) ? parameters.get("level") : "";
    this.older = null;
  }

  build(body) {
    this.box = h("div.log", { tabIndex: 0, role: "log", "aria-label": "Text log", "aria-live": "off" });
    this.told = h("span.quiet-text", { role: "status" });
    this.follow = h("input", { type: "checkbox", checked: true });
    const find = debounce(250, (text) => { this.search = text.trim(); remember({ q: this.search }); this.load(); });
    fill(body,
      h("div.toolbar.runs-tools", {},
        h("input", { type: "search", value: this.search, placeholder: "Search the log", "aria-label": "Search the log", spellcheck: false, oninput: (event) => find(event.target.value) }),
        h("label.field", {}, "From level", h("select", { onchange: (event) => { this.level = event.target.value; remember({ level: this.level }); this.load(); } },
          [["", "all"], ["WARNING", "warning"], ["ERROR", "error"], ["CRITICAL", "critical"]].map(([value, text]) => h("option", { value, selected: value === this.level }, text)))),
        h("label.field", {}, this.follow, "Follow"),
        this.told),
      this.box);
  }

  async load(before = null) {
    let found;
    try {
      found = await get("/api/log", { run: this.run.key, tail: TAIL, q: this.search, level: this.level, before });
    } catch (error) {
      fill(this.box, h("div.fault", {}, error.message));
      return;
    }
    this.older = found.next;
    const nodes = found.lines.flatMap((each) => this.line(each));
    this.more?.remove();
    if (before === null) this.box.replaceChildren(...nodes);
    else this.box.prepend(...nodes);
    if (this.older !== null && this.older !== undefined) {
      this.more = h("button.quiet", { type: "button", onclick: () => this.load(this.older) }, "Show older lines");
      this.box.prepend(this.more);
    }
    if (!nodes.length && before === null) this.box.replaceChildren(h("div", {}, nothing(this.search ? "No line is like that." : "Nothing logged yet.")));
    this.told.textContent = this.search && !found.complete ? `searched ${bytes(found.searched)} of ${bytes(found.size)}` : bytes(found.size);
    if (before === null) this.box.scrollTop = this.box.scrollHeight;
  }

  line({ at, time, level, module, text, more }) {
    const when = typeof time === "number" ? "" : time ? `${time} ` : "";
    const head = h("div", { data: { level: level ?? "", at: at ?? "" } },
      h("time", {}, typeof time === "number" ? `${new Date(time * 1000).toLocaleTimeString("en-GB")} ` : when),
      level && h("span.level", {}, `${level} `), module && h("span", {}, `${module}: `), this.marked(String(text ?? "")));
    return [head, ...(more ?? []).map((each) => h("div.more-line", {}, this.marked(String(each).trim())))];
  }

  /** The text with what was searched for marked. */
  marked(text) {
    if (!this.search) return text;
    const parts = [];
    const lower = text.toLowerCase();
    const wanted = this.search.toLowerCase();
    let from = 0;
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
      parts.push(text.slice(from, at), h("mark", {}, text.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
    return [...parts, text.slice(from)];
  }

  log(lines) {
    if (this.search || this.level) return this.reload();
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60;
    this.box.append(...lines.flatMap((each) => this.line(each)));
    while (this.box.childElementCount > MOST_LINES) this.box.firstChild.remove();
    if (this.follow.checked && atEnd) this.box.scrollTop = this.box.scrollHeight;
  }

  reload = debounce(1000, () => this.load());

  refetch() {
    if (this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60) this.load(); // else somebody reads
  }
}
